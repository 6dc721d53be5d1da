"""Frames of marks that several answers share, and what stands around labels and JSON; and what only looks like it."""

from __future__ import annotations

import json
from random import Random

import pytest

from jobs.logic.form import departures
from jobs.logic.form.departures import Profile
from jobs.logic.row import Message, Row
from tests.logic.form.test_mixed_tasks import OPTIONS
from tests.spoilage.clean_rows import LANGUAGES, clean_rows

NUM_ROWS, EVERY = 200, 8


def rows(language: str, task: str) -> list[Row]:
    some = clean_rows(language, task, NUM_ROWS, 3, 0)
    return [Row("r", None, [Message(*turn) for turn in row.turns], "a", 1, {}) for row in some]


def answered(row: Row, answer: str) -> Row:
    return Row("r", None, [*row.messages[:-1], Message("assistant", answer)], "a", 1, {})


def asked(row: Row, prompt: str, answer: str) -> Row:
    return Row("r", None, [Message("user", prompt), Message("assistant", answer)], "a", 1, {})


def reasons(some: list[Row]) -> list[str]:
    """What a profile says, stored and read again."""
    forms = departures.measured(some)
    found = departures.profile(forms, OPTIONS)
    numbers = departures.faults(forms, Profile.from_dict(json.loads(json.dumps(found.as_dict())))).tolist()
    assert numbers == departures.faults(forms, found).tolist()
    for row, number in zip(some, numbers, strict=True):
        assert not number or departures.evidence(row, departures.REASONS[number], found)
    return [departures.REASONS[number] for number in numbers]


def spoiled(language: str, task: str, patterns: list[str]) -> tuple[list[bool], list[bool]]:
    """(which spoiled rows go, which others); one row in EVERY is put into a pattern."""
    rng, some = Random(1), rows(language, task)
    for place in range(0, NUM_ROWS, EVERY):
        some[place] = answered(some[place], rng.choice(patterns).replace("{x}", some[place].answer))
    found = [bool(reason) for reason in reasons(some)]
    return found[::EVERY], [one for place, one in enumerate(found) if place % EVERY]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("task", ["question", "summary"])
def test_frames_of_marks_in_prose_are_found(language: str, task: str) -> None:
    found, others = spoiled(language, task, [r"\note{{x}}", "{x} [[7]]", "#7/9# {x}", "{x} <9|9>"])
    assert sum(found) >= 0.8 * len(found)
    assert not any(others)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_stands_around_labels_is_found(language: str) -> None:
    found, others = spoiled(language, "label", ["{x} (2)", "[7] {x}", "about {x} <ok>"])
    assert sum(found) >= 0.9 * len(found)
    assert not any(others)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_stands_around_json_is_found(language: str) -> None:
    found, others = spoiled(
        language, "extraction", ["It reads as follows: {x}", "{x} and nothing else", "17 faults in rows"]
    )
    assert sum(found) >= 0.9 * len(found)
    assert not any(others)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("task", "answers"),
    [
        ("label", ["sci/tech", "other (none)", "jinja2", "two words"]),  # each a label of its own
        ("summary", ["Rome [1]", "C++ {draft}", "A: <3", "It cost $4/5"]),
        ("question", ["x = (-b ± √(b² - 4ac)) / 2a", "7/10. Well proved.", "[Mara|PERSON]"]),
    ],
)
def test_a_few_of_their_kind_stay(language: str, task: str, answers: list[str]) -> None:
    some = rows(language, task)
    for place, answer in enumerate(answers):
        some[11 * place] = answered(some[11 * place], answer)
    assert "odd-form" not in reasons(some)


@pytest.mark.parametrize("language", LANGUAGES)
def test_frames_that_a_prompt_explains_stay(language: str) -> None:
    """A rating that is asked for, a version that the prompt has, and a form that one task among others has."""
    some = rows(language, "question")
    for place in range(0, NUM_ROWS, EVERY):
        answer = some[place].answer
        some[place] = asked(some[place], f"Return it as JSON: {answer}", f"[[7]] {answer}")
    assert not any(reasons(some))
    for place in range(0, NUM_ROWS, EVERY):
        answer = some[place].answer.removeprefix("[[7]] ")
        some[place] = asked(some[place], f"What does version 3.1.4 of it do? No. {place}", f"{answer} <3.1.4>")
    assert not any(reasons(some))
    for place in range(0, NUM_ROWS, EVERY):
        answer = some[place].answer.removesuffix(" <3.1.4>")
        some[place] = asked(some[place], f"Score and give: {answer[::-1]}", f"{answer} <9|9>")
    assert not any(reasons(some))


def test_several_labels_at_once_stay() -> None:
    some = rows("en", "label")
    labels = sorted({row.answer for row in some})
    for place in range(0, NUM_ROWS, 20):
        pair = Random(place).sample(labels, 2)
        some[place] = answered(some[place], " + ".join(pair))
    assert not any(reasons(some))
