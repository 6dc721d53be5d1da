"""A run of ours as evidence: finished, half made, and with records that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobs.core.artifact import RECORD
from jobs.core.pipeline import PIPELINE
from jobs.engines.diagnosing import own_run
from jobs.engines.diagnosing.looking import look
from jobs.logic.diagnosing import kinds
from jobs.logic.diagnosing.evidence import FindingSeen

ORDER = [stage.name for stage in PIPELINE]


def record(stage: object, *findings: object, **changes: object) -> str:
    known = {"stage": stage, "key": "k", "facts": {"num": 1}, "verdict": {"findings": findings}}
    return json.dumps(known | changes)


def finding(code: str, status: str = "fail") -> dict[str, object]:
    return {"code": code, "name": f"name-{code}", "status": status, "messages": ["a", "b"]}


def run_with(root: Path, *places: str) -> None:
    for place in places:
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text("x")


def test_a_finished_run(tmp_path: Path) -> None:
    run_with(
        tmp_path, "fetch/model/config.json", f"fetch/{RECORD}", "prepare/train.jsonl", "prepare/val.jsonl",
        "preflight/train.jsonl", "preflight/tokenizer/tokenizer.json", "train/adapter/adapter_config.json",
        "train/log.jsonl", f"train/{RECORD}", "merge/model/config.json", "convert/model-F16.gguf",
        "quantize/model-Q8_0.gguf", "quantize/model-Q4_K_M.gguf", "smoke/generations.jsonl", "report/Modelfile",
    )  # fmt: skip
    assert [one.replace(f"{tmp_path}/", "") for one in own_run.paths(tmp_path)] == [
        "train:prepare/train.jsonl", "val:prepare/val.jsonl", "tokens:preflight/train.jsonl", "tokenizer:merge/model",
        "tokenizer:preflight/tokenizer", "base:fetch/model", "adapter:train/adapter", "log:train/log.jsonl",
        "merged:merge/model", "modelfile:report/Modelfile", "answers:smoke/generations.jsonl",
        "gguf:quantize/model-Q4_K_M.gguf", "gguf:quantize/model-Q8_0.gguf", "gguf:convert/model-F16.gguf",
        f"fetch/{RECORD}", f"train/{RECORD}",
    ]  # fmt: skip


def test_what_a_stage_that_was_cut_off_left_is_looked_at_and_its_record_is_none(tmp_path: Path) -> None:
    run_with(tmp_path, "train.partial/log.jsonl", f"train.partial/{RECORD}", "train/adapter/adapter_config.json")
    assert own_run.paths(tmp_path) == [f"adapter:{tmp_path}/train/adapter", f"log:{tmp_path}/train.partial/log.jsonl"]


def test_an_empty_run_has_nothing(tmp_path: Path) -> None:
    assert own_run.paths(tmp_path) == []


def test_every_kind_can_be_said_in_front_of_a_path() -> None:
    assert {what for what, _ in own_run.FILES} <= kinds.SAYABLE.keys()


def test_what_gates_said_in_the_order_of_the_chain(tmp_path: Path) -> None:
    for stage, text in {
        "merge": record("merge", finding("MRG001", "pass")),
        "fetch": record("fetch", finding("FET001"), finding("FET002", "waived")),
        "other": record("other"),
    }.items():
        (tmp_path / stage).mkdir()
        (tmp_path / stage / RECORD).write_text(text)
    seen = own_run.read(look(own_run.paths(tmp_path)), ORDER)
    findings, facts = seen.findings, seen.facts
    assert [(one.stage, one.code, one.status) for one in findings] == [
        ("fetch", "FET001", "fail"), ("fetch", "FET002", "waived"), ("merge", "MRG001", "pass"),
    ]  # fmt: skip
    assert findings[0] == FindingSeen("fetch", "FET001", "name-FET001", "fail", ("a", "b"))
    assert list(facts) == ["fetch", "merge", "other"]
    assert facts["fetch"] == {"num": 1}


@pytest.mark.parametrize(
    "text",
    [
        record("train", {"code": "TRN001"}), record("train", {**finding("TRN001"), "messages": None}),
        record("train", 3), record("train", facts=None), record("train", verdict=None),
        record("train", verdict={"findings": 1}), record(None),
    ],
)  # fmt: skip
def test_a_record_that_is_none_is_a_line_and_costs_no_other(tmp_path: Path, text: str) -> None:
    for stage, said in (("train", text), ("merge", record("merge", finding("MRG001")))):
        (tmp_path / stage).mkdir()
        (tmp_path / stage / RECORD).write_text(said)
    looked = look(own_run.paths(tmp_path))
    assert [one.kind for one in looked.taken] == [kinds.RECORD, kinds.RECORD]
    seen = own_run.read(looked, ORDER)
    assert ([one.code for one in seen.findings], list(seen.facts)) == (["MRG001"], ["merge"])
    assert [one.kind for one in seen.looked.taken] == [kinds.RECORD, kinds.UNREADABLE]
