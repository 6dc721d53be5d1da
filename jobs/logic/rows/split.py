"""Which rows are held out: whole groups, drawn one after the other, so that grown data keeps its held-out rows.

What can never be parted is a block: the rows of one source, or without a source those of one prompt. A block that is
like an earlier one, by a near duplicate or a prompt, goes to its side, as long as that leaves the share that was asked
for. Where rows that are alike come to stand on two sides all the same, small groups without a source are held out
together, and of others the fewest rows are left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jobs.logic.rows import cutting
from jobs.logic.rows.keys import Keys, hashed
from jobs.logic.rows.links import Groups, Links, Mask, members
from jobs.logic.rows.near import Pair
from jobs.logic.rows.options import SplitOptions as SplitOptions

SLACK_ROWS, SLACK_SHARE = 3, 0.002
"""Held-out rows too many or too few, and that share of the rows so far, up to which chance decides."""
SMALL_ROWS, SMALL_SHARE = 10, 0.25
"""Rows, and that share of those to be held out, up to which a group is drawn whatever its size."""


class Split(NamedTuple):
    """The sides of rows, and the rows that can be on neither."""

    is_out: Mask
    """Whether each row is held out, [rows]."""
    between: dict[int, tuple[int, float]]
    """Rows to leave out, for each a row of the other side that it is like, and how alike they are."""


def held_out(keys: Keys, pairs: Sequence[Pair], previous: frozenset[int], options: SplitOptions) -> Split:
    """The sides of rows, so that rows of one source, of one prompt, or near each other are on one side.

    Goes through the rows in order and draws for a block when its first row comes: rows added behind change nothing of
    what was drawn before, unless they join a small group with a held-out one, or make a group too large to be held out.
    `previous` has the prompt keys of rows
    that were held out in an earlier run and stay so.

    Raises ValueError where all rows belong together.
    """
    links, stays = Links.of(keys, pairs), _stays(keys, previous)
    draws = _Draws(keys, links, options)
    draws.settled |= dict.fromkeys(links.blocks[stays].tolist(), True)
    for row in range(len(keys)):
        draws.draw(row)
    sides = _with_two_sides(draws.sides(), links, draws.places)
    between = cutting.between(links, sides, stays, draws.least_out())
    kept = np.delete(sides, list(between))
    if kept.all() or not kept.any():
        raise ValueError(f"the {len(keys)} rows kept have one source, or one prompt, or are near duplicates")
    return Split(sides, between)


def between(keys: Keys, pairs: Sequence[Pair], previous: frozenset[int], sides: Mask) -> dict[int, tuple[int, float]]:
    """The rows to leave out, as in `Split`, where rows have these `sides`, [rows]."""
    return cutting.between(Links.of(keys, pairs), sides, _stays(keys, previous), least_out=0)


def places(keys: NDArray[np.uint64], seed: int) -> NDArray[np.float64]:
    """A number from 0 to 1 for each key, that only it and `seed` decide: splitmix64 (Steele, Lea and Flood 2014)."""
    mixed = keys ^ np.uint64(hashed(str(seed)))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((mixed ^ (mixed >> np.uint64(31))) / 2.0**64, np.float64)


def _stays(keys: Keys, previous: frozenset[int]) -> Mask:
    """Whether each row, [rows], was held out before."""
    return np.asarray(np.isin(keys["prompt"], list(previous)) if previous else np.zeros(len(keys), bool))


@dataclass
class _Owed:
    """What of the rows and blocks that came should be held out and is not; less than 0: too much is."""

    rows: float = 0.0
    blocks: float = 0.0
    num_rows: int = 0
    num_blocks: int = 0

    def slack(self) -> float:
        """Rows that may be owed."""
        return max(SLACK_ROWS, SLACK_SHARE * self.num_rows)

    def is_due(self, place: float, share: float) -> bool:
        """Whether the next block is held out: by chance, unless rows or blocks are much too few or too many."""
        if abs(self.rows) > 2 * self.slack():
            return self.rows > 0
        blocks = self.blocks + share
        return blocks > 0 if abs(blocks) > max(1.0, SLACK_SHARE * self.num_blocks) else place < share


class _Draws:
    """Draws one block after the other. Blocks with a label are held out so that every label gives its share."""

    def __init__(self, keys: Keys, links: Links, options: SplitOptions) -> None:
        num = len(keys)
        self.places = places(np.where(links.has_source, keys["source"], keys["prompt"]), options.seed)
        self.settled: dict[int, bool] = {}
        """Blocks that are not drawn."""
        self._blocks: list[int] = links.blocks.tolist()
        self._labels: list[int] = keys["label"].tolist() if options.by_label else [0] * num
        self._shares: list[float] = np.minimum(options.fraction, options.max_rows / np.arange(1, num + 1)).tolist()
        self._drawn: list[float] = self.places.tolist()
        self._has_source: list[bool] = links.has_source.tolist()
        self._before = links.before()
        self._out: dict[int, bool] = {}
        self._counts = [0] * num
        """Rows so far of the groups without a source, by their first block."""
        self._joined = Groups()
        self._all, self._owed = _Owed(), defaultdict[int, float](float)
        """Of all, and the blocks of each label that are owed."""
        self._sizes: list[int] = np.bincount(links.blocks, minlength=num).tolist()
        self._groups = self._large(links, round(sum(self._shares)))

    def draw(self, row: int) -> None:
        """The next row: the side of its block, if this is the first of it."""
        block, share, everything = self._blocks[row], self._shares[row], self._all
        linked = {self._blocks[other] for other in self._before.get(row, ())}
        everything.num_rows += 1
        if block not in self._out:
            is_out = self._out[block] = self._side(row, block, [self._is_out(other) for other in linked])
            everything.num_blocks += 1
            everything.blocks += share - is_out
            self._owed[self._labels[row]] += share - is_out
        if not self._has_source[row]:
            self._join(block, {other for other in linked if not self._has_source[other]})
        is_out = self._is_out(block)
        if all(self._is_out(other) == is_out for other in linked):  # or it will be left out
            everything.rows += share - is_out

    def sides(self) -> Mask:
        """Whether the block of each row is held out, [rows]."""
        return np.fromiter(map(self._is_out, self._blocks), bool, len(self._blocks))

    def _is_out(self, block: int) -> bool:
        return self._out[self._joined.first(block)]

    def _join(self, block: int, linked: set[int]) -> None:
        """A row without a source, and the blocks that it is like: small groups are held out together if one of them is.

        Of large ones, or where that is too many rows, those join that are on the row's side.
        """
        everything, first = self._all, self._joined.first(block)
        firsts = {self._joined.first(other) for other in linked} | {first}
        num_rows = 1 + sum(self._counts[other] for other in firsts)
        trained = [other for other in firsts if not self._out[other]]
        moved = sum(self._counts[other] for other in trained)
        small = max(SMALL_ROWS, SMALL_SHARE * self._shares[block] * everything.num_rows)
        if len(trained) < len(firsts) and num_rows <= small and everything.rows - moved >= -2 * everything.slack():
            everything.rows -= moved
            everything.blocks -= len(trained)
            self._out.update(dict.fromkeys(trained, True))
        firsts = {other for other in firsts if self._out[other] == self._out[first]}
        is_out, num_rows = self._out[first], 1 + sum(self._counts[other] for other in firsts)
        for other in firsts:
            first = self._joined.join(first, other)
        self._out[first], self._counts[first] = is_out, num_rows

    def least_out(self) -> int:
        """Rows that should at least be held out."""
        return round(sum(self._shares) - self._all.slack())

    def _side(self, row: int, block: int, others: Sequence[bool]) -> bool:
        if block in self.settled:
            return self.settled[block]
        if others:
            is_out, stray = 2 * sum(others) > len(others), 2 * self._all.slack()
            strays = self._all.rows < -stray if is_out else self._all.rows > stray
            return is_out != (strays and self._has_source[row])
        if block in self._groups:
            return self._whole(row, self._groups[block])
        label, place, share = self._labels[row], self._drawn[row], self._shares[row]
        return place < self._owed[label] + share if label else self._all.is_due(place, share)

    def _whole(self, row: int, blocks: Sequence[int]) -> bool:
        """The side of a large group, all at once: the more rows it has, the more must be owed."""
        is_out = self._drawn[row] * sum(self._sizes[block] for block in blocks) < self._all.rows
        self.settled.update(dict.fromkeys(blocks, is_out) if len(blocks) > 1 else {})
        return is_out

    def _large(self, links: Links, num_out: int) -> dict[int, list[int]]:
        """Block to the blocks of its group, where that is large; settles those that are too large to be held out."""
        small, found = max(SMALL_ROWS, SMALL_SHARE * num_out), dict[int, list[int]]()
        groups = members(links.groups(~links.has_source)).values()
        half = len(links.blocks) / 2
        large = [rows for rows in groups if len(rows) > min(small, half)]
        rest = len(links.blocks) - sum(map(len, large))
        for rows in large:
            blocks = sorted(set(links.blocks[rows].tolist()))
            if len(rows) <= min(num_out, half):
                found |= dict.fromkeys(blocks, blocks)
                continue
            self.settled |= dict.fromkeys(blocks, False)
            if rest < num_out:
                cut = cutting.tail(links, rows, round(num_out * len(rows) / len(links.blocks)))
                self.settled |= dict.fromkeys(cut, True)
        return found


def _with_two_sides(sides: Mask, links: Links, drawn: NDArray[np.float64]) -> Mask:
    """The sides, but with rows on both: at least the group with the lowest number is held out, never the largest."""
    groups = links.groups(np.ones(len(sides), bool))
    found, counts = np.unique(groups, return_counts=True)
    largest = int(found[np.argmax(counts)])
    if not sides.any():
        others = [first for first in found.tolist() if first != largest]
        return groups == min(others, key=lambda first: (drawn[first], first)) if others else sides
    return groups != largest if sides.all() else sides


def by_label(labels: Sequence[str | None], is_out: Sequence[bool]) -> dict[str, list[int]]:
    """Label to [training rows, held-out rows]; rows without a label do not count."""
    found: dict[str, list[int]] = {}
    for label, out in zip(labels, is_out, strict=True):
        if label is not None:
            found.setdefault(label, [0, 0])[out] += 1
    return dict(sorted(found.items()))
