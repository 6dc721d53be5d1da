"""Every rule of the train gate, under conf's limits."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from jobs.checks.adopted import Adopted
from jobs.checks.overfitting import Learning
from jobs.checks.train import GATE, TrainFacts, TrainLimits
from jobs.checks.train_recipe import Recipe
from jobs.core import config, model
from jobs.logic.training.overfitting import EQUAL
from jobs.train import OF_A_LOG as ONLY_A_LOG, TrainConfig

NAN, INF = float("nan"), float("inf")
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
LIMITS = config.checked(TrainConfig, config.compose([])["train"], "train").limits
RECIPE = Recipe(
    schedule="cosine",
    warmup_fraction=0.05,
    rate_difference=1e-16,
    neftune_alpha=5.0,
    prompt_loss_weight=0.1,
    prompt_tokens_an_epoch=204_568,
    prompt_tokens_expected=204_568,
    tokens_an_epoch=300_000,
    computed_an_epoch=240_000,
)
LEARNING = Learning(
    verdict="none shown", why="", num_evaluations=13, num_sources=190, since_step=None, best_step=177, best_loss=1.21,
    last_step=213, last_loss=1.214, rise=0.003, rise_low=-0.004, template_rise=0.01, enough_step=124,
    gain_of_more=0.002,
)  # fmt: skip
GOOD = TrainFacts(
    adopted=None,
    backend="hf",
    dtype="float32",
    num_train_rows=1124,
    num_val_rows=281,
    planned_steps=213,
    num_steps=213,
    steps_per_epoch=71,
    chosen_step=177,
    best_eval_loss=0.8,
    restored_step=177,
    restored_eval_loss=0.8,
    num_embeddings=151_936,
    first_eval_loss=2.0,
    last_eval_loss=0.82,
    first_train_loss=2.1,
    last_train_loss=0.61,
    best_content_loss=1.21,
    best_template_loss=0.004,
    nonfinite_step=None,
    max_grad_norm=3.1,
    effective_scale=2.0,
    configured_scale=2.0,
    learning_rate=2e-4,
    effective_batch=16,
    target_modules=dict.fromkeys(TARGETS, 28),
    zero_modules=[],
    adapter_norm=5.62,
    adapter_nonfinite=[],
    num_adapter_weights=10_092_544,
    graded_tokens_an_epoch=24_728,
    graded_tokens_expected=24_728,
    train_content_loss=0.98,
    val_content_loss=1.21,
    gap=0.23,
    gap_low=0.15,
    gap_high=0.31,
    learning=LEARNING,
    recipe=RECIPE,
)


def learning(**changes: Any) -> dict[str, Any]:
    return {"learning": LEARNING.model_copy(update=changes)}


def unjudged(why: str, last_loss: float) -> dict[str, Any]:
    """Of too few to judge by, with a best loss of 1."""
    return learning(
        verdict="cannot judge",
        why=why,
        rise=None,
        rise_low=None,
        template_rise=None,
        best_loss=1.0,
        last_loss=last_loss,
    )


def recipe(**changes: Any) -> dict[str, Any]:
    return {"recipe": RECIPE.model_copy(update=changes)}


OF_A_LOG = {"TRN002", "TRN006", "TRN007", "TRN010", "TRN011", "TRN012", "TRN013", "TRN014", "TRN030", "TRN031"}
OF_ADOPTED = {"TRN020", "TRN021", "TRN022", "TRN023"}
TAKEN = GOOD.model_copy(
    update={
        **dict.fromkeys(ONLY_A_LOG),
        "backend": "none",
        "adopted": Adopted(
            base_named="Qwen/Qwen3-0.6B", base_id="Qwen/Qwen3-0.6B", revision_named=None, peft_version="0.21.2",
            rank=16, scales=dict.fromkeys(TARGETS, 2.0), has_rslora=False, changed=[],
        ),
    }
)  # fmt: skip


def test_good_facts_pass_every_rule() -> None:
    verdict = GATE.judge(GOOD, LIMITS, {})
    assert {code for code, status in verdict.statuses.items() if status != "pass"} == OF_ADOPTED
    assert {verdict.statuses[code] for code in OF_ADOPTED} == {"skip"}
    assert verdict.status == "pass"


def test_good_facts_of_an_adopted_adapter() -> None:
    verdict = GATE.judge(TAKEN, LIMITS, {})
    found = {code: status for code, status in verdict.statuses.items() if status != "pass"}
    assert found.pop("TRN022") == "warn"
    assert found == dict.fromkeys(OF_A_LOG, "skip")
    said = {finding.code: finding.messages for finding in verdict.findings}
    assert all("adopted, not trained here" in said[code][0] for code in OF_A_LOG)
    assert verdict.status == "pass"


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        ({"base_named": "Qwen/Qwen3-0.6B-Base"}, "TRN020", "fail"),
        ({"base_named": "Qwen/Qwen3-4B"}, "TRN020", "fail"),
        ({"base_named": "unsloth/Qwen3-0.6B-unsloth-bnb-4bit"}, "TRN020", "pass"),
        ({"base_named": "/home/me/qwen3-0.6b/"}, "TRN020", "pass"),
        ({"base_named": "unsloth/Qwen3-0.6B-unsloth-bnb-4bit"}, "TRN023", "warn"),
        ({"base_named": "/home/me/qwen3-0.6b/"}, "TRN023", "pass"),
        ({"base_named": "./mine"}, "TRN023", "warn"),
        ({"base_named": ""}, "TRN023", "warn"),
        ({"base_named": "Qwen/Qwen3-0.6B-Base"}, "TRN023", "pass"),
        ({"changed": ["adapter_config.json"]}, "TRN021", "fail"),
        ({"changed": []}, "TRN021", "pass"),
        ({}, "TRN022", "warn"),
    ],
)
def test_rule_of_an_adopted_adapter(changes: dict[str, Any], code: str, status: str) -> None:
    assert TAKEN.adopted is not None
    facts = TAKEN.model_copy(update={"adopted": TAKEN.adopted.model_copy(update=changes)})
    assert GATE.judge(facts, LIMITS, {}).statuses[code] == status


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        ({"best_eval_loss": 2.1, "restored_eval_loss": 2.1}, "TRN005", "fail"),
        ({"adapter_norm": 0.0}, "TRN003", "fail"),
        ({"target_modules": {"q_proj": 12, "down_proj": 28}}, "TRN004", "pass"),
        ({"zero_modules": ["model.layers.0.self_attn.q_proj"]}, "TRN004", "fail"),
        ({"gap_low": 0.6}, "TRN008", "warn"),
    ],
)
def test_an_adopted_adapter_is_measured_too(changes: dict[str, Any], code: str, status: str) -> None:
    assert GATE.judge(TAKEN.model_copy(update=changes), LIMITS, {}).statuses[code] == status


def test_a_person_sees_that_an_adapter_was_adopted() -> None:
    shown = dict(TAKEN.lines())
    assert shown["adopted"] == "not trained here; saved by PEFT 0.21.2 for Qwen/Qwen3-0.6B"
    assert shown["rank and scale"] == "rank 16, effective scale 2"
    assert shown["with the adapter"].startswith("validation loss 0.8")
    assert not {"steps", "chosen step", "train loss"} & shown.keys()


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        ({"nonfinite_step": 12}, "TRN001", "fail"),
        ({"nonfinite_step": 0}, "TRN001", "fail"),
        ({"adapter_nonfinite": ["model.layers.0.mlp.up_proj"]}, "TRN001", "fail"),
        ({"restored_step": 213}, "TRN002", "fail"),
        ({"chosen_step": -1, "restored_step": -1, "best_eval_loss": NAN}, "TRN002", "fail"),
        ({"chosen_step": 0, "restored_step": 0}, "TRN002", "fail"),
        ({"restored_eval_loss": 0.80007}, "TRN002", "pass"),
        ({"restored_eval_loss": 0.80009}, "TRN002", "fail"),
        ({"restored_eval_loss": 0.79991}, "TRN002", "fail"),
        ({"restored_eval_loss": NAN}, "TRN002", "fail"),
        ({"best_eval_loss": NAN}, "TRN002", "fail"),
        ({"best_eval_loss": 0.0, "restored_eval_loss": 0.0}, "TRN002", "pass"),
        ({"adapter_norm": 0.0}, "TRN003", "fail"),
        ({"adapter_norm": NAN}, "TRN003", "fail"),
        ({"adapter_norm": 1e-9}, "TRN003", "pass"),
        ({"target_modules": dict.fromkeys(TARGETS, 28) | {"q_projj": 0}}, "TRN004", "fail"),
        ({"target_modules": dict.fromkeys(TARGETS, 28) | {"q_proj": 27}}, "TRN004", "fail"),
        ({"target_modules": {"q_proj": 28}}, "TRN004", "pass"),
        ({"zero_modules": ["model.layers.0.self_attn.q_proj"]}, "TRN004", "fail"),
        ({"zero_modules": ["model.layers.0.self_attn.q_proj"], "adapter_norm": 0.0}, "TRN004", "pass"),
        ({"best_eval_loss": 1.96}, "TRN005", "pass"),
        ({"best_eval_loss": 1.97}, "TRN005", "fail"),
        ({"best_eval_loss": 2.5}, "TRN005", "fail"),
        ({"best_eval_loss": 11.93, "first_eval_loss": 14.0}, "TRN005", "pass"),
        ({"best_eval_loss": 11.94, "first_eval_loss": 14.0}, "TRN005", "fail"),
        ({"best_eval_loss": 6.93, "first_eval_loss": 14.0, "num_embeddings": 1024}, "TRN005", "pass"),
        ({"best_eval_loss": 6.94, "first_eval_loss": 14.0, "num_embeddings": 1024}, "TRN005", "fail"),
        ({"best_eval_loss": NAN}, "TRN005", "fail"),
        ({"first_eval_loss": NAN}, "TRN005", "fail"),
        ({"first_eval_loss": 0.0}, "TRN005", "fail"),
        ({"graded_tokens_an_epoch": 24_727}, "TRN006", "fail"),
        ({"graded_tokens_an_epoch": None}, "TRN006", "skip"),
        (learning(rise=0.3), "TRN007", "pass"),
        (learning(verdict="overfits", since_step=195, rise=0.04, rise_low=0.02), "TRN007", "warn"),
        (learning(verdict="overfits", since_step=195, rise=0.009, rise_low=0.002), "TRN007", "pass"),
        (learning(verdict="overfits", since_step=195, rise=NAN, rise_low=NAN), "TRN007", "warn"),
        ({"last_eval_loss": NAN}, "TRN007", "warn"),
        ({"best_eval_loss": NAN}, "TRN007", "warn"),
        ({"last_eval_loss": 1.6}, "TRN007", "pass"),
        ({"gap_low": 0.5}, "TRN008", "pass"),
        ({"gap_low": 0.51}, "TRN008", "warn"),
        ({"gap_low": 0.4, "gap": 0.9, "gap_high": 1.4}, "TRN008", "pass"),
        ({"gap_low": NAN}, "TRN008", "warn"),
        ({"train_content_loss": 0.049}, "TRN009", "warn"),
        ({"train_content_loss": 0.05}, "TRN009", "pass"),
        ({"train_content_loss": 0.049, "val_content_loss": 0.1}, "TRN009", "pass"),
        ({"train_content_loss": NAN}, "TRN009", "warn"),
        ({"train_content_loss": 0.01, "val_content_loss": NAN}, "TRN009", "warn"),
        ({"chosen_step": 213, "restored_step": 213}, "TRN010", "pass"),
        (learning(verdict="under-trained", gain_of_more=0.11), "TRN010", "warn"),
        (learning(verdict="cannot judge", why="few-rows", rise=None, rise_low=None), "TRN010", "pass"),
        (learning(verdict="cannot judge", why="few-rows", rise=None, rise_low=None), "TRN007", "pass"),
        (unjudged("few-rows", 1.10), "TRN007", "pass"),
        (unjudged("few-rows", 1.11), "TRN007", "warn"),
        (unjudged("few-evaluations", 1.11), "TRN007", "warn"),
        (unjudged("few-evaluations", 1.11), "TRN014", "warn"),
        (unjudged("no-validation", NAN), "TRN007", "pass"),
        (learning(verdict="cannot judge", why="few-evaluations", rise=None), "TRN014", "warn"),
        (learning(), "TRN014", "pass"),
        ({"adapter_norm": 0.0, "restored_eval_loss": 2.0}, "TRN002", "skip"),
        ({"learning_rate": 1.0e-3}, "TRN011", "pass"),
        ({"learning_rate": 1.1e-3}, "TRN011", "fail"),
        ({"learning_rate": NAN}, "TRN011", "fail"),
        ({"effective_scale": 2.0001}, "TRN012", "fail"),
        ({"effective_scale": NAN}, "TRN012", "fail"),
        ({"chosen_step": 0, "num_steps": 0}, "TRN010", "pass"),
        ({"effective_batch": 1124}, "TRN013", "pass"),
        ({"effective_batch": 1125}, "TRN013", "warn"),
        (recipe(rate_difference=1e-7), "TRN030", "pass"),
        (recipe(rate_difference=1e-5), "TRN030", "fail"),
        (recipe(rate_difference=NAN), "TRN030", "fail"),
        (recipe(prompt_tokens_an_epoch=204_567), "TRN031", "fail"),
        (recipe(prompt_tokens_an_epoch=None), "TRN031", "fail"),
        (recipe(prompt_loss_weight=0.0, prompt_tokens_an_epoch=None), "TRN031", "skip"),
        (recipe(prompt_tokens_an_epoch=None) | {"graded_tokens_an_epoch": None}, "TRN031", "skip"),
    ],
)
def test_rule(changes: dict[str, Any], code: str, status: str) -> None:
    verdict = GATE.judge(GOOD.model_copy(update=changes), LIMITS, {})
    assert verdict.statuses[code] == status
    assert verdict.status == ("fail" if "fail" in verdict.statuses.values() else "pass")


def test_a_rise_that_nobody_can_tell_from_noise_is_told_as_one() -> None:
    findings = GATE.judge(GOOD.model_copy(update=unjudged("few-evaluations", 1.25)), LIMITS, {}).findings
    [said] = next(one.messages for one in findings if one.code == "TRN007")
    assert "from 1 at step 177" in said
    assert "to 1.25 at step 213" in said
    assert "rose by 25" in said
    assert "cannot be told from noise" in said
    assert "evals_per_epoch" in said


@pytest.mark.parametrize(("num_sources", "told"), [(190, False), (281, True)])
def test_rows_without_a_source_are_told_as_sources_of_their_own(num_sources: int, told: bool) -> None:
    changes = learning(verdict="overfits", since_step=195, rise=0.04, rise_low=0.02, num_sources=num_sources)
    findings = GATE.judge(GOOD.model_copy(update=changes), LIMITS, {}).findings
    [said] = next(one.messages for one in findings if one.code == "TRN007")
    assert ("each row counts as a source of its own" in said) is told


def test_a_limit_of_a_rise_that_could_have_no_effect_is_refused() -> None:
    assert model.EQUAL == EQUAL
    least = {**LIMITS.model_dump(), "max_validation_rise": EQUAL}
    assert TrainLimits.model_validate(least).max_validation_rise == EQUAL
    for value in (0.0099, NAN):
        with pytest.raises(ValidationError, match=r"0\.01 or more: losses that lie within 1 % of each other are equal"):
            TrainLimits.model_validate({**least, "max_validation_rise": value})


def test_levels() -> None:
    levels = {rule.code: rule.level for rule in GATE.rules}
    assert [code for code, level in levels.items() if level == "warn"] == ["TRN007", "TRN008", "TRN009", "TRN023"]
    assert [code for code, level in levels.items() if level == "info"] == ["TRN010", "TRN013", "TRN014", "TRN022"]


def test_a_person_is_shown_what_matters() -> None:
    shown = dict(GOOD.lines())
    assert shown["generalisation gap"] == "+0.23 [+0.15, +0.31]"
    assert shown["content / template loss"] == "1.21 / 0.004"
    assert shown["schedule"] == "cosine, after a warm-up over 5.0% of the steps"
    assert shown["NEFTune"].startswith("alpha 5,")
    assert shown["prompt loss"].startswith(
        "204,568 tokens of prompts count 0.1 each; validation loss is that of graded"
    )
    assert (
        shown["computed"] == "240,000 places for 300,000 tokens of an epoch's rows; 20.0% spared where rows begin alike"
    )
    padded = GOOD.model_copy(update=recipe(computed_an_epoch=400_000))
    assert dict(padded.lines())["computed"].endswith("; 25.0% are padding")
    plain = GOOD.model_copy(update=recipe(neftune_alpha=0.0, prompt_loss_weight=0.0))
    assert not {"NEFTune", "prompt loss"} & set(dict(plain.lines()))
    without = GOOD.model_copy(update={"best_content_loss": None, "best_template_loss": None})
    assert dict(without.lines())["content / template loss"] == "- / -"
