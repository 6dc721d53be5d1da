"""How much of a text stands in others: what one has of another, however much longer one of the two is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jobs.logic.rows import near
from jobs.logic.rows.near import Hashes

LEAST_GRAMS = 40
"""Of a text: a shorter one is a phrase that many texts have."""
CROWD = 64
"""Texts that have a gram from which on it tells none of them: it is then left out of all."""


class Held(NamedTuple):
    """The text that has most of another, by its number, and the share of the shorter one's grams that both have."""

    number: int
    share: float


class Containment:
    """Texts by their 5-grams of characters, without those in `common`."""

    def __init__(self, texts: Sequence[str], common: Hashes) -> None:
        grams = [near.without(own, common) for own in near.grams_of(texts)]
        everything = np.sort(np.concatenate([np.zeros(0, np.uint64), *grams]))
        frequent = near.distinct(everything[CROWD:][everything[CROWD:] == everything[:-CROWD]])
        self._common = np.union1d(common, frequent)
        grams = [own[~np.isin(own, frequent)] for own in grams]
        self._sizes = np.fromiter(map(len, grams), np.int64, len(grams))
        kept = [number for number, own in enumerate(grams) if len(own) >= LEAST_GRAMS]
        hashes = np.concatenate([np.zeros(0, np.uint64), *(grams[number] for number in kept)])
        owners = np.repeat(np.asarray(kept, np.int64), self._sizes[kept])
        order = np.argsort(hashes, kind="stable")
        self._hashes, self._owners = hashes[order], owners[order]

    def most(self, text: str) -> Held | None:
        """The text that shares most with this one; None where none does, or either is too short to tell."""
        own = near.grams(text)
        own = own[~np.isin(own, self._common)]
        if len(own) < LEAST_GRAMS or not len(self._hashes):
            return None
        begins = np.searchsorted(self._hashes, own)
        sizes = np.searchsorted(self._hashes, own, side="right") - begins
        before = np.repeat(np.cumsum(sizes) - sizes, sizes)
        owners = self._owners[np.repeat(begins, sizes) + np.arange(int(sizes.sum())) - before]
        if not len(owners):
            return None
        numbers, counts = np.unique(owners, return_counts=True)
        shares = counts / np.minimum(len(own), self._sizes[numbers])
        best = int(np.argmax(shares))
        return Held(int(numbers[best]), float(shares[best]))
