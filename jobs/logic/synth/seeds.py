"""Which rows others are made from, and what it changed to pick them by their score.

Published evidence that seeds picked by score beat random ones is thin. So a share of the candidates is made from random
seeds, as many seeds and as many calls a candidate, and the two arms are compared.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.logic.synth.candidate import ARMS, Arm, Seed, Settled

RESAMPLES, RESAMPLING_SEED = 2000, 20
LEVEL = 0.95
FEWEST_LEADS = 5
"""Seeds that led a candidate, on either side, under which an interval would mean nothing."""


def best(rows: Sequence[Seed], number: int, seed: int) -> tuple[Seed, ...]:
    """The rows with the highest scores; of equal ones those that the seed draws. A row without a score is none."""
    scored = [row for row in rows if row.score is not None]
    ranked = sorted(scored, key=lambda row: (-(row.score or 0.0), _lot(row, seed, "best")))
    return tuple(ranked[:number])


def drawn(rows: Sequence[Seed], number: int, seed: int) -> tuple[Seed, ...]:
    """Random rows of all; the order of the rows decides nothing."""
    return tuple(sorted(rows, key=lambda row: _lot(row, seed, "random"))[:number])


def arms(settled: Sequence[Settled]) -> dict[str, Any]:
    """What each arm gave, and the difference of the best seeds' from the random seeds', with its interval."""
    of_arm = {arm: [one for one in settled if one.made.plan.arm == arm] for arm in ARMS}
    measures: dict[str, Callable[[Settled], float | None]] = {
        "acceptance": lambda one: float(one.reason is None),
        "mean_score": lambda one: one.mean_score,
        "novelty": lambda one: one.novelty,
    }
    facts: dict[str, Any] = {
        arm: {
            "tried": len(those),
            "accepted": sum(one.reason is None for one in those),
            **{name: _mean(those, measure) for name, measure in measures.items()},
        }
        for arm, those in of_arm.items()
    }
    facts["difference"] = {
        name: _difference(of_arm["best"], of_arm["random"], measure) for name, measure in measures.items()
    }
    return facts


def _lot(row: Seed, seed: int, arm: Arm) -> bytes:
    return hashlib.sha256(f"{seed}\0{arm}\0{row.id}".encode("utf-8", "surrogatepass")).digest()


def _mean(those: Sequence[Settled], measure: Callable[[Settled], float | None]) -> float | None:
    values = [value for one in those if (value := measure(one)) is not None]
    return sum(values) / len(values) if values else None


def _difference(
    ours: Sequence[Settled], theirs: Sequence[Settled], measure: Callable[[Settled], float | None]
) -> dict[str, float | None]:
    """Mean of ours less that of theirs; the interval is a bootstrap of leads, since rows of one lead are alike."""
    first, second = _mean(ours, measure), _mean(theirs, measure)
    if first is None or second is None:
        return {"mean": None, "low": None, "high": None}
    rng = np.random.default_rng(RESAMPLING_SEED)
    resampled = [_resampled(those, measure, rng) for those in (ours, theirs)]
    if resampled[0] is None or resampled[1] is None:
        return {"mean": first - second, "low": None, "high": None}
    low, high = np.quantile(resampled[0] - resampled[1], ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return {"mean": first - second, "low": float(low), "high": float(high)}


def _resampled(
    those: Sequence[Settled], measure: Callable[[Settled], float | None], rng: np.random.Generator
) -> NDArray[np.float64] | None:
    """[RESAMPLES] Means over leads drawn again; None where they are too few."""
    by_lead: dict[str, list[float]] = defaultdict(list)
    for one in those:
        value = measure(one)
        if value is not None:
            by_lead[one.made.plan.parents[0]].append(value)
    if len(by_lead) < FEWEST_LEADS:
        return None
    sums = np.array([sum(values) for values in by_lead.values()])
    counts = np.array([len(values) for values in by_lead.values()])
    chosen = rng.integers(0, len(sums), (RESAMPLES, len(sums)))
    return np.asarray(sums[chosen].sum(axis=1) / counts[chosen].sum(axis=1))
