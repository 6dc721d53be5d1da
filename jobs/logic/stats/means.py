"""The mean of outcomes, by cluster of origin, and the least difference that so many can show."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np

from jobs.logic.stats.clusters import cluster_sums
from jobs.logic.stats.interval import LEVEL, Interval

OUTCOMES = (-1.0, 1.0)
"""Loss and win."""


def clustered_mean(
    values: Sequence[float],
    clusters: Sequence[Hashable | None],
    *,
    num_resamples: int,
    seed: int,
    level: float = LEVEL,
    bounds: tuple[float, float] | None = OUTCOMES,
) -> Interval:
    """Mean over values, with an interval by bootstrap over clusters.

    bounds: what a value can be; None where nothing is known, as of seconds.
    """
    found = cluster_sums(values, clusters)
    value = float(found.sums.sum() / found.sizes.sum()) if found.num_clusters else math.nan
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(found.num_clusters, np.full(found.num_clusters, 1 / found.num_clusters), num_resamples)
    means = drawn @ found.sums / (drawn @ found.sizes)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high), level)


def least_difference(
    values_or_sd: Sequence[float] | float,
    num_clusters: int,
    *,
    clusters: Sequence[Hashable | None] | None = None,
    power: float = 0.8,
    level: float = LEVEL,
) -> float:
    """The smallest mean other than 0 that `num_clusters` show with probability `power`; NaN where nothing can be said.

    values_or_sd: outcomes seen, with their clusters where they have any, or the standard deviation of a cluster's mean.
    """
    from scipy.special import nctdtrinc, stdtrit

    sd = values_or_sd if isinstance(values_or_sd, float | int) else float(np.std(np.asarray(values_or_sd), ddof=1))
    critical = float(stdtrit(num_clusters - 1, (1 + level) / 2))
    return sd * float(nctdtrinc(num_clusters - 1, 1 - power, critical)) / math.sqrt(num_clusters)
