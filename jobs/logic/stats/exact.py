"""Exact binomial tests and intervals: no approximation, so they hold for any number of cases.

A p-value is NaN where there is no case that could tell the sides apart: no signal, which is not "no difference".
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np

from jobs.logic.stats.clusters import cluster_sums
from jobs.logic.stats.interval import LEVEL, Interval


def exact_share(k: int, n: int, level: float = LEVEL) -> Interval:
    """`k` of `n`, with the interval of Clopper and Pearson (1934, Biometrika 26), which covers at least `level`.

    NaN where `n` is 0. Raises ValueError where `k` is not among 0 to `n`.
    """
    from scipy.special import betaincinv

    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is no share")
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, level)
    tail = (1 - level) / 2
    low = float(betaincinv(k, n - k + 1, tail)) if k else 0.0
    high = float(betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0
    return Interval(k / n, low, high, level)


def binomial_p(k: int, n: int) -> float:
    """Two-sided exact p-value of `k` of `n` against a half; NaN where `n` is 0."""
    from scipy.special import bdtr

    return min(1.0, 2 * float(bdtr(min(k, n - k), n, 0.5))) if n else math.nan


def sign_test(values: Sequence[float], clusters: Sequence[Hashable | None] | None = None) -> float:
    """Two-sided exact p-value of as many gains as losses.

    values: one a prompt. clusters: its source; one has the sign of its sum, None is a cluster of its own. What sums to
    0 is left out, as a tie. NaN where all do. Exact for any number of clusters whose sign is as likely + as -.
    """
    signs = np.sign(np.asarray(values, float) if clusters is None else cluster_sums(values, clusters).sums)
    return binomial_p(int((signs > 0).sum()), int((signs != 0).sum()))


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided exact p-value that the first is right where the second is not as often as the other way round.

    NaN where neither ever is alone: both agree everywhere, and that is no signal.
    """
    return binomial_p(only_first, only_first + only_second)


def position_bias(first: int, second: int) -> float:
    """Two-sided exact p-value that the side shown first is chosen as often as the other; NaN where none was chosen."""
    return binomial_p(first, first + second)
