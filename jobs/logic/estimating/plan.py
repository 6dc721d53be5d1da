"""The steps of a training and its forward passes, as the trainer will form them from rows of these lengths."""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.logic.estimating.recipe import Rows, RowSize, Training
from jobs.logic.training import layout, schedules

LOOKED_AT = 150
"""Steps that are laid out, in as many orders of the rows as that takes; memory must hold the largest."""


@dataclass(frozen=True)
class Pass:
    """One forward and backward pass."""

    tokens: int
    graded: int


@dataclass(frozen=True)
class Plan:
    """Steps, and what their passes are like."""

    steps_per_epoch: int
    num_steps: int
    num_evals: int
    passes: tuple[Pass, ...]
    """Of the steps that were looked at, one process's."""
    tokens_computed: float
    """Of all epochs, padding included; what rows begin with in common is not taken off."""
    most_tokens: int
    """That a pass may have."""

    @property
    def largest(self) -> Pass:
        return max(self.passes, key=lambda one: one.tokens, default=Pass(0, 0))


@functools.lru_cache(maxsize=256)
def planned(rows: Rows, training: Training, on_cpu: bool, seed: int = 0) -> Plan:
    """The orders are drawn here and not as the trainer draws them, so a largest pass is near its largest, not equal."""
    epoch = schedules.steps_per_epoch(rows.num_train, training.batch_size, training.gradient_accumulation)
    steps = math.ceil(epoch * training.num_epochs)
    every = max(1, epoch // training.evals_per_epoch)
    most = layout.most_tokens(training.batch_size, rows.longest, training.max_tokens_per_batch, on_cpu)
    a_step = training.batch_size * training.gradient_accumulation // training.num_processes
    draw, passes, seen = random.Random(seed), list[Pass](), 0
    while rows.train and seen < LOOKED_AT:
        order = draw.sample(rows.train, min(len(rows.train), a_step * LOOKED_AT))
        for start in range(0, len(order), max(1, a_step)):
            part = order[start : start + a_step]
            passes += _padded(part, training) if training.pads else _laid_out(part, most)
            seen += 1
    computed = sum(one.tokens for one in passes) / max(1, seen) * steps * training.num_processes
    longest_batch = training.batch_size * rows.longest
    return Plan(epoch, steps, 1 + -(-steps // every), tuple(passes), computed, longest_batch if training.pads else most)


def _laid_out(rows: Sequence[RowSize], most: int) -> list[Pass]:
    sizes = [row.tokens for row in rows]
    parts = layout.parted(sizes, layout.num_parts(sizes, most))
    return [Pass(sum(sizes[i] for i in part), sum(rows[i].graded for i in part)) for part in parts if part]


def _padded(rows: Sequence[RowSize], training: Training) -> list[Pass]:
    size = max(1, training.batch_size)
    batches = [rows[start : start + size] for start in range(0, len(rows), size)]
    return [Pass(len(one) * max(row.tokens for row in one), sum(row.graded for row in one)) for one in batches]
