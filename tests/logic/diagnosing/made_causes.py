"""Causes made by hand, whose outcome is known, and what is told of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from jobs.logic.diagnosing.cause import Cause, Link, Outcome
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.ranking import Diagnosis, Told, diagnosed


def cause(code: str, link: Link, outcome: Outcome, explains: tuple[str, ...] = (), **more: Any) -> Cause:
    """A cause that always answers `outcome`."""
    like = Cause(
        code=code, name=f"name-{code.lower()}", link=link, title=f"Title of {code}.", why="so", fix="mend it.",
        seen_in="tests", symptoms=("loops",), explains=explains, rules=(), shows="prepare", separates="",
        check=lambda evidence: outcome,
    )  # fmt: skip
    return replace(like, **more)


def told(*causes: Cause) -> Diagnosis:
    """What is told of them, without evidence."""
    return diagnosed(Evidence(), causes)


def codes(found: Iterable[Told]) -> list[str]:
    return [one.cause.code for one in found]
