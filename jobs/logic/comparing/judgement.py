"""What a judge's verdicts on pairs come to, and whether it can be listened to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.logic.comparing.measures import num_clusters
from jobs.logic.comparing.options import Limits
from jobs.logic.comparing.tallies import Resampling
from jobs.logic.judging.pairs import Judged, Pair, outcomes
from jobs.logic.pages.amounts import beside, p_value, percent
from jobs.logic.stats.exact import position_bias
from jobs.logic.stats.interval import Interval
from jobs.logic.stats.means import clustered_mean, least_difference


@dataclass(frozen=True)
class Judgement:
    """Of the first against the second, over all pairs; pairs of one text are ties that nobody was asked about."""

    wins: int
    losses: int
    ties: int
    flips: int
    unread: int
    num_asked: int
    """Pairs of two texts."""
    p_position: float
    """Of so uneven a choice of the answers that stood first."""
    net: Interval
    least: float
    why_not: str
    """Why the judge is not usable; empty where it is."""

    @property
    def usable(self) -> bool:
        return not self.why_not


def judgement(pairs: Sequence[Pair], judged: Sequence[Judged], limits: Limits, how: Resampling) -> Judgement:
    """`pairs` and `judged` are in one order."""
    said = [one.outcome for one in judged]
    asked = [one for pair, one in zip(pairs, judged, strict=True) if pair.first != pair.second]
    values, sources = outcomes(judged), [pair.source for pair in pairs]
    placed = [(one.orders[0], one.orders[1]) for one in asked]
    first_place = sum((one == "first") + (other == "second") for one, other in placed)
    second_place = sum((one == "second") + (other == "first") for one, other in placed)
    p_position = position_bias(first_place, second_place)
    number = max(len(asked), 1)
    return Judgement(
        said.count("win"), said.count("loss"), said.count("tie"), said.count("flip"), said.count("unread"), len(asked),
        p_position,
        clustered_mean(values, sources, num_resamples=how.num_resamples, seed=how.seed, level=how.level),
        least_difference(values, num_clusters(sources), clusters=sources, level=how.level),
        _why_not(said.count("flip") / number, said.count("unread") / number, p_position, limits),
    )  # fmt: skip


def _why_not(flips: float, unread: float, p_position: float, limits: Limits) -> str:
    found = []
    for value, most, what in (
        (flips, limits.max_flip_rate, "flip"),
        (unread, limits.max_unread_rate, "cannot be read"),
    ):
        if not value <= most:
            shown, limit = beside(value, most, percent)
            found.append(f"{shown} of its verdicts {what}, the most is {limit}")
    if p_position < limits.min_position_p:
        shown, limit = beside(p_position, limits.min_position_p, p_value)
        found.append(f"it likes one place (p = {shown}, the least is {limit})")
    return "; ".join(found)
