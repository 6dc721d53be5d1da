"""What nobody read is not ruled out: other architectures, other types, an adapter without factors, few that tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jobs.logic.diagnosing import causes_tensors as causes, causes_weights as merges
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.model_seen import AdapterSeen, ModelSeen
from tests.logic.diagnosing.model_evidence import held, module, quant

QWEN = ModelSeen(
    folder="merged", config={"model_type": "qwen3"}, dtypes={"BF16": 311}, num_tensors=311, missing=(), unexpected=(),
    misshapen=(), nan=(), infinite=(), beyond_float16=(), problems=(), tied=True, has_head=False, head_differs=None,
)  # fmt: skip
LLAMA = replace(QWEN, config={"model_type": "llama"})
PACKED = replace(QWEN, num_unread=196)
ADAPTER = AdapterSeen(
    folder="adapter", rank=16, alpha=32.0, rslora=False, patterns=False, target_modules={"q_proj": 28, "v_proj": 28},
    expected_layers=28, zero=(), nonfinite=(), norm=1.0, base_model=None, modules_to_save=(), not_plain=(),
    other_ranks=(),
)  # fmt: skip
PICKLED = replace(ADAPTER, target_modules={}, not_plain=("adapter: has no adapter_model.safetensors",))
READ, UNREAD = quant(is_read=True), quant(architecture="gemma3", weights=None)


@pytest.mark.parametrize(
    ("check", "evidence", "says"),
    [
        (causes.tied_head_lost, Evidence(merged=QWEN), "ruled out"),
        (causes.tied_head_lost, Evidence(merged=LLAMA), "not checked"),
        (causes.tied_head_lost, Evidence(merged=PACKED), "not checked"),
        (causes.tied_head_unequal, Evidence(merged=QWEN), "ruled out"),
        (causes.tied_head_unequal, Evidence(merged=LLAMA), "not checked"),
        (causes.tied_head_unequal, Evidence(merged=replace(QWEN, head_differs=True, has_head=True)), "proven"),
        (
            causes.tied_head_unequal,
            Evidence(merged=replace(LLAMA, tied=None, head_differs=True, has_head=True)),
            "consistent with",
        ),
        (causes.weights_not_finite, Evidence(merged=QWEN, ggufs=(READ,)), "ruled out"),
        (causes.weights_not_finite, Evidence(merged=LLAMA), "ruled out"),
        (causes.weights_not_finite, Evidence(merged=PACKED), "not checked"),
        (causes.weights_not_finite, Evidence(merged=QWEN, ggufs=(UNREAD,)), "not checked"),
        (causes.weights_not_finite, Evidence(merged=QWEN, adapter=PICKLED), "not checked"),
        (causes.float16_overflow, Evidence(merged=PACKED), "not checked"),
        (causes.float16_overflow, Evidence(ggufs=(replace(UNREAD, file_type="F16"),)), "not checked"),
        (causes.layers_swapped, Evidence(weights=held(num_shared=9)), "ruled out"),
        (causes.layers_swapped, Evidence(weights=held(num_shared=0)), "not checked"),
        (causes.tensors_missing, Evidence(merged=QWEN), "ruled out"),
        (causes.tensors_missing, Evidence(merged=LLAMA), "not checked"),
        (causes.tensors_missing, Evidence(merged=LLAMA, weights=held(num_shared=9)), "ruled out"),
        (causes.tensors_missing, Evidence(weights=held(num_shared=9, missing=("model.norm.weight",))), "proven"),
        (causes.tensors_missing, Evidence(weights=held(num_shared=9, missing=tuple("abcdefghijkl"))), "not checked"),
        (
            causes.tensors_missing,
            Evidence(weights=held(num_shared=9, misshapen=("model.embed_tokens.weight is [4, 2]",))),
            "ruled out",
        ),
        (causes.adapter_settings_of_another, Evidence(adapter=ADAPTER), "ruled out"),
        (causes.adapter_settings_of_another, Evidence(adapter=PICKLED), "not checked"),
        (causes.adapter_settings_of_another, Evidence(adapter=replace(ADAPTER, rank=None)), "not checked"),
        (causes.adapter_is_zero, Evidence(adapter=PICKLED), "not checked"),
    ],
)
def test_what_is_said_of_tensors(check: Any, evidence: Evidence, says: str) -> None:
    found = check(evidence)
    assert found.certainty.value == says, found
    assert found.signs or found.decides


OF_MERGES = (
    merges.adapter_merged_twice, merges.merged_with_wrong_scale, merges.modules_left_out,
    merges.merged_into_quantized_weights, merges.merged_of_another_adapter,
)  # fmt: skip


@pytest.mark.parametrize("check", OF_MERGES)
@pytest.mark.parametrize(("telling", "says"), [(56, "ruled out"), (20, "not checked"), (0, "not checked")])
def test_a_merge_of_which_few_modules_were_held_is_not_acquitted(check: Any, telling: int, says: str) -> None:
    """The adapter is on 56 matrices."""
    weights = held(*[module(name=f"model.layers.{one}.self_attn.q_proj") for one in range(telling)])
    assert check(Evidence(adapter=ADAPTER, weights=weights)).certainty.value == says


def test_one_module_that_says_nothing_may_be_the_one_that_was_left_out() -> None:
    weights = held(*[module() for _ in range(55)], module(error=0.9))
    evidence = Evidence(adapter=ADAPTER, weights=weights)
    assert merges.modules_left_out(evidence).certainty.value == "not checked"
    assert merges.merged_with_wrong_scale(evidence).certainty.value == "ruled out"
