"""What is said of two arms in real use: a sentence, a table and plain data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.logic.comparing import live_plan
from jobs.logic.comparing.live import Cases, Known, Seen, Vote, means, shown
from jobs.logic.comparing.live_options import LiveOptions
from jobs.logic.pages.amounts import count, number, percent, signed
from jobs.logic.stats.interval import Interval

LEAST_TO_GO_BY = 30
"""Cases from which on their own spread is taken for what a difference needs; before, the most that it can be."""


@dataclass(frozen=True)
class Need:
    """What a difference takes; None where it is more than anybody is told. Votes are users where nobody knows more."""

    cases: int | None
    users: int | None
    votes: int | None


@dataclass(frozen=True)
class Told:
    """All that a file of real use says."""

    arms: tuple[str, str]
    votes: Sequence[Vote]
    seen: Seen
    cases: Cases
    known: Known
    need: Need


def need(asked: LiveOptions, seen: Seen | None = None, cases: Cases | None = None) -> Need:
    """How many cases, users and votes the difference that matters takes."""
    square = live_plan.spread(asked.difference)
    users = seen.users if seen else []
    if cases and len(cases.differences) >= LEAST_TO_GO_BY:
        square = sum(value**2 for value in cases.differences) / len(cases.differences)
    found = live_plan.needed(asked.difference, square, power=asked.power, level=asked.level, seed=asked.seed)
    if found is None:
        return Need(None, None, None)
    if asked.randomised == "user":
        a_case = 1 / min(asked.share, 1 - asked.share)
    else:
        a_case = len(users) / len(cases.differences) if users and cases and cases.differences else 1.0
    a_user = sum(user.num_votes for user in users) / len(users) if users else float(asked.randomised == "vote") + 1
    return Need(found, *(live_plan.rounded(found * a_case * by) for by in (1.0, a_user)))


def difference(value: float, asked: LiveOptions) -> str:
    """A difference in the outcome's own measure: percentage points, or that of the range."""
    return signed(value, percent) if asked.range is None else signed(value * (asked.range[1] - asked.range[0]), number)


def interval(found: Interval, asked: LiveOptions) -> str:
    """`+12.0% (+3.1% to +20.9%)`."""
    return f"{difference(found.value, asked)} ({difference(found.low, asked)} to {difference(found.high, asked)})"


def needs(found: Need, asked: LiveOptions) -> str:
    """The sentence of what a difference takes."""
    size = difference(asked.difference, asked)
    if found.users is None:
        return (
            f"to see a difference of {size} takes more than {count(live_plan.MOST)} cases: nobody is told a number; "
            "ask for a larger one with compare.live.difference=..."
        )
    votes = "" if found.votes == found.users else f" with {count(found.votes or 0)} votes"
    return (
        f"a difference of {size} is seen with {percent(asked.power)} certainty by the time that about "
        f"{count(found.users)} users{votes} have been counted"
    )


def verdict(found: Told, asked: LiveOptions) -> str:
    """The verdict first, in a sentence."""
    first, second = (shown(arm) for arm in found.arms)
    known, cases = found.known, count(len(found.cases.differences), "case")
    if known.verdict == "cannot say":
        return f"cannot say whether {first} is better than {second}: {'; '.join(known.reasons)}"
    if not found.cases.differences:
        return f"go on: nothing to compare {first} and {second} by yet; {needs(found.need, asked)}"
    size = interval(known.interval, asked)
    if known.verdict in ("better", "worse"):
        small = max(abs(known.interval.low), abs(known.interval.high)) < asked.difference
        least = difference(asked.difference, asked).removeprefix("+")
        less = f", by less than the {least} that matters" if small else ""
        return f"stop: {first} is {known.verdict} than {second}{less}: {size}, {cases}"
    if known.verdict == "no difference that matters":
        most = difference(asked.difference, asked).removeprefix("+")
        return f"stop: no difference larger than {most} between {first} and {second}: {size}, {cases}"
    return (
        f"go on: no difference shown between {first} and {second} so far: {size}, {cases}; {needs(found.need, asked)}"
    )


HEADS = ("arm", "users", "votes", "mean outcome")


def table(found: Told, asked: LiveOptions) -> list[tuple[str, ...]]:
    """A row for each arm: its users that count, all its votes, the mean over those users."""
    rows: list[tuple[str, ...]] = []
    for arm in found.arms:
        values = means(found.seen.users, arm)
        mean = sum(values) / len(values) if values else math.nan
        low, high = asked.range or (0.0, 1.0)
        said = "" if math.isnan(mean) else percent(mean) if asked.range is None else number(low + mean * (high - low))
        votes = sum(vote.arm == arm for vote in found.votes)
        rows.append((shown(arm), count(len(values)), count(votes), said))
    return rows


def account(found: Told, asked: LiveOptions) -> str:
    """Where every vote and every user went."""
    case = "pairs of one user of each arm" if asked.randomised == "user" else "users with both arms"
    hours = (
        f"first {number(asked.window_hours)} hours are not over" if asked.window_hours else "first vote is the newest"
    )
    return (
        f"{count(len(found.votes), 'vote')}; {count(len(found.seen.users), 'user')} counted, "
        f"{count(found.seen.waiting)} whose {hours}; "
        f"{count(len(found.cases.differences))} {case}, {count(found.cases.unmatched, 'user')} without; "
        f"{count(found.seen.later, 'vote')} after the first hours"
    )


def as_data(found: Told, asked: LiveOptions) -> dict[str, object]:
    """Plain data for a file; what is not known is None."""
    known = found.known
    return {
        "verdict": known.verdict,
        "stop": known.stop,
        "sentence": verdict(found, asked),
        "reasons": list(known.reasons),
        "first": found.arms[0],
        "second": found.arms[1],
        "difference": _plain(known.interval.value),
        "low": _plain(known.interval.low),
        "high": _plain(known.interval.high),
        "level": asked.level,
        "matters": asked.difference,
        "range": list(asked.range) if asked.range else None,
        "randomised": asked.randomised,
        "window_hours": asked.window_hours,
        "num_votes": len(found.votes),
        "num_cases": len(found.cases.differences),
        "num_users": len(found.seen.users),
        "num_users_waiting": found.seen.waiting,
        "num_users_without_a_case": found.cases.unmatched,
        "num_votes_later": found.seen.later,
        "needs": {"cases": found.need.cases, "users": found.need.users, "votes": found.need.votes},
        "arms": [dict(zip(("arm", "users", "votes", "mean"), row, strict=True)) for row in _arms(found)],
    }


def _arms(found: Told) -> list[tuple[str, int, int, float | None]]:
    rows = []
    for arm in found.arms:
        values = means(found.seen.users, arm)
        mean = sum(values) / len(values) if values else None
        rows.append((arm, len(values), sum(vote.arm == arm for vote in found.votes), mean))
    return rows


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
