"""How a run is made, as far as its cost goes: what the config says, and the tokens of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from jobs.logic.estimating.shapes import Shape
from jobs.logic.parity.draw import answer_budget


class RowSize(NamedTuple):
    """Tokens of a row, and those of its answer, which are graded."""

    tokens: int
    graded: int


@dataclass(frozen=True)
class Rows:
    """The rows of both sides, or some of them drawn from all."""

    train: tuple[RowSize, ...]
    held_out: tuple[RowSize, ...]
    num_train: int
    num_held_out: int
    num_bytes: int = 0
    """Of the files they were read from; 0 where that is not known."""

    @property
    def longest(self) -> int:
        return max((row.tokens for row in (*self.train, *self.held_out)), default=0)

    @property
    def longest_answer(self) -> int:
        return max((row.graded for row in (*self.train, *self.held_out)), default=0)

    def train_tokens(self) -> tuple[float, float]:
        """Tokens and graded tokens of all rows that are trained on."""
        return _sums(self.train, self.num_train)

    def held_out_tokens(self, most: int | None = None) -> tuple[float, float]:
        """The same of those held out, or of `most` of them."""
        return _sums(self.held_out, self.num_held_out if most is None else min(most, self.num_held_out))


def _sums(rows: Sequence[RowSize], number: int) -> tuple[float, float]:
    scale = number / len(rows) if rows else 0.0
    return scale * sum(row.tokens for row in rows), scale * sum(row.graded for row in rows)


@dataclass(frozen=True)
class Training:
    """The config of `train`, but for what costs nothing."""

    adopts: bool
    backend: str
    dtype: str
    device: str
    rank: int
    targets: tuple[str, ...]
    dropout: float
    batch_size: int
    gradient_accumulation: int
    padding: bool
    max_tokens_per_batch: int | None
    eval_batch_size: int
    num_epochs: float
    evals_per_epoch: int
    keep_checkpoints: int
    gap_rows: int
    num_processes: int
    neftune: bool

    @property
    def pads(self) -> bool:
        """Whether rows are padded, as `Settings.steps` of the engine has it."""
        return self.padding or self.backend == "unsloth" or self.neftune


@dataclass(frozen=True)
class Measuring:
    """The config of the stages behind it."""

    smoke_device: str
    smoke_rows: int
    smoke_batch: int
    num_prompts: int
    """Kinds of generation prompts, each of which every row is asked with: 2 of a hybrid template."""
    answer_factor: float
    min_new_tokens: int
    max_new_tokens: int
    merge_device: str
    merge_dtype: str
    merge_rows: int
    convert_device: str
    convert_rows: int
    quants: tuple[str, ...]
    splits: bool
    """Whether a quant may be written in parts, whose whole is there first."""
    verify_device: str
    verify_batch: int
    verify_tokens: int
    verify_parallel: int
    length_times: tuple[int, ...]
    length_rows: int
    gpu_layers: int
    """Of a GGUF; 0: it is computed on the CPU."""


@dataclass(frozen=True)
class Recipe:
    """All of it."""

    shape: Shape
    training: Training
    measuring: Measuring
    rows: Rows
    fetched: bool = True
    """Whether weights are downloaded, and not built or taken from a folder."""
    file_element: int = 2
    """Bytes of a weight in the base's files: 2 as Qwen publishes them, 4 as the demo's is built."""

    @property
    def base_file_bytes(self) -> int:
        return (
            self.shape.file_weights * self.file_element if self.fetched else self.shape.num_weights * self.file_element
        )

    def trained_with(self, **changes: object) -> Recipe:
        return replace(self, training=replace(self.training, **changes))  # type: ignore[arg-type]

    def measured_with(self, **changes: object) -> Recipe:
        return replace(self, measuring=replace(self.measuring, **changes))  # type: ignore[arg-type]

    @property
    def answer_budget(self) -> int:
        """Tokens that a generated answer may take, as `parity/draw.py` has it."""
        measured = self.measuring
        answers = [row.graded for row in self.rows.held_out]
        return answer_budget(answers, measured.answer_factor, measured.min_new_tokens, measured.max_new_tokens)


def on_gpu(device: str, has_gpu: bool) -> bool:
    """Where a stage computes, by its config."""
    return has_gpu and device != "cpu"
