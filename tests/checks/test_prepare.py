"""Every rule of prepare's gate: good, bad, and the edge."""

from typing import Any

import pytest

from jobs.checks.prepare import GATE, DataFile, Example, Histogram, PrepareFacts, PrepareLimits, Topic

LIMITS = PrepareLimits(
    max_bad_share=0.0,
    min_rows=10,
    advised_rows=50,
    min_val_share=0.1,
    max_val_share=0.3,
    enough_val_rows=5000,
    max_spoiled_share=0.05,
    max_departing_share=0.05,
    max_topic_share=0.5,
    max_lost_share=0.5,
    max_personal_share=0.01,
    max_mojibake_share=0.01,
    max_placeholder_share=0,
    min_distinct_answers=2,
    min_distinct_share=0.02,
    max_contradictory_share=0.05,
    max_alone_share=0.05,
)
BELONGING = {
    "word": "belong", "num_rows": 512, "own": 0.24, "other": 0.06, "z": 51.7, "p": 0.005, "num_displaced": 50,
    "num_alone": 6, "shift": 0,
}  # fmt: skip
TOPIC = Topic(reason="markup-tag", kind="prompt", text="regular expression", dropped=15, kept=0)
NO_LEAKS = {"id": 0, "conversation": 0, "prompt": 0, "near": 0, "source": 0}
GOOD: dict[str, Any] = {
    "files": [
        DataFile(label="a.jsonl", format="JSON Lines", shape="messages", sha256="0" * 64, num_bytes=9000, num_rows=110)
    ],
    "num_read": 110,
    "dropped": {"hashtags": 4, "near-duplicate": 5, "mojibake": 1},
    "topics": [],
    "allowed": [],
    "changed": {"nfc": 3},
    "seen": {"email": 1, "invisible": 4},
    "ignored_columns": {"a.jsonl": ["score"]},
    "byte_order_marks": [],
    "lone_returns": ["a.jsonl"],
    "left_aside": ["notes.txt"],
    "num_train": 80,
    "num_val": 20,
    "split_digest": "1" * 64,
    "labels": {"cats": [40, 10]},
    "evaluation": {"judge.jsonl": 0},
    "unclean": {},
    "leaks": NO_LEAKS,
    "num_near": 2,
    "num_distinct_answers": 90,
    "num_contradictory": 2,
    "lengths": {"user": [1, 5, 100, 300, 400], "assistant": [1, 2, 20, 40, 60]},
    "answer_lengths": Histogram(edges=[1, 10, 61], train=[30, 50], val=[5, 15]),
    "languages": {"ja": 90, "en": 10},
    "set_language": "ja",
    "mixed_forms": {},
    "belonging": BELONGING,
    "examples": [Example(reason="hashtags", id="r1", file="a.jsonl", line=2, evidence="assistant: #a #b")],
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
        ("DAT007", {"num_train": 200_000, "num_val": 5000}, "pass"),
        ("DAT007", {"num_train": 0, "num_val": 5000}, "warn"),
        ("DAT008", {}, "pass"),
        ("DAT008", {"unclean": {"hashtags": 1}}, "fail"),
        ("DAT009", {}, "pass"),
        ("DAT009", {"dropped": {"hashtags": 6}}, "warn"),
        ("DAT009", {"dropped": {"near-duplicate": 60}}, "pass"),
        ("DAT009", {"num_read": 0}, "warn"),
        ("DAT010", {}, "pass"),
        ("DAT010", {"changed": {"mojibake": 1}}, "fail"),
        ("DAT010", {"num_read": 0}, "fail"),
        ("DAT011", {"num_distinct_answers": 2}, "pass"),
        ("DAT011", {"num_distinct_answers": 1}, "fail"),
        ("DAT012", {"num_distinct_answers": 2}, "pass"),
        ("DAT012", {"num_train": 180, "num_distinct_answers": 3}, "warn"),
        ("DAT012", {"num_distinct_answers": 1}, "skip"),
        ("DAT012", {"num_train": 0, "num_val": 0}, "warn"),
        ("DAT013", {"num_contradictory": 5}, "pass"),
        ("DAT013", {"num_contradictory": 6}, "warn"),
        ("DAT013", {"num_train": 0, "num_val": 0}, "warn"),
        ("DAT014", {}, "pass"),
        ("DAT014", {"evaluation": {"judge.jsonl": 0, "other.jsonl": 1}}, "fail"),
        ("DAT014", {"evaluation": {}}, "skip"),
        ("DAT015", {}, "pass"),
        ("DAT015", {"seen": {"secret": 1}}, "fail"),
        ("DAT016", {}, "pass"),
        ("DAT016", {"seen": {"email": 1, "phone": 1}}, "warn"),
        ("DAT016", {"num_train": 0, "num_val": 0}, "warn"),
        ("DAT017", {"dropped": {"odd-form": 5}}, "pass"),
        ("DAT017", {"dropped": {"odd-form": 5, "other-language": 1}}, "warn"),
        ("DAT017", {"num_read": 0}, "warn"),
        ("DAT018", {}, "pass"),
        ("DAT018", {"labels": {"cats": [40, 10], "dogs": [3, 0]}}, "warn"),
        ("DAT018", {"labels": {"dogs": [0, 2]}}, "warn"),
        ("DAT018", {"labels": {}}, "skip"),
        ("DAT019", {}, "pass"),
        ("DAT019", {"mixed_forms": {"begin with a date": 40}}, "warn"),
        ("DAT020", {"dropped": {"hashtags": 50, "odd-form": 5}}, "pass"),
        ("DAT020", {"dropped": {"hashtags": 50, "odd-form": 6}}, "fail"),
        ("DAT020", {"dropped": {"duplicate": 90}}, "pass"),
        ("DAT020", {"num_read": 0}, "fail"),
        ("DAT021", {}, "pass"),
        ("DAT021", {"belonging": BELONGING | {"word": "do not belong", "p": 0.4, "num_displaced": 300}}, "fail"),
        ("DAT021", {"belonging": BELONGING | {"word": "do not belong", "shift": -1}}, "fail"),
        ("DAT022", {}, "pass"),
        ("DAT036", {"belonging": BELONGING | {"num_rows": 500, "num_alone": 25}}, "pass"),
        ("DAT036", {"belonging": BELONGING | {"num_rows": 500, "num_alone": 26}}, "warn"),
        ("DAT036", {"belonging": BELONGING | {"num_rows": 40, "num_alone": 4}}, "pass"),
        ("DAT036", {"belonging": BELONGING | {"word": "cannot say", "num_alone": 300}}, "skip"),
        ("DAT022", {"belonging": BELONGING | {"word": "cannot say", "p": 0.4}}, "warn"),
        ("DAT022", {"belonging": BELONGING | {"word": "cannot say", "num_rows": 0}}, "skip"),
        ("DAT023", {}, "pass"),
        ("DAT023", {"seen": {"placeholder": 1}}, "warn"),
        ("DAT023", {"num_train": 0, "num_val": 0}, "warn"),
        ("DAT030", {}, "pass"),
        ("DAT030", {"topics": [TOPIC]}, "warn"),
        ("DAT030", {"topics": [TOPIC.model_copy(update={"kept": 15})]}, "pass"),
        ("DAT032", {}, "pass"),
        ("DAT032", {"num_read": 101, "dropped": {"between-sides": 1}}, "warn"),
    ],
)
def test_rule(code: str, changes: dict[str, Any], status: str) -> None:
    finding = next(found for found in GATE.judge(facts(**changes), LIMITS, waivers={}).findings if found.code == code)
    assert finding.status == status
    if status in ("warn", "fail"):
        assert all(any(character.isdigit() for character in message) for message in finding.messages)


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        ("max_bad_share", "DAT002"),
        ("max_val_share", "DAT007"),
        ("max_spoiled_share", "DAT009"),
        ("max_mojibake_share", "DAT010"),
        ("min_distinct_share", "DAT012"),
        ("max_contradictory_share", "DAT013"),
        ("max_personal_share", "DAT016"),
        ("max_departing_share", "DAT017"),
        ("max_lost_share", "DAT020"),
        ("max_placeholder_share", "DAT023"),
        ("max_topic_share", "DAT030"),
    ],
)
def test_a_limit_that_is_not_a_number_is_no_pass(limit: str, code: str) -> None:
    limits = LIMITS.model_copy(update={limit: float("nan")})
    assert GATE.judge(facts(topics=[TOPIC]), limits, waivers={}).statuses[code] in ("fail", "warn")


KEPT = "; where they belong: prepare.clean.allow=[hashtags,label]"


def test_spoiled_rows_are_told_with_their_reasons() -> None:
    verdict = GATE.judge(facts(dropped={"hashtags": 20, "label": 11}), LIMITS, waivers={})
    message = next(finding.messages[0] for finding in verdict.findings if finding.code == "DAT009")
    assert message == f"31 of 110 rows (28.2%), the most is 5.0%: hashtags 20, label 11{KEPT}"


def test_what_a_person_is_shown() -> None:
    shown = dict(facts().lines())
    assert shown["read"] == "a.jsonl (JSON Lines, messages, 110 rows)"
    assert shown["train / validation"] == "80 / 20 (20.0%)"
    assert shown["seen and kept"] == "invisible 4, email 1"
    assert shown["left aside"] == "notes.txt"
    assert "byte-order mark in" not in shown


def test_the_funnel_is_drawn() -> None:
    drawn = facts(dropped={"near-duplicate": 5, "bad-json": 1, "hashtags": 4}).drawing(80, plain=True)
    assert [line.split("  ")[0].strip() for line in drawn if not line.startswith("    ")] == [
        "rows read",
        "- not a conversation",
        "- unfit",
        "- duplicate",
        "rows kept",
    ]
    assert all(len(line) <= 80 and line.isascii() for line in drawn)


def test_facts_survive_the_record() -> None:
    assert PrepareFacts.model_validate(facts().model_dump(mode="json"), strict=False) == facts()
