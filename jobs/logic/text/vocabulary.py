"""Words that are looked for in a request, many at once: what is literal by substring search, the rest by one pattern.

A pattern of a hundred alternatives is tried at every character; a hundred literals are found a hundred times as fast.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

META = frozenset("\\[](){}?*+.^$|")
OPTIONAL = re.compile(r"([a-z0-9 ])\?")
OPEN_ENDED = re.compile(r"\\w[*+]\Z")
"""Behind the beginning of words that may go on."""


class Vocabulary:
    """What asks for one kind of thing."""

    def __init__(self, latin: str, *alternatives: str) -> None:
        """`latin`: words on their own, also where Japanese follows at once; `alternatives`: patterns of anything."""
        self.words: list[str] = []
        self.beginnings: list[str] = []
        self.literals: list[str] = []
        words = [left for one in _parted(latin) for left in self._left_of_word(one)]
        patterns = [left for given in alternatives for one in _parted(given) for left in self._left_of_text(one)]
        if words:
            patterns.insert(0, rf"(?<![a-z])(?:{'|'.join(words)})(?![a-z])")
        self.pattern = re.compile("|".join(patterns), re.IGNORECASE) if patterns else None

    def is_in(self, text: str) -> bool:
        """Whether something of it is in the text."""
        return next(self.found(text), None) is not None

    def found(self, text: str) -> Iterator[str]:
        """What of it is in the text, in lower case."""
        lowered = text.lower()
        yield from (one for one in self.literals if one in lowered)
        yield from (word for word in self.words if word in lowered and _stands(word, lowered, whole=True))
        yield from (word for word in self.beginnings if word in lowered and _stands(word, lowered, whole=False))
        if self.pattern is not None:
            yield from (piece[0].lower() for piece in self.pattern.finditer(text))

    def _left_of_word(self, word: str) -> Iterator[str]:
        """The word, unless it is one that is looked for without a pattern."""
        if word and not META & set(word):
            self.words.append(word)
        elif not META & set(begins := OPEN_ENDED.sub("", word)):
            self.beginnings.append(begins)
        elif not META & set(OPTIONAL.sub("", word)):
            pieces = OPTIONAL.split(word)
            choices = [(piece,) if place % 2 == 0 else (piece, "") for place, piece in enumerate(pieces)]
            self.words += ["".join(chosen) for chosen in product(*choices)]
        else:
            yield word

    def _left_of_text(self, text: str) -> Iterator[str]:
        if text and not META & set(text):
            self.literals.append(text.lower())
        else:
            yield text


def _parted(alternatives: str) -> list[str]:
    """The alternatives of a pattern that are in none of its brackets."""
    parts, depth, start, place = [], 0, 0, 0
    while place < len(alternatives):
        sign = alternatives[place]
        if sign == "\\":
            place += 1
        elif sign in "([":
            depth += 1
        elif sign in ")]":
            depth -= 1
        elif sign == "|" and not depth:
            parts.append(alternatives[start:place])
            start = place + 1
        place += 1
    return [*parts, alternatives[start:]] if alternatives else []


def _stands(word: str, text: str, whole: bool) -> bool:
    """Whether it stands in the text as a word, or as the beginning of one; both in lower case."""
    place = text.find(word)
    while place >= 0:
        behind = text[place + len(word) : place + len(word) + 1]
        is_begun = not (place and "a" <= text[place - 1] <= "z")
        if is_begun and not (whole and "a" <= behind <= "z"):
            return True
        place = text.find(word, place + 1)
    return False
