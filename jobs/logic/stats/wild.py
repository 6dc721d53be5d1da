"""How far an estimate strays, by a wild bootstrap over clusters.

Each cluster's influence on the estimate is turned by a random weight, and the estimate that comes of it is held against
its own standard error: Cameron, Gelbach and Miller (2008), Bootstrap-based improvements for inference with clustered
errors, Rev. Econ. Stat. 90, with the weights of Webb (2023), Reworking wild bootstrap-based inference for clustered
errors, Can. J. Econ. 56. Standard errors are CR2 (Bell and McCaffrey 2002, Surv. Methodol. 28). What it finds is never
taken below Student's t of so many clusters: with few of them, most of which have no influence, it would be.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
WEBB = np.sqrt(np.array([1.5, 1.0, 0.5, 0.5, 1.0, 1.5])) * np.array([-1, -1, -1, 1, 1, 1])


def margin(influences: Floats, shares: Floats, *, num_resamples: int, seed: int, level: float) -> float:
    """Half the width of a symmetric interval.

    influences: [clusters], what each adds to the estimate beyond its expectation; they sum to 0. shares: [clusters],
    how much of the sample each is; they sum to 1.
    """
    from scipy.special import stdtrit

    weights = WEBB[np.random.default_rng(abs(seed)).integers(0, len(WEBB), (num_resamples, len(influences)))]
    drawn = weights * influences
    moved = drawn.sum(1)
    kept = 1 / np.sqrt(1 - shares)
    errors = np.sqrt((((drawn - moved[:, None] * shares) * kept) ** 2).sum(1))
    tiny = np.finfo(np.float64).tiny
    strays = float(np.quantile(np.abs(moved) / np.maximum(errors, tiny), level))
    least = float(stdtrit(len(influences) - 1, (1 + level) / 2))
    return max(strays, least) * float(np.sqrt(((influences * kept) ** 2).sum()))
