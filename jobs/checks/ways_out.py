"""The words of the config that keep rows which `prepare` would drop, for the very reasons of a case."""

from __future__ import annotations

import math
from collections.abc import Iterable

from jobs.logic.rows.reasons import ALLOWABLE

FORM = ("odd-form", "cut-off")
"""Reasons that hang on the form of the other answers."""
KEYS = {
    "other-language": "prepare.set.language=any",
    "wrong-length": "prepare.set.min_characters=1 prepare.set.max_characters=1000000",
    "secret": "prepare.clean.secrets=redact",
    "personal": "prepare.clean.personal=redact",
    "invisible": "prepare.clean.invisible=strip",
}


def way(reasons: Iterable[str], allowed: Iterable[str]) -> str:
    """The words that keep rows of these reasons, ready to paste; empty where there are none.

    `allowed` are the reasons that rows are kept for already.
    """
    wanted = sorted(set(reasons))
    allow = sorted({*allowed, *(reason for reason in wanted if reason in ALLOWABLE)})
    words = [f"prepare.clean.allow=[{','.join(allow)}]"] if not set(wanted).isdisjoint(ALLOWABLE) else []
    if not set(wanted).isdisjoint(FORM):
        words.append("prepare.set.form=keep")
    return " ".join([*words, *(KEYS[reason] for reason in wanted if reason in KEYS)])


def kept_by(reasons: Iterable[str], allowed: Iterable[str]) -> str:
    """The same as the end of a message."""
    words = way(reasons, allowed)
    return f"; where they belong: {words}" if words else ""


def accepted(limit: str, found: float, when: str) -> str:
    """The end of a message: the limit that lets through what was found; nothing where that is no number."""
    if not math.isfinite(found):
        return ""
    least = found if found == int(found) and found >= 1 else _beyond(found, up=not limit.startswith("min"))
    return f"; {when} prepare.limits.{limit}={plain(least)}"


def least_odd_share(found: int, rows: int) -> str:
    """The share of the rows that the smaller of two forms is dropped up to."""
    part = found / rows if rows else 1.0
    return plain(_beyond(min(part, 1 - part), up=True))


def plain(value: float) -> str:
    """A value of the config."""
    return str(int(value)) if value == int(value) else str(value)


def _beyond(share: float, up: bool) -> float:
    """A share of two digits that is no less, or no more."""
    digits = 2 if share <= 0 else max(2, 1 - math.floor(math.log10(share)))
    step = 10.0**-digits
    whole = share / step
    return round((math.ceil(whole - 1e-9) if up else math.floor(whole + 1e-9)) * step, digits)
