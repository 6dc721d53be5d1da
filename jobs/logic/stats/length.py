"""A win rate without what length alone explains."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from jobs.logic.stats.interval import LEVEL, Interval
from jobs.logic.stats.means import clustered_mean


def length_controlled(
    outcomes: Sequence[float],
    length_differences: Sequence[float],
    clusters: Sequence[Hashable | None],
    *,
    num_resamples: int,
    seed: int,
    level: float = LEVEL,
) -> Interval | None:
    """Net win rate, from -1 to 1, between answers of equal length; None where the lengths do not overlap.

    outcomes: 1, 0 or -1. length_differences: first minus second, in any unit.
    """
    differences = np.asarray(length_differences, float)
    if not ((differences > 0).any() and (differences < 0).any()):
        return None
    return clustered_mean(outcomes, clusters, num_resamples=num_resamples, seed=seed, level=level)
