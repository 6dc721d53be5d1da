"""Two arms in real use: who counts, whether the arms may be compared, and what is known so far.

A user counts once, with the mean of the votes of the first hours, and only when these are over. So users are
independent cases whatever they do later, and what was known yesterday does not change today, which is what lets one
look every day (`stats/sequences.py`). A difference of arms is a sequence of differences of users: of pairs of users,
one of each arm, who came about the same time, or of one user who had both.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from jobs.logic.stats.interval import Interval
from jobs.logic.stats.sequences import always_valid_mean

Design = Literal["user", "vote"]
"""What was given an arm by chance: a user for good, or each vote."""
Verdict = Literal["better", "worse", "no difference that matters", "go on", "cannot say"]
LONGEST = 40
"""Signs of a name on a terminal."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One row of a file: `row` as an editor counts, `time` in seconds, `value` from 0 to 1."""

    row: int
    time: float
    user: str
    arm: str
    value: float
    prompt: str = ""


@dataclass(frozen=True)
class User:
    """What one user says: by arm the mean of the votes within the window. `time`: of the first vote."""

    name: str
    time: float
    means: dict[str, float]
    num_votes: int


@dataclass(frozen=True)
class Seen:
    """Users whose window is over, in the order in which it ended, and votes that do not count."""

    users: list[User]
    waiting: int
    """Users whose window is not over."""
    later: int
    """Votes after a user's window."""


@dataclass(frozen=True)
class Cases:
    """Differences, first arm minus second, from -1 to 1, in the order in which they were known."""

    differences: list[float] = field(default_factory=list)
    unmatched: int = 0
    """Users of whom there is no difference: without one of the other arm, or with one arm alone."""


def in_order(votes: Sequence[Vote]) -> list[Vote]:
    """By time; where that is a mere date, as if dealt out, since a file may be sorted by arm or outcome."""
    return sorted(votes, key=lambda vote: (vote.time, zlib.crc32(vote.user.encode()), vote.user, vote.row))


def seen(votes: Sequence[Vote], window_hours: float) -> Seen:
    """Who counts, as of the newest vote: whose window ended by then, or, where it is a first vote, came before."""
    by_user: dict[str, list[Vote]] = defaultdict(list)
    for vote in in_order(votes):
        by_user[vote.user].append(vote)
    newest = max(vote.time for vote in votes)
    users, waiting, later = [], 0, 0
    for name, own in by_user.items():
        ends = own[0].time + window_hours * 3600
        first_alone = ends == own[0].time
        within = own[:1] if first_alone else [vote for vote in own if vote.time < ends]
        if ends > newest or (first_alone and ends == newest):  # more may come of the time of the newest vote
            waiting += 1
            continue
        later += len(own) - len(within)
        values = defaultdict(list)
        for vote in within:
            values[vote.arm].append(vote.value)
        means = {arm: float(np.mean(found)) for arm, found in values.items()}
        users.append(User(name, own[0].time, means, len(within)))
    return Seen(users, waiting, later)


def cases(users: Sequence[User], arms: tuple[str, str], design: Design) -> Cases:
    """By user: who comes is held against the last who came to the other arm and is still without a partner; that is
    decided by times alone, and keeps what changes over the weeks out of the difference. By vote: one's own two means.
    """
    first, second = arms
    if design == "vote":
        both = [user.means[first] - user.means[second] for user in users if len(user.means) == 2]
        return Cases(both, len(users) - len(both))
    differences = []
    alone: dict[str, list[float]] = {first: [], second: []}
    for user in users:
        if len(user.means) != 1:
            continue
        ((arm, value),) = user.means.items()
        other = second if arm == first else first
        if alone[other]:
            partner = alone[other].pop()
            differences.append(value - partner if arm == first else partner - value)
        else:
            alone[arm].append(value)
    return Cases(differences, len(users) - 2 * len(differences))


@dataclass(frozen=True)
class Known:
    """What is known so far of first minus second."""

    interval: Interval
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    """Why nothing can be said."""

    @property
    def stop(self) -> bool:
        """Whether more votes would not change what is said."""
        return self.verdict not in ("go on", "cannot say")


def means(users: Sequence[User], arm: str) -> list[float]:
    """Of the users who had the arm."""
    return [user.means[arm] for user in users if arm in user.means]


def known(found: Cases, reasons: Sequence[str], *, difference: float, level: float) -> Known:
    """The verdict on what was seen; `difference` is the smallest that matters."""
    interval = always_valid_mean(found.differences, bounds=(-1.0, 1.0), level=level)
    moved = () if interval.can_say or not found.differences else ("the difference changed while it was measured",)
    why = (*reasons, *moved)
    if why:
        return Known(interval, "cannot say", why)
    if interval.excludes(0.0):
        return Known(interval, "better" if interval.low > 0 else "worse")
    if -difference < interval.low and interval.high < difference:
        return Known(interval, "no difference that matters")
    return Known(interval, "go on")


def shown(text: str, longest: int = LONGEST) -> str:
    """What a file says, on one line of a terminal: nothing in it moves the cursor, and it is no longer than that."""
    plain = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
    return plain if len(plain) <= longest else plain[: longest - 3] + "..."
