"""Mean losses of the same rows at several evaluations, and how sure the differences between them are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RESAMPLES = 2000
LEVEL = 0.95
AT_ONCE = 200
"""Resamples whose pairs are held in memory together."""


@dataclass(frozen=True)
class Differences:
    """Between any two of [evaluations], over rows that are paired."""

    losses: Floats
    """[evaluations]: nats a token."""
    errors: Floats
    """[evaluations, evaluations]: standard errors of the differences, by source."""
    strays: float
    """Standard errors that no rise between any two goes beyond by chance, in `LEVEL` of all cases."""

    def low(self, earlier: int, later: int) -> float:
        """Lower end of how much `later` lies above `earlier`; it holds for all pairs at once."""
        return float(self.losses[later] - self.losses[earlier] - self.strays * self.errors[earlier, later])

    def high(self, earlier: int, later: int) -> float:
        """Upper end of the same."""
        return float(self.losses[later] - self.losses[earlier] + self.strays * self.errors[earlier, later])


def differences(nll: Floats, num_tokens: Floats, ids: NDArray[np.int64], seed: int) -> Differences:
    """nll: [evaluations, rows], summed nats; num_tokens: [rows]; ids: [rows], the source of each, from 0.

    The largest of all studentised differences is drawn by a wild bootstrap over sources, whose influences are turned by
    random signs (Cameron, Gelbach and Miller 2008, Rev. Econ. Stat. 90; Romano and Wolf 2005, Econometrica 73). It is
    never taken below what Student's t of so many sources allows for one pair.
    """
    from scipy.special import stdtrit

    num_sources, total = int(ids.max()) + 1, float(num_tokens.sum())
    losses = nll.sum(axis=1) / total
    strays = (nll - losses[:, None] * num_tokens) / total
    influences = np.zeros((len(nll), num_sources))
    for place, row in enumerate(strays):
        influences[place] = np.bincount(ids, weights=row, minlength=num_sources)
    earlier, later = np.triu_indices(len(nll), k=1)
    products = influences @ influences.T
    squares = np.diag(products)[earlier] + np.diag(products)[later] - 2 * products[earlier, later]
    squares = np.where(squares > 1e-12 * np.maximum(np.diag(products)[earlier], 1e-300), squares, 0.0)
    wider = num_sources / max(1, num_sources - 1)
    errors = np.zeros((len(nll), len(nll)))
    errors[earlier, later] = errors[later, earlier] = np.sqrt(wider * squares)
    most = _largest(influences, earlier, later, squares, wider, seed)
    least = float(stdtrit(max(1, num_sources - 1), LEVEL))
    return Differences(losses, errors, max(least, float(np.quantile(most, LEVEL))))


def _largest(
    influences: Floats, earlier: NDArray[np.intp], later: NDArray[np.intp], squares: Floats, wider: float, seed: int
) -> Floats:
    """[resamples]: the largest studentised difference among all pairs."""
    draw = np.random.default_rng(seed)
    num_sources = influences.shape[1]
    largest = np.zeros(RESAMPLES)
    for start in range(0, RESAMPLES, AT_ONCE):
        signs = draw.choice(np.array([-1.0, 1.0]), size=(AT_ONCE, num_sources))
        moved = signs @ influences.T
        apart = moved[:, later] - moved[:, earlier]
        left = np.maximum(squares - apart**2 / num_sources, 0.0) * wider
        sizes = np.divide(apart, np.sqrt(left), out=np.zeros_like(apart), where=(left > 0) & (squares > 0))
        largest[start : start + AT_ONCE] = sizes.max(axis=1)
    return largest
