"""How far raters agree beyond chance."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from jobs.logic.stats.clusters import cluster_ids
from jobs.logic.stats.interval import LEVEL, Interval
from jobs.logic.stats.wild import margin

LEAST_UNITS = 10
"""Of fewer no interval is said."""
Floats = NDArray[np.float64]


def rating_counts(ratings: Sequence[Sequence[Hashable | None]]) -> Floats:
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
    ratings: Sequence[Sequence[Hashable | None]], clusters: Sequence[Hashable | None] | None = None, *,
    num_resamples: int, seed: int, level: float = LEVEL,
) -> Interval:  # fmt: skip
    """Krippendorff's alpha for nominal ratings (2011, Computing Krippendorff's alpha-reliability), with an interval.

    ratings: by unit, what each rater said; None where one said nothing. A unit of fewer than two counts nowhere. The
    interval is by a wild bootstrap over units, or over the `clusters` that they are of (None: one of its own), to which
    one is added on which all agree and one on which none do: raters who agreed on all of few units are not sure to
    agree always. NaN as value where alpha is not defined: no unit of two ratings, or all say the same of all. NaN as
    interval below LEAST_UNITS units, or clusters.
    """
    counts = rating_counts(ratings)
    apart, expected = apart_by_unit(counts), by_chance(counts)
    if not expected > 0:
        return Interval(math.nan, math.nan, math.nan, level)
    value = 1 - float(apart.sum()) / expected
    labels = [None] * len(ratings) if clusters is None else list(clusters)
    rated = [label for label, unit in zip(labels, ratings, strict=True) if sum(one is not None for one in unit) >= 2]
    ids = cluster_ids([*rated, None, None])
    if ids.max() + 1 < LEAST_UNITS + 2:
        return Interval(value, math.nan, math.nan, level)
    usual, totals = float(counts.sum(1).mean()), counts.sum(0)
    two = np.tile(usual * totals / totals.sum(), (2, 1))
    middle, influences = _influences(np.append(apart, [0.0, usual]), np.vstack([counts, two]))
    sizes = np.append(counts.sum(1), [usual, usual])
    moved, shares = (np.asarray(np.bincount(ids, of), np.float64) for of in (influences, sizes / sizes.sum()))
    half = margin(moved, shares, num_resamples=num_resamples, seed=seed, level=level)
    return Interval(value, min(value, middle - half), min(1.0, max(value, middle + half)), level)


def apart_by_unit(counts: Floats) -> Floats:
    """[units]: how far the raters of each are apart; as many as they are where no two agree."""
    sizes = counts.sum(1)
    return np.asarray((sizes**2 - (counts**2).sum(1)) / (sizes - 1))


def by_chance(counts: Floats) -> float:
    """The sum of `apart_by_unit` to be expected where ratings are dealt out at random; NaN without any."""
    totals = counts.sum(0)
    num = float(totals.sum())
    return (num**2 - float((totals**2).sum())) / (num - 1) if num else math.nan


def _influences(apart: Floats, counts: Floats) -> tuple[float, Floats]:
    """Alpha of a large sample of such units, and what each adds to it: the derivative by its weight."""
    sizes, totals = counts.sum(1), counts.sum(0)
    num, squares = float(totals.sum()), float((totals**2).sum())
    expected, seen = num - squares / num, float(apart.sum())
    moved = sizes - 2 * (counts @ totals) / num + squares * sizes / num**2
    return 1 - seen / expected, np.asarray(seen / expected**2 * moved - apart / expected)
