"""Every rule of the gate on made rows: good, bad, and the edges."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.checks.synth import GATE, SynthFacts, SynthLimits
from tests.checks import synth_facts
from tests.checks.synth_facts import difference, making, model, rows, taken

LIMITS = SynthLimits(max_failed_share=0.1, min_novelty=0.3, max_synthetic_share=0.9)
FAILED = [
    {"purpose": "score", "calls": 100, "failed": {"schema": 11}, "prompt_tokens": 1, "completion_tokens": 1}
]  # fmt: skip


def facts(**changes: Any) -> SynthFacts:
    return SynthFacts.model_validate(synth_facts.plain(**changes))


def status(code: str, found: SynthFacts) -> str:
    return GATE.judge(found, LIMITS, {}).statuses[code]


def test_good_facts_pass_every_rule() -> None:
    verdict = GATE.judge(facts(), LIMITS, {})
    assert verdict.status == "pass"
    assert set(verdict.statuses.values()) == {"pass"}


@pytest.mark.parametrize(
    ("code", "changes", "expected"),
    [
        ("SYN001", {"wanted": 401}, "fail"),
        ("SYN001", {"wanted": 399}, "fail"),
        ("SYN002", {"rows": rows(near_held_out=1)}, "fail"),
        ("SYN003", {"rows": rows(held_out_parents=1)}, "fail"),
        ("SYN004", {"rows": rows(unaccounted=1)}, "fail"),
        ("SYN004", {"taken": [taken(tried=417), taken("random", tried=104, accepted=70, dropped={"cut": 34})]}, "fail"),
        ("SYN004", {"rows": rows(num_rows=399, num_joined=1523)}, "fail"),
        ("SYN005", {"rows": rows(unclean={"mojibake": 1})}, "fail"),
        ("SYN005", {"rows": rows(near_others=1)}, "fail"),
        ("SYN006", {"rows": rows(not_joined=1)}, "fail"),
        ("SYN006", {"rows": rows(num_joined=1523)}, "fail"),
        ("SYN007", {"rows": rows(unknown_parents=1)}, "fail"),
        ("SYN007", {"rows": rows(other_sources=1)}, "fail"),
        ("SYN008", {"making": making(asked=FAILED)}, "fail"),
        ("SYN008", {"making": making(asked=[])}, "skip"),
        ("SYN009", {"making": making(same_model="there is no other here")}, "warn"),
        ("SYN009", {"making": making(scorer=None)}, "skip"),
        ("SYN010", {"making": making(scorer=None)}, "warn"),
        ("SYN011", {"novelty": 0.29}, "warn"),
        ("SYN011", {"novelty": 0.3}, "pass"),
        ("SYN011", {"novelty": None}, "skip"),
        ("SYN012", {"rows": rows(num_rows=400, num_joined=440)}, "warn"),
        ("SYN013", {"differences": [difference(low=-0.01)]}, "warn"),
        ("SYN013", {"differences": [difference(low=None, high=None)]}, "skip"),
        ("SYN013", {"differences": [difference("novelty", 0.1, 0.2)]}, "skip"),
        ("SYN014", {"making": making(usd=4.3)}, "warn"),
        ("SYN014", {"making": making(usd=None)}, "skip"),
    ],
)  # fmt: skip
def test_a_rule_finds_what_it_is_for(code: str, changes: dict[str, Any], expected: str) -> None:
    assert status(code, facts(**changes)) == expected


def test_what_took_the_candidates_is_said_and_the_way_out_can_be_pasted() -> None:
    found = GATE.judge(facts(wanted=1500, making=making(ended="candidates")), LIMITS, {})
    message = found.failing[0].messages[0]
    assert message.startswith("400 of 1,500 rows after 520 candidates: as many candidates were tried as")
    assert "low-score 90, too-like-another 26, unparsable 4" in message
    rule = next(rule for rule in GATE.rules if rule.code == "SYN001")
    assert [one.words for one in rule.check(facts(wanted=1500), LIMITS)] == [("synth.rows=400",)]  # type: ignore[attr-defined]


def test_failed_calls_are_told_by_kind_with_some_of_what_was_said() -> None:
    found = GATE.judge(facts(making=making(asked=FAILED)), LIMITS, {}).failing[0]
    said = '11 of 100 calls (11.0%), the most is 10.0%: score schema 11; for example: "Sure! Here is"'
    assert found.messages == [said]


def test_the_lines_say_who_wrote_and_what_it_cost() -> None:
    lines = dict(facts(making=making(generator=model("x.gguf", served="embedded"), usd=None)).lines())
    assert lines["made"] == "400 of 400 rows from 520 candidates"
    assert lines["written by"] == "x.gguf (served here)"
    assert lines["cost"] == "unknown, estimated $2.10"
    assert lines["dropped"] == "low-score 90, too-like-another 26, unparsable 4"
