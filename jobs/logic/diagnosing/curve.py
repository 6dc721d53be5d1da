"""What a curve of losses shows, and how far its noise lets anybody say so."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jobs.logic.diagnosing.log_seen import LogSeen

LEAST_STEPS = 9
"""Logged steps: a third of fewer has no noise that could be told."""
SURE = 1e-3
"""p below which a difference of two parts of a curve is no noise."""


@dataclass(frozen=True)
class Move:
    """From the mean of one part of a curve to that of another."""

    first: float
    last: float
    p: float
    """That two parts of one level are as far apart: Welch's statistic against the normal distribution, two-sided."""

    @property
    def fell(self) -> bool:
        return self.last < self.first and self.p < SURE

    @property
    def rose(self) -> bool:
        return self.last > self.first and self.p < SURE

    @property
    def share(self) -> float:
        """Relative fall; below 0 a rise."""
        return 1 - self.last / self.first if self.first else math.nan


def move(before: Sequence[float], after: Sequence[float]) -> Move:
    """Between two parts; p is 1 where there is too little to tell."""
    one, other = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    if len(one) < 3 or len(other) < 3:
        return Move(math.nan, math.nan, 1.0)
    error = math.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other))
    apart = float(other.mean() - one.mean())
    p = math.erfc(abs(apart) / error / math.sqrt(2)) if error else float(apart == 0)
    return Move(float(one.mean()), float(other.mean()), p)


def losses(log: LogSeen) -> list[float]:
    """Of the steps that have one that is finite."""
    return [step.loss for step in log.steps if math.isfinite(step.loss)]


def whole(log: LogSeen) -> Move | None:
    """From the first third of the steps to the last; None for too few."""
    found = losses(log)
    third = len(found) // 3
    return move(found[:third], found[-third:]) if len(found) >= LEAST_STEPS else None


def end(log: LogSeen) -> Move | None:
    """From the third quarter of the steps to the last; None for too few."""
    found = losses(log)
    quarter = len(found) // 4
    return move(found[2 * quarter : 3 * quarter], found[-quarter:]) if len(found) >= 2 * LEAST_STEPS else None


def highest_rise(log: LogSeen) -> Move | None:
    """From the first third to the worst of the thirds after it: a run that fell apart and came back did fall apart."""
    found = losses(log)
    sixth = len(found) // 6
    if len(found) < 2 * LEAST_STEPS:
        return None
    parts = [found[place : place + sixth] for place in range(sixth, len(found) - sixth + 1, sixth)]
    return move(found[:sixth], max(parts, key=lambda part: sum(part) / len(part)))
