"""Rows that may be nearly the same as ones that came before, where rows come a few at a time.

What `near.candidates` finds in a set as a whole, this finds for new rows alone: those that are in it are never sketched
or sorted again. Unlike there, all texts of one bucket are compared by their marks, however many they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np

from jobs.logic.rows.near import CHUNK, Hashes, Ints, Sketches, distinct, fewest_marks


class Likely(NamedTuple):
    """Texts of an index that may be like a new one: those with which it agrees most first, then the earlier ones."""

    numbers: Ints
    """Their places in the order in which they were added."""
    agreeing: Ints
    """Marks in which each agrees with the new one."""


class NearIndex:
    """Sketches that are added and searched in turn.

    They lie in levels, each sorted once; a level that has grown to the size of the one before it is joined with it, so
    that a text is sorted again only as often as the number of texts doubles.
    """

    def __init__(self, threshold: float) -> None:
        self._fewest = fewest_marks(threshold)
        self._levels: list[_Level] = []
        self._num = 0

    def __len__(self) -> int:
        return self._num

    def add(self, found: Sketches) -> None:
        """Texts that later ones are compared with."""
        if not len(found):
            return
        self._levels.append(_Level.of(found, self._num))
        self._num += len(found)
        while len(self._levels) > 1 and len(self._levels[-1].sketches) >= len(self._levels[-2].sketches):
            last, before = self._levels.pop(), self._levels.pop()
            self._levels.append(_Level.of(np.concatenate((before.sketches, last.sketches)), before.first))

    def like(self, own: Sketches) -> list[Likely]:
        """For each of some texts those of the index that may be at least as alike to it as the threshold."""
        found: list[list[Likely]] = [[] for _ in range(len(own))]
        for level in self._levels:
            for row, likely in level.like(own, self._fewest):
                found[row].append(likely)
        return [_ranked(parts) for parts in found]


def _ranked(parts: Sequence[Likely]) -> Likely:
    """All of them in the order of one."""
    numbers = np.concatenate([np.zeros(0, np.int64), *(part.numbers for part in parts)])
    agreeing = np.concatenate([np.zeros(0, np.int64), *(part.agreeing for part in parts)])
    order = np.lexsort((numbers, -agreeing))
    return Likely(numbers[order], agreeing[order])


class _Level(NamedTuple):
    """Texts that were sorted together; [bands, texts] each but for the first two."""

    first: int
    """The number of the first."""
    sketches: Sketches
    order: Ints
    hashes: Hashes
    """Of each band, sorted."""

    @classmethod
    def of(cls, sketches: Sketches, first: int) -> Self:
        bands = np.ascontiguousarray(sketches["bands"].T)
        order = np.argsort(bands, axis=1, kind="stable")
        return cls(first, sketches, order, np.take_along_axis(bands, order, axis=1))

    def like(self, own: Sketches, fewest: int) -> list[tuple[int, Likely]]:
        """Places in `own` that have some, with those."""
        bands = range(len(self.hashes))
        begins = np.stack([np.searchsorted(self.hashes[band], own["bands"][:, band]) for band in bands])
        ends = np.stack([np.searchsorted(self.hashes[band], own["bands"][:, band], side="right") for band in bands])
        found = []
        for row in np.flatnonzero((begins < ends).any(axis=0)).tolist():
            ranges = zip(bands, begins[:, row].tolist(), ends[:, row].tolist(), strict=True)
            numbers = distinct(np.concatenate([self.order[band, begin:end] for band, begin, end in ranges]))
            agreeing = self._agreeing(numbers, own["marks"][row])
            kept = agreeing >= fewest
            if kept.any():
                found.append((row, Likely(self.first + numbers[kept], agreeing[kept])))
        return found

    def _agreeing(self, numbers: Ints, marks: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> Ints:
        pieces = [numbers[start : start + CHUNK] for start in range(0, len(numbers), CHUNK)]
        counts = [np.count_nonzero(self.sketches["marks"][piece] == marks, axis=1) for piece in pieces]
        return np.concatenate([np.zeros(0, np.int64), *counts])
