"""Base, adapter and merged weights held against each other: the strength of the update, and what else moved."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from jobs.logic.diagnosing import causes_weights
from tests.engines.diagnosing import held as made
from tests.engines.models import small_model


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model.write(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def tuned(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model.adapter(base, tmp_path_factory.mktemp("tuned"))


@pytest.mark.parametrize("times", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_strength_is_found_in_every_module(base: Path, tuned: Path, tmp_path: Path, times: float, dtype: str) -> None:
    seen = made.held(base, tuned, made.merge(base, tuned, tmp_path / "merged", times, dtype=dtype))
    assert len(seen.modules) == 14
    assert all(abs(one.scale - times) < 0.01 for one in seen.modules)
    assert seen.base_is_same == (times == 0)
    assert not seen.other_changed
    assert not seen.swapped
    assert all(one.exact for one in seen.modules) == (times == 1)


def test_a_right_merge_is_found_to_be_one(base: Path, tuned: Path, tmp_path: Path) -> None:
    seen = made.evidence(f"base:{base}", tuned, f"merged:{made.merge(base, tuned, tmp_path / 'merged')}")
    assert made.found(seen) == {}
    assert causes_weights.tune_lost_in_rounding(seen).certainty.value == "ruled out"


def cut_shard(folder: Path) -> None:
    small_model.shard(folder)
    path = folder / "model-00002-of-00002.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def unequal_head(folder: Path) -> None:
    embedding = load_file(folder / "model.safetensors")["model.embed_tokens.weight"]
    small_model.change_tensors(folder, {"lm_head.weight": embedding + 0.01})


def swapped(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    first = {name: tensors[name.replace("layers.0.", "layers.1.")] for name in tensors if ".layers.0." in name}
    second = {name: tensors[name.replace("layers.1.", "layers.0.")] for name in tensors if ".layers.1." in name}
    small_model.change_tensors(folder, first | second)


def spoilt(value: float, name: str = "model.layers.1.mlp.down_proj.weight") -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        tensor = load_file(folder / "model.safetensors")[name]
        tensor[3, 5] = value
        small_model.change_tensors(folder, {name: tensor})

    return change


def quantized_base(folder: Path) -> None:
    """What a merge into weights of 4 bits leaves besides: each adapted matrix on a coarse grid."""
    tensors = load_file(folder / "model.safetensors")
    torch.manual_seed(3)
    moved = {
        name: one + 0.08 * one.norm() / one.numel() ** 0.5 * torch.randn_like(one) for name, one in tensors.items()
    }
    small_model.change_tensors(folder, {name: one for name, one in moved.items() if "_proj" in name})


def without(*names: str) -> Callable[[Path], None]:
    return lambda folder: small_model.change_tensors(folder, dict.fromkeys(names))


DAMAGES: list[tuple[Callable[[Path], None], str]] = [
    (spoilt(float("nan")), "weights-not-finite"),
    (spoilt(float("inf")), "weights-not-finite"),
    (cut_shard, "tensors-missing"),
    (without("model.layers.1.mlp.up_proj.weight"), "tensors-missing"),
    (lambda folder: small_model.change_json(folder / "config.json", tie_word_embeddings=False), "tied-head-lost"),
    (unequal_head, "tied-head-unequal"),
    (swapped, "layers-swapped"),
    (quantized_base, "merged-into-quantized-weights"),
]


@pytest.mark.parametrize(("damage", "cause"), DAMAGES, ids=[cause for _, cause in DAMAGES])
def test_a_damaged_merge_is_told_by_its_name(
    base: Path, tuned: Path, tmp_path: Path, damage: Callable[[Path], None], cause: str
) -> None:
    merged = made.merge(base, tuned, tmp_path / "merged")
    damage(merged)
    assert made.found(made.evidence(f"base:{base}", tuned, f"merged:{merged}")) == {cause: "proven"}


@pytest.mark.parametrize(
    ("times", "leave_out", "cause"),
    [
        (0.0, "", "adapter-not-merged"),
        (2.0, "", "adapter-merged-twice"),
        (0.5, "", "merged-with-wrong-scale"),
        (1.0, "layers.1.mlp.up_proj", "modules-left-out-of-merge"),
        (1.0, "q_proj", "modules-left-out-of-merge"),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_wrong_merge_is_told_by_its_name(
    base: Path, tuned: Path, tmp_path: Path, times: float, leave_out: str, cause: str, dtype: str
) -> None:
    merged = made.merge(base, tuned, tmp_path / "merged", times, leave_out, dtype)
    assert made.found(made.evidence(f"base:{base}", tuned, f"merged:{merged}")) == {cause: "proven"}


def test_another_base_and_another_adapter(base: Path, tuned: Path, tmp_path: Path) -> None:
    other = small_model.write(tmp_path / "other", seed=5)
    merged = made.merge(other, tuned, tmp_path / "merged")
    assert made.found(made.evidence(f"base:{base}", tuned, f"merged:{merged}")) == {
        "merged-into-another-base": "proven"
    }
    trained = small_model.adapter(base, tmp_path / "trained", seed=7)
    merged = made.merge(base, trained, tmp_path / "other_merged")
    assert made.found(made.evidence(f"base:{base}", tuned, f"merged:{merged}")) == {
        "merged-of-another-adapter": "proven"
    }


@pytest.mark.parametrize(
    ("settings", "read_as", "words"),
    [
        ({"use_rslora": True}, {"use_rslora": False}, "use_rslora was not read"),
        ({"r": 16}, {"use_rslora": True}, "rsLoRA was taken for granted"),
        ({"alpha_pattern": {"q_proj": 32, "up_proj": 2}}, {"alpha_pattern": {}}, "alpha_pattern gives some another"),
        (
            {"use_rslora": True, "alpha_pattern": {"q_proj": 64}},
            {"use_rslora": False, "alpha_pattern": {}},
            "neither use_rslora nor alpha_pattern",
        ),
        ({"r": 8, "lora_alpha": 32}, {"lora_alpha": 8}, "B A was added as it is"),
    ],
)
def test_a_wrong_scale_is_told_by_the_mistake(
    base: Path, tmp_path: Path, settings: dict[str, Any], read_as: dict[str, Any], words: str
) -> None:
    tuned = small_model.adapter(base, tmp_path / "tuned", **settings)
    misread = Path(shutil.copytree(tuned, tmp_path / "misread"))
    small_model.change_json(misread / "adapter_config.json", **read_as)
    seen = made.evidence(f"base:{base}", tuned, f"merged:{made.merge(base, misread, tmp_path / 'merged')}")
    assert made.found(seen) == {"merged-with-wrong-scale": "proven"}
    assert words in causes_weights.merged_with_wrong_scale(seen).signs[0]


def test_a_weak_tune_is_lost_in_bfloat16_and_a_strong_one_is_not(base: Path, tuned: Path, tmp_path: Path) -> None:
    weak = Path(shutil.copytree(tuned, tmp_path / "weak"))
    factors = load_file(weak / "adapter_model.safetensors")
    save_file({name: 0.01 * one for name, one in factors.items()}, weak / "adapter_model.safetensors")
    merged = made.merge(base, weak, tmp_path / "merged", dtype="bfloat16")
    assert made.found(made.evidence(f"base:{base}", weak, f"merged:{merged}")) == {"tune-lost-in-rounding": "proven"}
    whole = made.merge(base, weak, tmp_path / "whole")
    assert made.found(made.evidence(f"base:{base}", weak, f"merged:{whole}")) == {}


def test_without_an_adapter_only_an_untouched_base_is_told(base: Path, tuned: Path, tmp_path: Path) -> None:
    merged = made.merge(base, tuned, tmp_path / "merged")
    assert made.found(made.evidence(f"base:{base}", f"merged:{merged}")) == {}
    untouched = made.merge(base, tuned, tmp_path / "untouched", 0.0)
    assert made.found(made.evidence(f"base:{base}", f"merged:{untouched}")) == {"adapter-not-merged": "proven"}


def test_an_adapter_alone_says_what_it_can(base: Path, tuned: Path, tmp_path: Path) -> None:
    zero = Path(shutil.copytree(tuned, tmp_path / "zero"))
    factors = load_file(zero / "adapter_model.safetensors")
    save_file(
        {name: 0 * one if "lora_B" in name else one for name, one in factors.items()},
        zero / "adapter_model.safetensors",
    )
    assert made.found(made.evidence(zero)) == {"adapter-is-zero": "proven"}
    other = Path(shutil.copytree(tuned, tmp_path / "other"))
    small_model.change_json(other / "adapter_config.json", r=8)
    assert made.found(made.evidence(other)) == {"adapter-settings-of-another": "proven"}
    dora = Path(shutil.copytree(tuned, tmp_path / "dora"))
    small_model.change_json(dora / "adapter_config.json", use_dora=True)
    assert made.found(made.evidence(dora)) == {}


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"r": 1e999}', "\x00" * 40])
def test_bad_settings_cost_one_line(base: Path, tuned: Path, tmp_path: Path, text: str) -> None:
    bad = Path(shutil.copytree(tuned, tmp_path / "bad"))
    (bad / "adapter_config.json").write_text(text)
    seen = made.evidence(f"base:{base}", f"adapter:{bad}")
    assert seen.base is not None
    assert made.found(seen) == {}
