"""Answers in letters that their set is not written in, frames of marks, and what is no label where labels are asked."""

from __future__ import annotations

import json
from random import Random

import pytest

from jobs.logic.form import departures
from jobs.logic.form.departures import FormOptions, Profile
from jobs.logic.row import Message, Row
from tests.spoilage.clean_rows import LANGUAGES, clean_rows

OPTIONS = FormOptions("drop", "auto", None, None, 0.003, 3, 0.45, 0.8, 4.0)
NUM_ROWS, EVERY = 200, 8
MOST_LOST = 0.01


def rows(language: str, task: str) -> list[Row]:
    return [
        Row("r", None, [Message(*turn) for turn in row.turns], "a", 1, {})
        for row in clean_rows(language, task, NUM_ROWS, 3, 0)
    ]


def answered(row: Row, answer: str) -> Row:
    return Row("r", None, [*row.messages[:-1], Message("assistant", answer)], "a", 1, {})


def reasons(some: list[Row]) -> list[str]:
    forms = departures.measured(some)
    found = departures.profile(forms, OPTIONS)
    again = Profile.from_dict(json.loads(json.dumps(found.as_dict())))
    numbers = departures.faults(forms, again).tolist()
    assert numbers == departures.faults(forms, found).tolist()
    for row, number in zip(some, numbers, strict=True):
        assert not number or departures.evidence(row, departures.REASONS[number], found)
    return [departures.REASONS[number] for number in numbers]


def shares(language: str, task: str, patterns: list[str], change: bool = False) -> tuple[float, float]:
    """(share of spoiled rows that go, share of the others); one row in EVERY is put into a pattern."""
    rng, some = Random(1), rows(language, task)
    spoiled = range(0, NUM_ROWS, EVERY)
    for place in spoiled:
        one = some[place].answer
        said = "".join(a.upper() + b.lower() for a, b in zip(one[::2], one[1::2], strict=False)) if change else one
        some[place] = answered(some[place], rng.choice(patterns).replace("{x}", said))
    found = [bool(reason) for reason in reasons(some)]
    gone = sum(found[place] for place in spoiled)
    return gone / len(spoiled), (sum(found) - gone) / (NUM_ROWS - len(spoiled))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("task", ["question", "summary"])
def test_frames_of_marks_in_prose_are_found(language: str, task: str) -> None:
    found, lost = shares(language, task, [r"\note{{x}}", "{x} [[7]]", "#7/9# {x}", "{x} <9|9>"])
    assert found >= 0.9
    assert lost <= MOST_LOST


@pytest.mark.parametrize(
    ("language", "frame"), [("ja", "{x} See the other page"), ("en", "{x} 続きは次の頁にあります")]
)
def test_a_part_in_other_letters_is_found(language: str, frame: str) -> None:
    found, lost = shares(language, "summary", [frame])
    assert found >= 0.9
    assert lost <= MOST_LOST


def test_letters_in_an_order_that_no_text_has_are_found() -> None:
    found, lost = shares("en", "question", ["{x}"], change=True)
    assert found >= 0.9
    assert lost <= MOST_LOST


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_no_label_is_found_among_labels(language: str) -> None:
    found, lost = shares(language, "label", ["{x} (2)", "a {x} / b\n", "[7] {x}", "{x}: 12 of 30"])
    assert found >= 0.9
    assert lost == 0


def test_what_is_no_json_is_found_where_most_answers_are() -> None:
    found, lost = shares("en", "extraction", ["none of {x}", "see above: {x}", "Error 17 in {x}"])
    assert found == 1
    assert lost == 0


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("task", "answer"),
    [("extraction", "none"), ("label", "other"), ("title", "Google Maps"), ("summary", "Rome (in 1987)")],
)
def test_what_is_meant_stays(language: str, task: str, answer: str) -> None:
    """An answer that many rows have, a rare label, a Latin title, a year in brackets."""
    some = rows(language, task)
    every = {"extraction": 8, "label": 80}.get(task, 100)
    for place in range(0, NUM_ROWS, every):
        some[place] = answered(some[place], answer)
    found = reasons(some)
    assert {found[place] for place in range(0, NUM_ROWS, every)} <= {"", "wrong-length"}
    assert sum(map(bool, found)) <= MOST_LOST * NUM_ROWS
