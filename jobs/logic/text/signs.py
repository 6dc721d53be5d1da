"""Which kinds of signs the texts of a block have: one pass over all of them, so that most need no closer look."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jobs.logic.text import markup, mojibake, plane

NOTABLE, TOKEN, DRESS, DIGIT, VISIBLE, AT, BETWEEN = (1 << place for place in range(7))
"""Bits: what mojibake and invisible characters have; control tokens and tags; other forms of tags; digits, also
full-width; ASCII that takes room; @; what may stand between the digits of a number."""
CLASSES = {
    NOTABLE: re.compile(f"{mojibake.ODD.pattern[:-1]}{markup.TAKES_NO_ROOM.pattern[1:]}"),
    TOKEN: markup.CONTROL_SIGN,
    DRESS: markup.DRESS_SIGN,
    DIGIT: re.compile("[0-9０-９]"),
    VISIBLE: re.compile("[!-~]"),
    AT: re.compile("[@＠]"),
    BETWEEN: re.compile("[ .()\u3000．（）－ー―−‐‑‒–—-]"),
}


class Block(NamedTuple):
    """Texts side by side."""

    joined: str
    """All of them, each with U+0000 behind it."""
    starts: NDArray[np.int64]
    """[texts] Where each begins."""
    signs: NDArray[np.uint8]
    """[characters] The bits of each."""

    def places(self, bit: int) -> NDArray[np.int64]:
        """Indices of `joined` where a sign has the bit."""
        return np.flatnonzero((self.signs & np.uint8(bit)) != 0)

    def of_each(self) -> NDArray[np.uint8]:
        """[texts] The bits of all characters of each text."""
        return np.bitwise_or.reduceat(self.signs, self.starts) if len(self.starts) else self.signs

    def marked(self, places: NDArray[np.int64]) -> NDArray[np.bool_]:
        """[texts] Whether one of the places, indices of `joined`, is in the text."""
        found = np.zeros(len(self.starts), np.bool_)
        found[np.searchsorted(self.starts, places, side="right") - 1] = True
        return found


def block(texts: Sequence[str]) -> Block:
    """The texts and their signs."""
    joined = "\0".join([*texts, ""])
    points = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.dtype("<u4"))
    ends = np.cumsum([len(text) + 1 for text in texts], dtype=np.int64)
    return Block(joined, np.concatenate((np.zeros(1, np.int64), ends))[:-1], _bits_of_codes().take(points, mode="clip"))


@cache
def _bits_of_codes() -> NDArray[np.uint8]:
    """By code point; the last stands for all that come after it, where emoji and tag characters are."""
    bits = np.zeros(plane.NUM_BASIC, np.uint8)
    for bit, pattern in CLASSES.items():
        bits[list(map(ord, pattern.findall(plane.first(plane.NUM_BASIC))))] |= np.uint8(bit)
    bits[-1] |= np.uint8(NOTABLE)
    return bits
