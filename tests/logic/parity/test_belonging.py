"""Whether answers go with their own references, by each measure, and whether so many rows could have shown it."""

from __future__ import annotations

import random

import pytest

from jobs.logic.parity.belonging import Belonging, Test as How, kind, measured

HOW = How(num_permutations=199, max_p=0.01, some=0.25)
SUBJECTS = ["猫", "犬", "港", "茶", "雪", "橋", "駅", "森", "海", "月", "花", "鳥"]


def texts(number: int) -> list[str]:
    return [
        f"The {word(place)} of {word(place + 500)} was built of {word(place + 900)}, and stands."
        for place in range(number)
    ]


def titles(number: int) -> list[str]:
    return [f"{SUBJECTS[place % 12]}と{SUBJECTS[place // 12 % 12]}の暮らし方" for place in range(number)]


def code(number: int) -> list[str]:
    return [f"def {word(place)}(x):\n    return x + {place}\n" for place in range(number)]


def labels(number: int) -> list[str]:
    return [("sport", "news", "weather", "music", "food")[place % 5] for place in range(number)]


def word(place: int) -> str:
    return "".join(random.Random(place).choices("abcdefghijklmnopqrstuvwxyz", k=9))


def moved(references: list[str]) -> list[str]:
    """Answers in the right form, each to another row."""
    return [*references[7:], *references[:7]]


def looked_at(answers: list[str], references: list[str]) -> Belonging:
    return measured(answers, references, HOW, seed=1)


@pytest.mark.parametrize(
    ("references", "measure"),
    [
        (texts(50), "texts"),
        (titles(50), "short answers"),
        (code(50), "short answers"),
        (labels(100), "classes"),
        ([f"{place * place}" for place in range(50)], "short answers"),
    ],
)
def test_each_kind_of_answer_has_a_measure_with_power(references: list[str], measure: str) -> None:
    wrong = looked_at(moved(references), references)
    assert kind(references) == wrong.measure == measure
    assert wrong.p > 0.01
    assert wrong.least_p <= 0.01
    assert wrong.power >= 0.9
    half = [one if place % 2 else other
            for place, (one, other) in enumerate(zip(references, moved(references), strict=True))]  # fmt: skip
    assert looked_at(half, references).p <= 0.01


@pytest.mark.parametrize(
    ("references", "least_p"),
    [(["same"] * 60, 1.0), (["yes", "no"] * 2, 0.1), (texts(3), 0.1), ([], 1.0)],
)
def test_where_any_order_does_as_well_nothing_can_be_shown(references: list[str], least_p: float) -> None:
    found = looked_at(references, references)
    assert found.least_p >= least_p
    assert found.power == 0.0


def test_few_labels_have_no_power_and_a_strong_effect_shows_all_the_same() -> None:
    references = labels(12)
    assert looked_at(moved(references), references).power < 0.9
    assert looked_at(references, references).p <= 0.01


def test_languages_alone_are_no_agreement() -> None:
    """Answers in the language of their prompt that have nothing else to do with it."""
    references = [one for pair in zip(texts(30), titles(30), strict=True) for one in pair]
    assert looked_at([*references[14:], *references[:14]], references).p > 0.01


def test_empty_answers_agree_with_nothing() -> None:
    assert (looked_at([""] * 20, texts(20)).own, looked_at([""] * 20, texts(20)).p) == (0.0, 1.0)
