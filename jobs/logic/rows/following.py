"""Whether two answers differ by what their prompts differ in: then another question was asked, on one shared text."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from math import ceil

WORD = re.compile(r"\w+")
LEAST = 2
"""Letters of a word that tells of what was asked."""
STEM, STEMMED = 0.75, 4
"""Of the letters of a word, at its beginning, that another form of it has too, and letters of a word that has forms."""
SLIP = 0.7
"""Two words this much alike (difflib) may be one word with a slip of the pen."""


def follow(prompts: tuple[str, str], answers: tuple[str, str]) -> bool:
    """Whether each answer has a word of its own that stands in what its own prompt has for itself.

    What the prompts share, a passage or a schema, says nothing. A word with a slip of the pen is no word of its own.
    """
    asked, said = _own(*prompts), _own(*answers)
    told = [_told(said[place], asked[place], asked[1 - place]) for place in (0, 1)]
    return bool(told[0] and told[1]) and not any(_is_slip(one, other) for one in told[0] for other in told[1])


def _own(first: str, second: str) -> tuple[set[str], set[str]]:
    """The words that only one of two texts has."""
    one, other = (set(WORD.findall(text)) for text in (first, second))
    return one - other, other - one


def _told(said: set[str], asked: set[str], others: set[str]) -> list[str]:
    """Words of an answer that its prompt's own words hold, and those of the other prompt do not."""
    long = [word for word in said if len(word) >= LEAST]
    return [word for word in long if _is_in(word, asked) and not _is_in(word, others)]


def _is_in(word: str, own: set[str]) -> bool:
    """Whether one of the words holds it, or begins as it does: `shelf` and `shelves`."""
    least = ceil(STEM * len(word))
    return any(word in one or (word.isascii() and len(word) >= STEMMED and one.startswith(word[:least])) for one in own)


def _is_slip(one: str, other: str) -> bool:
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= SLIP
