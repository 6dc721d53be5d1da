"""Rows of the tables that tell a comparison."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.logic.comparing.judgement import Judgement
from jobs.logic.comparing.measures import AGREEMENT, SECONDS, SHARES, TOKENS, Fact
from jobs.logic.comparing.words import interval, test
from jobs.logic.pages.amounts import Say, count, number, percent, score, seconds

OTHERS: dict[str, tuple[str, Say]] = {
    AGREEMENT: ("agreement with the reference", score),
    TOKENS: ("tokens of an answer", number),
    SECONDS: ("seconds of an answer, here and now", seconds),
}


def rows(found: Sequence[Fact]) -> list[tuple[str, str, str, str, str]]:
    """What, the first, the second, the difference with its interval, p."""
    told = []
    for fact in found:
        what, say = (SHARES[fact.name], percent) if fact.name in SHARES else OTHERS[fact.name]
        told.append((what, say(fact.first), say(fact.second), interval(fact.difference, say), test(fact.p)))
    return told


def judge_rows(found: Judgement) -> list[tuple[str, str, str, str, str]]:
    """The judge's wins; nothing where it is not listened to."""
    if not found.usable:
        return []
    ties = f"{count(found.ties, 'tie')}, {count(found.flips, 'flip')}, {count(found.unread)} unread"
    return [("judge: wins in both orders", count(found.wins), count(found.losses), interval(found.net), ties)]


def unusable(found: Judgement | None) -> list[str]:
    """A line for each reason why a judge is not listened to."""
    return [f"the judge is NOT USABLE: {why}" for why in found.unusable] if found else []
