"""What must not stand on both sides of a split: rows of one source, of one prompt, or near each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jobs.logic.rows import near
from jobs.logic.rows.keys import Keys, firsts
from jobs.logic.rows.near import Pair

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Groups:
    """Numbers joined into groups (union-find); the lowest of a group stands for it."""

    def __init__(self) -> None:
        self.parents: dict[int, int] = {}

    def first(self, number: int) -> int:
        """The lowest number of the group that `number` is in."""
        parents = self.parents
        while (parent := parents.get(number, number)) != number:
            parents[number] = number = parents.get(parent, parent)
        return number

    def join(self, a: int, b: int) -> int:
        """Put two numbers, and what they were joined with, into one group; its lowest."""
        low, high = sorted((self.first(a), self.first(b)))
        self.parents[high] = low
        return low


class Links(NamedTuple):
    """The rows of a set, and which of them are alike."""

    blocks: Ints
    """[rows] The first row of the block that a row is in: its source, or without one its prompt."""
    has_source: Mask
    """[rows]"""
    pairs: list[Pair]
    """Rows of two blocks that are near each other, or of which one is the first to ask what the other asks (1)."""
    prompts: Ints
    """[rows] The first row with the same prompt."""
    crowded: Mask
    """[rows] Whether so many rows are like it that not all of them were compared."""

    @classmethod
    def of(cls, keys: Keys, near_pairs: Iterable[Pair]) -> Links:
        """The links of rows by their keys and the pairs that are near each other."""
        source = keys["source"]
        blocks, prompts = firsts(np.where(source > 0, source, keys["prompt"])), firsts(keys["prompt"])
        asked = np.flatnonzero((prompts != np.arange(len(keys))) & (blocks[prompts] != blocks))
        linked = {(int(prompts[row]), row): 1.0 for row in asked.tolist()}
        of_block = blocks.tolist()
        for pair in near_pairs:
            if of_block[pair.first] != of_block[pair.second]:
                linked.setdefault((pair.first, pair.second), pair.similarity)
        pairs = [Pair(*rows, similarity) for rows, similarity in linked.items()]
        return cls(blocks, source > 0, pairs, prompts, near.crowded(keys["sketch"]))

    def before(self) -> dict[int, list[int]]:
        """For a row the earlier rows that are like it."""
        found: dict[int, list[int]] = defaultdict(list)
        for pair in self.pairs:
            found[pair.second].append(pair.first)
        return found

    def groups(self, among: Mask) -> Ints:
        """[rows] The first block of the group that a row is in, where links between rows of `among`, [rows], join."""
        groups = Groups()
        for pair in self.pairs:
            if among[pair.first] and among[pair.second]:
                groups.join(int(self.blocks[pair.first]), int(self.blocks[pair.second]))
        to = np.arange(len(self.blocks))
        for block in groups.parents:
            to[block] = groups.first(block)
        return np.asarray(to[self.blocks], np.int64)


def members(firsts_of: Ints) -> dict[int, list[int]]:
    """First row to the rows that have it in common, where they are two or more."""
    order = np.argsort(firsts_of, kind="stable")
    edges = np.flatnonzero(np.diff(firsts_of[order], prepend=-1, append=-1))
    several = ((start, end) for start, end in pairwise(edges) if end - start > 1)
    return {int(firsts_of[order[start]]): order[start:end].tolist() for start, end in several}
