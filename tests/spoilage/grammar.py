"""Text from patterns: `(a|b)` is a choice, `{slot}` a word of the list of that name. Same state, same text."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

FOLDER = Path(__file__).parent
CHOICE = re.compile(r"\(([^()|]*(?:\|[^()|]*)+)\)")
SLOT = re.compile(r"\{(\w+)\}")
RANGES = {"number": (2, 60), "percent": (3, 97), "year": (1880, 2024), "price": (120, 9800), "hour": (1, 12)}
ARTICLE = re.compile(r"\b([Aa]) (?=[aeio])")
STEADY = ("thing", "town", "person", "year", "aspect")
"""Slots that keep their word throughout a row."""


@cache
def vocabulary(name: str) -> Mapping[str, Any]:
    """The tables of `<name>.toml`."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


class Scene:
    """What one row is about: some slots are settled when first used, the others drawn anew each time."""

    def __init__(self, words: Mapping[str, Sequence[str]], thing: str, rng: Random) -> None:
        self.words, self.rng = words, rng
        self.settled = {"thing": thing}

    def fill(self, pattern: str) -> str:
        """`pattern` with its choices made and its slots filled."""
        chosen = CHOICE.sub(lambda match: self.rng.choice(match[1].split("|")), pattern)
        return ARTICLE.sub(r"\1n ", SLOT.sub(lambda match: self._word(match[1]), chosen))

    def _word(self, slot: str) -> str:
        name = slot.lower()
        if name not in self.settled:
            word = self._drawn(name.rstrip("2"))
            if name not in STEADY:
                return capital(word) if slot[0].isupper() else word
            self.settled[name] = word
        word = self.settled[name]
        return capital(word) if slot[0].isupper() else word

    def _drawn(self, name: str) -> str:
        if name in RANGES:
            return str(self.rng.randint(*RANGES[name]))
        return self.rng.choice(self.words[name])


def capital(text: str) -> str:
    """`text` with a capital in front."""
    return text[:1].upper() + text[1:]
