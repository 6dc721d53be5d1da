"""Counts of rows stay with their rows, however they are taken apart and put together."""

from random import Random

import numpy as np
import pytest

from jobs.logic.row import Message, Row
from jobs.logic.rows.conversation import ROLES
from jobs.logic.rows.count import TURN, Counted, seen


def rows(number: int, seed: int) -> list[Row]:
    rng = Random(seed)
    return [some(rng, place) for place in range(number)]


def some(rng: Random, place: int) -> Row:
    turns = [Message(role, "x" * rng.randrange(9)) for role in ("user", "assistant") * rng.randrange(1, 4)]
    opening = [Message("system", "y" * rng.randrange(9))] if rng.random() < 0.3 else []
    label = rng.choice([None, "a", "b"])
    return Row(str(place), None, [*opening, *turns], "f", place, {}, label)


def counted(found: list[Row]) -> Counted:
    return Counted.of(found, np.asarray([1 << (len(row.answer) % 3) for row in found], np.uint16))


def plain(one: Counted) -> list[tuple[int, str | None, int, list[tuple[str, int]]]]:
    turns: dict[int, list[tuple[str, int]]] = {}
    for row, role, length in one.turns.tolist():
        turns.setdefault(row, []).append((ROLES[role], length))
    whole = zip(one.answers.tolist(), one.labels, one.words.tolist(), strict=True)
    return [(*rest, turns[place]) for place, rest in enumerate(whole)]


def test_what_is_counted() -> None:
    talk = [Message("user", "ab"), Message("assistant", "c"), Message("user", "def"), Message("assistant", "ghij")]
    one = Counted.of([Row("1", None, talk, "f", 1, {}, "a")], np.asarray([0b101], np.uint16))
    assert plain(one) == [(4, "a", 0b101, [("user", 2), ("assistant", 1), ("user", 3), ("assistant", 4)])]
    assert {role: lengths.tolist() for role, lengths in one.lengths().items()} == {"user": [2, 3], "assistant": [1, 4]}
    assert one.seen() == {"secret": 1, "iban": 1}
    assert seen(np.asarray([1, 0, 3], np.uint16)) == {"secret": 2, "email": 1}


@pytest.mark.parametrize("seed", range(5))
def test_rows_apart_and_together(seed: int) -> None:
    found = rows(40, seed)
    whole = counted(found)
    assert plain(Counted.joined([counted(found[:7]), counted(found[7:7]), counted(found[7:])])) == plain(whole)
    places = np.asarray(Random(seed).choices(range(40), k=60))
    assert plain(whole.chosen(places)) == [plain(whole)[place] for place in places.tolist()]
    odd, even = np.arange(1, 40, 2), np.arange(0, 40, 2)
    apart = [(places, whole.chosen(places)) for places in (odd, even)]
    assert plain(Counted.placed(40, apart)) == plain(whole)


def test_nothing() -> None:
    none = Counted.joined([])
    assert (none.turns.dtype, len(none.answers), none.lengths(), none.seen()) == (TURN, 0, {}, {})
    assert plain(none.chosen(np.zeros(0, np.int64))) == []
