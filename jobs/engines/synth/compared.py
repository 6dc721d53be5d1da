"""Rows on disk that made rows are compared with: the training side, those held out, and made rows that were accepted.

Each row is keyed and sketched once, when it comes; its text is read again only where another may be like it.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.engines.rows import passes, store as row_store
from jobs.engines.rows.workers import Workers
from jobs.logic.rows import conversation, keys as row_keys, near
from jobs.logic.rows.near_index import NearIndex

NAMES = ("id", "source", "conversation", "prompt", "answer")


class Compared:
    """Rows of a file by their number; rows may be added behind."""

    def __init__(self, path: Path, threshold: float, common: near.Hashes) -> None:
        store = row_store.opened(path)
        with Workers(1) as workers:
            keys = passes.keys(store, threshold, common, workers)
        self.path, self.index = path, NearIndex(threshold)
        self._starts, self._ends = array("q", store.starts.tobytes()), array("q", store.ends.tobytes())
        self._names = {name: _Hashes(keys[name]) for name in NAMES}
        self.index.add(keys["sketch"])

    def __len__(self) -> int:
        return len(self._ends)

    def add(self, lines: Sequence[bytes], keys: row_keys.Keys) -> None:
        """Rows, as stored lines and with their keys, behind those that are there."""
        with self.path.open("ab") as file:
            for line in lines:
                self._starts.append(file.tell())
                file.write(line + b"\n")
                self._ends.append(self._starts[-1] + len(line))
        first = len(self.index)
        for name, hashes in self._names.items():
            for place, key in enumerate(keys[name].tolist(), first):
                hashes.add(key, place)
        self.index.add(keys["sketch"])

    def first(self, name: str, key: int) -> int:
        """The number of the first row with a key of NAMES, or -1; 0 stands for what a row has not."""
        return self._names[name].first(key) if key else -1

    def count(self, name: str, key: int) -> int:
        """How many rows have the key."""
        return self._names[name].count(key)

    def stays(self, number: int) -> bool:
        """Whether a row is one that others are compared with."""
        return True

    def lines(self, numbers: Sequence[int]) -> list[bytes]:
        """The stored lines of rows."""
        with self.path.open("rb") as file:
            found = []
            for number in numbers:
                file.seek(self._starts[number])
                found.append(file.read(self._ends[number] - self._starts[number]))
        return found

    def id(self, number: int) -> str:
        """A row's id."""
        return conversation.stored(self.lines([number])[0], self.path.name, number + 1).id


class Fresh:
    """The clean rows of one block, of which some stay: those are found."""

    def __init__(self, lines: Sequence[bytes], keys: row_keys.Keys, threshold: float) -> None:
        self.keys, self.index, self.kept = keys, NearIndex(threshold), np.zeros(len(lines), bool)
        self.index.add(keys["sketch"])
        self._lines = lines

    def keep(self, number: int) -> None:
        """A row stays."""
        self.kept[number] = True

    def stays(self, number: int) -> bool:
        return bool(self.kept[number])

    def first(self, name: str, key: int) -> int:
        found = np.flatnonzero(self.kept & (self.keys[name] == np.uint64(key)))
        return int(found[0]) if key and len(found) else -1

    def count(self, name: str, key: int) -> int:
        return int(np.count_nonzero(self.kept & (self.keys[name] == np.uint64(key))))

    def lines(self, numbers: Sequence[int]) -> list[bytes]:
        return [self._lines[number] for number in numbers]

    def id(self, number: int) -> str:
        return conversation.stored(self._lines[number], "", 0).id


class Sides:
    """What the rows of a block, by their `keys`, are compared with."""

    def __init__(self, held_out: Compared, stay: Sequence[Compared | Fresh], keys: row_keys.Keys) -> None:
        self.held_out, self.stay, self.keys = held_out, stay, keys
        self._held_out = held_out.index.like(keys["sketch"])
        self._stay = [rows.index.like(keys["sketch"]) for rows in stay]

    def like_held_out(self, place: int) -> list[int]:
        """Held-out rows that may be like a row, the likeliest first."""
        return [int(number) for number in self._held_out[place].numbers]

    def likely(self, place: int) -> list[tuple[Compared | Fresh, int]]:
        """Rows that stay and may be like a row, the likeliest first; of those as likely the earlier ones."""
        found: list[tuple[int, Compared | Fresh, int]] = []
        for side, rows in enumerate(self.stay):
            likely = self._stay[side][place]
            for agreeing, number in zip(likely.agreeing.tolist(), likely.numbers.tolist(), strict=True):
                if rows.stays(number):
                    found.append((agreeing, rows, number))
        return [(rows, number) for _, rows, number in sorted(found, key=lambda one: -one[0])]

    def num_answers(self, line: bytes) -> int:
        """Rows that stay and have the answer of a stored line."""
        key = row_keys.hashed(row_keys.normalised(conversation.stored(line, "", 0).answer))
        return sum(rows.count("answer", key) for rows in self.stay)


class _Hashes:
    """Keys of rows, found by value: those of the beginning in sorted arrays, for they may be a million."""

    def __init__(self, keys: NDArray[np.uint64]) -> None:
        self._order = np.argsort(keys, kind="stable")
        self._ranked = np.ascontiguousarray(keys[self._order])
        self._added: dict[int, int] = {}
        self._counts = Counter[int]()

    def add(self, key: int, number: int) -> None:
        self._added.setdefault(key, number)
        self._counts[key] += 1

    def first(self, key: int) -> int:
        place = int(np.searchsorted(self._ranked, np.uint64(key)))
        if place < len(self._ranked) and int(self._ranked[place]) == key:
            return int(self._order[place])
        return self._added.get(key, -1)

    def count(self, key: int) -> int:
        begin, end = (int(np.searchsorted(self._ranked, np.uint64(key), side)) for side in ("left", "right"))
        return end - begin + self._counts[key]
