"""A Qwen3 of 2 layers and 128 words, and rows it can learn in a dozen steps."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from jobs.core import process
from jobs.engines.training import run as sft_run, sft

TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
SCHEDULE = {
    "learning_rate": 5e-3, "kind": "cosine", "warmup_fraction": 0.1, "weight_decay": 0.0, "max_grad_norm": 1.0,
    "num_epochs": 2, "batch_size": 2, "gradient_accumulation": 2, "padding": False,
    "max_tokens_per_batch": None, "eval_batch_size": 4, "evals_per_epoch": 2,
    "patience": 0, "checkpoint_every_steps": 3, "keep_checkpoints": 2,
}  # fmt: skip


RESULT = ("adapter/adapter_model.safetensors", "adapter/adapter_config.json", "log.jsonl", "row_losses.jsonl")


def write_base(folder: Path) -> Path:
    """The model, with a tokenizer that only has to pad."""
    torch.manual_seed(1)
    config = Qwen3Config(
        vocab_size=128, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, max_position_embeddings=64, tie_word_embeddings=True,
    )  # fmt: skip
    Qwen3ForCausalLM(config).save_pretrained(folder)
    words = Tokenizer(models.WordLevel({f"w{i}": i for i in range(128)}, unk_token="w0"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=words, pad_token="w0", eos_token="w1").save_pretrained(folder)
    return folder


def rows(count: int, seed: int) -> list[dict[str, Any]]:
    """Answers that repeat the prompt's first word twice, then stop."""
    draw = random.Random(seed)
    made = []
    for number in range(count):
        word = draw.randrange(10, 60)
        prompt = [2, word, *(draw.randrange(60, 120) for _ in range(draw.randrange(3, 7))), 3]
        ids = [*prompt, word, word, 1, 4]
        kinds = "p" * len(prompt) + "cctp"
        labels = [-100 if kind == "p" else token for kind, token in zip(kinds, ids, strict=True)]
        made.append({"id": f"r{number}", "input_ids": ids, "labels": labels, "kinds": kinds})
    return made


def write_rows(folder: Path, num_train: int, num_val: int) -> None:
    """`train.jsonl` and `val.jsonl`."""
    for name, count, seed in (("train", num_train, 1), ("val", num_val, 2)):
        lines = (json.dumps(row) + "\n" for row in rows(count, seed))
        (folder / f"{name}.jsonl").write_text("".join(lines))


@contextmanager
def stopped_after_a_step(log: Path) -> Iterator[None]:
    """This process is told to stop as soon as `log` has a step."""

    def stop() -> None:
        deadline = time.monotonic() + 240
        while not (log.exists() and '"loss"' in log.read_text()) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=stop)
    thread.start()
    try:
        yield
    finally:
        thread.join()
        process._Stop.requested = False


def settings(
    num_processes: int = 1, targets: list[str] = TARGETS, neftune_alpha: float = 0.0, prompt_loss_weight: float = 0.0,
    **changes: Any,
) -> sft_run.Settings:  # fmt: skip
    """How to train; `changes` are of the schedule."""
    return sft_run.Settings(
        backend="hf", lora=sft.Lora(4, 8.0, 0.0, False, targets), schedule=sft.Schedule(**{**SCHEDULE, **changes}),
        dtype="float32", device="cpu", seed=7, tracker="none", run_name="t", base_id="test/base",
        num_processes=num_processes, neftune_alpha=neftune_alpha, prompt_loss_weight=prompt_loss_weight,
    )  # fmt: skip


def places(base: Path, out: Path) -> sft_run.Places:
    """Folders of a run that writes to `out`."""
    out.mkdir(exist_ok=True)
    return sft_run.Places(base, base, out, out.parent / "tracker")


def same(left: Path, right: Path) -> None:
    """What a run makes is the same in two folders, byte for byte."""
    for name in RESULT:
        assert (left / name).read_bytes() == (right / name).read_bytes(), name
