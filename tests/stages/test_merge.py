"""merge: what it writes, and that its gate compares what is in the folder with base and adapter."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from jobs import merge
from jobs.checks.merge import GATE
from jobs.core import config
from jobs.core.artifact import Artifact, listing
from jobs.engines.models import shards
from jobs.merge import MergeConfig
from tests.engines.models import small_model
from tests.engines.models.small_model import FILES, TEXT, change_json, change_tensors
from tests.stages import small_chain
from tests.stages.small_run import publish

Damage = Callable[[Path], Any]
UP, NORM = "model.layers.1.mlp.up_proj.weight", "model.norm.weight"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    root = tmp_path_factory.mktemp("run")
    found = small_chain.build(root)
    small_model.adapter(root / "fetch/model", root / "train/adapter")
    return {**found, "train": publish(root, "train")}


def asked(*words: str) -> MergeConfig:
    return config.checked(MergeConfig, config.compose(["merge.device=cpu", *words])["merge"], "merge")


@pytest.fixture(scope="module")
def made(inputs: dict[str, Artifact], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("merge")
    merge.make(asked(), inputs, out)
    return out


def test_it_writes_a_folder_with_nothing_beside_the_weights(made: Path) -> None:
    assert listing(made) == [f"model/{name}" for name in FILES]


def test_facts(inputs: dict[str, Artifact], made: Path) -> None:
    facts = merge.measure(asked(), inputs, made)
    assert (facts.num_tensors, facts.num_adapted, facts.num_merged) == (24, 14, 14)
    assert (facts.num_rows, facts.num_tokens) == (8, 32)
    assert facts.logits_kl < 1e-9
    assert facts.residual < 1e-5
    assert facts.num_bytes == (made / "model/model.safetensors").stat().st_size
    verdict = GATE.judge(facts, asked().limits, {})
    assert set(verdict.statuses.values()) == {"pass"}, verdict.failing


def test_16_bit_weights_do_not_pass(inputs: dict[str, Artifact], tmp_path: Path) -> None:
    cfg = asked("merge.dtype=bfloat16")
    found = small_chain.offences(merge.run(cfg, inputs, tmp_path), GATE, cfg.limits)
    assert found.keys() >= {"MRG004", "MRG012"}
    assert found.keys() <= {"MRG003", "MRG004", "MRG012"}


def tensors(change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor | None]]) -> Damage:
    def damage(out: Path) -> None:
        opened = shards.Folder(out / "model")
        change_tensors(out / "model", change({name: opened.read(name) for name in opened.entries}))

    return damage


def untied(out: Path) -> None:
    change_json(out / "model/config.json", tie_word_embeddings=False)
    head = shards.Folder(out / "model").read("model.embed_tokens.weight")
    change_tensors(out / "model", {"lm_head.weight": head.clone()})


def head_once_more(out: Path) -> None:
    embedding = shards.Folder(out / "model").read("model.embed_tokens.weight")
    change_tensors(out / "model", {"lm_head.weight": embedding.clone()})


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (tensors(lambda t: {NORM: t[NORM] * 1.001}), {"MRG005", "MRG012"}),
        (tensors(lambda t: {NORM: t[NORM].nextafter(torch.tensor(2.0))}), {"MRG005"}),
        (tensors(lambda t: {UP: t[UP] * 1.01}), {"MRG003", "MRG004", "MRG012"}),
        (tensors(lambda t: {NORM: t[NORM] * math.nan}), {"MRG006", "MRG012"}),
        (tensors(lambda t: {UP: t[UP] * math.nan}), {"MRG001", "MRG006", "MRG012"}),
        (tensors(lambda t: {NORM: t[NORM] * 1e5}), {"MRG005", "MRG007", "MRG012"}),
        (untied, {"MRG005", "MRG008"}),
        (lambda out: (out / "model/adapter_config.json.bak").write_text("{}"), {"MRG009"}),
        (lambda out: change_json(out / "model/generation_config.json", eos_token_id=TEXT), {"MRG010"}),
        (lambda out: change_json(out / "model/generation_config.json", eos_token_id=None), {"MRG010"}),
        (lambda out: (out / "model/generation_config.json").unlink(), {"MRG010"}),
        (lambda out: (out / "model/chat_template.jinja").write_text("{{ messages }}"), {"MRG011"}),
        (lambda out: (out / "model/chat_template.jinja").unlink(), {"MRG011", "MRG014"}),
        (lambda out: change_json(out / "model/config.json", eos_token_id=TEXT), {"MRG015"}),
        (
            lambda out: change_json(out / "model/tokenizer_config.json", eos_token="<|endoftext|>"),
            {"MRG011", "MRG015"},
        ),
        (
            lambda out: change_json(out / "model/tokenizer_config.json", chat_template="{{ messages }}"),
            {"MRG011", "MRG014"},
        ),
        (head_once_more, {"MRG005", "MRG016"}),
        (
            lambda out: change_json(out / "model/config.json", rope_parameters=None, rope_theta=5e6),
            {"MRG012", "MRG013"},
        ),
    ],
)
def test_a_folder_that_was_changed_is_noticed(
    inputs: dict[str, Artifact], made: Path, tmp_path: Path, damage: Damage, found: set[str]
) -> None:
    out = small_chain.damaged(made, tmp_path / "out", damage)
    assert set(small_chain.offences(merge.measure(asked(), inputs, out), GATE, asked().limits)) == found


def test_a_base_in_the_place_of_the_merge_is_noticed(inputs: dict[str, Artifact], made: Path, tmp_path: Path) -> None:
    def damage(out: Path) -> None:
        base = inputs["fetch"].file("model/model.safetensors")
        (out / "model/model.safetensors").write_bytes(base.read_bytes())

    out = small_chain.damaged(made, tmp_path / "out", damage)
    found = small_chain.offences(merge.measure(asked(), inputs, out), GATE, asked().limits)
    assert set(found) == {"MRG002", "MRG012"}
