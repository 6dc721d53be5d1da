"""Whether answers belong to their prompts: on the demo's rows as they are, shuffled, moved by a row."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

import pytest

from jobs.logic.rows.belonging import Belonging, drawn, measured, word

ROOT = Path(__file__).resolve().parents[3]
Pairs = list[tuple[str, str]]


def demo(number: int) -> Pairs:
    """The first rows of the demo that are whole; some are broken on purpose."""
    lines = (ROOT / "data/demo/articles.jsonl").read_text(encoding="utf-8").split("\n")
    rows = [json.loads(line)["messages"] for line in lines if line.endswith('"}]}')]
    return [(row[0]["content"], row[1]["content"]) for row in rows if len(row) == 2 and row[1]["content"]][:number]


def looked_at(rows: Pairs) -> Belonging:
    return measured(range(len(rows)), [asked for asked, _ in rows], [answer for _, answer in rows], 200, seed=1)


def with_answers(rows: Pairs, answers: list[str]) -> Pairs:
    return [(asked, answer) for (asked, _), answer in zip(rows, answers, strict=True)]


def shuffled(rows: Pairs) -> Pairs:
    answers = [answer for _, answer in rows]
    random.Random(7).shuffle(answers)
    return with_answers(rows, answers)


@pytest.mark.parametrize("number", [30, 76, 300])
def test_real_rows_belong_and_the_same_rows_shuffled_do_not(number: int) -> None:
    rows = demo(number)
    assert word(looked_at(rows), 0.01, 0.25) == "belong"
    assert word(looked_at(shuffled(rows)), 0.01, 0.25) == "do not belong"


@pytest.mark.parametrize("offset", [-2, -1, 1, 3])
def test_answers_of_a_neighbouring_row(offset: int) -> None:
    rows = demo(120)
    answers = [answer for _, answer in rows]
    found = looked_at(with_answers(rows, [*answers[-offset:], *answers[:-offset]]))
    assert (found.shift, word(found, 0.01, 0.25)) == (-offset, "do not belong")


def test_answers_that_moved_from_some_row_on() -> None:
    """As where one of two files lacks a line."""
    rows = [
        (f"What do you know about {name(place)} and {name(place + 500)}?", f"About {name(place)} there is little.")
        for place in range(100)
    ]
    answers = [answer for _, answer in rows]
    assert looked_at(rows).shift == 0
    found = looked_at(with_answers(rows, [*answers[:60], "Lost: nothing at all.", *answers[60:-1]]))
    assert (found.p <= 0.01, found.shift, word(found, 0.01, 0.25)) == (True, -1, "do not belong")


def name(place: int) -> str:
    """A word of its own for each place."""
    return "".join(random.Random(place).choices("abcdefghijklmnopqrstuvwxyz", k=9))


@pytest.mark.parametrize(
    "answers",
    [
        ["positive", "negative"] * 40,  # labels, in any order
        [f"{37 * place}" for place in range(80)],
        ["はい"] * 80,
        ["翻訳は原文と字を共有しません"[place % 9 :] + "。" * (place % 3) for place in range(80)],
    ],
)
def test_where_answers_share_no_letters_with_prompts_nothing_can_be_said(answers: list[str]) -> None:
    rows = [(f"Say whether {name(place)} is a positive thing, number {place * 7}", "") for place in range(80)]
    assert word(looked_at(with_answers(rows, answers)), 0.01, 0.25) == "cannot say"


@pytest.mark.parametrize(
    ("p", "z", "num_displaced", "num_alone", "expected"),
    [
        (0.005, 30.0, 10, 0, "belong"),
        (0.005, 30.0, 60, 9, "belong"),
        (0.005, 4.0, 49, 0, "belong"),
        (0.005, 4.0, 50, 0, "do not belong"),  # a few rows of a shuffled set are where they were
        (0.4, 0.2, 25, 0, "do not belong"),
        (0.4, 0.2, 24, 4, "cannot say"),
        (0.4, 0.2, 10, 5, "do not belong"),
        (float("nan"), float("nan"), 19, 0, "cannot say"),
    ],
)
def test_the_word(p: float, z: float, num_displaced: int, num_alone: int, expected: str) -> None:
    assert word(Belonging(100, 0.1, 0.1, z, p, num_displaced, num_alone, shift=0), 0.01, 0.25) == expected


def test_too_few_rows_say_nothing() -> None:
    assert [word(looked_at(rows), 0.01, 0.25) for rows in ([], demo(1), demo(2))] == ["cannot say"] * 3


def test_the_same_rows_the_same_numbers() -> None:
    assert looked_at(demo(60)) == looked_at(demo(60))


def test_blocks_of_neighbours_are_drawn() -> None:
    assert drawn(5, 512, 1) == [0, 1, 2, 3, 4]
    numbers = drawn(100_000, 512, 1)
    assert (len(numbers), numbers) == (512, sorted(set(numbers)))
    assert sum(other - one == 1 for one, other in itertools.pairwise(numbers)) >= 496
    assert numbers == drawn(100_000, 512, 1)
    assert numbers != drawn(100_000, 512, 2)


def test_a_third_of_the_rows_in_another_order_is_seen_in_the_rows_though_the_set_belongs() -> None:
    rows = [
        (f"What do you know about {name(place)} and {name(place + 500)}?", f"About {name(place)} there is little.")
        for place in range(120)
    ]
    assert looked_at(rows).num_alone == 0
    part = shuffled(rows[:40])
    found = looked_at([*part, *rows[40:]])
    assert word(found, 0.01, 0.25) == "belong"
    assert found.num_alone > 0.05 * found.num_rows
