"""Every rule of the convert gate, under conf's limits."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.checks.convert import GATE, ConvertFacts, HeaderFacts
from jobs.checks.templates import ModelfileFacts, TemplateFacts
from jobs.convert import ConvertConfig
from jobs.core import config
from tests.checks import template_facts

NAN, END = float("nan"), 151_645
LIMITS = config.checked(ConvertConfig, config.compose([])["convert"], "convert").limits


def header(**changes: Any) -> HeaderFacts:
    good = HeaderFacts(
        file="model-f32.gguf",
        problems=[],
        template_equal=True,
        eos_id=END,
        eog_ids=[151_643, END],
        differing=[],
        name="first",
        sampling={},
        types={"F32": 310},
        num_bytes=2_390_000_000,
        nonfinite=[],
    )
    return good.model_copy(update=changes)


MODELFILE = ModelfileFacts(opening="", num_equal=90, differing=[], num_differing=0, other=["the end of a thought"])
F16 = header(file="model-f16.gguf", types={"F16": 197, "F32": 113})
GOOD = ConvertFacts(
    files=[header(), F16],
    end_of_turn=END,
    num_equal_tensors=310,
    differing_tensors=[],
    missing_tensors=[],
    extra_tensors=[],
    f16_differing=[],
    num_texts=1_431,
    texts_differing=[],
    known_to_differ=3,
    num_rows=8,
    num_tokens=231,
    logits_kl=7.2e-13,
    templates=[template_facts.GOOD],
    modelfile=MODELFILE,
)
BROKEN = {"files": [header(), header(problems=["truncated"])]}


def test_good_facts_pass_every_rule() -> None:
    verdict = GATE.judge(GOOD, LIMITS, {})
    assert set(verdict.statuses.values()) == {"pass"}
    assert verdict.status == "pass"


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        (BROKEN, "GGF001", "fail"),
        ({"files": [F16]}, "GGF001", "fail"),
        ({"files": []}, "GGF001", "fail"),
        ({"files": [header(template_equal=False), F16]}, "GGF002", "fail"),
        ({"files": [header(), header(template_equal=None)]}, "GGF002", "fail"),
        ({"files": [header(), header(eos_id=151_643)]}, "GGF003", "fail"),
        ({"files": [header(eos_id=None), F16]}, "GGF003", "fail"),
        ({"files": [header(eog_ids=[151_643]), F16]}, "GGF003", "fail"),
        ({"files": [header(eog_ids=[]), F16]}, "GGF003", "fail"),
        ({"texts_differing": ["row a: token 1 is 2 in llama.cpp and 3 in Hugging Face"]}, "GGF004", "fail"),
        ({"num_texts": 0}, "GGF004", "fail"),
        ({"known_to_differ": 0}, "GGF004", "pass"),
        ({"differing_tensors": ["token_embd.weight"]}, "GGF005", "fail"),
        ({"missing_tensors": ["output.weight"]}, "GGF005", "fail"),
        ({"extra_tensors": ["output.weight"]}, "GGF005", "fail"),
        ({"num_equal_tensors": 0}, "GGF005", "fail"),
        ({"f16_differing": ["blk.0.attn_q.weight"]}, "GGF006", "fail"),
        ({"files": [header(), header(nonfinite=["blk.0.attn_q.weight"])]}, "GGF006", "fail"),
        ({"files": [header(), header(differing=["add_bos is True, expected False"])]}, "GGF007", "fail"),
        ({"modelfile": None}, "GGF014", "skip"),
        ({"modelfile": MODELFILE.model_copy(update={"num_equal": 0})}, "GGF014", "fail"),
        (
            {"modelfile": MODELFILE.model_copy(update={"differing": [template_facts.LOST], "num_differing": 1})},
            "GGF014",
            "fail",
        ),
        ({"logits_kl": 9e-7}, "GGF008", "pass"),
        ({"logits_kl": 1.1e-6}, "GGF008", "fail"),
        ({"logits_kl": NAN}, "GGF008", "fail"),
        ({"logits_kl": None}, "GGF008", "fail"),
    ],
)
def test_rule(changes: dict[str, Any], code: str, status: str) -> None:
    verdict = GATE.judge(GOOD.model_copy(update=changes), LIMITS, {})
    assert verdict.statuses[code] == status
    assert verdict.status == ("fail" if "fail" in verdict.statuses.values() else "pass")


@pytest.mark.parametrize("changes", [BROKEN, {"files": [F16]}, {"files": []}])
def test_nothing_is_said_of_files_that_could_not_be_compared(changes: dict[str, Any]) -> None:
    verdict = GATE.judge(GOOD.model_copy(update={**changes, "templates": []}), LIMITS, {})
    asked = [rule.code for rule in GATE.rules if rule.code != "GGF001"]
    assert verdict.statuses == {"GGF001": "fail"} | dict.fromkeys(asked, "skip")


def test_a_person_is_shown_files_that_were_not_scored() -> None:
    shown = dict(GOOD.model_copy(update={"logits_kl": None, "num_tokens": 0}).lines())
    assert shown["logits, F32"] == "KL - nats a token on 0 tokens of 8 rows"
    assert shown["model-f16.gguf"] == "2.39 GB, 197 F16, 113 F32"


TEMPLATE_RULES = ("GGF010", "GGF011", "GGF012", "GGF013")


@pytest.mark.parametrize(("templates", "rule", "status"), template_facts.CASES)
def test_template_rule(templates: list[TemplateFacts], rule: int, status: str) -> None:
    facts = GOOD.model_copy(update={"templates": templates})
    assert GATE.judge(facts, LIMITS, {}).statuses[TEMPLATE_RULES[rule]] == status


def test_both_texts_are_shown_side_by_side() -> None:
    lost = template_facts.template(differing=[template_facts.LOST], num_differing=84)
    facts = GOOD.model_copy(update={"templates": [lost]})

    (finding,) = GATE.judge(facts, LIMITS, {}).failing

    assert finding.messages == [
        "model-Q8_0.gguf, one question, from byte 17 on: Hugging Face <|im_start|>user⏎What·is… | "
        "llama.cpp <|im_start|>user⏎%s<|im_e…",
        "model-Q8_0.gguf: 84 prompts differ, the most is 0; 1 are shown",
    ]
    assert [line for line in facts.lines() if line[0].startswith("one question")] == [
        ("one question: expected", "<|im_start|>user⏎What·is…"),
        ("one question: found", "<|im_start|>user⏎%s<|im_e…"),
    ]


def test_what_the_template_cannot_render_is_told_by_name() -> None:
    assert dict(GOOD.lines())["not rendered, not proven"].startswith("a question with content: null (Hugging Face ")
