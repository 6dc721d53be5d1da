"""Adapter files: what is read out of them, and what is no plain LoRA."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from jobs.core.errors import Refusal
from jobs.engines.models import adapter
from tests.engines.models.small_model import change_json

UP, DOWN = "model.layers.0.mlp.up_proj", "model.layers.0.mlp.down_proj"
A, B = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0], [0.0], [4.0]])


def name(module: str, side: str) -> str:
    return f"base_model.model.{module}.lora_{side}.weight"


GOOD = {name(UP, "A"): A, name(UP, "B"): B, name(DOWN, "A"): A.double(), name(DOWN, "B"): 2 * B}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, GOOD)
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": 4, "lora_alpha": 8.0, "use_rslora": False}))
    return tmp_path


def write(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    save_file(tensors, folder / "adapter_model.safetensors", {"format": "pt"})


@pytest.mark.parametrize(
    ("config", "scale"),
    [({}, 2.0), ({"use_rslora": True}, 4.0), ({"lora_alpha": 1, "r": 16}, 1 / 16), ({"use_rslora": None}, 2.0)],
)
def test_scale(folder: Path, config: dict[str, Any], scale: float) -> None:
    change_json(folder / "adapter_config.json", **config)
    assert adapter.load(folder).scale == scale


def test_factors_and_updates(folder: Path) -> None:
    opened = adapter.load(folder)
    assert opened.modules == [DOWN, UP]
    a, b = opened.factors(DOWN)
    assert (a.dtype, b.dtype) == (torch.float32, torch.float32)
    found = dict(adapter.updates(opened))
    assert torch.equal(found[UP], 2 * torch.tensor([[3.0, 6.0], [0.0, 0.0], [4.0, 8.0]]))
    assert torch.equal(found[DOWN], 2 * found[UP])


def test_inspection(folder: Path) -> None:
    found = adapter.inspect(folder)
    assert found.num_weights == 10
    assert found.layers_by_target == {"up_proj": 1, "down_proj": 1}
    assert found.norm == pytest.approx(math.sqrt(5 * 125) * 2)
    assert (found.scale, found.zero_modules, found.nonfinite) == (2.0, [], [])


@pytest.mark.parametrize("side", ["A", "B"])
def test_a_module_with_a_factor_of_zeros_changes_nothing(folder: Path, side: str) -> None:
    write(folder, GOOD | {name(UP, side): 0 * GOOD[name(UP, side)]})
    found = adapter.inspect(folder)
    assert found.zero_modules == [UP]
    assert found.norm == pytest.approx(math.sqrt(4 * 125) * 2)


@pytest.mark.parametrize(("side", "value"), [("A", math.nan), ("B", math.inf), ("B", 3e38)])
def test_what_is_not_finite_is_named(folder: Path, side: str, value: float) -> None:
    write(folder, GOOD | {name(UP, side): torch.full_like(GOOD[name(UP, side)], value)})
    found = adapter.inspect(folder)
    assert found.nonfinite == [UP]
    assert math.isfinite(found.norm)


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({name(UP, "B"): None}, "up_proj has only one of its two factors"),
        ({f"base_model.model.{UP}.lora_magnitude_vector": A.clone()}, "is not a LoRA factor"),
        ({"base_model.model.lm_head.weight": A.clone()}, "lm_head.weight is not a LoRA factor"),
    ],
)
def test_tensors_that_are_no_plain_lora_are_refused(
    folder: Path, tensors: dict[str, torch.Tensor | None], words: str
) -> None:
    write(folder, {key: value for key, value in {**GOOD, **tensors}.items() if value is not None})
    with pytest.raises(Refusal, match=words):
        adapter.load(folder)


@pytest.mark.parametrize(
    ("config", "scale"),
    [
        ({"alpha_pattern": {"up_proj": 4}}, 1.0),
        ({"rank_pattern": {"mlp.up_proj": 1}}, 8.0),
        ({"rank_pattern": {"up_proj": 16}, "use_rslora": True}, 2.0),
        ({"alpha_pattern": {"p_proj": 4}, "rank_pattern": {"up": 1}}, 2.0),
    ],
)
def test_a_pattern_gives_a_module_a_scale_of_its_own(folder: Path, config: dict[str, Any], scale: float) -> None:
    change_json(folder / "adapter_config.json", **config)
    opened = adapter.load(folder)
    assert opened.scale_of(UP) == scale
    assert opened.scale_of(DOWN) == opened.scale
    assert torch.equal(dict(adapter.updates(opened))[UP], scale * (B @ A))
    assert adapter.inspect(folder).scales == {"up_proj": scale, "down_proj": opened.scale}


def test_settings_that_are_no_plain_lora_are_refused(folder: Path) -> None:
    change_json(folder / "adapter_config.json", use_dora=True)
    with pytest.raises(Refusal, match=r"adapter_config\.json: use_dora: DoRA"):
        adapter.load(folder)
