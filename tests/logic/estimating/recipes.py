"""A recipe for tests: the config's defaults, rows of one length."""

from __future__ import annotations

from jobs.logic.estimating import shapes
from jobs.logic.estimating.recipe import Measuring, Recipe, Rows, RowSize, Training

ALL = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def rows(tokens: int = 500, graded: int = 100, train: int = 800, held_out: int = 200) -> Rows:
    row = RowSize(tokens, graded)
    return Rows((row,) * train, (row,) * held_out, train, held_out, 1_000_000)


def recipe(size: str, of: Rows | None = None) -> Recipe:
    training = Training(
        adopts=False, backend="hf", dtype="float32", device="auto", rank=16, targets=ALL, dropout=0.0, batch_size=4,
        gradient_accumulation=4, padding=False, max_tokens_per_batch=None, eval_batch_size=8, num_epochs=3,
        evals_per_epoch=4, keep_checkpoints=2, gap_rows=64, num_processes=1, neftune=False,
    )  # fmt: skip
    measuring = Measuring(
        smoke_device="auto", smoke_rows=200, smoke_batch=32, num_prompts=2, answer_factor=2, min_new_tokens=64,
        max_new_tokens=4096, merge_device="auto", merge_dtype="float32", merge_rows=8, convert_device="auto",
        convert_rows=8, quants=("Q4_K_M",), splits=False, verify_device="auto", verify_batch=8, verify_tokens=5000,
        verify_parallel=8, length_times=(2, 4), length_rows=16, gpu_layers=0,
    )  # fmt: skip
    return Recipe(shapes.KNOWN[size], training, measuring, of or rows())
