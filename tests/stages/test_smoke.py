"""smoke: what it writes, and that its gate looks at the folder and not at what was meant to be in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs import smoke
from jobs.checks.smoke import GATE
from jobs.core import config
from jobs.core.artifact import Artifact, listing
from jobs.smoke import SmokeConfig
from tests.stages import small_run

Lines = list[dict[str, Any]]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    return small_run.build(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def cfg() -> SmokeConfig:
    words = ["smoke.device=cpu", "smoke.num_rows=10", "smoke.min_new_tokens=6", "smoke.answer_factor=0.1"]
    return config.checked(SmokeConfig, config.compose(words)["smoke"], "smoke")


@pytest.fixture(scope="module")
def made(cfg: SmokeConfig, inputs: dict[str, Artifact], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("smoke")
    smoke.make(cfg, inputs, out)
    return out


def read(folder: Path) -> Lines:
    return [json.loads(line) for line in (folder / "generations.jsonl").open(encoding="utf-8")]


def test_it_writes_generations_and_nothing_else(made: Path) -> None:
    assert listing(made) == ["generations.jsonl"]
    found = read(made)
    assert len(found) == 10 * 2 * 2
    assert {(one["model"], one["prompt"]) for one in found} == {
        (model, prompt) for model in ("base", "tuned") for prompt in ("default", "no_thinking")
    }
    assert all(len(one["ids"]) <= 6 for one in found)


def test_facts_of_a_random_model(cfg: SmokeConfig, inputs: dict[str, Artifact], made: Path) -> None:
    facts = smoke.measure(cfg, inputs, made)
    assert (facts.num_held_out, facts.num_rows, facts.num_references, facts.max_new_tokens) == (12, 10, 10, 6)
    assert (facts.num_missing, facts.num_foreign, facts.num_longer_references) == (0, 0, 12)
    assert facts.prompts == ["default", "no_thinking"]
    assert [(one.model, one.num_rows) for one in facts.behaviours] == [("base", 10)] * 2 + [("tuned", 10)] * 2
    assert len(facts.samples) == 8
    assert set(facts.samples[0].texts) == {"base", "base (no_thinking)", "tuned", "tuned (no_thinking)"}
    assert facts.samples[0].prompt.startswith("記事")
    failing = {finding.code for finding in GATE.judge(facts, cfg.limits, {}).failing}
    assert {"GEN001", "GEN007"} <= failing


def test_the_same_again_gives_the_same_bytes(
    cfg: SmokeConfig, inputs: dict[str, Artifact], made: Path, tmp_path: Path
) -> None:
    smoke.make(cfg, inputs, tmp_path)
    assert (tmp_path / "generations.jsonl").read_bytes() == (made / "generations.jsonl").read_bytes()


def good(lines: Lines) -> Lines:
    """The tuned model answers as it should."""
    return [one | ({"text": one["reference"], "stopped": True} if one["model"] == "tuned" else {}) for one in lines]


def spoiled(field: str, value: Any) -> Callable[[Lines], Lines]:
    return lambda lines: [
        one | ({field: value} if one["model"] == "tuned" and one["prompt"] == "default" else {}) for one in lines
    ]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (spoiled("stopped", False), "GEN001"),
        (spoiled("text", "猫と暮らす、" * 9), "GEN002"),
        (spoiled("text", "、" * 30), "GEN003"),
        (spoiled("text", "<think>\n\n</think>\n\n"), "GEN004"),
        (spoiled("text", "猫<|im_start|>user"), "GEN005"),
        (spoiled("text", "犬と歩く 7"), "GEN006"),
        (spoiled("text", "zzz"), "GEN007"),
        (spoiled("text", "<think>猫か犬か</think>猫"), "GEN008"),
        (lambda lines: lines[:-1], "GEN010"),
        (lambda lines: [*lines, lines[-1] | {"id": "v99"}], "GEN010"),
        (lambda lines: [one for one in lines if one["prompt"] == "default"], "GEN011"),
    ],
)
def test_the_gate_sees_what_is_in_the_folder(
    cfg: SmokeConfig,
    inputs: dict[str, Artifact],
    made: Path,
    tmp_path: Path,
    change: Callable[[Lines], Lines],
    code: str,
) -> None:
    small_run.write_lines(tmp_path / "generations.jsonl", good(read(made)))
    assert GATE.judge(smoke.measure(cfg, inputs, tmp_path), cfg.limits, {}).status == "pass"
    small_run.write_lines(tmp_path / "generations.jsonl", change(good(read(made))))
    verdict = GATE.judge(smoke.measure(cfg, inputs, tmp_path), cfg.limits, {})
    assert verdict.statuses[code] == "fail"


def test_a_reference_or_an_opening_in_the_folder_is_not_believed(
    cfg: SmokeConfig, inputs: dict[str, Artifact], made: Path, tmp_path: Path
) -> None:
    lines = [one | {"reference": one["text"], "opening": "<think>\n"} for one in read(made)]
    small_run.write_lines(tmp_path / "generations.jsonl", lines)
    assert smoke.measure(cfg, inputs, tmp_path) == smoke.measure(cfg, inputs, made)
