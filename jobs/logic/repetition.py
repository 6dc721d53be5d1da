"""The same sign or the same phrase over and over, as a model writes it that does not stop.

`logic/behaviour.py` counts what a model said; this looks at every row of a data set, so it must be fast: about a
tenth of a microsecond a character.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

MARKS = "、。,.!?;:・…‥\uff0c\uff0e\uff01\uff1f\uff1b\uff1a\uff61\uff64\uff65"
RULED = re.compile(r"[\s|:+=\-_*~#─━═.・…]+")
"""What tables, rules and forms are drawn with."""
LONGEST_UNIT = 200
"""Characters of a phrase; longer ones are left to the duplicate search."""
ANCHOR = 4
"""Characters that are looked for again, to find a phrase that repeats."""
SHORTEST = 8
"""Characters that repetitions must fill together: `haha` is a word."""


@dataclass(frozen=True)
class RepetitionLimits:
    """How often is too often: the most that may stand in a row."""

    marks: int
    """Of one punctuation mark."""
    characters: int
    """Of any other sign but digits."""
    phrases: int
    """Of a phrase; three are too many where they fill more than half of the text."""


def repeated_character(text: str, limits: RepetitionLimits) -> str | None:
    """The first run of one sign that is longer than allowed; lines that are drawn (-----) and digits are left alone."""
    for found in _runs(limits.marks, limits.characters).finditer(text):
        if not found[0].isdigit() and not _is_drawn(text, found.start(), found.end()):
            return found[0]
    return None


def repeated_phrase(text: str, limits: RepetitionLimits) -> str | None:
    """The first phrase of 2 to 200 characters that stands in a row too often; numbers and rules are left alone."""
    step = 1 if len(text) < 80 else 3
    start = 0
    while start < len(text) - ANCHOR:
        unit, first, end = _run_at(text, start)
        span = end - first
        if unit > 1 and span >= 3 * unit and span >= SHORTEST:
            too_often = span > limits.phrases * unit or 2 * span > len(text)
            if too_often and _is_phrase(text[first : first + unit]):
                return text[first:end]
            start = end - ANCHOR
        start += step
    return None


def _run_at(text: str, start: int) -> tuple[int, int, int]:
    """(unit, first, end) of the periodic run around `start`; unit 0 where there is none of three units."""
    anchor = text[start : start + ANCHOR]
    again = text.find(anchor, start + 1, start + LONGEST_UNIT + ANCHOR)
    while again >= 0:
        unit = again - start
        first, end = start, again + ANCHOR
        while end < len(text) and text[end] == text[end - unit]:
            end += 1
        if end - first >= 2 * unit:
            while first > 0 and text[first - 1] == text[first - 1 + unit]:
                first -= 1
            if end - first >= 3 * unit:
                return unit, first, end
        again = text.find(anchor, again + 1, start + LONGEST_UNIT + ANCHOR)
    return 0, start, start


def _is_phrase(unit: str) -> bool:
    return not any(character.isdigit() for character in unit) and not RULED.fullmatch(unit)


@cache
def _runs(marks: int, characters: int) -> re.Pattern[str]:
    return re.compile(rf"([{re.escape(MARKS)}])\1{{{marks},}}|(\S)\2{{{characters},}}")


def _is_drawn(text: str, start: int, end: int) -> bool:
    """Whether the piece stands on a drawn line of its own, beside lines that say something."""
    stop = text.find("\n", end)
    line = text[text.rfind("\n", 0, start) + 1 : stop if stop >= 0 else len(text)]
    return bool(RULED.fullmatch(line)) and line.strip() != text.strip()
