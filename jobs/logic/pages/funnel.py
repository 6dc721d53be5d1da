"""From rows read to rows kept: what was dropped, in groups, and the same as lines for a terminal.

`facts` are those of `prepare`, as plain data.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from jobs.logic.pages.amounts import by_count, part
from jobs.logic.rows.reasons import (
    BAD_REASONS,
    BETWEEN_SIDES,
    DUPLICATE,
    IN_EVALUATION,
    LEFT_OUT,
    NEAR_DUPLICATE,
    REASONS,
)
from jobs.logic.text.seen import seen

Facts = Mapping[str, Any]
DEPARTURES = ("odd-form", "other-language", "wrong-length")
"""The words for rows that went because the rest of the set is otherwise."""
GROUPS = {
    "not a conversation": BAD_REASONS,
    "left out as marked": LEFT_OUT,
    "unfit": REASONS,
    "departs from the set": DEPARTURES,
    "duplicate": (DUPLICATE, NEAR_DUPLICATE),
    "in evaluation": (IN_EVALUATION,),
    "between the sides": (BETWEEN_SIDES,),
}
"""Group to the reasons in it, in the order in which rows are dropped; a reason belongs to the first that has it."""
ELSE = "other"
"""The group of a reason that no group has."""
MAX_FILES = 6
MIN_LABEL, MAX_LABEL, MIN_BAR = 8, 30, 12
"""Columns."""
GAP = "  "
MARKS, PLAIN_MARKS = "█░", "#-"
"""Of a line and of its parts."""
THIN = "▏"
"""There are rows, too few for a mark."""


@dataclass(frozen=True)
class Group:
    """Rows dropped for reasons of one kind."""

    label: str
    count: int
    reasons: list[tuple[str, int]]
    """(reason, rows), the most first."""


def groups(dropped: Mapping[str, int]) -> list[Group]:
    """The dropped rows by group, in the order of GROUPS; nothing of a group or a reason without rows."""
    found: dict[str, dict[str, int]] = {label: {} for label in (*GROUPS, ELSE)}
    for reason, count in dropped.items():
        found[group_of(reason)][reason] = count
    ranked = [(label, by_count(counts)) for label, counts in found.items()]
    return [Group(label, sum(count for _, count in reasons), reasons) for label, reasons in ranked if reasons]


def group_of(reason: str) -> str:
    """The label of a reason's group."""
    return next((label for label, reasons in GROUPS.items() if reason in reasons), ELSE)


@dataclass(frozen=True)
class Step:
    """One line of the funnel: `count` rows that begin behind `before` others on the scale of the rows read."""

    label: str
    count: int
    before: int
    inner: bool = False
    """Whether it is a part of a line above it."""


def steps(facts: Facts) -> Iterator[Step]:
    """Rows read, then a staircase: each group takes its rows off the end of what is left, and what is left is kept."""
    left = facts["num_read"]
    yield Step("rows read", left, 0)
    yield from _parts(_files(facts["files"]), 0)
    for group in groups(facts["dropped"]):
        left -= group.count
        yield Step(f"- {group.label}", group.count, left)
        if len(GROUPS.get(group.label, ())) != 1:
            yield from _parts(group.reasons, left)
    kept = [("train", facts["num_train"]), ("validation", facts["num_val"])]
    yield Step("rows kept", sum(count for _, count in kept), 0)
    yield from _parts(kept, 0)


def _files(files: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Rows of each file where there are several, those with the most first."""
    if len(files) < 2:
        return []
    ranked = sorted(((file["label"], file["num_rows"]) for file in files), key=lambda item: (-item[1], item[0]))
    rest = [count for _, count in ranked[MAX_FILES:]]
    return ranked[:MAX_FILES] + ([(f"{len(rest)} more files", sum(rest))] if rest else [])


def _parts(counts: Sequence[tuple[str, int]], before: int) -> Iterator[Step]:
    """Each from where the line above begins, so that they compare."""
    return (Step(label, count, before, inner=True) for label, count in counts)


def lines(facts: Facts, columns: int, plain: bool) -> list[str]:
    """The funnel in at most `columns` columns: label, rows, share of the rows read, bar; `plain`: ASCII only.

    Where there is no room for bars the labels have it.
    """
    read, found = facts["num_read"], list(steps(facts))
    labels = [_label(step, plain) for step in found]
    counts = _right([f"{step.count:,}" for step in found])
    shares = _right([part(step.count, read) for step in found])
    room = columns - len(counts[0]) - len(shares[0]) - 2 * len(GAP)
    names = min(max(map(width, labels)), MAX_LABEL)
    bar = room - names - len(GAP)
    if bar < MIN_BAR:
        names, bar = min(names, max(room, MIN_LABEL)), 0
    cells = zip((fitted(label, names, plain) for label in labels), counts, shares, strict=True)
    return [GAP.join([*cell, _bar(step, read, bar, plain)]).rstrip() for step, cell in zip(found, cells, strict=True)]


def _right(numbers: Sequence[str]) -> list[str]:
    longest = max(map(len, numbers))
    return [number.rjust(longest) for number in numbers]


def _label(step: Step, plain: bool) -> str:
    text = seen(" ".join(step.label.split()))
    text = text.encode("ascii", "backslashreplace").decode() if plain else text
    return f"    {text}" if step.inner else text


def _bar(step: Step, read: int, columns: int, plain: bool) -> str:
    """Where the rows lie on the scale of all that were read; at least a thin mark where there are any."""
    if not columns or not step.count or not read:
        return ""
    first, last = (round(min(max(count / read, 0), 1) * columns) for count in (step.before, step.before + step.count))
    mark = PLAIN_MARKS[step.inner] if plain else MARKS[step.inner]
    return " " * min(first, columns - 1) + (mark * (last - first) or (mark if plain else THIN))


def width(text: str) -> int:
    """Columns that a terminal gives the text: two to wide characters, none to marks that join the one before."""
    return sum(map(_width, text))


def _width(letter: str) -> int:
    if unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def fitted(text: str, columns: int, plain: bool) -> str:
    """The text in exactly `columns` columns; what is too long loses its middle, for files of a folder end unalike."""
    if width(text) > columns:
        ellipsis = "..." if plain else "…"
        room = columns - len(ellipsis)
        end = _taken(text[::-1], room * 2 // 3)[::-1]
        text = _taken(text, room - width(end)) + ellipsis + end
    return text + " " * (columns - width(text))


def _taken(text: str, columns: int) -> str:
    """As much of the beginning as `columns` hold."""
    return text[: sum(end <= columns for end in accumulate(map(_width, text)))]
