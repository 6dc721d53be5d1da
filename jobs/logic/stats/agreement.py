"""How far raters agree beyond chance."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from jobs.logic.stats.interval import LEVEL, Interval


def rating_counts(ratings: Sequence[Sequence[Hashable | None]]) -> NDArray[np.float64]:
    """[units with two ratings or more, categories]: how many raters said each."""
    names: dict[Hashable, int] = {}
    for unit in ratings:
        for rating in unit:
            if rating is not None:
                names.setdefault(rating, len(names))
    counts = np.zeros((len(ratings), len(names)))
    for place, unit in enumerate(ratings):
        for rating in unit:
            if rating is not None:
                counts[place, names[rating]] += 1
    return np.asarray(counts[counts.sum(1) >= 2])


def agreement(
    ratings: Sequence[Sequence[Hashable | None]], *, num_resamples: int, seed: int, level: float = LEVEL
) -> Interval:
    """Krippendorff's alpha for nominal ratings, with an interval by bootstrap over units.

    ratings: by unit, what each rater said; None where one said nothing. A unit of fewer than two counts nowhere.
    NaN where there is no such unit, or all say the same of all.
    """
    counts = rating_counts(ratings)
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(len(counts), np.full(len(counts), 1 / max(len(counts), 1)), num_resamples)
    found = alphas(np.vstack([np.ones(len(counts)), weights]), counts)
    low, high = np.nanquantile(found[1:], [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(found[0]), float(low), float(high), level)


def alphas(weights: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Alpha of each row of `weights` [resamples, units] over `counts` [units, categories]."""
    sizes = counts.sum(1)
    disagreeing = (sizes**2 - (counts**2).sum(1)) / (sizes - 1)
    totals, num = weights @ counts, weights @ sizes
    expected = (num**2 - (totals**2).sum(1)) / (num - 1)
    return np.where(expected > 0, 1 - (weights @ disagreeing) / np.where(expected > 0, expected, 1), math.nan)
