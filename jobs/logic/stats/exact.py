"""Exact binomial tests: no approximation, so they hold for any number of cases.

A p-value is NaN where there is no case that could tell the sides apart: no signal, which is not "no difference".
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np

from jobs.logic.stats.clusters import cluster_sums


def binomial_p(k: int, n: int) -> float:
    """Two-sided exact p-value of `k` of `n` against a half; NaN where `n` is 0."""
    from scipy.special import bdtr

    return min(1.0, 2 * float(bdtr(min(k, n - k), n, 0.5))) if n else math.nan


def sign_test(values: Sequence[float], clusters: Sequence[Hashable | None] | None = None) -> float:
    """Two-sided exact p-value of as many gains as losses; of answers that are right or wrong it is McNemar's test.

    values: one a prompt. clusters: its source; one has the sign of its sum, None is a cluster of its own. What sums to
    0 is left out, as a tie. NaN where all do. Exact for any number of clusters whose sign is as likely + as -.
    """
    signs = np.sign(np.asarray(values, float) if clusters is None else cluster_sums(values, clusters).sums)
    return binomial_p(int((signs > 0).sum()), int((signs != 0).sum()))


def position_bias(first: int, second: int) -> float:
    """Two-sided exact p-value that the side shown first is chosen as often as the other; NaN where none was chosen."""
    return binomial_p(first, first + second)
