"""What votes come to: for each rater, and for all of them together, with the agreement between them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jobs.logic.comparing.sheet import Key
from jobs.logic.comparing.votes import WORTH, Choice, Votes, chosen
from jobs.logic.stats.agreement import agreement
from jobs.logic.stats.exact import position_bias, sign_test
from jobs.logic.stats.interval import Interval
from jobs.logic.stats.means import clustered_mean, least_difference


@dataclass(frozen=True)
class Resampling:
    """How intervals are made."""

    num_resamples: int
    seed: int
    level: float


@dataclass(frozen=True)
class Tally:
    """Of one rater, or of all."""

    label: str
    num_pairs: int
    """With a vote."""
    num_votes: int
    first: int
    second: int
    both_good: int
    both_bad: int
    net: Interval
    """Mean of 1 for the first, -1 for the second and 0 for both; of all raters the mean of a pair's votes."""
    p: float
    """Exact sign test of the pairs, by source; ties say nothing."""
    p_side: float
    """Of so uneven a use of the two sides by somebody who does not look at them."""
    least: float
    """The smallest net win rate that so many pairs show in four of five cases."""


@dataclass(frozen=True)
class Counted:
    """What is told of a sheet's votes."""

    raters: tuple[Tally, ...]
    pooled: Tally
    alpha: Interval | None
    """Krippendorff's alpha of first, second and tie between the raters; None of one rater."""
    comments: tuple[tuple[str, str, str], ...]
    """Rater, id of the pair, comment."""


def counted(raters: Sequence[Votes], key: Key, how: Resampling) -> Counted:
    """`raters` hold votes on this key's sheet, each another person's."""
    columns = [chosen(votes, key) for votes in raters]
    told = [_tally(votes.label, [votes], [column], key, how) for votes, column in zip(raters, columns, strict=True)]
    alpha = None
    if len(raters) > 1:
        units = list(zip(*columns, strict=True))
        alpha = agreement(units, num_resamples=how.num_resamples, seed=how.seed, level=how.level)
    comments = [
        (votes.label, entry.id, comment)
        for votes in raters
        for entry, comment in zip(key.pairs, votes.comments, strict=True)
        if comment.strip()
    ]
    return Counted(tuple(told), _tally("all", raters, columns, key, how), alpha, tuple(comments))


def _tally(
    label: str, raters: Sequence[Votes], columns: Sequence[Sequence[Choice | None]], key: Key, how: Resampling
) -> Tally:
    values, clusters = [], []
    for place, entry in enumerate(key.pairs):
        given = [WORTH[choice] for column in columns if (choice := column[place]) is not None]
        if given:
            values.append(math.fsum(given) / len(given))
            clusters.append(entry.source)
    choices = [choice for column in columns for choice in column]
    sides = [choice for votes in raters for choice in votes.choices]
    net = clustered_mean(values, clusters, num_resamples=how.num_resamples, seed=how.seed, level=how.level)
    return Tally(
        label=label,
        num_pairs=len(values),
        num_votes=len(choices) - choices.count(None),
        first=choices.count("first"),
        second=choices.count("second"),
        both_good=sides.count("both_good"),
        both_bad=sides.count("both_bad"),
        net=net,
        p=sign_test(values, clusters),
        p_side=position_bias(sides.count("left"), sides.count("right")),
        least=least_difference(values, _num_clusters(clusters), clusters=clusters, level=how.level),
    )


def _num_clusters(clusters: Sequence[str | None]) -> int:
    return len(set(clusters) - {None}) + clusters.count(None)


def held_against(people: Mapping[str, Choice], judge: Mapping[str, Choice | None], how: Resampling) -> Interval:
    """Krippendorff's alpha between what people chose and what a judge said, over the pairs that both have."""
    units = [(choice, judge[pair]) for pair, choice in people.items() if pair in judge]
    return agreement(units, num_resamples=how.num_resamples, seed=how.seed, level=how.level)
