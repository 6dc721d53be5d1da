"""A win rate without what length alone explains."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from jobs.logic.stats.clusters import ClusterSums, cluster_ids
from jobs.logic.stats.interval import LEVEL, Interval
from jobs.logic.stats.means import can_say, clustered_mean
from jobs.logic.stats.wild import margin

LEAST_SHARE = 0.1
"""Of prompts on either side of equal length: where nearly all answers are longer, equal length is a guess."""
LEAST_ON_A_SIDE = 5
"""Clusters."""
STEPS = 50
"""Of Newton's method, which takes about six."""
Floats = NDArray[np.float64]


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

    NaN below as many clusters as `clustered_mean` wants. Where all are as long it is `clustered_mean` itself: length
    explains nothing.

    outcomes: 1, 0 or -1. length_differences: first minus second, in any unit. A logistic regression of the share of a
    win, a tie being half of one (Papke and Wooldridge 1996, J. Appl. Econom. 11), on the hyperbolic tangent of the
    difference in its own root mean square: as in Dubois et al. 2024, Length-Controlled AlpacaEval, but fitted to these
    prompts alone. A win and a loss of average size, half of each on either side of equal length, are added to value and
    interval, so that lengths which separate wins from losses have an answer, a wide one. The interval is made as that
    of `clustered_mean`, on the scale of log odds.
    """
    wins = (np.asarray(outcomes, np.float64) + 1) / 2
    differences = np.asarray(length_differences, np.float64)
    if not len(wins) == len(differences) == len(clusters):
        raise ValueError(f"{len(wins)} outcomes, {len(differences)} length differences, {len(clusters)} clusters")
    ids = cluster_ids(clusters)
    sizes = np.bincount(ids).astype(np.float64)
    if not can_say(ClusterSums(sizes, sizes)):
        return Interval(math.nan, math.nan, math.nan, level)
    if not differences.any():
        return clustered_mean(outcomes, clusters, num_resamples=num_resamples, seed=seed, level=level)
    if not overlap(differences, ids):
        return None
    scaled = np.tanh(differences / np.sqrt(np.mean(differences**2)))
    # a win and a loss, each of average size and half of it on either side
    design = np.column_stack([np.ones(len(wins) + 4), np.append(scaled, [-0.5, 0.5, -0.5, 0.5])])
    targets, weights = np.append(wins, [1, 1, 0, 0]), np.append(np.ones(len(wins)), np.full(4, sizes.mean() / 2))
    of = np.append(ids, len(sizes) + np.array([0, 0, 1, 1]))
    coefficients, inverse = fitted(design, targets, weights)
    scores = design * (weights * (targets - _shares(design @ coefficients)))[:, None]
    influences = np.asarray(np.bincount(of, weights=(scores @ inverse)[:, 0]), np.float64)
    shares = np.asarray(np.bincount(of, weights=weights / weights.sum()), np.float64)
    half = margin(influences, shares, num_resamples=num_resamples, seed=seed, level=level)
    value, low, high = (math.tanh((coefficients[0] + side * half) / 2) for side in (0, -1, 1))
    return Interval(value, low, high, level)


def overlap(differences: Floats, ids: NDArray[np.int64]) -> bool:
    """Whether enough answers are longer, and enough shorter, to say what equal length would give."""
    for side in (differences >= 0, differences <= 0):
        if side.mean() < LEAST_SHARE or len(np.unique(ids[side])) < LEAST_ON_A_SIDE:
            return False
    return True


def fitted(design: Floats, targets: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Coefficients of a logistic regression of shares by Newton's method, and the inverse of its information."""
    coefficients = np.zeros(design.shape[1])
    for _ in range(STEPS):
        expected = _shares(design @ coefficients)
        inverse = np.linalg.inv((design * (weights * expected * (1 - expected))[:, None]).T @ design)
        step = inverse @ (design.T @ (weights * (targets - expected)))
        coefficients = coefficients + step
        if np.abs(step).max() < 1e-10:
            break
    return np.asarray(coefficients), np.asarray(inverse, np.float64)


def _shares(log_odds: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(log_odds / 2)))
