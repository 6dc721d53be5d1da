"""ROUGE-L of a text to many others: a candidate stays only where it is below the limit to all of them.

F1 of the longest common subsequence (Lin 2004), in characters for languages without spaces and in words elsewhere:
2 x LCS / (len(a) + len(b)), which is one less the normalised indel distance that rapidfuzz computes bit-parallel. Two
bounds leave most texts unasked and change no result: the lengths, and how many units of each kind both have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import Indel

WORD = re.compile(r"\w+")
SPACELESS = re.compile(r"[぀-ヿ㐀-鿿豈-﫿ｦ-ﾟ฀-๿]")
"""Letters of languages that write no spaces: Japanese, Chinese, Thai."""
SPACELESS_SHARE = 0.2
"""Of all letters; names and code in a Japanese text are Latin."""
BUCKETS = 256
MOST_COUNTED = 0xFFFF
"""Units of a kind; of two texts that may have more the bag says too little, and they are compared."""
ROUNDING = 1e-9
"""Less than two fractions of texts' lengths can differ by."""
FIRST_CODE, SURROGATES = 0x100, range(0xD800, 0xE000)
UNKNOWN = "\x01"
"""Stands for words that none of the texts has: they are in no common subsequence."""


class Nearest(NamedTuple):
    """The most alike text."""

    place: int
    similarity: float


def counts_characters(texts: Iterable[str]) -> bool:
    """Whether texts are compared by characters and not by words."""
    joined = "".join(text[:1000] for text in texts)
    letters = sum(map(str.isalpha, joined))
    return len(SPACELESS.findall(joined)) > SPACELESS_SHARE * letters


def units(text: str, by_characters: bool) -> list[str]:
    """What a text is counted in: its characters without spaces, or its words in small letters."""
    return list("".join(text.split())) if by_characters else WORD.findall(text.lower())


class Texts:
    """Texts that others are compared with."""

    def __init__(self, texts: Iterable[str], by_characters: bool) -> None:
        self.by_characters = by_characters
        self._codes: dict[str, str] = {}
        self._texts: list[str] = []
        self._bags = np.zeros((64, BUCKETS), np.uint16)
        self._sizes = np.zeros(64, np.int64)
        for text in texts:
            self.add(text)

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, text: str) -> None:
        """Those that come later are compared with it too."""
        self._learn(text)
        encoded = self._encoded(text)
        if len(self._texts) == len(self._bags):
            self._bags = np.concatenate((self._bags, np.zeros_like(self._bags)))
            self._sizes = np.concatenate((self._sizes, np.zeros_like(self._sizes)))
        self._bags[len(self._texts)], self._sizes[len(self._texts)] = _bag(encoded), len(encoded)
        self._texts.append(encoded)

    def nearest(self, text: str, least: float = 0.0, apart_from: int | None = None) -> Nearest | None:
        """The text that is most alike, the first of several; None where none is at `least` or above.

        `apart_from`: the place of a text that does not count.
        """
        encoded = self._encoded(text)
        places = self._possible(encoded, least)
        places = places if apart_from is None else places[places != apart_from]
        if not len(places):
            return None
        asked = [self._texts[place] for place in places.tolist()]
        found = process.extractOne(
            encoded, asked, scorer=Indel.normalized_similarity, processor=None, score_cutoff=max(0.0, least - ROUNDING)
        )
        return Nearest(int(places[found[2]]), float(found[1])) if found else None

    def _possible(self, encoded: str, least: float) -> NDArray[np.int64]:
        """Places of texts that may be at `least`: no more in common than both bags have."""
        if least <= 0:
            return np.arange(len(self._texts))
        sizes = self._sizes[: len(self._texts)]
        enough = (least - ROUNDING) * (sizes + len(encoded))
        places = np.flatnonzero(2 * np.minimum(sizes, len(encoded)) >= enough)
        shared = np.minimum(self._bags[places], _bag(encoded)).sum(axis=1, dtype=np.int64)
        uncounted = (sizes[places] > MOST_COUNTED) & (len(encoded) > MOST_COUNTED)
        return np.asarray(places[(2 * shared >= enough[places]) | uncounted])

    def _encoded(self, text: str) -> str:
        """One character a unit."""
        if self.by_characters:
            return "".join(text.split())
        return "".join([self._codes.get(word, UNKNOWN) for word in units(text, False)])

    def _learn(self, text: str) -> None:
        for word in [] if self.by_characters else units(text, False):
            if word not in self._codes:
                number = FIRST_CODE + len(self._codes)
                self._codes[word] = chr(number + (len(SURROGATES) if number >= SURROGATES.start else 0))


def rouge_l(a: str, b: str, by_characters: bool) -> float:
    """ROUGE-L F1 of two texts; 1 for two empty ones."""
    return Indel.normalized_similarity(units(a, by_characters), units(b, by_characters))


def distances(texts: Sequence[str], among: Texts) -> list[float]:
    """One less the similarity to the nearest of `among`, for each text; 1 where there is none."""
    found = [among.nearest(text) for text in texts]
    return [1 - nearest.similarity if nearest else 1.0 for nearest in found]


def _bag(encoded: str) -> NDArray[np.uint16]:
    """How many units of each kind, as far as they are counted: half a KiB a text."""
    codes = np.frombuffer(encoded.encode("utf-32-le", "surrogatepass"), np.uint32)
    return np.minimum(np.bincount(codes % BUCKETS, minlength=BUCKETS), MOST_COUNTED).astype(np.uint16)
