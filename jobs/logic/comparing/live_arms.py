"""Whether two arms may be compared at all: drawn by chance, at the same time, on the same prompts.

Each check is of level LEVEL, so that of a thousand sound experiments about one is called unsound by each. That of the
share holds at every look.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from jobs.logic.comparing.live import Design, Vote, in_order, shown
from jobs.logic.pages import amounts
from jobs.logic.stats.sequences import log_worth

LEVEL = 0.999
FAR = 0.1
"""How far from a half the chance that a case of one arm is later than one of the other has to be, to matter."""
MOST_MIXED = 0.01
"""Users with both arms, of all, where arms were drawn by user: a second device, a new cookie."""
LEAST_EXPECTED = 5.0
"""Cases of a prompt in each arm, as usual for a chi-squared test."""


def unsound(votes: Sequence[Vote], arms: tuple[str, str], design: Design, share: float) -> Iterator[str]:
    """Why the arms cannot be compared, one reason at a time; `share`: of users or votes meant for the first arm."""
    ordered = in_order(votes)
    mixed = list(_mixed(ordered, arms, design, share))
    yield from mixed
    cases = _first_of_each(ordered) if design == "user" else ordered
    apart = list(_times(cases, arms))
    yield from apart
    if not apart and not mixed:
        yield from _share(cases, arms, share, design)
    yield from _prompts(_first_of_each(ordered), arms)


def _first_of_each(ordered: Sequence[Vote]) -> list[Vote]:
    """Every user's first vote, in the order of time."""
    return list({vote.user: vote for vote in reversed(ordered)}.values())[::-1]


def _mixed(ordered: Sequence[Vote], arms: tuple[str, str], design: Design, share: float) -> Iterator[str]:
    """Users with both arms: none where arms were drawn by user, as many as chance makes where by vote."""
    own: dict[str, Counter[str]] = {}
    for vote in ordered:
        own.setdefault(vote.user, Counter())[vote.arm] += 1
    both = sum(len(found) == 2 for found in own.values())
    if design == "user":
        if both > MOST_MIXED * len(own):
            yield (
                f"{amounts.count(both, 'user')} of {amounts.count(len(own))} had both arms, and arms are said to be "
                "drawn by user; where each vote is, say compare.live.randomised=vote"
            )
        return
    chances = np.array([1 - share**n - (1 - share) ** n for n in (found.total() for found in own.values())])
    expected, spread = float(chances.sum()), math.sqrt(float((chances * (1 - chances)).sum()))
    if expected - both > max(4 * spread, 1.0):
        yield (
            f"{amounts.count(both, 'user')} had both arms, and about {amounts.count(expected)} would have if each vote "
            "were drawn; where users keep their arm, say compare.live.randomised=user"
        )


def _times(cases: Sequence[Vote], arms: tuple[str, str]) -> Iterator[str]:
    """Whether one arm came later than the other: the test of Mann and Whitney (1947), where it is far off too."""
    first, second = (np.array([vote.time for vote in cases if vote.arm == arm]) for arm in arms)
    if not len(first) or not len(second):
        return
    second.sort()
    below, equal = np.searchsorted(second, first, "left"), np.searchsorted(second, first, "right")
    later = float((below + equal).sum()) / 2 / (len(first) * len(second))
    spread = math.sqrt((len(first) + len(second) + 1) / 12 / (len(first) * len(second)))
    from scipy.special import ndtri

    if abs(later - 0.5) > max(FAR, spread * float(ndtri((1 + LEVEL) / 2))):
        which = arms if later > 0.5 else arms[::-1]
        yield (
            f"the arms are not of the same time: in {amounts.percent(max(later, 1 - later))} of pairs of one case each "
            f"{shown(which[0])} came after {shown(which[1])}, where half is meant, so whatever else changed meanwhile "
            "looks like a difference"
        )


def _share(cases: Sequence[Vote], arms: tuple[str, str], share: float, design: Design) -> Iterator[str]:
    """Whether so many had the first arm as were meant to, at every time."""
    given = np.array([float(vote.arm == arms[0]) for vote in cases])
    if len(given) and float(log_worth(given, share, LEVEL).max()) >= -math.log(1 - LEVEL):
        yield (
            f"{shown(arms[0])} was given to {amounts.percent(float(given.mean()))} of "
            f"{amounts.count(len(given), design)}, and {amounts.percent(share)} was meant, at some time further off "
            "than chance would move it: something else decides who has it, or votes of one arm are lost; where another "
            "share is meant, say compare.live.share=..."
        )


def _prompts(cases: Sequence[Vote], arms: tuple[str, str]) -> Iterator[str]:
    """Whether the arms were asked alike, by a chi-squared test over prompts that were asked often enough."""
    counts: dict[str, Counter[str]] = {}
    for vote in cases:
        if vote.prompt:
            counts.setdefault(vote.prompt, Counter())[vote.arm] += 1
    table = np.array([[found[arm] for arm in arms] for found in counts.values()], float).reshape(-1, 2)
    if not len(table):
        return
    shares = table.sum(0) / table.sum()
    often = table[(table.sum(1)[:, None] * shares >= LEAST_EXPECTED).all(1)]
    if len(often) < 2:
        return
    expected = often.sum(1)[:, None] * (often.sum(0) / often.sum())
    if not (expected > 0).all():
        return
    from scipy.special import chdtrc

    p = float(chdtrc(len(often) - 1, float(((often - expected) ** 2 / expected).sum())))
    if p < 1 - LEVEL:
        yield (
            f"the arms were not asked the same: over {amounts.count(len(often), 'prompt')} that came often, which one "
            f"it was depends on the arm (p {amounts.p_value(p)})"
        )
