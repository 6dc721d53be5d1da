"""What is said of a comparison, in words: the same on a terminal and on a page."""

from __future__ import annotations

import math

from jobs.logic.comparing.tallies import Counted, Tally
from jobs.logic.pages.amounts import Say, count, number, p_value, percent, signed
from jobs.logic.stats.interval import Interval

NO_SIGNAL = "no signal"
HEADS = ("rater", "pairs", "first", "second", "both good", "both bad", "net, with interval", "p", "p of sides")


def interval(found: Interval, say: Say = percent) -> str:
    """`+12.5% (+1.3% to +23.9%)`; the value alone where there is no interval."""
    if math.isnan(found.value):
        return NO_SIGNAL
    if not found.can_say:
        return f"{signed(found.value, say)} (no interval)"
    return f"{signed(found.value, say)} ({signed(found.low, say)} to {signed(found.high, say)})"


def test(p: float) -> str:
    """A p-value; a test that had nothing to go by is no 1."""
    return NO_SIGNAL if math.isnan(p) else p_value(p)


def votes_table(found: Counted) -> list[tuple[str, ...]]:
    """A row for each rater, and one for all where there are several."""
    rows = [*found.raters, *([found.pooled] if len(found.raters) > 1 else [])]
    return [
        (
            one.label, count(one.num_pairs), count(one.first), count(one.second), count(one.both_good),
            count(one.both_bad), interval(one.net), test(one.p), test(one.p_side),
        )
        for one in rows
    ]  # fmt: skip


def preference(all_votes: Tally, first: str, second: str) -> str:
    """The verdict of people, in a sentence."""
    net, pairs = all_votes.net, count(all_votes.num_pairs, "pair")
    if net.excludes(0):
        liked, other = (first, second) if net.value > 0 else (second, first)
        return f"{liked} is preferred to {other}: net {interval(net)} on {pairs}"
    if not net.can_say:
        return f"cannot say: {pairs} have no two different votes to compare"
    least = "" if math.isnan(all_votes.least) else f"; so many would show a net of {percent(all_votes.least)} or more"
    return f"no difference shown between {first} and {second}: net {interval(net)} on {pairs}{least}"


def agreed(alpha: Interval | None, who: str) -> str:
    """Krippendorff's alpha in a sentence; empty where there was nobody to agree with."""
    if alpha is None:
        return ""
    if math.isnan(alpha.value):
        return f"agreement {who} cannot be said: all gave one and the same answer, or no pair has two"
    return f"agreement {who}: Krippendorff's alpha {interval(alpha, number)}; 1 is all alike, 0 is chance"
