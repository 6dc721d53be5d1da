"""Rows laid end to end against padded ones: rows a second and memory, beside a bare TRL SFTTrainer.

Rows have lengths as those of titles of Japanese articles have them (lognormal, median 300 tokens, answers of 10), once
as they are and once behind a system prompt of 300 tokens that all share. The model has Qwen3-0.6B's widths, four of its
layers and a seventh of its vocabulary, so that layers and head keep their shares. 16 rows are a step on every side.
"""

from __future__ import annotations

import json
import math
import random
import resource
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench_rows import MIB, Row, child

SIDES = {
    "ours": {"batch_size": 4, "gradient_accumulation": 4, "padding": False},
    "bare TRL, 4 x 4": {"batch_size": 4, "gradient_accumulation": 4, "padding": True},
    "bare TRL, 1 x 16": {"batch_size": 16, "gradient_accumulation": 1, "padding": True},
}
PROMPTS = {"rows as they are": 0, "behind 300 tokens of system prompt": 300}
GOALS = {
    ("rows as they are", "bare TRL, 4 x 4"): 1.5, ("rows as they are", "bare TRL, 1 x 16"): 2.3,
    ("behind 300 tokens of system prompt", "bare TRL, 4 x 4"): 1.9,
    ("behind 300 tokens of system prompt", "bare TRL, 1 x 16"): 4.0,
}  # fmt: skip
"""How many times the rows a second of a side."""
MEMORY_GOAL = 0.8
VOCABULARY, LAYERS, MEDIAN, SPREAD, ANSWER = 21_700, 4, 300, 0.42, 10
STEP = 16


def measure(options: Any) -> list[Row]:
    """Rows a second, by side and kind of rows, and the peak memory of each side in a process of its own."""
    found = []
    for kind, system in PROMPTS.items():
        times = child("bench_layout", "times", str(system), str(options.blocks), str(options.steps))
        ours = STEP / times["ours"]
        found.append(Row(f"{kind}: ours", ours, "rows/s"))
        peak = {name: child("bench_layout", "memory", str(system), name)["peak"] for name in SIDES}
        for name in list(SIDES)[1:]:
            note = f"ratio: ours over it, median of pairs of steps; goal {GOALS[kind, name]}"
            ratio = statistics.median(times["pairs"][name])
            found.append(Row(f"{kind}: {name}", STEP / times[name], "rows/s", ratio, note))
        found.append(Row(f"{kind}: memory, ours", peak["ours"] / MIB, "MiB"))
        for name in list(SIDES)[1:]:
            note = f"ratio: ours over it, whole process; goal {MEMORY_GOAL}"
            found.append(Row(f"{kind}: memory, {name}", peak[name] / MIB, "MiB", peak["ours"] / peak[name], note))
    return found


def rows(count: int, system: int) -> list[dict[str, Any]]:
    """Random token rows in preflight's form, behind the same `system` tokens."""
    draw = random.Random(0)
    front = [draw.randrange(2, VOCABULARY) for _ in range(system)]
    made = []
    for number in range(count):
        length = max(ANSWER + 8, round(MEDIAN * math.exp(draw.gauss(0.0, SPREAD))))
        ids = front + [draw.randrange(2, VOCABULARY) for _ in range(length)]
        prompt = len(ids) - ANSWER
        kinds = "p" * prompt + "c" * ANSWER
        made.append({"id": f"r{number}", "input_ids": ids, "labels": [-100] * prompt + ids[prompt:], "kinds": kinds})
    return made


def trainer(name: str, folder: Path, system: int, steps: int) -> Any:
    """One side, over a model of its own that begins as the others'."""
    import torch
    from datasets import Dataset
    from transformers import AutoTokenizer, PrinterCallback, Qwen3Config, Qwen3ForCausalLM
    from trl import SFTTrainer

    from jobs.engines.training import sft, trl_cpu
    from tests.bench_gpu import write_tokenizer

    base, work = folder / "base", folder / f"work-{len(list(folder.iterdir()))}"
    if not base.exists():
        torch.manual_seed(0)
        config = Qwen3Config(
            vocab_size=VOCABULARY, hidden_size=1024, intermediate_size=3072, num_hidden_layers=LAYERS,
            num_attention_heads=16, num_key_value_heads=8, head_dim=128, max_position_embeddings=4096,
            tie_word_embeddings=True,
        )  # fmt: skip
        Qwen3ForCausalLM(config).save_pretrained(str(base))
        write_tokenizer(base)
    schedule = sft.Schedule(
        kind="cosine", learning_rate=1e-4, warmup_fraction=0.1, weight_decay=0.0, max_grad_norm=1.0, num_epochs=1,
        max_tokens_per_batch=None, eval_batch_size=8, evals_per_epoch=1, patience=0, checkpoint_every_steps=10**6,
        keep_checkpoints=1, **SIDES[name],
    )  # fmt: skip
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    model = sft.load_hf(base, sft.Lora(16, 32.0, 0.0, False, targets), "float32", "cpu", 7, 0)
    data = rows(STEP * (steps + 1), system)
    args = sft.arguments(schedule, len(data), work, 7, "none", "bench", True, False, 1)
    args.save_strategy = args.eval_strategy = "no"
    if name == "ours":
        longest = max(len(row["input_ids"]) for row in data)
        return sft.trainer(model, base, data, data[:8], args, [], 0.0, schedule.most_tokens(longest, True))
    trl_cpu.install(True)
    columns = Dataset.from_list([{name: row[name] for name in ("input_ids", "labels")} for row in data])
    made = SFTTrainer(
        model=model, args=args, train_dataset=columns, processing_class=AutoTokenizer.from_pretrained(str(base))
    )
    made.remove_callback(PrinterCallback)
    return made


def main(words: list[str]) -> dict[str, Any]:
    """`times SYSTEM BLOCKS STEPS`: seconds a step, sides in turn. `memory SYSTEM SIDE`: its peak bytes."""
    from tests.bench_step import one_block

    with tempfile.TemporaryDirectory() as name:
        folder, system = Path(name), int(words[1])
        if words[0] == "memory":
            one_block(trainer(words[2], folder, system, 1), 2)
            return {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
        blocks, steps = int(words[2]), int(words[3])
        sides = {side: trainer(side, folder, system, steps) for side in SIDES}
        times: dict[str, list[float]] = {side: [] for side in SIDES}
        for block in range(blocks):
            for side in list(SIDES) if block % 2 == 0 else list(SIDES)[::-1]:
                times[side] += [wall for wall, _ in one_block(sides[side], steps)]
        pairs = {
            side: [theirs / ours for theirs, ours in zip(found, times["ours"], strict=True)]
            for side, found in times.items()
        }
        return {"pairs": pairs, **{side: statistics.median(found) for side, found in times.items()}}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
