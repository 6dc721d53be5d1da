"""Every rule of the smoke gate: good, bad, and the edges."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.checks.behaviour import Behaviour
from jobs.checks.smoke import GATE, SmokeFacts, SmokeLimits

NAN = float("nan")
LIMITS = SmokeLimits(
    min_rows=10,
    advised_rows=50,
    min_stop_rate=0.99,
    max_loop_rate=0.01,
    max_repeat_rate=0.01,
    max_empty_rate=0.01,
    max_markup_rate=0.0,
    max_think_leak_rate=0.01,
    max_copy_rate=0.5,
    advised_copy_rate=0.1,
    max_overlap_gain=0.2,
    min_agreement_gain=0.02,
)


def behaviour(model: str, prompt: str = "default", **changes: Any) -> Behaviour:
    values: dict[str, Any] = {
        "model": model,
        "prompt": prompt,
        "num_rows": 60,
        "num_tokens": 600,
        "stop_rate": 1.0,
        "loop_rate": 0.0,
        "repeat_rate": 0.0,
        "empty_rate": 0.0,
        "markup_rate": 0.0,
        "think_leak_rate": 0.0,
        "copy_rate": 0.0,
        "exact_rate": 0.5,
        "agreement": 0.8 if model != "base" else 0.2,
        "overlap": 0.1,
    }
    return Behaviour(**(values | changes))


def facts(tuned: dict[str, Any] | None = None, base: dict[str, Any] | None = None, **changes: Any) -> SmokeFacts:
    values: dict[str, Any] = {
        "num_held_out": 60,
        "num_rows": 60,
        "num_references": 60,
        "prompts": ["default"],
        "num_missing": 0,
        "num_foreign": 0,
        "max_new_tokens": 64,
        "num_longer_references": 0,
        "reference_overlap": 0.05,
        "behaviours": [behaviour("base", **(base or {})), behaviour("tuned", **(tuned or {}))],
        "samples": [],
    }
    return SmokeFacts(**(values | changes))


def status(code: str, found: SmokeFacts) -> str:
    return GATE.judge(found, LIMITS, {}).statuses[code]


def test_good_facts_pass_every_rule() -> None:
    verdict = GATE.judge(facts(), LIMITS, {})
    assert verdict.status == "pass"
    assert set(verdict.statuses.values()) == {"pass"}


@pytest.mark.parametrize(
    ("code", "field", "good", "bad", "expected"),
    [
        ("GEN001", "stop_rate", 0.99, 0.98, "fail"),
        ("GEN002", "loop_rate", 0.01, 0.02, "fail"),
        ("GEN003", "repeat_rate", 0.01, 0.02, "fail"),
        ("GEN004", "empty_rate", 0.01, 0.02, "fail"),
        ("GEN005", "markup_rate", 0.0, 0.01, "fail"),
        ("GEN006", "copy_rate", 0.5, 0.51, "fail"),
        ("GEN007", "agreement", 0.23, 0.21, "fail"),
        ("GEN008", "think_leak_rate", 0.01, 0.02, "fail"),
        ("GEN009", "copy_rate", 0.1, 0.11, "warn"),
        ("GEN012", "overlap", 0.24, 0.26, "warn"),
    ],
)
def test_rates_of_the_tuned_model(code: str, field: str, good: float, bad: float, expected: str) -> None:
    assert status(code, facts({field: good})) == "pass"
    assert status(code, facts({field: bad})) == expected
    assert status(code, facts({field: NAN})) == expected
    # The base model may behave as badly as it likes; only its agreement is looked at.
    if field != "agreement":
        assert status(code, facts(base={field: bad})) == "pass"
    assert status(code, facts(behaviours=[])) == "skip"


def test_the_message_has_the_value_the_number_and_the_limit() -> None:
    finding = GATE.judge(facts({"stop_rate": 0.5}), LIMITS, {}).failing[0]
    assert finding.code == "GEN001"
    assert "50.0% of 60 answers stop (95% interval 37.7% to 62.3%) within 64 tokens" in finding.messages[0]
    assert "99.0%" in finding.messages[0]


def test_every_prompt_of_the_tuned_model_counts() -> None:
    found = [behaviour("tuned"), behaviour("tuned", "no_thinking", loop_rate=0.5)]
    assert status("GEN002", facts(behaviours=found)) == "fail"


def test_agreement_is_held_against_the_bases_best_prompt() -> None:
    base = [behaviour("base", agreement=0.1), behaviour("base", "no_thinking", agreement=0.79)]
    assert status("GEN007", facts(behaviours=[*base, behaviour("tuned")])) == "fail"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"num_references": 0}, "skip"),
        ({"behaviours": [behaviour("tuned")]}, "skip"),
    ],
)
def test_agreement_without_something_to_compare(changes: dict[str, Any], expected: str) -> None:
    assert status("GEN007", facts(**changes)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"num_rows": 10}, "pass"),
        ({"num_rows": 9}, "fail"),
        ({"num_rows": 4, "num_held_out": 4}, "pass"),
        ({"num_rows": 0, "num_held_out": 0}, "fail"),
        ({"num_missing": 1}, "fail"),
        ({"num_foreign": 1}, "fail"),
    ],
)
def test_too_few_answers(changes: dict[str, Any], expected: str) -> None:
    assert status("GEN010", facts(**changes)) == expected


def test_prompt_not_tried() -> None:
    both = facts(prompts=["default", "no_thinking"])
    assert status("GEN011", both) == "fail"
    tried = [behaviour("tuned"), behaviour("tuned", "no_thinking")]
    assert status("GEN011", facts(prompts=["default", "no_thinking"], behaviours=tried)) == "pass"
    assert status("GEN011", facts(behaviours=[])) == "fail"


def test_answer_limit_too_short() -> None:
    assert status("GEN013", facts(num_longer_references=1)) == "warn"


def test_few_rows_judged() -> None:
    assert status("GEN014", facts(num_rows=49)) == "warn"


def test_no_answers_at_all_never_pass() -> None:
    assert GATE.judge(facts(behaviours=[], num_missing=120), LIMITS, {}).status == "fail"


def test_lines_show_numbers() -> None:
    assert ("held-out rows asked", "60 of 60") in facts().lines()
