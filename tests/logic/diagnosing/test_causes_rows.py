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
    (causes.contaminated_rows, {"dropped": {"odd-form": 60}}, "consistent with"),
    (causes.contaminated_rows, {"dropped": {"odd-form": 60, "hashtags": 20}}, "proven"),
    (causes.contaminated_rows, {"dropped": {"hashtags": 20}}, "proven"),
    (causes.contaminated_rows, {"dropped": {"hashtags": 19}}, "consistent with"),
    (causes.contaminated_rows, {"dropped": {"hashtags": 4}}, "ruled out"),
    (causes.wrongly_decoded_rows, {"mojibake": 40}, "proven"),
    (causes.wrongly_decoded_rows, {"mojibake": 19}, "consistent with"),
    (causes.wrongly_decoded_rows, {"mojibake": 4}, "ruled out"),
    (causes.answers_of_other_prompts, {"belonging_says": "do not belong", "belonging_p": 0.8}, "measured"),
    (causes.answers_of_other_prompts, {"belonging_says": "cannot say", "belonging_p": 0.4}, "not checked"),
    (causes.contradictory_answers, {"num_contradicting": 80, "num_distinct_answers": 4}, "proven"),
    (causes.contradictory_answers, {"num_contradicting": 80, "num_distinct_answers": 300}, "consistent with"),
    (causes.contradictory_answers, {"num_contradicting": 80}, "consistent with"),
    (
        causes.contradictory_answers,
        {"num_contradicting": 80, "num_distinct_answers": 4, "answer_chars": (90, 200, 300)},
        "consistent with",
    ),
    (causes.contradictory_answers, {"num_contradicting": 30}, "consistent with"),
    (causes.leak_across_split, {"num_in_other_side": 30}, "proven"),
    (causes.leak_across_split, {"num_in_other_side": 3}, "proven"),
    (causes.leak_across_split, {"num_in_other_side": 2}, "measured"),
    (causes.leak_across_split, {"num_in_other_side": 1}, "measured"),
    (causes.leak_across_split, {"num_unreadable": 1}, "not checked"),
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


@pytest.mark.parametrize(
    ("train", "held_out", "decides"),
    [
        (None, None, (causes.ROWS, causes.HELD_OUT)),
        (None, GOOD, (causes.ROWS,)),
        (replace(GOOD, num_rows=0), GOOD, (causes.ROWS,)),
        (GOOD, None, (causes.HELD_OUT,)),
        (GOOD, replace(GOOD, num_rows=0), (causes.HELD_OUT,)),
        (replace(GOOD, num_in_other_side=None), GOOD, (causes.HELD_OUT,)),
    ],
)
def test_a_leak_that_is_not_checked_says_for_want_of_which_side(
    train: RowsSeen | None, held_out: RowsSeen | None, decides: tuple[str, ...]
) -> None:
    found = causes.leak_across_split(Evidence(train_rows=train, held_out_rows=held_out))
    assert (found.certainty.value, found.decides) == ("not checked", decides)


@pytest.mark.parametrize("check", sorted({check for check, _, _ in BAD}, key=lambda one: one.__name__))
def test_files_without_a_row_prove_nothing(check: Check) -> None:
    empty = replace(GOOD, num_rows=0, dropped={}, mojibake=0, num_contradicting=0)
    found = check(Evidence(train_rows=empty, held_out_rows=GOOD))
    assert found.certainty.value in ("not checked", "consistent with")
    assert found.decides
