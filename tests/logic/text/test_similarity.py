"""Alike in characters."""

from __future__ import annotations

import random

import pytest

from jobs.logic.text.similarity import TrainingAnswers, common_subsequence, rouge_l


def slow_common_subsequence(a: str, b: str) -> int:
    row = [0] * (len(b) + 1)
    for left in a:
        before = row[:]
        for place, right in enumerate(b, start=1):
            row[place] = before[place - 1] + 1 if left == right else max(before[place], row[place - 1])
    return row[-1]


def test_common_subsequence_is_the_textbook_one() -> None:
    rng = random.Random(1)
    for _ in range(300):
        a, b = ("".join(rng.choices("猫犬鳥魚", k=rng.randrange(0, 90))) for _ in range(2))
        assert common_subsequence(a, b) == slow_common_subsequence(a, b)


@pytest.mark.parametrize(
    ("text", "reference", "expected"),
    [
        ("猫の日", "猫の日", 1.0),
        ("猫", "犬", 0.0),
        ("猫の日", "猫の夜", 4 / 6),
        ("", "", 1.0),
        ("", "猫", 0.0),
        ("猫", "", 0.0),
    ],
)
def test_rouge_l(text: str, reference: str, expected: float) -> None:
    assert rouge_l(text, reference) == pytest.approx(expected)


def test_overlap_is_with_one_single_answer() -> None:
    training = TrainingAnswers(["港の夕暮れ、風を待つ", "長雨を越えて"], 3)
    assert training.overlap("港の夕暮れ、風を待つ") == 1.0
    assert training.overlap("港の夕暮と長雨を越") == pytest.approx(2 / 7)
    assert training.overlap("猫と暮らす日々") == 0.0
    assert training.overlap("猫") == 0.0


def test_answers_of_several_rows_are_a_vocabulary() -> None:
    assert TrainingAnswers(["はい", "はい ", "いいえ", ""], 3).unique == {"いいえ"}
