"""Every rule of the quantize gate, under conf's limits."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.checks.quantize import GATE, QuantFacts, QuantizeFacts
from jobs.core import config
from jobs.logic.parity.quant_types import ALLOWED
from jobs.quantize import QuantizeConfig

NAN, INF = float("nan"), float("inf")
LIMITS = config.checked(QuantizeConfig, config.compose([])["quantize"], "quantize").limits


def quant(**changes: Any) -> QuantFacts:
    good = QuantFacts(
        file="model-Q4_K_M.gguf",
        files={"model-Q4_K_M.gguf": 396_705_472},
        type="Q4_K_M",
        problems=[],
        whole=None,
        joined=None,
        types={"F32": 113, "Q4_K": 169, "Q6_K": 28},
        fallbacks=[],
        metadata_differs=[],
        nonfinite=[],
        error=0.071,
        error_tensor="blk.0.attn_v.weight",
        num_bytes=396_705_472,
        bits_per_weight=5.32,
    )
    return good.model_copy(update=changes)


PARTS = {f"model-Q4_K_M-0000{number}-of-00002.gguf": 200_000_000 for number in (1, 2)}
SPLIT = quant(file="model-Q4_K_M-00001-of-00002.gguf", files=PARTS, whole="aa", joined="aa")
GOOD = QuantizeFacts(
    quants=[SPLIT], asked=["Q4_K_M"], imatrix_tokens=20_000, is_verified_f16=True, max_file_bytes=200_000_000
)
BROKEN = quant(problems=["truncated"], error=NAN, error_tensor="", bits_per_weight=NAN, types={})


def eight(**changes: Any) -> dict[str, Any]:
    return {"quants": [quant(type="Q8_0", **changes)], "asked": ["Q8_0"]}


def test_good_facts_pass_every_rule() -> None:
    verdict = GATE.judge(GOOD, LIMITS, {})
    assert set(verdict.statuses.values()) == {"pass"}
    assert verdict.status == "pass"


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        ({"quants": []}, "QNT001", "fail"),
        ({"asked": ["Q4_K_M", "Q8_0"]}, "QNT001", "fail"),
        ({"quants": [BROKEN]}, "QNT001", "fail"),
        ({"quants": [quant(fallbacks=["blk.0.attn_q.weight: Q5_0"])]}, "QNT002", "fail"),
        ({"quants": [quant(metadata_differs=["tokenizer.chat_template"])]}, "QNT003", "fail"),
        ({"quants": [quant(error=0.15)]}, "QNT004", "pass"),
        ({"quants": [quant(error=0.16)]}, "QNT004", "fail"),
        ({"quants": [quant(error=NAN)]}, "QNT004", "fail"),
        ({"quants": [quant(error=INF)]}, "QNT004", "fail"),
        ({"quants": [BROKEN]}, "QNT004", "pass"),
        ({"quants": []}, "QNT004", "skip"),
        (eight(error=0.02), "QNT004", "pass"),
        (eight(error=0.03), "QNT004", "fail"),
        ({"quants": [quant(type="Q2_K", error=0.39)], "asked": ["Q2_K"]}, "QNT004", "pass"),
        ({"quants": [quant(type="Q2_K", error=0.41)], "asked": ["Q2_K"]}, "QNT004", "fail"),
        ({"quants": [quant(nonfinite=["token_embd.weight"])]}, "QNT005", "fail"),
        ({"imatrix_tokens": 19_999}, "QNT006", "warn"),
        ({"imatrix_tokens": 0}, "QNT006", "warn"),
        ({"imatrix_tokens": None}, "QNT006", "skip"),
        ({"quants": [SPLIT.model_copy(update={"files": dict(list(PARTS.items())[:1])})]}, "QNT001", "fail"),
        ({"quants": [SPLIT.model_copy(update={"files": {}})]}, "QNT001", "fail"),
        ({"quants": [SPLIT.model_copy(update={"joined": "bb"})]}, "QNT017", "fail"),
        ({"quants": [SPLIT.model_copy(update={"joined": None})]}, "QNT017", "fail"),
        ({"quants": [SPLIT.model_copy(update={"whole": None})]}, "QNT017", "fail"),
        ({"quants": [SPLIT.model_copy(update={"whole": None, "joined": None})]}, "QNT017", "fail"),
        ({"quants": [quant(whole="aa")]}, "QNT017", "fail"),
        ({"quants": [SPLIT.model_copy(update={"joined": None, "problems": ["is missing"]})]}, "QNT017", "pass"),
        ({"quants": [quant()]}, "QNT017", "skip"),
        ({"max_file_bytes": 199_999_999}, "QNT018", "fail"),
        ({"quants": [quant()]}, "QNT018", "fail"),
        ({"max_file_bytes": None}, "QNT018", "skip"),
        ({"is_verified_f16": False}, "QNT010", "fail"),
        ({"is_verified_f16": None}, "QNT010", "skip"),
    ],
)
def test_rule(changes: dict[str, Any], code: str, status: str) -> None:
    verdict = GATE.judge(GOOD.model_copy(update=changes), LIMITS, {})
    assert verdict.statuses[code] == status
    assert verdict.status == ("fail" if "fail" in verdict.statuses.values() else "pass")


def test_limits_name_types_that_can_be_asked_for() -> None:
    assert set(LIMITS.max_error) - {"other"} <= set(ALLOWED)
    assert max(LIMITS.max_error.values()) < 1  # what a matrix of zeros has


def test_a_person_is_shown_each_file() -> None:
    shown = dict(GOOD.lines())
    assert shown["Q4_K_M"].startswith("396.7 MB in 2 files, 5.32 bits a weight")
    assert shown["Q4_K_M"].endswith("error 0.071 at blk.0.attn_v.weight; 113 F32, 169 Q4_K, 28 Q6_K")
    assert dict(GOOD.model_copy(update={"imatrix_tokens": None}).lines())["importance matrix"] == "none"
