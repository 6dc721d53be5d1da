"""The headline of a stopped run: the finding that explains the others, not the first in order."""

from __future__ import annotations

import math
from typing import Any

import pytest

from jobs.core import chain, headline, pipeline
from jobs.core.rule import Measured
from tests.stages import records

LIMITS = records.limits()


def failing(stage: str, **changed: Any) -> list[headline.Failure]:
    """What fails at a stage with these facts, in rule order."""
    gate = chain.load(stage).gate
    facts = gate.facts.model_validate(records.FACTS[stage]() | changed, strict=False)
    limits = gate.limits.model_validate(LIMITS[stage])
    return headline.failures(stage, gate, gate.judge(facts, limits, {}), facts, limits)


def ranked(stage: str, **changed: Any) -> list[str]:
    return [one.code for one in headline.ranked(failing(stage, **changed))]


def answered(base: dict[str, float], tuned: dict[str, float]) -> list[dict[str, Any]]:
    """Behaviours of both models, who are alike but for these rates."""
    made = [records.behaviour(model, "default", 0.2, 0.0) | {"stop_rate": 1.0, "loop_rate": 0.0, "num_rows": 67}
            for model in ("base", "tuned")]  # fmt: skip
    return [made[0] | base, made[1] | tuned]


@pytest.mark.parametrize(
    ("base", "tuned", "said"),
    [
        # one empty answer in 67, which the base has or has not: neither is why nothing was gained
        ({"empty_rate": 1 / 67}, {"empty_rate": 1 / 67}, ["GEN007", "GEN004"]),
        ({}, {"empty_rate": 1 / 67}, ["GEN007", "GEN004"]),
        # half of the answers are empty, so fewer can agree
        ({}, {"empty_rate": 0.5, "agreement": 0.1}, ["GEN004", "GEN007"]),
        # repeated characters: they do not stop, and do not agree
        ({}, {"repeat_rate": 0.9, "stop_rate": 0.1, "agreement": 0.02}, ["GEN003", "GEN001", "GEN007"]),
        # the base does not stop either, and the tune did not change it
        ({"stop_rate": 0.3}, {"stop_rate": 0.3}, ["GEN007", "GEN001"]),
        # two that nothing explains: the one that is further beyond its limit
        ({}, {"agreement": 0.9, "markup_rate": 0.02, "think_leak_rate": 0.4}, ["GEN008", "GEN005"]),
        ({}, {"agreement": 0.9, "markup_rate": 0.4, "think_leak_rate": 0.02}, ["GEN005", "GEN008"]),
        ({}, {"agreement": 0.9, "markup_rate": math.nan, "think_leak_rate": 0.9}, ["GEN005", "GEN008"]),
    ],
)  # fmt: skip
def test_smokes_headline(base: dict[str, float], tuned: dict[str, float], said: list[str]) -> None:
    assert ranked("smoke", prompts=["default"], behaviours=answered(base, tuned)) == said


def test_a_lost_fine_tune_stands_above_what_its_answers_then_do() -> None:
    behaviours = [one | {"agreement": 0.2, "stop_rate": 0.5} for one in records.verify()["behaviours"]]
    parities = [records.parity("merged", 1.0, 0.0, 3e-13), records.parity("F16", 0.2, 0.1, 0.4),
                records.parity("Q4_K_M", 0.1, 0.05, 0.5)]  # fmt: skip
    assert ranked("verify", behaviours=behaviours, parities=parities)[:2] == ["PAR003", "PAR005"]
    assert set(ranked("verify", behaviours=behaviours, parities=parities)) == {
        "PAR003", "PAR005", "PAR008", "PAR010", "PAR014",
    }  # fmt: skip


def test_later_stages_count_for_what_is_explained_and_the_first_stage_is_told() -> None:
    train = failing("train", best_eval_loss=2.7, restored_eval_loss=2.7, effective_scale=64.0)
    smoke = failing("smoke", prompts=["default"], behaviours=answered({}, {}))
    assert [one.code for one in train] == ["TRN005", "TRN011", "TRN012"]
    assert headline.explained_by(train[0], [*train, *smoke]) == ["GEN007"]
    assert headline.ranked([*train, *smoke])[0].code == "TRN011"
    assert {one.stage for one in headline.ranked([*train, *smoke])} == {"train"}


def test_what_was_warned_of_or_waived_is_named_as_a_cause() -> None:
    gate = chain.load("prepare").gate
    limits = gate.limits.model_validate(LIMITS["prepare"])
    verdict = gate.judge(gate.facts.model_validate(records.prepare() | {"num_contradictory": 900,
        "byte_order_marks": [], "lone_returns": [], "left_aside": []}, strict=False), limits, {})  # fmt: skip
    assert [one.code for one in headline.behind("GEN007", [(gate, verdict)])] == ["DAT013"]
    assert headline.behind("GEN004", [(gate, verdict)]) == []


def test_a_rule_that_crashed_is_told_and_measured_by_nothing() -> None:
    gate = chain.load("smoke").gate
    facts, limits = gate.facts.model_validate(records.smoke()), gate.limits.model_validate(LIMITS["smoke"])
    verdict = gate.judge(facts, limits, {})
    crashed = [one.model_copy(update={"status": "crashed"} if one.code == "GEN010" else {}) for one in verdict.findings]
    found = headline.failures("smoke", gate, verdict.model_copy(update={"findings": crashed}), facts, limits)
    assert [(one.code, one.distance, one.inherited) for one in found] == [("GEN010", None, False)]


@pytest.mark.parametrize(
    ("value", "limit", "worst", "distance"),
    [(0.5, 0.99, 0.0, 0.49 / 0.99), (0.01, 0.01, 1.0, 0.0), (1.0, 0.01, 1.0, 1.0), (2e-4, 1e-4, math.inf, 0.5),
     (0.3, 0.0, math.inf, 1.0), (math.nan, 0.1, 1.0, 1.0), (math.inf, 0.1, math.inf, 1.0), (-1.0, 0.02, -0.2, 1.0)],
)  # fmt: skip
def test_distance_is_the_part_of_the_way_to_the_worst(
    value: float, limit: float, worst: float, distance: float
) -> None:
    assert Measured("", value, limit, worst).distance == pytest.approx(distance)


def test_no_rule_explains_what_explains_it_or_what_comes_before_it() -> None:
    rules = [rule for name in pipeline.NAMES for rule in chain.load(name).gate.rules]
    place = {rule.code: n for n, name in enumerate(pipeline.NAMES) for rule in chain.load(name).gate.rules}
    assert not [(rule.code, code) for rule in rules for code in rule.explains if place[code] < place[rule.code]]
    waiting = {rule.code: set(rule.explains) for rule in rules}
    while waiting:
        last = {code for code, codes in waiting.items() if not codes & waiting.keys()}
        assert last, f"{sorted(waiting)} explain each other in a circle"
        waiting = {code: codes for code, codes in waiting.items() if code not in last}


@pytest.mark.parametrize(
    ("value", "limit", "words"),
    [
        (0.0287, 0.01, ("prepare.limits.max_mojibake_share=0.029",)),
        (0.5, 0.01, ("prepare.limits.max_mojibake_share=0.5",)),
        (0.01, 0.01, ()),
        (math.nan, 0.01, ()),
    ],
)
def test_a_limit_that_the_fix_names_has_the_value_that_lets_it_pass(
    value: float, limit: float, words: tuple[str, ...]
) -> None:
    rule = next(one for one in chain.load("prepare").gate.rules if "prepare.limits.max_mojibake_share" in one.fix)
    assert tuple(headline.allowed(rule, [Measured("x", value, limit)])) == words


def test_a_lost_fine_tune_names_the_type_to_ship() -> None:
    parities = [records.parity("merged", 1.0, 0.0, 3e-13), records.parity("F16", 1.0, 0.0, 1e-6),
                records.parity("Q4_K_M", 0.2, 0.1, 0.4)]  # fmt: skip
    found = {one.code: one.words for one in failing("verify", parities=parities)}
    assert found["PAR005"] == ("quantize.types=[Q5_K_M]",)


def test_an_update_that_is_too_hot_names_the_rate_that_is_not() -> None:
    facts = records.FACTS["preflight"]()
    hot = facts | {"update": facts["update"] | {"learning_rate": 0.05}}
    (first,) = [one for one in failing("preflight", update=hot["update"]) if one.code == "TOK021"]
    rate = float(first.words[0].removeprefix("train.schedule.learning_rate="))
    assert [one.code for one in failing("preflight", update=hot["update"] | {"learning_rate": rate})] == []
