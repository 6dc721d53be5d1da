"""Counts of rows, and what held-out rows share with training rows."""

import pytest

from jobs.logic.dedup import Pair
from jobs.logic.rows import Message, Row
from jobs.logic.survey import leaks, lengths, num_contradictory, num_distinct_answers, script, scripts


def row(identity: str, prompt: str, answer: str, source: str | None = None) -> Row:
    return Row(identity, source, [Message("user", prompt), Message("assistant", answer)], "a", 1, {})


def test_lengths() -> None:
    rows = [row(str(number), "q" * number, "a") for number in range(1, 102)]
    assert lengths(rows) == {"user": [1, 6, 51, 96, 101], "assistant": [1, 1, 1, 1, 1]}
    assert lengths([]) == {}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("土鍋の手入れ", "Japanese"),
        ("陶瓷的历史", "Han"),
        ("도자기", "Korean"),
        ("Clay pots", "Latin"),
        ("Глина", "Cyrillic"),
        ("12 + 3", "other"),
    ],
)
def test_script(text: str, name: str) -> None:
    assert script(row("r", "", text)) == name


def test_scripts_are_ranked() -> None:
    rows = [row("1", "", "a"), row("2", "", "か"), row("3", "", "き")]
    assert list(scripts(rows).items()) == [("Japanese", 2), ("Latin", 1)]


def test_answers() -> None:
    rows = [row("1", "q", "A"), row("2", "Q", "a"), row("3", "r", "a"), row("4", "r", "b")]
    assert num_distinct_answers(rows) == 2
    assert num_contradictory(rows) == 2


def test_leaks() -> None:
    train = [row("1", "q", "a", "s"), row("2", "r", "b")]
    val = [row("1", "x", "y"), row("3", "Q", "A"), row("4", "R", "c"), row("5", "z", "z", "s")]
    pairs = [Pair(0, 1, 0.9), Pair(1, 4, 0.9), Pair(2, 3, 0.9)]
    assert leaks(train, val, pairs) == {"id": 1, "conversation": 1, "prompt": 2, "near": 1, "source": 1}
    assert set(leaks(train, [], []).values()) == {0}
