"""Backend `unsloth`: its kernels on CUDA, for the same rows, the same adapter and the same trainer.

Unsloth replaces parts of transformers and TRL when it is imported, so this module has to be imported before any other
that imports those, in a process that does nothing but train. Releases before 2026.10.9 cannot be imported without a
GPU; later ones train on a CPU too, which is how this is tested.
"""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from typing import Any

from jobs.core.errors import EnvironmentProblem, Refusal

os.environ["HF_HUB_OFFLINE"] = "1"
try:
    with contextlib.redirect_stdout(io.StringIO()):  # its banner
        from unsloth import FastLanguageModel
except (ImportError, NotImplementedError, RuntimeError) as error:
    reason = next(iter(str(error).splitlines()), type(error).__name__)
    raise EnvironmentProblem(f"train.backend=unsloth cannot be used here ({reason}); use train.backend=hf") from None


def load(folder: Path, lora: Any, dtype: str, device: str, seed: int, max_length: int) -> Any:
    """The base of `folder` with a fresh adapter; `lora` is an `sft.Lora`, `max_length` the longest row in tokens.

    `use_exact_model_name` keeps it from taking one of its own uploads in the place of the model that was asked for,
    `fix_tokenizer=False` from a tokenizer that nothing here uses. On CUDA it computes in bfloat16 whatever it is told,
    and in float16 where the GPU has no bfloat16: raises Refusal and EnvironmentProblem rather than say another.
    """
    import torch

    if device == "cuda":
        if dtype != "bfloat16":
            raise Refusal(f"train.dtype={dtype}: Unsloth computes in bfloat16; say train.dtype=bfloat16 or backend=hf")
        if torch.cuda.get_device_capability()[0] < 8:
            raise EnvironmentProblem(
                f"train.backend=unsloth: {torch.cuda.get_device_name()} has no bfloat16, and Unsloth would take "
                "float16; use train.backend=hf train.dtype=float32"
            )
    with contextlib.redirect_stdout(io.StringIO()):
        return _made(folder, lora, getattr(torch, dtype), seed, max_length)


def _made(folder: Path, lora: Any, dtype: Any, seed: int, max_length: int) -> Any:
    model, _ = FastLanguageModel.from_pretrained(
        model_name=str(folder),
        max_seq_length=max_length,
        dtype=dtype,
        load_in_4bit=False,
        use_exact_model_name=True,
        local_files_only=True,
        fix_tokenizer=False,
        use_gradient_checkpointing=False,
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
