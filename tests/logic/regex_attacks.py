"""Texts that a regular expression may be slow on, made of what it looks for itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from re import _constants as c  # type: ignore[attr-defined]  # the parser of `re` has no stubs
from typing import Any

from tests.logic.regex_steps import REPEATS, SINGLE, Counter

EXTRAS = ("\n", " ", "a", "0", ".", "-", "\u3000")
"""Characters that any text has many of."""
MOST_SIGNS, MOST_WORDS, MOST_FILLERS = 14, 5, 5
TAIL = "\x01"
"""Fits next to nothing: what stands before it is matched in vain."""


class Attacks:
    """Texts of about any length that a pattern may be slow on, made of what it looks for itself."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        signs = dict.fromkeys(self._signs(list(counter.tree)))
        self._alphabet = [sign for sign in (*signs, *EXTRAS) if not counter.is_bytes or ord(sign) < 256]
        self._words = [word for word in dict.fromkeys(self._literals(list(counter.tree))) if len(word) > 1]

    def __iter__(self) -> Iterator[Callable[[int], str]]:
        """Each takes about how many characters the text is to have."""
        seen: set[str] = set()
        for text in self._all():
            shown = text(24)
            if shown not in seen:
                seen.add(shown)
                yield text

    def _all(self) -> Iterator[Callable[[int], str]]:
        for before, filler in self._repeats(list(self._counter.tree), "", self._counter.pattern.flags):
            for tail in (TAIL, ""):
                yield _pumped(before, filler, tail)
            yield _pumped("", before + filler, TAIL)
            yield _pumped(filler, before, TAIL)
        for one in [*self._few(self._alphabet, MOST_SIGNS), *self._few(self._words, MOST_WORDS)]:
            yield _pumped("", one, "")
            for filler in ("\n", " ", "a", one[-1:] + " "):
                yield _pumped(one, filler, TAIL)
                yield _pumped("", one + filler, TAIL)

    def _few(self, items: list[str], most: int) -> list[str]:
        return items[:: max(1, -(-len(items) // most))]

    def _repeats(self, parts: list[Any], before: str, flags: int) -> Iterator[tuple[str, str]]:
        """(a text that leads to a repeat, what may fill it)."""
        for code, value in parts:
            if code in REPEATS:
                _, most, inside = value
                if most > MOST_FILLERS:
                    for filler in self._fillers(list(inside), flags):
                        yield before, filler
                yield from self._repeats(list(inside), before, flags)
            elif code is c.SUBPATTERN:
                yield from self._repeats(list(value[3]), before, (flags | value[1]) & ~value[2])
            elif code is c.BRANCH:
                for way in value[1]:
                    yield from self._repeats(list(way), before, flags)
            elif code in (c.ASSERT, c.ASSERT_NOT):
                yield from self._repeats(list(value[1]), before, flags)
            elif code is c.ATOMIC_GROUP:
                yield from self._repeats(list(value), before, flags)
            before += self.example([(code, value)], flags)

    def _fillers(self, inside: list[Any], flags: int) -> Iterator[str]:
        if len(inside) == 1 and inside[0][0] in SINGLE:
            fits = self._counter.allows(*inside[0], flags)
            yield from [sign for sign in self._alphabet if fits(sign)][: 2 * MOST_FILLERS]
        else:
            for way in _ways(inside)[: 2 * MOST_FILLERS]:
                yield from dict.fromkeys(
                    self.example(way, flags, sign) for sign in self._few(self._alphabet, MOST_SIGNS)
                )

    def example(self, parts: list[Any], flags: int, wanted: str = "a") -> str:
        """A short text that the parts match, but for what they assert; of `wanted` where that fits."""
        text = ""
        for code, value in parts:
            if code is c.LITERAL:
                text += chr(value)
            elif code in SINGLE:
                fits = self._counter.allows(code, value, flags)
                text += next((sign for sign in (wanted, "a", *self._alphabet) if fits(sign)), "")
            elif code in REPEATS:
                text += self.example(list(value[2]), flags, wanted) * min(max(value[0], 1 if value[1] > 3 else 0), 40)
            elif code is c.SUBPATTERN:
                text += self.example(list(value[3]), (flags | value[1]) & ~value[2], wanted)
            elif code is c.BRANCH:
                text += self.example(list(value[1][0]), flags, wanted)
            elif code is c.ATOMIC_GROUP:
                text += self.example(list(value), flags, wanted)
        return text

    def _signs(self, parts: list[Any]) -> Iterator[str]:
        """Every literal character, and one or two of each class."""
        for code, value in parts:
            if code in (c.LITERAL, c.NOT_LITERAL):
                yield chr(value)
            elif code is c.RANGE:
                yield chr(value[0])
            elif code is c.CATEGORY:
                yield from {c.CATEGORY_DIGIT: "0", c.CATEGORY_SPACE: " \n", c.CATEGORY_WORD: "a"}.get(value, "!")
            elif code is c.IN:
                yield from self._signs(value)
            else:
                for inside in _insides(code, value):
                    yield from self._signs(inside)

    def _literals(self, parts: list[Any]) -> Iterator[str]:
        word = ""
        for code, value in parts:
            if code is c.LITERAL:
                word += chr(value)
                continue
            yield word
            word = ""
            for inside in _insides(code, value):
                yield from self._literals(inside)
        yield word


def _ways(parts: list[Any]) -> list[list[Any]]:
    """The alternatives, where the parts are nothing else."""
    while len(parts) == 1 and parts[0][0] is c.SUBPATTERN:
        parts = list(parts[0][1][3])
    return [list(way) for way in parts[0][1][1]] if len(parts) == 1 and parts[0][0] is c.BRANCH else [parts]


def _insides(code: Any, value: Any) -> Iterator[list[Any]]:
    if code in REPEATS:
        yield list(value[2])
    elif code is c.SUBPATTERN:
        yield list(value[3])
    elif code is c.BRANCH:
        yield from map(list, value[1])
    elif code in (c.ASSERT, c.ASSERT_NOT):
        yield list(value[1])
    elif code is c.ATOMIC_GROUP:
        yield list(value)


def _pumped(before: str, filler: str, after: str) -> Callable[[int], str]:
    return lambda size: before + filler * max(1, size // max(1, len(filler))) + after
