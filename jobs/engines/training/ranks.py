"""What the processes of one training run share: which rows, which sums, which decisions.

Several processes take the same optimiser steps as one: the rows of a step are dealt out, its loss is the mean over all
its graded tokens, and every decision is taken by all or by none. With one process everything here is the identity.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch.utils.data import Sampler

Row = dict[str, Any]


def several() -> bool:
    """Whether this process is one of several that train together."""
    return bool(dist.is_initialized() and dist.get_world_size() > 1)


def first() -> bool:
    """Whether this process is the one that writes; with one process it is."""
    return not several() or dist.get_rank() == 0


def wait() -> None:
    """Until all processes are here."""
    if several():
        summed([0.0])


def summed(values: Sequence[float]) -> list[float]:
    """Each value added up over all processes, in fp64; the same numbers everywhere."""
    if not several():
        return list(values)
    device = "cuda" if "nccl" in dist.get_backend() else "cpu"
    total = torch.tensor(list(values), dtype=torch.float64, device=device)
    dist.all_reduce(total)
    found: list[float] = total.tolist()
    return found


def any_of(asked: bool) -> bool:
    """Whether any process says so."""
    return summed([float(asked)])[0] > 0


def largest(value: int) -> int:
    """The largest of what the processes say."""
    if not several():
        return value
    device = "cuda" if "nccl" in dist.get_backend() else "cpu"
    found = torch.tensor(value, dtype=torch.int64, device=device)
    dist.all_reduce(found, op=dist.ReduceOp.MAX)
    return int(found)


def filled(rows: Sequence[Row], multiple: int, pad_id: int) -> list[Row]:
    """The rows, and as many that grade nothing as make a multiple: no process repeats a row to keep step.

    A first token is nobody's prediction, so its label grades nothing; without it Unsloth would drop the row.
    """
    filler = {"input_ids": [pad_id] * 2, "labels": [pad_id, -100], "kinds": "pp"}
    return [*rows, *([filler] * (-len(rows) % multiple))]


class FilledShuffle(Sampler[int]):  # type: ignore[misc]
    """Rows in the order in which one process would take them, then the fillers: a step has the same rows either way.

    The order is that of accelerate's SeedableRandomSampler (accelerate/data_loader.py): seed plus epoch.
    """

    def __init__(self, num_rows: int, num_filled: int, seed: int) -> None:
        self.num_rows, self.num_filled, self.seed, self.epoch = num_rows, num_filled, seed, 0

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        yield from torch.randperm(self.num_rows, generator=generator).tolist()
        yield from range(self.num_rows, self.num_filled)

    def __len__(self) -> int:
        return self.num_filled

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer's data loader."""
        self.epoch = epoch
