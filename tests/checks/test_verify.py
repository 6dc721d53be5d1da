"""Every rule of the verify gate: good, bad, and the edges."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.checks.advised import Shipped
from jobs.checks.behaviour import Behaviour
from jobs.checks.lengths import LengthFacts
from jobs.checks.parity import Parity
from jobs.checks.templates import TemplateFacts
from jobs.checks.verify import GATE, VerifyFacts, VerifyLimits
from tests.checks import template_facts
from tests.checks.belonging_facts import belonging
from tests.checks.length_facts import LENGTH_LIMITS, at, length_facts

NAN = float("nan")
SHIPS = {name: Shipped(type=name, num_bytes=size) for name, size in (("Q4_K_M", 400_000_000), ("F16", 1_200_000_000))}
LIMITS = VerifyLimits(
    advised_retention=0.95,
    min_effect=1e-4,
    min_effect_over_noise=100,
    max_merged_kl=1e-8,
    max_f16_kl=1e-4,
    min_retention={"F16": 0.995, "Q8_0": 0.98, "Q4_K_M": 0.90, "other": 0.80},
    advised_same_top=0.90,
    advised_tokens=500,
    advised_rows=50,
    min_stop_rate=0.99,
    max_loop_rate=0.01,
    max_repeat_rate=0.01,
    max_empty_rate=0.01,
    max_markup_rate=0.0,
    max_think_leak_rate=0.01,
    max_agreement_loss=0.05,
    max_p=0.01,
    min_power=0.9,
    lengths=LENGTH_LIMITS,
)
KL = {"merged": 1e-13, "F16": 1e-6, "Q4_K_M": 1e-2}
KEPT = {"merged": 1.0, "F16": 0.9999, "Q4_K_M": 0.97}


def parity(artifact: str, **changes: Any) -> Parity:
    values: dict[str, Any] = {
        "artifact": artifact,
        "num_rows": 60,
        "num_tokens": 720,
        "kl_mean": KL.get(artifact, 1e-2),
        "kl_p99": 0.1,
        "same_top": 0.99,
        "retention": KEPT.get(artifact, 0.97),
        "retention_low": KEPT.get(artifact, 0.97) - 0.001,
        "retention_high": KEPT.get(artifact, 0.97),
        "nll": 0.5,
        "nonfinite": 0,
    }
    return Parity(**(values | changes))


def behaviour(model: str, **changes: Any) -> Behaviour:
    values: dict[str, Any] = {
        "model": model,
        "prompt": "default",
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
        "agreement": 0.8,
        "overlap": 0.1,
        "belonging": belonging(),
    }
    return Behaviour(**(values | changes))


def facts(
    merged: dict[str, Any] | None = None,
    f16: dict[str, Any] | None = None,
    q4: dict[str, Any] | None = None,
    tuned: dict[str, Any] | None = None,
    answers: dict[str, dict[str, Any]] | None = None,
    **changes: Any,
) -> VerifyFacts:
    said = answers or {}
    values: dict[str, Any] = {
        "asked": ["merged", "F16", "Q4_K_M"],
        "ships": [SHIPS["Q4_K_M"], SHIPS["F16"]],
        "num_rows": 60,
        "num_tokens": 720,
        "num_missing": 0,
        "effect": 0.4,
        "noise": 1e-12,
        "reference_nll": 0.5,
        "base_nll": 2.0,
        "parities": [parity("merged", **(merged or {})), parity("F16", **(f16 or {})), parity("Q4_K_M", **(q4 or {}))],
        "failures": {},
        "hugging_face": [behaviour("tuned", **(tuned or {}))],
        "behaviours": [behaviour(name, **said.get(name, {})) for name in ("F16", "Q4_K_M")],
        "same_text": {"F16": 1.0, "Q4_K_M": 0.9},
        "lengths": length_facts(),
        "templates": [template_facts.GOOD],
        "blame": "",
        "samples": [],
    }
    return VerifyFacts(**(values | changes))


def status(code: str, found: VerifyFacts) -> str:
    return GATE.judge(found, LIMITS, {}).statuses[code]


def messages(code: str, found: VerifyFacts) -> str:
    return " / ".join(next(one for one in GATE.judge(found, LIMITS, {}).findings if one.code == code).messages)


def test_good_facts_pass_every_rule() -> None:
    verdict = GATE.judge(facts(), LIMITS, {})
    assert verdict.status == "pass"
    assert set(verdict.statuses.values()) == {"pass"}


@pytest.mark.parametrize(
    ("code", "changes", "expected"),
    [
        ("PAR001", {"effect": 1e-4}, "fail"),
        ("PAR001", {"effect": NAN}, "fail"),
        ("PAR001", {"noise": 0.004}, "fail"),
        ("PAR001", {"noise": 0.0039}, "pass"),
        ("PAR001", {"noise": NAN}, "fail"),
        ("PAR002", {"merged": {"kl_mean": 1e-8}}, "pass"),
        ("PAR002", {"merged": {"kl_mean": 2e-8}}, "fail"),
        ("PAR002", {"merged": {"kl_mean": NAN}}, "fail"),
        ("PAR002", {"parities": []}, "skip"),
        ("PAR003", {"f16": {"kl_mean": 2e-4}}, "fail"),
        ("PAR003", {"f16": {"kl_mean": NAN}}, "fail"),
        ("PAR003", {"f16": {"retention_low": 0.994}}, "fail"),
        ("PAR003", {"f16": {"retention_low": NAN}}, "fail"),
        ("PAR003", {"parities": []}, "skip"),
        ("PAR004", {"q4": {"nonfinite": 1}}, "fail"),
        ("PAR004", {"parities": []}, "skip"),
        ("PAR005", {"q4": {"retention_low": 0.90}}, "pass"),
        ("PAR005", {"q4": {"retention_low": 0.89}}, "fail"),
        ("PAR005", {"q4": {"retention_low": NAN}}, "fail"),
        ("PAR005", {"parities": [parity("Q2_K", retention_low=0.81)]}, "pass"),
        ("PAR005", {"parities": [parity("Q2_K", retention_low=0.79)]}, "fail"),
        ("PAR005", {"parities": [parity("F16")]}, "skip"),
        ("PAR006", {"failures": {"F16": "model-f16.gguf: llama.cpp cannot load it"}}, "fail"),
        ("PAR007", {"parities": [parity("F16"), parity("Q4_K_M")]}, "fail"),
        ("PAR007", {"behaviours": [behaviour("F16")]}, "fail"),
        ("PAR007", {"num_missing": 1}, "fail"),
        ("PAR007", {"num_tokens": 0}, "fail"),
        ("PAR007", {"asked": ["merged", "F16"]}, "fail"),
        ("PAR007", {"ships": []}, "fail"),
        ("PAR007", {"ships": [SHIPS["F16"]], "asked": ["merged", "F16"]}, "pass"),
        ("PAR050", {"ships": [SHIPS["Q4_K_M"]]}, "skip"),
        ("PAR050", {}, "pass"),
        ("PAR050", {"ships": [SHIPS["F16"], SHIPS["Q4_K_M"]]}, "warn"),
        ("PAR050", {"ships": [SHIPS["Q4_K_M"], SHIPS["F16"]], "q4": {"retention_low": 0.949}}, "warn"),
        ("PAR050", {"ships": [SHIPS["F16"], SHIPS["Q4_K_M"]], "q4": {"retention_low": NAN}}, "pass"),
        ("PAR015", {"num_tokens": 499}, "warn"),
        ("PAR015", {"num_rows": 49}, "warn"),
        ("PAR016", {"q4": {"same_top": 0.89}}, "warn"),
        ("PAR016", {"q4": {"same_top": NAN}}, "warn"),
    ],
)
def test_parity_rules(code: str, changes: dict[str, Any], expected: str) -> None:
    assert status(code, facts(**changes)) == expected


@pytest.mark.parametrize(
    ("code", "field", "good", "bad"),
    [
        ("PAR008", "stop_rate", 0.99, 0.98),
        ("PAR009", "markup_rate", 0.0, 0.01),
        ("PAR011", "loop_rate", 0.01, 0.02),
        ("PAR011", "repeat_rate", 0.01, 0.02),
        ("PAR012", "think_leak_rate", 0.01, 0.02),
        ("PAR013", "empty_rate", 0.01, 0.02),
        ("PAR014", "agreement", 0.76, 0.74),
    ],
)
@pytest.mark.parametrize("artifact", ["F16", "Q4_K_M"])
def test_behaviour_of_every_gguf(artifact: str, code: str, field: str, good: float, bad: float) -> None:
    assert status(code, facts(answers={artifact: {field: good}})) == "pass"
    assert status(code, facts(answers={artifact: {field: bad}})) == "fail"
    assert status(code, facts(answers={artifact: {field: NAN}})) == "fail"
    assert status(code, facts(behaviours=[])) == "skip"


def test_stopping_less_than_hugging_face() -> None:
    assert status("PAR010", facts(answers={"F16": {"stop_rate": 0.95}})) == "pass"
    assert status("PAR010", facts(answers={"F16": {"stop_rate": 0.93}})) == "fail"
    assert status("PAR010", facts(tuned={"stop_rate": 0.5}, answers={"F16": {"stop_rate": 0.5}})) == "pass"
    assert status("PAR010", facts(answers={"F16": {"stop_rate": NAN}})) == "fail"


def test_a_bad_quant_of_a_good_f16_is_quantizings_fault_and_names_the_next_type() -> None:
    said = messages("PAR005", facts(q4={"retention": 0.71, "retention_low": 0.65, "retention_high": 0.78}))
    assert (
        "Q4_K_M keeps 71.0% of what training changed (95% interval 65.0% to 78.0%), the least of its lower end is 90.0%"
        in said
    )
    assert "F16 is right: it was lost by quantizing to Q4_K_M" in said
    assert "the next larger type to try is Q5_K_M" in said


def test_where_f16_is_bad_too_it_was_not_quantizing() -> None:
    low = {"retention": 0.5, "retention_low": 0.5, "kl_mean": 0.2}
    found = facts(f16=low, q4=low)
    assert "merged is right: it was lost by converting" in messages("PAR003", found)
    assert "F16 is wrong already: it was lost by converting, not by what came after" in messages("PAR005", found)


def test_where_merged_is_bad_it_was_merging() -> None:
    low = {"retention": 0.5, "retention_low": 0.5, "kl_mean": 0.2}
    found = facts(merged=low, f16=low, q4=low)
    assert "it was lost by merging" in messages("PAR002", found)
    assert "merged is wrong already" in messages("PAR003", found)


@pytest.mark.parametrize(
    ("tuned", "f16", "said"),
    [
        (1.0, 1.0, "F16 is right: it was lost by quantizing to Q4_K_M"),
        (1.0, 0.5, "F16 is wrong already: it was lost by converting, not by what came after"),
        (0.5, 0.5, "tuned is wrong already: it was lost by training, not by what came after"),
    ],
)
def test_who_lost_the_stop(tuned: float, f16: float, said: str) -> None:
    answers = {"F16": {"stop_rate": f16}, "Q4_K_M": {"stop_rate": 0.5}}
    assert said in messages("PAR008", facts(tuned={"stop_rate": tuned}, answers=answers))


def test_nothing_compared_never_passes() -> None:
    empty = facts(parities=[], behaviours=[], effect=NAN, noise=NAN, num_tokens=0, num_rows=0)
    assert GATE.judge(empty, LIMITS, {}).status == "fail"


def test_lines_name_every_artefact() -> None:
    assert {"merged", "F16", "Q4_K_M", "who lost what"} <= {what for what, _ in facts().lines()}


TEMPLATE_RULES = ("PAR020", "PAR021", "PAR022", "PAR023")


@pytest.mark.parametrize(("templates", "rule", "status"), template_facts.CASES)
def test_template_rule(templates: list[TemplateFacts], rule: int, status: str) -> None:
    assert GATE.judge(facts(templates=templates), LIMITS, {}).statuses[TEMPLATE_RULES[rule]] == status


@pytest.mark.parametrize(
    ("changes", "error", "warning"),
    [
        ({}, "pass", "pass"),
        ({"p": 0.011}, "fail", "pass"),
        ({"p": NAN}, "fail", "pass"),
        ({"p": 0.011, "power": 0.89}, "pass", "warn"),
    ],
)
def test_a_gguf_whose_answers_go_with_any_reference(changes: dict[str, Any], error: str, warning: str) -> None:
    found = facts(answers={"Q4_K_M": {"belonging": belonging(**changes)}})
    assert (status("PAR030", found), status("PAR031", found)) == (error, warning)


def test_both_agreements_are_told() -> None:
    found = facts(answers={"Q4_K_M": {"belonging": belonging(own=0.11, other=0.1, p=0.3)}})
    assert messages("PAR030", found) == (
        "Q4_K_M: agreement 0.110 with their own references, 0.100 with those of other rows (by texts, 60 rows): "
        "p 0.3, the most is 0.01"
    )


@pytest.mark.parametrize(
    ("code", "found", "expected"),
    [
        ("PAR040", length_facts(), "pass"),
        ("PAR040", length_facts(at(1), at(2, stop_rate=0.5)), "warn"),
        ("PAR041", length_facts(), "pass"),
        ("PAR041", length_facts(too_long=[4]), "warn"),
    ],
)
def test_longer_prompts_are_asked_of(code: str, found: LengthFacts, expected: str) -> None:
    """The edges are in test_lengths.py."""
    assert status(code, facts(lengths=found)) == expected
