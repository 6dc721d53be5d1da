"""Intervals that hold at every look: a mean of bounded values, by betting.

Waudby-Smith and Ramdas (2024), Estimating means of bounded random variables by betting, J. R. Stat. Soc. B 86, section
4: somebody bets on the values being above a mean `m`, somebody else on their being below, each with half of the money
and with stakes that depend only on what came before. If the mean is `m`, either is ever worth 1 / (1 - level) with a
probability of at most 1 - level, however often one looks (Ville's inequality). The interval is every `m` at which none
has been worth that much so far.

It holds for values whose mean, given all before, is the same; not where one user's values come again and again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jobs.logic.stats.interval import LEVEL, Interval

MOST_STAKE = 0.5
"""Of one's money in one bet; the paper's c."""
STEPS = 50
"""Of halving an interval of at most 1."""

Floats = NDArray[np.float64]


def stakes(values: Floats, level: float) -> Floats:
    """The stakes at each value in [0, 1], along the last axis, of those before it: equation 26 of the paper."""
    num = np.arange(1, values.shape[-1] + 1)
    means = (0.5 + np.cumsum(values, -1)) / (num + 1)
    spread = (0.25 + np.cumsum((values - means) ** 2, -1)) / (num + 1)
    before = np.concatenate([np.full((*values.shape[:-1], 1), 0.25), spread[..., :-1]], -1)
    return np.asarray(np.sqrt(2 * math.log(2 / (1 - level)) / (before * num * np.log1p(num))))


def log_worth(values: Floats, mean: float, level: float = LEVEL) -> Floats:
    """Logarithm of what the richer bettor has after each value, against `mean`; [..., looks], values in [0, 1].

    A look at which it reaches log(1 / (1 - level)) rejects `mean`.
    """
    stake = stakes(values, level)
    return np.maximum(_above(values, stake, mean), _above(1 - values, stake, 1 - mean)) - math.log(2)


def _above(values: Floats, stake: Floats, mean: float) -> Floats:
    """Logarithm of what comes of betting on values above `mean`; falls as `mean` rises."""
    most = MOST_STAKE / mean if mean > 0 else math.inf
    return np.asarray(np.cumsum(np.log1p(np.minimum(stake, most) * (values - mean)), -1))


def always_valid_mean(
    values: Sequence[float], *, bounds: tuple[float, float] = (0.0, 1.0), level: float = LEVEL
) -> Interval:
    """The mean of `values`, in the order in which they came, with an interval that may be looked at after each.

    What any look so far has excluded stays excluded. NaN as interval where nothing is left: the mean has moved.
    Raises ValueError for a value out of `bounds`.
    """
    low, high = bounds
    found = (np.asarray(values, np.float64) - low) / (high - low)
    if not len(found):
        return Interval(math.nan, low, high, level)
    if not ((found >= 0) & (found <= 1)).all():
        raise ValueError(f"a value is out of {low:g} to {high:g}")
    stake, limit = stakes(found, level), math.log(2 / (1 - level))
    above = _edge(found, stake, limit)
    below = 1 - _edge(1 - found, stake, limit)
    if above > below:
        return Interval(float(np.mean(values)), math.nan, math.nan, level)
    return Interval(float(np.mean(values)), low + above * (high - low), low + below * (high - low), level)


def _edge(values: Floats, stake: Floats, limit: float) -> float:
    """The largest mean that betting above it excludes, or 0; found by halving, since worth falls as the mean rises."""
    rejected, kept = 0.0, 1.0
    if _above(values, stake, 1e-12).max() < limit:
        return 0.0
    for _ in range(STEPS):
        middle = (rejected + kept) / 2
        if _above(values, stake, middle).max() >= limit:
            rejected = middle
        else:
            kept = middle
    return rejected
