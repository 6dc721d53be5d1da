"""Causes in rows: proven by their share, ruled out below it, not checked without rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jobs.logic.diagnosing import causes_rows as causes
from jobs.logic.diagnosing.cause import Outcome
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.rows_seen import RowsSeen

GOOD = RowsSeen(
    files=("rows.jsonl",), num_rows=400, num_unreadable=0, dropped={"hashtags": 1, "duplicate": 30},
    examples={"hashtags": (("rows.jsonl", 12, "#a"),)}, mojibake=1, departing=0, num_exact_duplicates=30,
    num_near_duplicates=0, num_contradicting=3, belonging_p=0.005, belonging_says="belong", num_in_other_side=0,
    languages={"ja": 399, "en": 1}, num_refusals=0, num_cut=0, num_thoughts=0, answer_chars=(10, 20, 30),
    num_tokens_longest=None, num_above={},
)  # fmt: skip
Check = Callable[[Evidence], Outcome]
BAD: list[tuple[Check, dict[str, Any], str]] = [
    (causes.contaminated_rows, {"dropped": {"hashtags": 76, "label": 36}}, "proven"),
    (causes.contaminated_rows, {"dropped": {"hashtags": 12}}, "consistent with"),
    (causes.wrongly_decoded_rows, {"mojibake": 40}, "proven"),
    (causes.answers_of_other_prompts, {"belonging_says": "do not belong", "belonging_p": 0.8}, "measured"),
    (causes.answers_of_other_prompts, {"belonging_says": "cannot say", "belonging_p": 0.4}, "not checked"),
    (causes.contradictory_answers, {"num_contradicting": 80}, "proven"),
    (causes.contradictory_answers, {"num_contradicting": 30}, "consistent with"),
    (causes.leak_across_split, {"num_in_other_side": 30}, "proven"),
    (causes.two_languages, {"dropped": {"other-language": 130}}, "proven"),
    (causes.refusals_in_rows, {"dropped": {"refusal": 80}}, "proven"),
    (causes.cut_answers_in_rows, {"dropped": {"cut-off": 90}}, "proven"),
    (causes.too_few_rows, {"num_rows": 40, "dropped": {}}, "consistent with"),
]


def seen(**changes: Any) -> Evidence:
    return Evidence(train_rows=replace(GOOD, **changes), held_out_rows=replace(GOOD, num_rows=60))


@pytest.mark.parametrize(("check", "changes", "expected"), BAD)
def test_what_is_bad(check: Check, changes: dict[str, Any], expected: str) -> None:
    assert check(seen(**changes)).certainty.value == expected


@pytest.mark.parametrize("check", sorted({check for check, _, _ in BAD}, key=lambda one: one.__name__))
def test_good_rows_and_none(check: Check) -> None:
    good = check(seen())
    assert good.certainty.value == "ruled out"
    assert good.signs
    assert check(Evidence()).certainty.value == "not checked"


def test_what_is_proven_names_its_rows() -> None:
    rows = {
        "dropped": {"hashtags": 112},
        "examples": {"hashtags": (("rows.jsonl", 12, "#a"), ("rows.jsonl", 40, "#b"))},
    }
    found = causes.contaminated_rows(seen(**rows))
    assert [(place.file, place.row) for place in found.places] == [("rows.jsonl", 12), ("rows.jsonl", 40)]
    assert found.signs == ("112 of 400 rows (28.0%) are spoiled: hashtags 112",)
