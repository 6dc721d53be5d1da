"""Causes: what may be wrong, documented as rules are, and the question that each asks of the evidence.

A cause is a function from evidence to an outcome. Its docstring is its documentation: the first line is the title, then
`Why:`, `Fix:` and `Seen in:`. docs/failures.md is generated from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

from jobs.logic.diagnosing.certainty import Certainty
from jobs.logic.diagnosing.evidence import Evidence

MOST_SAID = 200
"""Characters of an error that are told."""


class Link(IntEnum):
    """The link of the chain where a cause sits; the earliest broken one is told first."""

    BASE = 0
    ROWS = 1
    TOKENS = 2
    RECIPE = 3
    TRAINING = 4
    MERGE = 5
    CONVERSION = 6
    QUANTIZING = 7
    SERVING = 8


@dataclass(frozen=True)
class Place:
    """Where to look: a file, and within it a row (counted from 1), a key, or a tensor."""

    file: str
    row: int | None = None
    key: str = ""


@dataclass(frozen=True)
class Outcome:
    """What the evidence says of one cause."""

    certainty: Certainty
    signs: tuple[str, ...] = ()
    """What speaks for it, a sentence each, with its figures; of a cause that is ruled out, by which argument."""
    against: tuple[str, ...] = ()
    """What speaks against it, where the outcome is not that it is ruled out."""
    decides: tuple[str, ...] = ()
    """Files that would decide, where it is not checked or merely consistent."""
    places: tuple[Place, ...] = ()
    failed: str = ""
    """The error that its check ended with, which is a fault of this program; empty: with none."""

    def told_from(self, folder: str) -> Outcome:
        """The same, files below `folder` said from there on."""
        front = folder.rstrip("/") + "/"
        if front in ("/", "./"):
            return self
        inside = re.compile(rf"(?<![\w./-]){re.escape(front)}")
        signs, against = (tuple(inside.sub("", one) for one in said) for said in (self.signs, self.against))
        places = tuple(replace(place, file=place.file.removeprefix(front)) for place in self.places)
        return replace(self, signs=signs, against=against, places=places)


Check = Callable[[Evidence], Outcome]


@dataclass(frozen=True)
class Cause:
    """One thing that may be wrong."""

    code: str
    name: str
    link: Link
    title: str
    why: str
    fix: str
    seen_in: str
    symptoms: tuple[str, ...]
    """Names in `symptoms.py`: what a person would see."""
    explains: tuple[str, ...]
    """Codes of causes that usually follow from this one, and stand under it."""
    rules: tuple[str, ...]
    """Codes of gates' rules that speak for it."""
    shows: str
    """The command that shows that it is mended, as words behind `make`."""
    separates: str
    """The cheapest experiment that tells it from others with the same symptom, as words behind `make`; empty: none."""
    check: Check = field(repr=False)


CAUSES: list[Cause] = []


def cause(
    number: str, name: str, link: Link, *, symptoms: Sequence[str], shows: str, separates: str = "",
    explains: Sequence[str] = (), rules: Sequence[str] = (),
) -> Callable[[Check], Check]:  # fmt: skip
    """Register a cause; raises ValueError where its code is taken or its docstring lacks a section."""
    code = f"CAU{number}"
    if any(known.code == code or known.name == name for known in CAUSES):
        raise ValueError(f"{code} {name}: the code or the name is taken")

    def register(check: Check) -> Check:
        title, why, fix, seen_in = sections(code, check.__doc__ or "")
        CAUSES.append(
            Cause(
                code, name, link, title, why, fix, seen_in, tuple(symptoms), tuple(explains), tuple(rules), shows,
                separates, check,
            )
        )  # fmt: skip
        return check

    return register


def sections(code: str, docstring: str) -> tuple[str, str, str, str]:
    """Title, why, fix and where it was seen."""
    pattern = r"\s*(.+?)\n\s*\n\s*Why: (.+?)\n\s*Fix: (.+?)\n\s*Seen in: (.+?)\s*"
    found = re.fullmatch(pattern, docstring, re.DOTALL)
    if found is None:
        raise ValueError(f"{code}: the docstring must be a title, an empty line, `Why:`, `Fix:` and `Seen in:`")
    title, why, fix, seen_in = (re.sub(r"\s+", " ", part).strip() for part in found.groups())
    return title, why, fix, seen_in


def proven(*signs: str, places: Sequence[Place] = (), against: Sequence[str] = ()) -> Outcome:
    """Bytes, ids or weights show it."""
    return Outcome(Certainty.PROVEN, signs, tuple(against), places=tuple(places))


def measured(*signs: str, places: Sequence[Place] = (), against: Sequence[str] = ()) -> Outcome:
    """A run showed it."""
    return Outcome(Certainty.MEASURED, signs, tuple(against), places=tuple(places))


def consistent(*signs: str, decides: Sequence[str], against: Sequence[str] = ()) -> Outcome:
    """The symptom fits."""
    return Outcome(Certainty.CONSISTENT, signs, tuple(against), tuple(decides))


def ruled_out(*arguments: str) -> Outcome:
    """By these arguments."""
    return Outcome(Certainty.RULED_OUT, arguments)


def not_checked(*decides: str) -> Outcome:
    """Without these files."""
    return Outcome(Certainty.NOT_CHECKED, decides=decides)


def asked(one: Cause, evidence: Evidence) -> Outcome:
    """What a cause answers. A check that fails over evidence that nobody thought of costs its own answer, no other."""
    try:
        return one.check(evidence)
    except Exception as error:
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"[:MOST_SAID]
        wanted = f"a check that holds: {one.code} {one.name} ended with {said}; that is a bug here, please report it"
        return replace(not_checked(wanted), failed=said)
