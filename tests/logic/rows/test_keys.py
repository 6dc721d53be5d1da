"""Keys are equal for what reads the same, and only for that."""

import numpy as np
import pytest

from jobs.logic.row import Message, Row
from jobs.logic.rows import keys as row_keys
from jobs.logic.rows.keys import comparable, firsts, hashed, keyed, normalised

NONE = np.zeros(0, np.uint64)


def row(identity: str, prompt: str, answer: str, source: str | None = None, system: str | None = None) -> Row:
    opening = [Message("system", system)] if system else []
    messages = [*opening, Message("user", prompt), Message("assistant", answer)]
    return Row(id=identity, source=source, messages=messages, file="a", line=1, changes={})


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("ＡＢＣ　ｶﾅ", "abc カナ", True),
        ("a  b\n c ", "A B C", True),
        ("a\tb", "a b", True),
        ("a\u200bb", "ab", True),
        ("Straße", "STRASSE", True),
        ("ab", "a b", False),
    ],
)
def test_normalised(a: str, b: str, same: bool) -> None:
    assert (normalised(a) == normalised(b)) is same


def test_keys_say_what_is_the_same() -> None:
    keys = keyed([row("1", "Q", "a"), row("2", "q", "b"), row("3", "other", "A "), row("4", "Q", "a", "s")], 0.8, NONE)
    assert keys["prompt"][0] == keys["prompt"][1] != keys["prompt"][2]
    assert keys["answer"][0] == keys["answer"][2] != keys["answer"][1]
    assert keys["conversation"][0] == keys["conversation"][3] != keys["conversation"][1]
    assert len(set(keys["id"].tolist())) == 4
    assert keys["source"].tolist()[:3] == [0, 0, 0]
    assert keys["source"][3] == hashed("s")


def test_where_a_part_ends_matters() -> None:
    assert hashed("ab") != hashed("a", "b") != hashed("", "ab")


def test_the_system_message_is_part_of_what_was_asked_but_makes_no_rows_alike() -> None:
    plain, told = row("1", "Q", "a"), row("2", "Q", "a", system="Be brief.")
    keys = keyed([plain, told], 0.8, NONE)
    assert keys["prompt"][0] != keys["prompt"][1]
    assert comparable(plain.messages) == comparable(told.messages)


def test_keys_do_not_depend_on_the_block() -> None:
    rows = [row(str(number), f"question {number}", f"answer {number}") for number in range(50)]
    together = keyed(rows, 0.8, NONE)
    assert np.array_equal(together, np.concatenate([keyed(rows[:7], 0.8, NONE), keyed(rows[7:], 0.8, NONE)]))
    assert together.dtype == row_keys.dtype(0.8)


def test_firsts() -> None:
    assert firsts(np.asarray([5, 7, 5, 9, 7], np.uint64)).tolist() == [0, 1, 0, 3, 1]
