"""The strings that a chat template puts around texts, found by rendering a conversation with marks in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

MARKS = ("mark-of-system", "mark-of-user", "mark-of-answer")
CONVERSATION = tuple(
    {"role": role, "content": mark} for role, mark in zip(("system", "user", "assistant"), MARKS, strict=True)
)

NAMES = ("before the system text", "before the user's text", "before the answer", "after the answer")
"""In the order of a row."""


class Delimiter(NamedTuple):
    """One place of a row: what the template puts there, and what ChatML as we lay it out has there."""

    name: str
    found: str | None
    ours: str | None

    @property
    def matches(self) -> bool:
        return self.found is not None and self.found == self.ours

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """A row of a table for people: where, the template's, ours, the verdict."""
        theirs, ours = ("not found" if one is None else one.replace("\n", "⏎") for one in (self.found, self.ours))
        return self.name, theirs, ours, "pass" if self.matches else "fail"


def around_marks(text: str) -> dict[str, str | None]:
    """What stands before, between and after the marks; None where a mark is missing or out of order."""
    places = [text.find(mark) for mark in MARKS]
    if -1 in places or places != sorted(places):
        return dict.fromkeys(NAMES)
    ends = [place + len(mark) for place, mark in zip(places, MARKS, strict=True)]
    starts = [0, *ends]
    stops = [*places, len(text)]
    return {name: text[start:stop] for name, start, stop in zip(NAMES, starts, stops, strict=True)}


def compared(found: str, ours: str, prompts: Mapping[str, str]) -> list[Delimiter]:
    """Delimiters of a template's text against ours. `prompts` are its generation prompts by name: of each, what
    follows the user's text, which must be how our row goes on there."""
    theirs, own = around_marks(found), around_marks(ours)
    row = ours.partition(MARKS[1])[2]
    until_answer = row.partition(MARKS[2])[0]
    asked = {name: prompt.partition(MARKS[1])[2] for name, prompt in prompts.items()}
    return [
        *(Delimiter(name, theirs[name], own[name]) for name in NAMES),
        *(Delimiter(name, tail, tail if row.startswith(tail) else until_answer) for name, tail in asked.items()),
    ]
