"""docs/failures.md has every cause, every symptom and every class, in words that stand for themselves."""

from __future__ import annotations

import re

import pytest

from jobs.logic.diagnosing.cause import Cause, sections
from jobs.logic.diagnosing.certainty import JAPANESE, Certainty
from jobs.logic.diagnosing.every_cause import CAUSES
from jobs.logic.diagnosing.failures import failures_page
from jobs.logic.diagnosing.symptoms import SYMPTOMS

PAGE = failures_page()


def parts(code: str) -> str:
    """What the page says of a cause."""
    return PAGE.partition(f"\n### {code} ")[2].partition("\n### ")[0]


def test_every_cause_stands_once_in_the_order_of_codes() -> None:
    told = re.findall(r"^### (CAU\d{3}) ([a-z0-9-]+)$", PAGE, re.MULTILINE)
    assert told == sorted((cause.code, cause.name) for cause in CAUSES)


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.code)
def test_what_is_said_of_a_cause(cause: Cause) -> None:
    said = parts(cause.code)
    for line in (f"- Why: {cause.why}", f"- Fix: {cause.fix}", f"- Seen in: {cause.seen_in}"):
        assert line in said.splitlines()
    assert f"*{cause.link.name.lower()}*. {cause.title}" in said
    assert f"`make {cause.shows}`" in said
    assert ("- Told from others by:" in said) == bool(cause.separates)
    assert re.findall(r"- Rules that speak for it: (.*)", said) == ([", ".join(cause.rules)] if cause.rules else [])
    assert re.findall(r"- Usually causes: (.*)", said) == ([", ".join(cause.explains)] if cause.explains else [])


def test_every_symptom_names_its_causes_and_every_class_its_meaning() -> None:
    rows = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| ")]
    said = {row[0]: row for row in rows}
    for name, symptom in SYMPTOMS.items():
        codes = [cause.code for cause in sorted(CAUSES, key=lambda one: one.code) if name in cause.symptoms]
        assert said[symptom.english][1:] == [symptom.japanese, symptom.seen_by, ", ".join(codes) or "-"]
    for one in Certainty:
        assert said[one.value][1] == JAPANESE[one]


def test_every_cause_shows_something_that_a_person_can_see() -> None:
    assert [cause.code for cause in CAUSES if not cause.symptoms] == []


@pytest.mark.parametrize(
    "docstring", ["", "A title.", "A title.\n\nWhy: a\nFix: b", "A title.\n\nFix: b\nWhy: a\nSeen in: c"]
)
def test_a_cause_without_its_sections_is_refused(docstring: str) -> None:
    with pytest.raises(ValueError, match="CAU999"):
        sections("CAU999", docstring)
