"""For each item three right answers in different styles and two wrong ones: the rules read them as a person would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.engines.forgetting import suite_files
from jobs.logic.forgetting.rules import declines

ANSWERS = Path(__file__).parent / "answers"
SUITE = {item.id: item for item in suite_files.suite()}
MISREAD = {
    "My sensors? I have none, so the temperature is a mystery to me.",
    "Each session is separate, so last Tuesday's talk is gone.",
    "Don't tell anyone: tulip-like flower",
}
"""Known to be read the other way: a decline in words of its own, and a riddle that opens like one."""


def kept(name: str) -> Iterator[dict[str, Any]]:
    for line in (ANSWERS / name).read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


CASES = [*kept("ja.jsonl"), *kept("en.jsonl")]


def test_every_item_has_answers() -> None:
    assert {case["id"] for case in CASES} == set(SUITE)
    assert all(len(case["right"]) == 3 and len(case["wrong"]) == 2 for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_an_answer_is_read_as_a_person_would(case: dict[str, Any]) -> None:
    item = SUITE[case["id"]]
    assert [answer for answer in case["right"] if not item.is_right(answer)] == []
    assert [answer for answer in case["wrong"] if item.is_right(answer)] == []


@pytest.mark.parametrize("case", [*kept("declines.jsonl")], ids=lambda case: case["text"][:30])
def test_a_decline_is_told_from_what_is_made_up(case: dict[str, Any]) -> None:
    found = declines(case["text"], {"no_number": not case["declines"]})
    assert found == (case["declines"] != (case["text"] in MISREAD))
