"""What is counted of rows: characters, labels, and what private or odd things were left in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from jobs.logic.row import Row
from jobs.logic.rows.clean import SEEN
from jobs.logic.rows.conversation import ROLES

TURN = np.dtype([("row", np.uint32), ("role", np.uint8), ("length", np.uint32)])
"""A turn: the place of its row, of its role in ROLES, and its characters."""
NUMBERS = {role: number for number, role in enumerate(ROLES)}


class Counted(NamedTuple):
    """[rows] each, but for the turns."""

    answers: NDArray[np.int64]
    """Characters of the last answer."""
    labels: list[str | None]
    words: NDArray[np.uint16]
    """Bits, in the order of `clean.SEEN`."""
    turns: NDArray[np.void]
    """Of TURN."""

    @classmethod
    def of(cls, rows: Sequence[Row], words: NDArray[np.uint16]) -> Self:
        """Of rows, and the words of each as `clean.examined` gives them."""
        sizes = np.fromiter((len(row.messages) for row in rows), np.int64, len(rows))
        turns = np.zeros(int(sizes.sum()), TURN)
        said = list(chain.from_iterable(row.messages for row in rows))
        turns["row"] = np.repeat(np.arange(len(rows)), sizes)
        turns["role"] = [NUMBERS[role] for role, _ in said]
        turns["length"] = [len(text) for _, text in said]
        answers = np.fromiter((len(row.answer) for row in rows), np.int64, len(rows))
        return cls(answers, [row.label for row in rows], words, turns)

    @classmethod
    def placed(cls, num_rows: int, parts: Sequence[tuple[NDArray[np.int64], Self]]) -> Self:
        """`num_rows` rows from parts of them, each with the places of its rows."""
        answers, words = np.zeros(num_rows, np.int64), np.zeros(num_rows, np.uint16)
        labels: list[str | None] = [None] * num_rows
        turns = [np.zeros(0, TURN)]
        for places, part in parts:
            answers[places], words[places] = part.answers, part.words
            for place, label in zip(places.tolist(), part.labels, strict=True):
                labels[place] = label
            moved = part.turns.copy()
            moved["row"] = places[part.turns["row"]]
            turns.append(moved)
        return cls(answers, labels, words, np.concatenate(turns))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Several blocks behind each other."""
        ends = np.cumsum([len(part.answers) for part in parts], dtype=np.int64).tolist()
        ranges = [np.arange(end - len(part.answers), end) for end, part in zip(ends, parts, strict=True)]
        return cls.placed(ends[-1] if ends else 0, list(zip(ranges, parts, strict=True)))

    def chosen(self, places: NDArray[np.int64]) -> Self:
        """Rows by their place, also more than once."""
        sizes = np.bincount(self.turns["row"], minlength=len(self.answers))
        order = np.argsort(self.turns["row"], kind="stable")
        first = (np.cumsum(sizes) - sizes)[places]
        each = sizes[places]
        before = np.repeat(np.cumsum(each) - each, each)
        turns = self.turns[order[np.arange(int(each.sum())) - before + np.repeat(first, each)]]
        turns["row"] = np.repeat(np.arange(len(places)), each)
        labels = [self.labels[place] for place in places.tolist()]
        return self._replace(answers=self.answers[places], labels=labels, words=self.words[places], turns=turns)

    def lengths(self) -> dict[str, NDArray[np.int64]]:
        """Role to characters a turn."""
        found = {role: self.turns["length"][self.turns["role"] == number] for role, number in NUMBERS.items()}
        return {role: lengths.astype(np.int64) for role, lengths in found.items() if len(lengths)}

    def seen(self) -> Counter[str]:
        """Words of `clean.SEEN` to the rows that have such a thing and keep it."""
        return seen(self.words)


def seen(words: NDArray[np.uint16]) -> Counter[str]:
    """Words of `clean.SEEN` to rows."""
    found = ((word, int(np.count_nonzero(words & np.uint16(1 << bit)))) for bit, word in enumerate(SEEN))
    return +Counter(dict(found))
