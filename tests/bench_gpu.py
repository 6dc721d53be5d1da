"""`make bench-gpu`: what training and scoring cost on a GPU, the two backends against each other in one run.

`python -m tests.bench_gpu [shapes=0.6B,4B] [steps=12] [length=512] [device=cuda] [out=PATH]`. The models have the
shapes of Qwen3 and random weights: that is enough for speed and memory, and says nothing about quality. Needs Unsloth
beside the stack; device=cpu tries the script itself where there is no GPU.

`python -m tests.bench_gpu train BACKEND FOLDER STEPS LENGTH DEVICE` and `score ...` are the processes that measure.
"""

from __future__ import annotations

import dataclasses
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jobs.core import process, terminal
from jobs.core.endings import ending
from jobs.core.errors import EnvironmentProblem, Refusal
from tests.bench_rows import MIB, PartFailed, Row, child, machine, show

SHAPES = {
    "tiny": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2,
             "num_key_value_heads": 1, "head_dim": 32, "vocab_size": 4096, "tie_word_embeddings": True},
    "0.6B": {"hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28, "num_attention_heads": 16,
             "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936, "tie_word_embeddings": True},
    "4B": {"hidden_size": 2560, "intermediate_size": 9728, "num_hidden_layers": 36, "num_attention_heads": 32,
           "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936, "tie_word_embeddings": True},
    "8B": {"hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 36, "num_attention_heads": 32,
           "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936, "tie_word_embeddings": False},
}  # fmt: skip
"""Of the models' own config.json; `tiny` is for trying the script."""
BATCH, ACCUMULATION = 4, 2


@dataclasses.dataclass(frozen=True)
class Options:
    """What can be set on the command line."""

    shapes: str = "0.6B,4B"
    steps: int = 12
    """Optimiser steps of each backend; the first three are not counted."""
    length: int = 512
    """Tokens a row, all graded but the first quarter."""
    device: str = "cuda"
    out: str = ""


def options(words: Sequence[str]) -> Options:
    """From `key=value`; raises Refusal for a key that is not there."""
    known = {field.name: field.type for field in dataclasses.fields(Options)}
    found: dict[str, Any] = {}
    for word in words:
        name, _, value = word.partition("=")
        if name not in known:
            raise Refusal(f"{word}: expected one of {', '.join(f'{each}=' for each in known)}")
        found[name] = int(value) if known[name] == "int" else value
    return Options(**found)


def write_base(folder: Path, shape: str, dtype: str) -> None:
    """A model with random weights, and a tokenizer that only has to pad."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    config = Qwen3Config(**SHAPES[shape], max_position_embeddings=40960)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = Qwen3ForCausalLM(config).to(getattr(torch, dtype))
    model.save_pretrained(str(folder))
    write_tokenizer(folder)


def write_tokenizer(folder: Path) -> None:
    """One that only has to pad."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"a": 0, "b": 1}, unk_token="a"))
    PreTrainedTokenizerFast(tokenizer_object=words, pad_token="a", eos_token="b").save_pretrained(str(folder))


def rows(count: int, length: int, vocabulary: int) -> list[dict[str, Any]]:
    """Random token rows in preflight's form."""
    draw, prompt = random.Random(0), length // 4
    made = []
    for number in range(count):
        ids = [draw.randrange(2, vocabulary) for _ in range(length)]
        labels = [-100] * prompt + ids[prompt:]
        kinds = "p" * prompt + "c" * (length - prompt)
        made.append({"id": f"r{number}", "input_ids": ids, "labels": labels, "kinds": kinds})
    return made


def train(backend: str, folder: Path, steps: int, length: int, device: str) -> dict[str, Any]:
    """Seconds a step, the losses, and the most GPU memory, of one backend."""
    if backend == "unsloth":
        from jobs.engines.training import unsloth  # noqa: F401 - before transformers
    import torch
    from transformers import TrainerCallback

    from jobs.engines.training import run as sft_run, sft

    class Clock(TrainerCallback):  # type: ignore[misc]
        """When each step ended, with the device's work done."""

        def __init__(self) -> None:
            self.ends: list[float] = []

        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            if device == "cuda":
                torch.cuda.synchronize()
            self.ends.append(time.perf_counter())

    vocabulary = json.loads((folder / "config.json").read_text())["vocab_size"]
    count = BATCH * ACCUMULATION * steps
    lora = sft.Lora(16, 32.0, 0.0, False, ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"])
    padding = backend == "unsloth"
    schedule = sft.Schedule(
        kind="cosine", learning_rate=1e-4, warmup_fraction=0.1, weight_decay=0.0, max_grad_norm=1.0, num_epochs=1,
        batch_size=BATCH, gradient_accumulation=ACCUMULATION, padding=padding, max_tokens_per_batch=None,
        eval_batch_size=BATCH, evals_per_epoch=1, patience=0, checkpoint_every_steps=10**6, keep_checkpoints=1,
    )  # fmt: skip
    dtype = "bfloat16" if device == "cuda" else "float32"
    model = sft_run._loader(backend)(folder, lora, dtype, device, 7, length)
    clock = Clock()
    with tempfile.TemporaryDirectory() as work:
        args = sft.arguments(schedule, count, Path(work), 7, "none", "bench", device == "cpu", False, 1)
        args.save_strategy = args.eval_strategy = "no"
        made = sft.trainer(
            model, folder, rows(count, length, vocabulary), rows(BATCH, length, vocabulary), args, [clock], 0.0,
            None if padding else schedule.most_tokens(length, device == "cpu"),
        )  # fmt: skip
        made.train()
    seconds = [later - earlier for earlier, later in zip(clock.ends[2:], clock.ends[3:], strict=False)]
    return {
        "seconds": statistics.median(seconds),
        "losses": [entry["loss"] for entry in made.state.log_history if "loss" in entry],
        "peak": torch.cuda.max_memory_allocated() if device == "cuda" else 0,
    }


def score(folder: Path, length: int, device: str) -> dict[str, Any]:
    """Tokens a second of the fp32 reference, as `verify` scores, and its most GPU memory."""
    import torch

    from jobs.engines.models import hf

    vocabulary = json.loads((folder / "config.json").read_text())["vocab_size"]
    model = hf.load(folder, None, device=device)
    ids = [row["input_ids"] for row in rows(8, length, vocabulary)]
    positions = [list(range(length // 4, length - 1))] * len(ids)
    for _ in hf.score(model, ids[:1], positions[:1], 1):
        pass  # kernels are loaded at the first pass
    started = time.perf_counter()
    found = sum(len(logits) for _, logits in hf.score(model, ids, positions, BATCH))
    seconds = time.perf_counter() - started
    peak = torch.cuda.max_memory_allocated() if device == "cuda" else 0
    return {"rate": found / seconds, "seconds": seconds, "peak": peak}


def measure(shape: str, chosen: Options) -> list[Row]:
    """One model: the backends' steps and their ratio, then scoring."""
    tokens = BATCH * ACCUMULATION * chosen.length
    with tempfile.TemporaryDirectory() as name:
        base = Path(name) / "base"
        os.environ["UNSLOTH_COMPILE_LOCATION"] = str(Path(name) / "unsloth")  # else it writes here
        child("bench_gpu", "base", str(base), shape, "bfloat16" if chosen.device == "cuda" else "float32")
        words = [str(base), str(chosen.steps), str(chosen.length), chosen.device]
        found = {backend: child("bench_gpu", "train", backend, *words) for backend in ("hf", "unsloth")}
        scored = child("bench_gpu", "score", *words)
    apart = max(abs(a - b) for a, b in zip(found["hf"]["losses"], found["unsloth"]["losses"], strict=True))
    table = [
        Row(f"a step, {backend}", one["seconds"], "s", one["seconds"] / found["hf"]["seconds"],
            f"{BATCH} x {ACCUMULATION} rows of {chosen.length} tokens: {tokens / one['seconds']:,.0f} tokens/s; "
            f"peak {one['peak'] / MIB:,.0f} MiB")
        for backend, one in found.items()
    ]  # fmt: skip
    table.append(Row("losses differ by", apart, "nats", None, f"at most, in {chosen.steps} steps"))
    table.append(Row("scoring, fp32", scored["rate"], "tokens/s", None, f"peak {scored['peak'] / MIB:,.0f} MiB"))
    return table


def command(words: Sequence[str]) -> int:
    """The whole benchmark: a table a shape."""
    chosen = options(words)
    wanted = chosen.shapes.split(",")
    unknown = [shape for shape in wanted if shape not in SHAPES]
    if unknown:
        raise Refusal(f"shapes={unknown[0]}: expected some of {', '.join(SHAPES)}")
    about = f"{device_name(chosen.device)}; {machine()}"
    terminal.say(f"bench: {about}")
    tables = {}
    for shape in wanted:
        try:
            tables[shape] = measure(shape, chosen)
        except PartFailed as problem:
            raise Refusal(f"{shape}: {problem}") from None
        show(f"Qwen3 {shape}, random weights", tables[shape])
    if chosen.out:
        parts = {name: [dataclasses.asdict(row) for row in table] for name, table in tables.items()}
        Path(chosen.out).write_text(json.dumps({"machine": about, "parts": parts}, indent=1) + "\n", encoding="utf-8")
    return 0


def device_name(device: str) -> str:
    """What the device calls itself; only the child loads torch. Raises EnvironmentProblem where there is none."""
    name = str(child("bench_gpu", "device", device)["name"])
    if not name:
        raise EnvironmentProblem("no CUDA device is visible; device=cpu shapes=tiny tries the script without one")
    return name


def part(words: Sequence[str]) -> dict[str, Any]:
    """One process that measures."""
    what, *rest = words
    if what == "device":
        import torch

        if rest[0] == "cuda":
            return {"name": torch.cuda.get_device_name() if torch.cuda.is_available() else ""}
        return {"name": "no GPU"}
    if what == "base":
        write_base(Path(rest[0]), rest[1], rest[2])
        return {}
    if what == "score":
        return score(Path(rest[0]), int(rest[2]), rest[3])
    return train(rest[0], Path(rest[1]), int(rest[2]), int(rest[3]), rest[4])


if __name__ == "__main__":
    process.install_stop_handlers()
    if sys.argv[1:2] and sys.argv[1] in ("device", "base", "train", "score"):
        print(json.dumps(part(sys.argv[1:])))
    else:
        sys.exit(ending("bench-gpu", lambda: command(sys.argv[1:])))
