"""How many cases a difference needs, before there is any and while they come."""

from __future__ import annotations

import math

import numpy as np

from jobs.logic.stats.interval import LEVEL
from jobs.logic.stats.sequences import log_worth

RUNS = 200
"""Simulated; the number of cases is then within some 10 %."""
AT_ONCE = 50
MOST = 2**16
"""Cases beyond which nobody is told a number."""


def spread(difference: float) -> float:
    """The mean square of a difference of two thumbs where half of all are up: the most that it can be."""
    return 0.5 + difference**2 / 2


def needed(
    difference: float, mean_square: float, *, power: float = 0.8, level: float = LEVEL, seed: int = 0
) -> int | None:
    """Cases until looking after each of them has stopped with probability `power`, where the difference is so large.

    difference: first arm minus second, from 0 to 1. mean_square: of a case's difference, simulated as 1, 0 and -1.
    None where it is more than MOST.
    """
    square = min(1.0, max(mean_square, difference))
    chances = [(square + difference) / 2, 1 - square, (square - difference) / 2]
    rng, limit = np.random.default_rng(abs(seed)), -math.log(1 - level)
    num = 2 ** math.ceil(math.log2(16 * square / difference**2))
    while num <= 2 * MOST:
        num = min(num, MOST)
        stopped: list[int] = []
        for _ in range(RUNS // AT_ONCE):
            values = rng.choice([1.0, 0.5, 0.0], (AT_ONCE, num), p=chances)
            over = np.asarray(log_worth(values, 0.5, level) >= limit)
            stopped += [int(place) + 1 for place in over.argmax(1)[np.asarray(over.any(1))]]
        if len(stopped) >= power * RUNS:
            return sorted(stopped)[math.ceil(power * RUNS) - 1]
        if num == MOST:
            return None
        num *= 2
    return None


def rounded(num: float) -> int:
    """Up to two digits, since no more are known."""
    step = 10 ** max(0, int(math.log10(max(num, 1))) - 1)
    return int(math.ceil(num / step) * step)
