"""The merge and its proof: right ones, and every way in which one goes wrong."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import Qwen3ForCausalLM

from jobs.core.errors import Refusal
from jobs.engines.models import adapter, merging, shards
from tests.engines.models import small_model
from tests.engines.models.small_model import change_json, change_tensors

NUM_ADAPTED = 14
Q, UP, NORM = (
    "model.layers.0.self_attn.q_proj.weight",
    "model.layers.1.mlp.up_proj.weight",
    "model.norm.weight",
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model.write(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def tuned(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model.adapter(base, tmp_path_factory.mktemp("tuned"))


@pytest.fixture(scope="module")
def merged(base: Path, tuned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    into = tmp_path_factory.mktemp("merged") / "model"
    merging.merge(base, tuned, into, torch.float32)
    return into


def weights(folder: Path) -> dict[str, torch.Tensor]:
    opened = shards.Folder(folder)
    return {name: opened.read(name) for name in opened.entries}


def proof_of(base: Path, tuned: Path, merged: Path, changes: dict[str, torch.Tensor | None]) -> merging.Proof:
    """The proof of a copy of `merged` with some tensors changed."""
    copy = merged.with_name("changed")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(merged, copy)
    change_tensors(copy, changes)
    return merging.prove(base, tuned, copy)


def test_the_merge_is_pefts(base: Path, tuned: Path, merged: Path) -> None:
    model = PeftModel.from_pretrained(Qwen3ForCausalLM.from_pretrained(base), tuned).merge_and_unload()
    theirs = model.state_dict()
    ours = weights(merged)
    assert set(theirs) - set(ours) == {"lm_head.weight"}
    for name, tensor in ours.items():
        assert torch.allclose(tensor, theirs[name], atol=1e-6), name


def test_proof_of_a_right_merge(base: Path, tuned: Path, merged: Path) -> None:
    proof = merging.prove(base, tuned, merged)
    assert (proof.num_tensors, proof.num_adapted, proof.num_merged) == (24, NUM_ADAPTED, NUM_ADAPTED)
    assert proof.scale_low == pytest.approx(2.0, rel=1e-6)
    assert proof.scale_high == pytest.approx(2.0, rel=1e-6)
    assert 0 < proof.residual < 1e-5
    assert proof.residual_tensor
    lists = (proof.not_merged, proof.changed_without_adapter, proof.missing, proof.added, proof.nonfinite)
    assert not any((*lists, proof.beyond_float16))


def test_a_sharded_base_gives_the_same_weights(base: Path, tuned: Path, merged: Path, tmp_path: Path) -> None:
    sharded = Path(shutil.copytree(base, tmp_path / "base"))
    small_model.shard(sharded, 3)
    merging.merge(sharded, tuned, tmp_path / "out", torch.float32)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *(f"model-0000{number}-of-00003.safetensors" for number in (1, 2, 3)),
        "model.safetensors.index.json",
    ]
    expected = weights(merged)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in weights(tmp_path / "out").items())
    assert merging.prove(sharded, tuned, tmp_path / "out").num_merged == NUM_ADAPTED
    assert Qwen3ForCausalLM.from_pretrained(base).config.num_hidden_layers == 2


@pytest.mark.parametrize(("dtype", "least"), [(torch.bfloat16, 1e-3), (torch.float16, 1e-5)])
def test_16_bit_weights_are_rounded_once_and_the_proof_shows_it(
    base: Path, tuned: Path, merged: Path, tmp_path: Path, dtype: torch.dtype, least: float
) -> None:
    merging.merge(base, tuned, tmp_path / "out", dtype)
    expected = weights(merged)
    for name, tensor in weights(tmp_path / "out").items():
        assert tensor.dtype == dtype
        assert torch.equal(tensor, expected[name].to(dtype)), name
    proof = merging.prove(base, tuned, tmp_path / "out")
    assert proof.residual > least
    assert proof.changed_without_adapter == []
    assert proof.num_merged == NUM_ADAPTED


def test_a_bfloat16_base_is_merged_in_float32(base: Path, tuned: Path, tmp_path: Path) -> None:
    narrow = Path(shutil.copytree(base, tmp_path / "base"))
    change_tensors(narrow, {name: tensor.bfloat16() for name, tensor in weights(base).items()})
    merging.merge(narrow, tuned, tmp_path / "out", torch.float32)
    proof = merging.prove(narrow, tuned, tmp_path / "out")
    assert proof.residual < 1e-5
    assert proof.changed_without_adapter == []


def test_proof_of_a_wrong_scale(base: Path, tuned: Path, merged: Path) -> None:
    old, new = weights(base), weights(merged)
    halved = proof_of(base, tuned, merged, {name: (old[name] + new[name]) / 2 for name in new})
    assert halved.scale_low == pytest.approx(1.0, rel=1e-5)
    assert halved.residual == pytest.approx(0.5, rel=1e-5)
    one = proof_of(base, tuned, merged, {Q: 2 * new[Q] - old[Q]})
    assert (one.scale_low, one.scale_high) == (pytest.approx(2.0, rel=1e-5), pytest.approx(4.0, rel=1e-5))
    assert one.residual_tensor == Q


def test_proof_of_a_target_left_out(base: Path, tuned: Path, merged: Path) -> None:
    proof = proof_of(base, tuned, merged, {UP: weights(base)[UP]})
    assert proof.not_merged == [UP]
    assert proof.num_merged == NUM_ADAPTED - 1


def test_proof_of_a_merge_that_did_nothing(base: Path, tuned: Path) -> None:
    proof = merging.prove(base, tuned, base)
    assert (proof.num_merged, len(proof.not_merged)) == (0, NUM_ADAPTED)
    assert (proof.scale_low, proof.scale_high, proof.residual) == (math.inf, -math.inf, 0.0)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda t: {NORM: t[NORM] + 1e-7}, {"changed_without_adapter": [NORM]}),
        (lambda t: {NORM: t[NORM][:4].clone()}, {"changed_without_adapter": [NORM]}),
        (lambda t: {UP: t[UP][:4].clone()}, {"changed_without_adapter": [UP], "num_merged": NUM_ADAPTED - 1}),
        (lambda t: {NORM: None}, {"missing": [NORM]}),
        (lambda t: {"lm_head.weight": torch.ones(2, 2)}, {"added": ["lm_head.weight"]}),
        (lambda t: {NORM: t[NORM] * math.nan}, {"nonfinite": [NORM]}),
        (lambda t: {UP: t[UP] * math.inf}, {"nonfinite": [UP], "num_merged": NUM_ADAPTED - 1}),
        (lambda t: {UP: t[UP] + 65_505}, {"beyond_float16": [UP]}),
    ],
)
def test_proof_names_what_else_changed(
    base: Path,
    tuned: Path,
    merged: Path,
    change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor | None]],
    found: dict[str, Any],
) -> None:
    proof = proof_of(base, tuned, merged, change(weights(merged)))
    assert {name: getattr(proof, name) for name in found} == found


@pytest.mark.parametrize("which", [Q, UP])
def test_nan_in_base_or_adapter_is_not_lost(base: Path, tuned: Path, merged: Path, tmp_path: Path, which: str) -> None:
    spoiled = Path(shutil.copytree(base, tmp_path / "base"))
    tensor = weights(base)[which]
    tensor[0, 0] = math.nan
    change_tensors(spoiled, {which: tensor})
    proof = merging.prove(spoiled, tuned, merged)
    assert math.isnan(proof.scale_low)
    assert math.isnan(proof.scale_high)
    assert math.isnan(proof.residual)
    assert proof.residual_tensor == which


def adapter_with(tuned: Path, into: Path, changes: dict[str, Callable[[torch.Tensor], torch.Tensor]]) -> Path:
    shutil.copytree(tuned, into)
    tensors = load_file(into / "adapter_model.safetensors")
    for module, change in changes.items():
        key = f"base_model.model.{module.removesuffix('.weight')}.lora_B.weight"
        tensors[key] = change(tensors[key])
    save_file(tensors, into / "adapter_model.safetensors", {"format": "pt"})
    return into


def test_a_module_that_changes_nothing_is_not_counted(base: Path, tuned: Path, tmp_path: Path) -> None:
    quiet = adapter_with(tuned, tmp_path / "tuned", {UP: torch.zeros_like})
    merging.merge(base, quiet, tmp_path / "out", torch.float32)
    proof = merging.prove(base, quiet, tmp_path / "out")
    assert proof.num_adapted == proof.num_merged == NUM_ADAPTED - 1
    assert proof.not_merged == []


@pytest.mark.parametrize(
    ("change", "dtype", "words"),
    [
        (lambda b: b * math.nan, torch.float32, "not finite after merging"),
        (lambda b: b + math.inf, torch.float32, "not finite after merging"),
        (lambda b: b + 1e6, torch.float16, "has weights beyond 65504, which float16 cannot hold"),
    ],
)
def test_what_the_weights_cannot_hold_is_refused(
    base: Path, tuned: Path, tmp_path: Path, change: Callable[[torch.Tensor], torch.Tensor], dtype: torch.dtype,
    words: str,
) -> None:  # fmt: skip
    loud = adapter_with(tuned, tmp_path / "tuned", {UP: change})
    with pytest.raises(Refusal, match=f"{UP}: {words}"):
        merging.merge(base, loud, tmp_path / "out", dtype)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"num_hidden_layers": 1}, "model.layers.1.mlp.down_proj.weight is not in the base"),
        ({"intermediate_size": 256}, r"its update of model.layers.0.mlp.down_proj.weight is \[256, 512\]"),
    ],
)
def test_an_adapter_of_another_base_is_refused(tuned: Path, tmp_path: Path, other: dict[str, Any], words: str) -> None:
    base = small_model.write(tmp_path / "base", **other)
    with pytest.raises(Refusal, match=words):
        merging.merge(base, tuned, tmp_path / "out", torch.float32)
    assert not (tmp_path / "out").exists()


def test_configs_say_the_type_and_both_stops(base: Path, tmp_path: Path) -> None:
    old, tokenizer, into = (Path(tmp_path / name) for name in ("base", "tokenizer", "into"))
    shutil.copytree(base, old)
    change_json(old / "config.json", torch_dtype="bfloat16", eos_token_id=5)
    tokenizer.mkdir()
    into.mkdir()
    (tokenizer / "chat_template.jinja").write_bytes(b"\xe3\x81\x82\r\n")
    merging.write_configs(old, tokenizer, into, "float32", [72, 70])
    config, before = json.loads((into / "config.json").read_text()), json.loads((old / "config.json").read_text())
    assert (config["dtype"], config["eos_token_id"]) == ("float32", 72)
    own = ("dtype", "torch_dtype", "eos_token_id")
    assert {k: v for k, v in config.items() if k not in own} == {k: v for k, v in before.items() if k not in own}
    assert "torch_dtype" not in config
    assert json.loads((into / "generation_config.json").read_text())["eos_token_id"] == [72, 70]
    assert (into / "chat_template.jinja").read_bytes() == b"\xe3\x81\x82\r\n"
    assert sorted(path.name for path in into.iterdir()) == [
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
    ]


@pytest.mark.parametrize(("tie", "head", "tied"), [(True, False, True), (True, True, False), (False, True, False)])
def test_tying(base: Path, tmp_path: Path, tie: bool, head: bool, tied: bool) -> None:
    folder = Path(shutil.copytree(base, tmp_path / "base"))
    change_json(folder / "config.json", tie_word_embeddings=tie)
    if head:
        change_tensors(folder, {"lm_head.weight": torch.ones(96, 256)})
    assert merging.is_tied(folder) is tied


def test_the_adapters_own_facts_agree(tuned: Path) -> None:
    assert len(adapter.load(tuned).modules) == NUM_ADAPTED
