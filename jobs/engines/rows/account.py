"""Which rows of a set stay, and for each that goes the reason and what was seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jobs.engines.rows import passes
from jobs.engines.rows.passes import Reading
from jobs.engines.rows.store import BLOCK_ROWS
from jobs.logic.pages.amounts import score
from jobs.logic.row import Dropped, Row
from jobs.logic.rows.keys import firsts
from jobs.logic.rows.reasons import ALLOWABLE, BAD_REASONS, BETWEEN_SIDES, DUPLICATE, NEAR_DUPLICATE

DUPLICATE_ID = "duplicate-id"
Explain = Callable[[Row, str], str]
"""Row and reason to what was seen."""


class Gone(NamedTuple):
    """Why a row goes; `other` is the row that stays instead, or -1."""

    reason: str
    other: int
    similarity: float


class Account:
    """Begins with every row of a reading; rows are then dropped one reason after the other."""

    def __init__(self, reading: Reading, labels: Sequence[str]) -> None:
        self.reading, self.labels = reading, labels
        self.gone: dict[int, Gone] = {}
        self._alive = np.ones(len(reading.store), bool)

    @property
    def alive(self) -> NDArray[np.int64]:
        """The numbers of the rows that stay."""
        return np.flatnonzero(self._alive)

    def drop(self, indices: Iterable[int], reason: str) -> None:
        """Rows go for what they are."""
        for row in indices:
            self._drop(row, Gone(reason, -1, 0.0))

    def drop_copies(self, keys: NDArray[np.uint64], reason: str) -> None:
        """Rows go whose key, [rows of the store], an earlier row that stays has as well."""
        alive = self.alive
        first = alive[firsts(keys[alive])]
        for row, other in zip(alive[first != alive].tolist(), first[first != alive].tolist(), strict=True):
            self._drop(row, Gone(reason, other, 1.0))

    def drop_near(self, copies: dict[int, tuple[int, float]]) -> None:
        """Rows go that say nearly what another one says, which stays."""
        for row, (other, similarity) in copies.items():
            self._drop(row, Gone(NEAR_DUPLICATE, other, similarity))

    def drop_between(self, alike: dict[int, tuple[int, float]]) -> None:
        """Rows go that are like a row of the other side of the split."""
        for row, (other, similarity) in alike.items():
            self._drop(row, Gone(BETWEEN_SIDES, other, similarity))

    def bad(self) -> list[Dropped]:
        """The rows that are no conversation, or one whose id another row has."""
        unreadable = [row for row in self.reading.dropped if row.reason in BAD_REASONS]
        doubled = [number for number, gone in self.gone.items() if gone.reason == DUPLICATE_ID]
        return [*unreadable, *self._dropped(doubled, lambda row, reason: reason)]

    def told(self) -> str:
        """The reasons of the rows that went, the most frequent first."""
        found = Counter(row.reason for row in self.reading.dropped)
        found.update(gone.reason for gone in self.gone.values())
        return ", ".join(f"{reason} {count}" for reason, count in found.most_common()) or "none was dropped"

    def way_out(self) -> str:
        """What to do where too few rows are left."""
        found = {row.reason for row in self.reading.dropped} & set(ALLOWABLE)
        allowed = f"; where the task is to write such things, prepare.clean.allow=[{','.join(sorted(found))}]"
        return f"expected conversations to learn from{allowed if found else ''}"

    def dropped(self, explain: Explain) -> Iterator[Dropped]:
        """Every row that went, in the order of the files; `explain` says what was seen in a row that has no other."""
        return self._dropped(sorted(self.gone), explain)

    def _dropped(self, rows: Sequence[int], explain: Explain) -> Iterator[Dropped]:
        store = self.reading.store
        for start in range(0, len(rows), BLOCK_ROWS):
            part = rows[start : start + BLOCK_ROWS]
            others = [self.gone[row].other for row in part]
            ids = iter(passes.stored(store, [other for other in others if other >= 0]))
            for row in passes.stored(store, part):
                gone = self.gone[row.line]
                evidence = explain(row, gone.reason) if gone.other < 0 else self._evidence(gone, next(ids).id)
                yield Dropped(row.id, *self._place(row.line), gone.reason, evidence)

    def _drop(self, row: int, gone: Gone) -> None:
        self.gone[row] = gone
        self._alive[row] = False

    def _place(self, row: int) -> tuple[str, int]:
        return self.labels[int(self.reading.files[row])], int(self.reading.numbers[row])

    def _evidence(self, gone: Gone, identity: str) -> str:
        if gone.reason == DUPLICATE_ID:
            return "{}:{} has this id as well".format(*self._place(gone.other))
        where = " on the other side" if gone.reason == BETWEEN_SIDES else ""
        return likeness(gone.similarity, identity, is_same=gone.reason == DUPLICATE) + where


def likeness(similarity: float, identity: str, is_same: bool = False) -> str:
    """What is told of a row that is like another one, which stays."""
    return f"the same as {identity}" if is_same else f"{score(similarity)} like {identity}"
