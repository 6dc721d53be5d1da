"""What a judge's verdicts on the pairs of a comparison come to; nothing where it may not be listened to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.logic.comparing.measures import num_clusters
from jobs.logic.comparing.tallies import Resampling
from jobs.logic.judging.conduct import conduct
from jobs.logic.judging.pairs import Judged, Pair, outcomes
from jobs.logic.stats.interval import Interval
from jobs.logic.stats.means import clustered_mean, least_difference


@dataclass(frozen=True)
class Judgement:
    """Of the first against the second, over all pairs; pairs of one text are ties that nobody was asked about."""

    unusable: tuple[str, ...]
    """Why the judge is not usable: then all that follows is 0, or NaN."""
    wins: int
    losses: int
    ties: int
    flips: int
    unread: int
    net: Interval
    least: float

    @property
    def usable(self) -> bool:
        return not self.unusable


def judgement(pairs: Sequence[Pair], judged: Sequence[Judged], unusable: Sequence[str], how: Resampling) -> Judgement:
    """`pairs` and `judged` are in one order; `unusable`: why nothing of it is told."""
    nothing = Interval(math.nan, math.nan, math.nan, how.level)
    if unusable:
        return Judgement(tuple(unusable), 0, 0, 0, 0, 0, nothing, math.nan)
    values, sources, found = outcomes(judged), [pair.source for pair in pairs], conduct(judged)
    return Judgement(
        (), found.wins, found.losses, found.ties, found.flips, found.unread,
        clustered_mean(values, sources, num_resamples=how.num_resamples, seed=how.seed, level=how.level),
        least_difference(values, num_clusters(sources), clusters=sources, level=how.level),
    )  # fmt: skip
