"""What rows ask: by turns, nearly the same, and of evaluation rows without an answer."""

from typing import Any

import numpy as np
import pytest

from jobs.logic.row import Message
from jobs.logic.rows import near, questions

NONE = np.zeros(0, np.uint64)
LONG = "A shop sells 12 green apples and 30 red apples a day to the people of the town. How many does it sell a week?"


def said(*turns: str) -> list[Message]:
    """A system's message, then turns of the user's and the assistant's."""
    return [Message("system", "s"), *(Message(("user", "assistant")[n % 2], turn) for n, turn in enumerate(turns))]


def test_what_rows_ask() -> None:
    assert questions.trained(said(" One ", "a")) == ["one"]
    assert questions.trained(said("one", "a", "two", "b")) == ["one", "two", "one\ntwo"]
    assert questions.judged(said("one", "a", "Go on", "b")) == ["one\ngo on"]
    assert questions.judged(said("one", "a", LONG, "b"))[0] == LONG.lower()


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        (LONG, True),
        (LONG.replace("?", " please?"), True),
        (LONG.replace("12", "13"), False),
        ("What is 2+4?", False),
        ("What is 2+3", True),
        ("Which town is it?", False),
    ],
)
def test_nearly_the_same_is_asked(theirs: str, expected: bool) -> None:
    assert questions.overlap([LONG, "What is 2+3?"], [theirs], 0.8, NONE) is expected


def test_candidates_between_two_sets_are_those_of_one() -> None:
    texts = [LONG, LONG.replace("?", " please?"), "something else that nobody asks of a shop", LONG]
    found = near.sketches(texts, 0.8, NONE)
    assert near.between(found[:2], found[2:], 0.8).tolist() == [[0, 1], [1, 1]]
    assert near.between(found, found[:0], 0.8).tolist() == []


def test_other_training_rows_change_nothing() -> None:
    found = near.sketches([LONG] * 300, 0.8, NONE)
    assert near.between(found, found[:1], 0.8).tolist() == [[number, 0] for number in range(300)]


@pytest.mark.parametrize(
    ("record", "columns", "added"),
    [
        ({"prompt": "p"}, {}, {"completion": "-"}),
        ({"q": "p"}, {"prompt": "q", "completion": "a"}, {"a": "-"}),
        ({"prompt": "p", "completion": "c"}, {}, {}),
        ({"instruction": "p", "output": None}, {}, {"output": "-"}),
        ({"text": "p"}, {}, {}),
        ({"messages": "p"}, {}, {}),
    ],
)
def test_an_answer_is_put_where_there_is_none(
    record: dict[str, Any], columns: dict[str, str], added: dict[str, Any]
) -> None:
    assert questions.answered(record, columns) == {**record, **added}


def test_a_turn_is_put_where_the_last_is_no_answer() -> None:
    turns = [{"from": "human", "value": "p"}]
    assert questions.answered({"conversations": turns}, {}) == {
        "conversations": [*turns, {"from": "gpt", "value": "-"}]
    }
    whole = {"conversations": [*turns, {"from": "GPT", "value": "a"}]}
    assert questions.answered(whole, {}) == whole
