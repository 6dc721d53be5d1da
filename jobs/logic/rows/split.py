"""Which rows are held out: whole groups, drawn one after the other, so that grown data keeps its held-out rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jobs.logic.rows.keys import Keys, hashed
from jobs.logic.rows.near import Pair


@dataclass(frozen=True)
class SplitOptions:
    """How rows are held out."""

    fraction: float
    """Of the groups."""
    max_rows: int
    """Held-out rows from which on the share of further ones shrinks."""
    by_label: bool
    """Whether each label gives its share."""
    seed: int


class Groups:
    """Rows by index, joined into groups (union-find); the first row of a group stands for it."""

    def __init__(self, num_rows: int) -> None:
        self.parents = list(range(num_rows))

    def first(self, row: int) -> int:
        """The earliest row of the group that `row` is in."""
        while self.parents[row] != row:
            self.parents[row] = self.parents[self.parents[row]]
            row = self.parents[row]
        return row

    def join(self, a: int, b: int) -> int:
        """Put two rows, and what they were joined with, into one group; its first row."""
        low, high = sorted((self.first(a), self.first(b)))
        self.parents[high] = low
        return low


def held_out(keys: Keys, pairs: Iterable[Pair], previous: frozenset[int], options: SplitOptions) -> NDArray[np.bool_]:
    """Whether each row is held out, [rows]. Rows of one source, of one prompt, or near each other go together.

    Goes through the rows in order and draws for each group when its first row comes: rows added behind change nothing
    of what was drawn before, and where a new row joins a held-out group with one that is not, both are held out.
    `previous` has the prompt keys of rows that were held out in an earlier run and stay so.

    Raises ValueError where all rows belong together.
    """
    groups, draws = Groups(len(keys)), _Draws(keys, options)
    before: dict[int, list[int]] = defaultdict(list)
    for pair in pairs:
        before[pair.second].append(pair.first)
    prompts, sources = keys["prompt"].tolist(), keys["source"].tolist()
    by_prompt: dict[int, int] = {}
    by_source: dict[int, int] = {}
    out: dict[int, bool] = {}
    for row, (prompt, source) in enumerate(zip(prompts, sources, strict=True)):
        joined = {*before.get(row, ()), by_prompt.setdefault(prompt, row)}
        if source:
            joined.add(by_source.setdefault(source, row))
        joined.discard(row)
        if joined:
            sides = [out.pop(first) for first in {groups.first(other) for other in joined}]
            is_out = any(sides)
            first = min(groups.join(row, other) for other in joined)
        else:
            is_out, first = draws.draw(row), row
        out[first] = is_out or prompt in previous
    return _balanced(np.asarray([groups.first(row) for row in range(len(keys))], np.int64), out, draws.places)


def places(keys: NDArray[np.uint64], seed: int) -> NDArray[np.float64]:
    """A number from 0 to 1 for each key, that only it and `seed` decide: splitmix64 (Steele, Lea and Flood 2014)."""
    mixed = keys ^ np.uint64(hashed(str(seed)))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((mixed ^ (mixed >> np.uint64(31))) / 2.0**64, np.float64)


class _Draws:
    """Draws one group after the other. Groups with a label are held out so that every label gives its share."""

    def __init__(self, keys: Keys, options: SplitOptions) -> None:
        self.places = places(np.where(keys["source"] > 0, keys["source"], keys["prompt"]), options.seed)
        self.labels: list[int] = keys["label"].tolist() if options.by_label else [0] * len(keys)
        self.options = options
        self.owed: dict[int, float] = defaultdict(float)
        self._drawn: list[float] = self.places.tolist()

    def draw(self, row: int) -> bool:
        """Whether the group that begins with `row` is held out."""
        share = min(self.options.fraction, self.options.max_rows / (row + 1))
        label = self.labels[row]
        if not label:
            return self._drawn[row] < share
        owed = self.owed[label] + share
        is_out = self._drawn[row] < owed
        self.owed[label] = owed - is_out
        return is_out


def _balanced(firsts: NDArray[np.int64], out: dict[int, bool], drawn: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The sides of rows; a group with more than half of them is never held out, and no side is empty."""
    if len(out) < 2:
        raise ValueError(f"the {len(firsts)} rows kept have one source, or one prompt, or are near duplicates")
    groups, sizes = np.unique(firsts, return_counts=True)
    largest = int(groups[np.argmax(sizes)])
    if sizes.max() * 2 > len(firsts):
        out[largest] = False
    if not any(out.values()):
        out[min((group for group in out if group != largest), key=lambda group: (drawn[group], group))] = True
    if all(out.values()):
        out[largest] = False
    sides = np.fromiter((out[group] for group in groups.tolist()), bool, len(groups))
    return np.asarray(sides[np.searchsorted(groups, firsts)], bool)


def by_label(labels: Sequence[str | None], is_out: Sequence[bool]) -> dict[str, list[int]]:
    """Label to [training rows, held-out rows]; rows without a label do not count."""
    found: dict[str, list[int]] = {}
    for label, out in zip(labels, is_out, strict=True):
        if label is not None:
            found.setdefault(label, [0, 0])[out] += 1
    return dict(sorted(found.items()))
