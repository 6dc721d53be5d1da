"""Texts that a model is asked with: files of words with named slots, and a fence around what is not ours.

A slot is `{name}`. It is filled once: what is put in may hold braces, and they mean nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

SLOT = re.compile(r"\{([a-z_]{1,40})\}")
MARK_LETTERS = 8
"""Hexadecimal ones of a fence's mark."""


class Unusable(ValueError):
    """A prompt, or a rubric, that cannot be used: one line that names file and slot or key."""


class Prompts:
    """The texts of one language, each by its name."""

    def __init__(self, texts: Mapping[str, str], slots: Mapping[str, frozenset[str]], place: str) -> None:
        """`texts` by name; `slots` are those that each text must have; `place` is where the files are, for a person.

        Raises Unusable where a text is missing, or has other slots than it must.
        """
        self._texts = {name: text.strip("\n") for name, text in texts.items()}
        self._slots = slots
        self.place = place
        for name in sorted({*slots, *texts}):
            self._check(name)

    def text(self, name: str, **filled: str) -> str:
        """A text with its slots filled."""
        if set(filled) != self._slots[name]:
            raise KeyError(f"{name} is filled with {sorted(filled)}, and has {sorted(self._slots[name])}")
        return SLOT.sub(lambda slot: filled[slot[1]], self._texts[name])

    def own_words(self) -> str:
        """All texts without their slots: what a model that copies its prompt says."""
        return "\n".join(SLOT.sub("\n", self._texts[name]) for name in sorted(self._texts))

    def digest(self) -> str:
        """Of all texts; sha256."""
        said = "\0".join(f"{name}\0{self._texts[name]}" for name in sorted(self._texts))
        return hashlib.sha256(said.encode()).hexdigest()

    def _check(self, name: str) -> None:
        file = f"{self.place}/{name}.txt"
        if name not in self._slots:
            raise Unusable(f"{file}: no prompt of this name is asked for, expected one of {_listed(self._slots)}")
        if not self._texts.get(name, "").strip():
            raise Unusable(f"{file}: missing or empty, expected a text with {_listed(self._slots[name]) or 'no slot'}")
        found = set(SLOT.findall(self._texts[name]))
        missing, unknown = self._slots[name] - found, found - self._slots[name]
        if missing:
            raise Unusable(f"{file}: slot {_listed(missing)} is missing, write it where its text is to stand")
        if unknown:
            known = _listed(self._slots[name]) or "none"
            raise Unusable(f"{file}: unknown slot {_listed(unknown)}, the slots of this file are {known}")


def fenced(text: str) -> str:
    """The text between two lines with a mark that it does not hold, so that nothing in it can end it."""
    number = 0
    while True:
        mark = hashlib.sha256(f"{number}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()[:MARK_LETTERS]
        if mark not in text:
            return f"<<{mark}\n{text}\n{mark}>>"
        number += 1


def _listed(names: Mapping[str, object] | frozenset[str] | set[str]) -> str:
    return ", ".join(f"{{{name}}}" if not isinstance(names, Mapping) else name for name in sorted(names))
