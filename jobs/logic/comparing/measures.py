"""What two models did on the same rows, measured and paired.

Behaviour comes first: an answer is sound where it ended by itself, says something, and has no loop, no repeated signs,
no leaked markup and no leaked thought. Whether it is liked is asked after that.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from jobs.logic.comparing.tallies import Resampling
from jobs.logic.parity.behaviour import Measure, Signs, signs
from jobs.logic.stats.exact import sign_test
from jobs.logic.stats.interval import Interval
from jobs.logic.stats.means import clustered_mean, least_difference
from jobs.logic.text.similarity import TrainingAnswers

SHARES = {
    "sound": "sound answers",
    "stopped": "end by themselves",
    "loop": "loop",
    "repeat": "repeat signs",
    "empty": "are empty",
    "markup": "leak markup",
    "think_leak": "leak thoughts",
    "exact": "are the reference, to the letter",
}
"""Facts that are shares of the answers, and what is said of them."""
AGREEMENT, TOKENS, SECONDS = "agreement", "tokens", "seconds"
MEASURED = (*SHARES, AGREEMENT, TOKENS)
FAULTS = ("loop", "repeat", "empty", "markup", "think_leak")


@dataclass(frozen=True)
class Row:
    """One prompt that both were asked."""

    id: str
    source: str | None
    reference: str


@dataclass(frozen=True)
class Answer:
    """What one model said."""

    text: str
    """Without its thoughts, which the server takes out; what is left of them in it has leaked."""
    stopped: bool
    num_tokens: int
    seconds: float | None = None


@dataclass(frozen=True)
class Fact:
    """One measure of both, and the difference first - second."""

    name: str
    first: float
    """A share or a mean over the rows."""
    second: float
    difference: Interval
    p: float
    """Exact sign test over sources; NaN where no row differs."""
    least: float
    """The smallest difference that so many rows show in four of five cases."""


@dataclass(frozen=True)
class Seen:
    """One row with what both did."""

    row: Row
    first: Answer
    second: Answer
    first_signs: Signs
    second_signs: Signs

    @property
    def same(self) -> bool:
        return self.first.text == self.second.text and self.first.stopped == self.second.stopped


def looked_at(rows: Sequence[Row], first: Sequence[Answer], second: Sequence[Answer], loops: Measure) -> list[Seen]:
    """Every row with the signs of both answers."""
    nothing = TrainingAnswers([], 8)
    found = []
    for row, one, other in zip(rows, first, second, strict=True):
        one_signs, other_signs = (
            signs(each.text, each.stopped, row.reference, nothing, loops, True) for each in (one, other)
        )
        found.append(Seen(row, one, other, one_signs, other_signs))
    return found


def is_sound(found: Signs) -> bool:
    """Whether an answer ended and has no fault."""
    return found.stopped and not any(getattr(found, fault) for fault in FAULTS)


def facts(seen: Sequence[Seen], how: Resampling, only: Collection[str] = MEASURED) -> list[Fact]:
    """Behaviour, agreement with references and length, or those of them that are asked for."""
    return [_measured(name, seen, how) for name in MEASURED if name in only]


def _measured(name: str, seen: Sequence[Seen], how: Resampling) -> Fact:
    if name == TOKENS:
        tokens = [(float(one.first.num_tokens), float(one.second.num_tokens)) for one in seen]
        return _fact(name, tokens, seen, how, None)
    signs_of = [(_sign(one.first_signs, name), _sign(one.second_signs, name)) for one in seen]
    return _fact(name, signs_of, seen, how, (-1.0, 1.0))


def latency(seen: Sequence[Seen], how: Resampling) -> Fact | None:
    """Seconds of an answer, over the rows where both were asked by this command; None where no row was."""
    timed = [one for one in seen if one.first.seconds is not None and one.second.seconds is not None]
    if len(timed) < 2:
        return None
    pairs = [(one.first.seconds or 0.0, one.second.seconds or 0.0) for one in timed]
    return _fact(SECONDS, pairs, timed, how, None)


def _sign(found: Signs, name: str) -> float:
    return float(is_sound(found) if name == "sound" else getattr(found, name))


def _fact(
    name: str, pairs: Sequence[tuple[float, float]], seen: Sequence[Seen], how: Resampling,
    bounds: tuple[float, float] | None,
) -> Fact:  # fmt: skip
    sources = [one.row.source for one in seen]
    differences = [first - second for first, second in pairs]
    difference = clustered_mean(
        differences, sources, num_resamples=how.num_resamples, seed=how.seed, level=how.level, bounds=bounds
    )
    number = max(len(pairs), 1)
    return Fact(
        name,
        math.fsum(first for first, _ in pairs) / number,
        math.fsum(second for _, second in pairs) / number,
        difference,
        sign_test(differences, sources),
        least_difference(differences, num_clusters(sources), clusters=sources, level=how.level),
    )


def num_clusters(sources: Sequence[str | None]) -> int:
    """Sources, and rows without one."""
    return len(set(sources) - {None}) + sources.count(None)
