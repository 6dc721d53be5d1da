"""What may be said of two models, in words: better, worse, no difference shown, or that nothing can be said."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from jobs.logic.pages.amounts import number, percent, signed
from jobs.logic.stats.interval import Interval

Word = Literal["better", "worse", "no difference shown", "cannot say"]


@dataclass(frozen=True)
class Conclusion:
    """A word and its sentence."""

    word: Word
    sentence: str


def verdict(
    net: Interval | None, least: float | None, *, unusable: Sequence[str] = (), what: str = "what it is held against"
) -> Conclusion:
    """What an interval of the net win rate, from -1 to 1, lets one say.

    `least`: the smallest difference that so many rows could show. `unusable`: why the judge may not be listened to.
    """
    if unusable:
        return Conclusion("cannot say", f"cannot say: the judge is not usable: {'; '.join(unusable)}")
    if net is None or not net.can_say:
        return Conclusion("cannot say", "cannot say: so few rows, or rows of so few sources, have no interval")
    told = f"net wins {signed(net.value, percent)} ({between(net)})"
    if net.low > 0:
        return Conclusion("better", f"better than {what}: {told}")
    if net.high < 0:
        return Conclusion("worse", f"worse than {what}: {told}")
    return Conclusion("no difference shown", f"no difference from {what} is shown: {told}{_smallest(least)}")


def _smallest(least: float | None) -> str:
    """No share of wins is above 100 %."""
    if least is None or not math.isfinite(least):
        return ""
    return f"; so many rows can show {percent(least)} or more" if least <= 1 else "; so few rows can show none"


def between(found: Interval) -> str:
    """Its ends, in words."""
    return f"{number(100 * found.level)}% interval {signed(found.low, percent)} to {signed(found.high, percent)}"
