"""Backend `unsloth`: its kernels on CUDA, for the same rows, the same adapter and the same trainer.

Unsloth replaces parts of transformers and TRL when it is imported, so this module has to be imported before any other
that imports those. It needs a CUDA device to be imported at all.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jobs.core.errors import EnvironmentProblem

os.environ["HF_HUB_OFFLINE"] = "1"
try:
    from unsloth import FastLanguageModel
except (ImportError, NotImplementedError, RuntimeError) as error:
    reason = str(error).splitlines()[0]
    raise EnvironmentProblem(f"train.backend=unsloth cannot be used here ({reason}); use train.backend=hf") from None


def load(folder: Path, lora: Any, dtype: str, device: str, seed: int, max_length: int) -> Any:
    """The base of `folder` with a fresh adapter; `lora` is an `sft.Lora`, `max_length` the longest row in tokens.

    `use_exact_model_name` keeps it from taking one of its own uploads in the place of the model that was asked for.
    """
    import torch

    model, _ = FastLanguageModel.from_pretrained(
        model_name=str(folder),
        max_seq_length=max_length,
        dtype=getattr(torch, dtype),
        load_in_4bit=False,
        use_exact_model_name=True,
        local_files_only=True,
    )
    return FastLanguageModel.get_peft_model(
        model,
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        use_rslora=lora.rslora,
        target_modules=list(lora.target_modules),
        bias="none",
        random_state=seed,
        use_gradient_checkpointing=False,
    )
