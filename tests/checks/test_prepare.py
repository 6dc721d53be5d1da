"""Every rule of prepare's gate: good, bad, and the edge."""

from typing import Any

import pytest

from jobs.checks.prepare import GATE, DataFile, PrepareFacts, PrepareLimits

LIMITS = PrepareLimits(
    max_bad_share=0.0,
    min_rows=10,
    advised_rows=50,
    min_val_share=0.1,
    max_val_share=0.3,
    max_spoiled_share=0.05,
    max_mojibake_share=0.01,
    min_distinct_answers=2,
    min_distinct_share=0.02,
    max_contradictory_share=0.05,
)
NO_LEAKS = {"id": 0, "conversation": 0, "prompt": 0, "near": 0, "source": 0}
GOOD: dict[str, Any] = {
    "files": [DataFile(label="a.jsonl", sha256="0" * 64, num_bytes=9000, num_rows=110)],
    "num_read": 110,
    "dropped": {"hashtags": 4, "near-duplicate": 5, "mojibake": 1},
    "changed": {"nfc": 3},
    "ignored_columns": ["score"],
    "byte_order_marks": [],
    "lone_returns": ["a.jsonl"],
    "num_train": 80,
    "num_val": 20,
    "split_digest": "1" * 64,
    "unclean": {},
    "leaks": NO_LEAKS,
    "num_near": 2,
    "num_distinct_answers": 90,
    "num_contradictory": 2,
    "lengths": {"user": [1, 5, 100, 300, 400], "assistant": [1, 2, 20, 40, 60]},
    "scripts": {"Japanese": 90, "Latin": 10},
}


def facts(**changes: Any) -> PrepareFacts:
    return PrepareFacts(**{**GOOD, **changes})


@pytest.mark.parametrize(
    ("code", "changes", "status"),
    [
        ("DAT001", {}, "pass"),
        *(("DAT001", {"leaks": {**NO_LEAKS, kind: 1}}, "fail") for kind in NO_LEAKS),
        ("DAT002", {}, "pass"),
        ("DAT002", {"dropped": {"bad-json": 1}}, "fail"),
        ("DAT002", {"num_read": 0}, "fail"),
        ("DAT003", {}, "pass"),
        ("DAT003", {"num_train": 81}, "fail"),
        ("DAT003", {"num_read": 111}, "fail"),
        ("DAT004", {"num_train": 8, "num_val": 2}, "pass"),
        ("DAT004", {"num_train": 7, "num_val": 2}, "fail"),
        ("DAT005", {}, "pass"),
        ("DAT005", {"num_train": 39, "num_val": 10}, "warn"),
        ("DAT005", {"num_train": 7, "num_val": 2}, "skip"),
        ("DAT006", {}, "pass"),
        ("DAT006", {"num_val": 0}, "fail"),
        ("DAT006", {"num_train": 0}, "fail"),
        ("DAT007", {}, "pass"),
        ("DAT007", {"num_train": 95, "num_val": 5}, "warn"),
        ("DAT007", {"num_train": 60, "num_val": 40}, "warn"),
        ("DAT007", {"num_train": 0, "num_val": 0}, "warn"),
        ("DAT008", {}, "pass"),
        ("DAT008", {"unclean": {"hashtags": 1}}, "fail"),
        ("DAT009", {}, "pass"),
        ("DAT009", {"dropped": {"hashtags": 6}}, "warn"),
        ("DAT009", {"dropped": {"near-duplicate": 60}}, "pass"),
        ("DAT009", {"num_read": 0}, "warn"),
        ("DAT010", {}, "pass"),
        ("DAT010", {"changed": {"mojibake": 1}}, "warn"),
        ("DAT010", {"num_read": 0}, "warn"),
        ("DAT011", {"num_distinct_answers": 2}, "pass"),
        ("DAT011", {"num_distinct_answers": 1}, "fail"),
        ("DAT012", {"num_distinct_answers": 2}, "pass"),
        ("DAT012", {"num_train": 180, "num_distinct_answers": 3}, "warn"),
        ("DAT012", {"num_distinct_answers": 1}, "skip"),
        ("DAT012", {"num_train": 0, "num_val": 0}, "warn"),
        ("DAT013", {"num_contradictory": 5}, "pass"),
        ("DAT013", {"num_contradictory": 6}, "warn"),
        ("DAT013", {"num_train": 0, "num_val": 0}, "warn"),
    ],
)
def test_rule(code: str, changes: dict[str, Any], status: str) -> None:
    finding = next(found for found in GATE.judge(facts(**changes), LIMITS, waivers={}).findings if found.code == code)
    assert finding.status == status
    if status in ("warn", "fail"):
        assert all(any(character.isdigit() for character in message) for message in finding.messages)


@pytest.mark.parametrize(
    "limit", ["max_bad_share", "max_spoiled_share", "max_mojibake_share", "max_contradictory_share"]
)
def test_a_limit_that_is_not_a_number_is_no_pass(limit: str) -> None:
    limits = LIMITS.model_copy(update={limit: float("nan")})
    code = {"max_bad_share": "DAT002", "max_spoiled_share": "DAT009", "max_mojibake_share": "DAT010"}.get(
        limit, "DAT013"
    )
    assert GATE.judge(facts(), limits, waivers={}).statuses[code] in ("fail", "warn")


def test_spoiled_rows_are_told_with_their_reasons() -> None:
    verdict = GATE.judge(facts(dropped={"hashtags": 20, "label": 11}), LIMITS, waivers={})
    message = next(finding.messages[0] for finding in verdict.findings if finding.code == "DAT009")
    assert message == "31 of 110 rows (28.2%), the most is 5.0%: hashtags 20, label 11"


def test_the_funnel_is_shown_in_order() -> None:
    shown = facts(dropped={"near-duplicate": 5, "bad-json": 1, "hashtags": 4}).lines()
    assert [what.strip() for what, _ in shown[:7]] == [
        "rows read",
        "- bad-json",
        "- hashtags",
        "- near-duplicate",
        "kept",
        "train",
        "validation",
    ]
    assert shown[6] == ("validation", "20 (20.0%)")


def test_facts_survive_the_record() -> None:
    assert PrepareFacts.model_validate(facts().model_dump(mode="json"), strict=False) == facts()
