"""A log of losses, whoever wrote it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StepSeen:
    """What one training step said."""

    step: int
    epoch: float | None
    loss: float
    """NaN and infinity as they are."""
    learning_rate: float | None
    grad_norm: float | None


@dataclass(frozen=True)
class EvaluationSeen:
    """What one evaluation said."""

    step: int
    epoch: float | None
    loss: float
    content_loss: float | None
    row_losses: tuple[float, ...] | None
    """Mean content loss of each held-out row, in the rows' order, where the log has them."""


@dataclass(frozen=True)
class LogSeen:
    """All of it, in the order of steps."""

    file: str
    steps: tuple[StepSeen, ...]
    evaluations: tuple[EvaluationSeen, ...]
    saved_steps: tuple[int, ...]
    """Checkpoints that are on disk."""
    row_sources: tuple[str | None, ...] | None
    """Source of each held-out row, where known: the clusters of `row_losses`."""
    is_ours: bool
    num_planned: int | None
    num_cut_lines: int
    """Lines that could not be read."""
    row_tokens: tuple[int, ...] | None = None
    """Content tokens of each held-out row, where known."""
    num_bytes_left_out: int = 0
    """Between the beginning and the end of a file that is too large to be read whole."""
    evaluated_in: str = ""
    """Where this one has no evaluation: another log beside it that has some."""
