"""The mean of outcomes, by cluster of origin, and the least difference that so many can show."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from jobs.logic.stats.clusters import ClusterSums, cluster_sums
from jobs.logic.stats.interval import LEVEL, Interval
from jobs.logic.stats.wild import margin

OUTCOMES = (-1.0, 1.0)
"""Loss and win."""
LEAST_CLUSTERS = 10
"""Of fewer no interval is said: simulated ones no longer cover what they should, or cover everything."""
LEAST_EVEN = 5.0
"""Clusters of one size that would be as uneven, (sum n)^2 / sum n^2: below it a single one decides."""


def can_say(found: ClusterSums) -> bool:
    """Whether there are enough clusters, and none decides alone."""
    return found.num_clusters >= LEAST_CLUSTERS and float(found.sizes.sum() ** 2 / (found.sizes**2).sum()) >= LEAST_EVEN


def clustered_mean(
    values: Sequence[float],
    clusters: Sequence[Hashable | None],
    *,
    num_resamples: int,
    seed: int,
    level: float = LEVEL,
    bounds: tuple[float, float] | None = OUTCOMES,
) -> Interval:
    """Mean over values, with an interval by a wild bootstrap over clusters.

    bounds: what a value can be, by default a loss and a win; None where nothing is known, as of seconds. Where they are
    known, a cluster of half the average size is added at each before the interval is made, which keeps it honest where
    nearly all values are equal (after Bonett and Price 2012, Adjusted Wald confidence interval for a difference of
    binomial proportions based on paired data, J. Educ. Behav. Stat. 37). Where all clusters are alike, it is what so
    many of them leave open: an exact bound on the share of others.

    NaN as interval below LEAST_CLUSTERS clusters, or where one is so large that it decides. Raises ValueError for a
    value out of bounds.
    """
    found = cluster_sums(values, clusters)
    if not found.num_clusters:
        return Interval(math.nan, math.nan, math.nan, level)
    value = float(found.sums.sum() / found.sizes.sum())
    if bounds is not None and not bounds[0] <= min(values) <= max(values) <= bounds[1]:
        raise ValueError(f"a value is out of {bounds[0]:g} to {bounds[1]:g}; say bounds=None where there are none")
    if not can_say(found):
        return Interval(value, math.nan, math.nan, level)
    if np.ptp(found.sums / found.sizes) < 1e-12:
        return _all_alike(value, found.num_clusters, bounds, level)
    sums, sizes = (found.sums, found.sizes) if bounds is None else _with_bounds(found, bounds)
    middle = float(sums.sum() / sizes.sum())
    shares = sizes / sizes.sum()
    half = margin((sums - middle * sizes) / sizes.sum(), shares, num_resamples=num_resamples, seed=seed, level=level)
    low, high = bounds or (-math.inf, math.inf)
    return Interval(value, max(low, min(value, middle - half)), min(high, max(value, middle + half)), level)


def _with_bounds(found: ClusterSums, bounds: tuple[float, float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    size = found.sizes.mean() / 2
    return np.append(found.sums, [bounds[0] * size, bounds[1] * size]), np.append(found.sizes, [size, size])


def _all_alike(value: float, num_clusters: int, bounds: tuple[float, float] | None, level: float) -> Interval:
    """Clusters that are all the same leave open that a share of others is as far away as can be."""
    if bounds is None:
        return Interval(value, math.nan, math.nan, level)
    others = 1 - ((1 - level) / 2) ** (1 / num_clusters)
    return Interval(value, value - others * (value - bounds[0]), value + others * (bounds[1] - value), level)


def least_difference(
    values_or_sd: Sequence[float] | float,
    num_clusters: int,
    *,
    clusters: Sequence[Hashable | None] | None = None,
    power: float = 0.8,
    level: float = LEVEL,
) -> float:
    """The smallest mean other than 0 that `num_clusters` clusters show with probability `power`.

    values_or_sd: outcomes that were seen, with their clusters where they have any, or the standard deviation of a
    cluster's mean. By the noncentral t distribution, for `clustered_mean` of outcomes: with the two clusters that it
    adds, and a share of 1 / num_clusters more, which is what it is wider by in simulations. Where all outcomes were 0,
    as between two models that say the same: the share of clusters that would have to be won, and none lost, for the
    sign test to see it. NaN below LEAST_CLUSTERS.
    """
    from scipy.special import betaincinv, nctdtrinc, stdtrit

    sd = float(values_or_sd) if isinstance(values_or_sd, float | int) else _deviation(values_or_sd, clusters)
    if num_clusters < LEAST_CLUSTERS or math.isnan(sd):
        return math.nan
    if sd == 0:
        wins = math.ceil(1 - math.log2(1 - level))
        return float(betaincinv(wins, num_clusters - wins + 1, power))
    critical = float(stdtrit(num_clusters - 1, (1 + level) / 2))
    strays = float(nctdtrinc(num_clusters - 1, 1 - power, critical))
    wider = (1 + 1 / num_clusters) * math.hypot(sd, math.sqrt(0.5 / num_clusters))
    return wider * strays / math.sqrt(num_clusters)


def _deviation(values: Sequence[float], clusters: Sequence[Hashable | None] | None) -> float:
    """Of a cluster's mean, as far as its size goes: the standard error times the root of the number of clusters."""
    found = cluster_sums(values, [None] * len(values) if clusters is None else clusters)
    if found.num_clusters < 2:
        return math.nan
    total = found.sizes.sum()
    strays = (found.sums - found.sizes * found.sums.sum() / total) / total
    return float(np.sqrt(found.num_clusters * (strays**2 / (1 - found.sizes / total)).sum()))
