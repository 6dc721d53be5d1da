"""Every rule of the merge gate, under conf's limits."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.checks.merge import GATE, MergeFacts
from jobs.checks.merge_form import MergedForm
from jobs.core import config
from jobs.merge import MergeConfig

NAN, INF = float("nan"), float("inf")
LIMITS = config.checked(MergeConfig, config.compose([])["merge"], "merge").limits
GOOD = MergeFacts(
    dtype="float32",
    num_tensors=310,
    num_adapted=196,
    num_merged=196,
    not_merged=[],
    changed_without_adapter=[],
    missing=[],
    added=[],
    nonfinite=[],
    beyond_float16=[],
    scale=2.0,
    scale_low=1.999999,
    scale_high=2.000001,
    residual=3.1e-6,
    residual_tensor="model.layers.3.mlp.up_proj.weight",
    tied_before=True,
    tied_after=True,
    config_differs=[],
    adapter_files=[],
    tokenizer_differs=[],
    eos_ids=[151_645, 151_643],
    stop_ids=[151_645, 151_643],
    num_rows=8,
    num_tokens=231,
    logits_kl=4.1e-13,
    num_bytes=2_384_234_968,
    form=MergedForm(
        head_bytes_left_out=311_164_928,
        head_written=False,
        templates=["chat_template.jinja"],
        stops={"tokenizer_config.json": "<|im_end|>", "special_tokens_map.json": "<|im_end|>"},
        eos_config=151_645,
    ),
)


def form(**changes: Any) -> dict[str, Any]:
    return {"form": GOOD.form.model_copy(update=changes)}


NOTHING = {"num_merged": 0, "scale_low": INF, "scale_high": -INF, "residual": 0.0}


def test_good_facts_pass_every_rule() -> None:
    verdict = GATE.judge(GOOD, LIMITS, {})
    assert set(verdict.statuses.values()) == {"pass"}
    assert verdict.status == "pass"


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        ({"not_merged": ["a"], "num_merged": 195}, "MRG001", "fail"),
        ({"num_merged": 195}, "MRG001", "fail"),
        (NOTHING, "MRG001", "skip"),
        (NOTHING | {"num_adapted": 0}, "MRG002", "fail"),
        (NOTHING, "MRG002", "fail"),
        (NOTHING, "MRG003", "skip"),
        ({"scale_low": 1.999}, "MRG003", "pass"),
        ({"scale_low": 1.997}, "MRG003", "fail"),
        ({"scale_high": 2.003}, "MRG003", "fail"),
        ({"scale_low": 1.0, "scale_high": 1.0}, "MRG003", "fail"),
        ({"scale_low": NAN}, "MRG003", "fail"),
        ({"scale_high": NAN}, "MRG003", "fail"),
        ({"scale": NAN}, "MRG003", "fail"),
        (NOTHING, "MRG004", "skip"),
        ({"residual": 9e-4}, "MRG004", "pass"),
        ({"residual": 2e-3}, "MRG004", "fail"),
        ({"residual": NAN}, "MRG004", "fail"),
        ({"changed_without_adapter": ["model.norm.weight"]}, "MRG005", "fail"),
        ({"missing": ["model.norm.weight"]}, "MRG005", "fail"),
        ({"added": ["lm_head.weight"]}, "MRG005", "fail"),
        ({"nonfinite": ["a"]}, "MRG006", "fail"),
        ({"beyond_float16": ["a"]}, "MRG007", "fail"),
        ({"tied_after": False}, "MRG008", "fail"),
        ({"tied_before": False}, "MRG008", "fail"),
        ({"tied_before": False, "tied_after": False}, "MRG008", "pass"),
        ({"adapter_files": ["adapter_config.json"]}, "MRG009", "fail"),
        ({"eos_ids": [151_645]}, "MRG010", "fail"),
        ({"eos_ids": []}, "MRG010", "fail"),
        ({"eos_ids": [151_643, 151_645, 151_662]}, "MRG010", "pass"),
        ({"tokenizer_differs": ["chat_template.jinja"]}, "MRG011", "fail"),
        ({"logits_kl": 9e-9}, "MRG012", "pass"),
        ({"logits_kl": 2e-8}, "MRG012", "fail"),
        ({"logits_kl": NAN}, "MRG012", "fail"),
        ({"num_tokens": 0, "logits_kl": NAN}, "MRG012", "skip"),
        ({"config_differs": ["max_position_embeddings"]}, "MRG013", "fail"),
        (form(templates=[]), "MRG014", "fail"),
        (form(templates=["chat_template.jinja", "tokenizer_config.json"]), "MRG014", "fail"),
        (form(templates=["tokenizer_config.json"]), "MRG014", "fail"),
        (form(stops={"tokenizer_config.json": "<|endoftext|>"}), "MRG015", "fail"),
        (form(stops={"tokenizer_config.json": None}), "MRG015", "fail"),
        (form(eos_config=151_643), "MRG015", "fail"),
        (form(eos_config=[151_645, 151_643]), "MRG015", "fail"),
        (form(eos_config=None), "MRG015", "fail"),
        (form(head_written=True), "MRG016", "fail"),
        (form(head_written=True) | {"tied_before": False, "tied_after": False}, "MRG016", "pass"),
    ],
)
def test_rule(changes: dict[str, Any], code: str, status: str) -> None:
    verdict = GATE.judge(GOOD.model_copy(update=changes), LIMITS, {})
    assert verdict.statuses[code] == status
    assert verdict.status == ("fail" if "fail" in verdict.statuses.values() else "pass")


def test_each_kind_of_change_is_told_with_its_names() -> None:
    facts = GOOD.model_copy(update={"changed_without_adapter": ["a"], "missing": ["b"], "added": ["c", "d"]})
    (finding,) = GATE.judge(facts, LIMITS, {}).failing
    assert finding.messages == [
        "1 tensors changed, the most is 0: a",
        "1 tensors missing, the most is 0: b",
        "2 tensors added, the most is 0: c, d",
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "tied to the embedding; an equal lm_head of 311.2 MB was left out"),
        (form(head_bytes_left_out=0), "tied to the embedding"),
        ({"tied_after": False}, "of its own"),
    ],
)
def test_a_person_is_shown_what_became_of_the_head(changes: dict[str, Any], words: str) -> None:
    assert dict(GOOD.model_copy(update=changes).lines())["head"] == words
