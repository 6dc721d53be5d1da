"""Whose a GGUF is, by its name and by its tensors."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.logic.diagnosing import kinship
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.settings_seen import SettingsSeen
from tests.logic.diagnosing.model_evidence import held, module, quant


@pytest.mark.parametrize(
    ("file", "stem"),
    [
        ("runs/mine/model-Q4_K_M.gguf", "model"),
        ("Qwen3-0.6B-UD-Q4_K_XL.gguf", "qwen3-0.6b"),
        ("tune.f16.gguf", "tune"),
        ("model-IQ2_XXS-00001-of-00003.gguf", "model"),
        ("model.GGUF", "model"),
    ],
)
def test_a_name_without_its_type(file: str, stem: str) -> None:
    assert kinship.stem(file) == stem


@pytest.mark.parametrize(
    ("file", "is_base"),
    [("Qwen3-0.6B-Q8_0.gguf", True), ("base-f16.gguf", True), ("database-f16.gguf", False), ("mine-f16.gguf", False)],
)
def test_a_file_that_is_called_as_the_base_is(file: str, is_base: bool) -> None:
    evidence = Evidence(settings=SettingsSeen("a.yaml", "trl", base_model="Qwen/Qwen3-0.6B"))
    assert kinship.called_base(quant(file=file), evidence) == is_base


DIFFER = tuple(f"model.layers.{number}.mlp.up_proj.weight" for number in range(28))


@pytest.mark.parametrize(
    ("source", "is_of_source"),
    [
        ({}, True),
        ({"other_changed": DIFFER[:2]}, True),
        ({"other_changed": DIFFER}, False),
        ({"other_changed": DIFFER, "swapped": (("a", "b"),)}, True),
        ({"modules": (module(0.0), module(0.0)), "other_changed": DIFFER}, True),
        ({"modules": (module(-1.0), module(-1.0))}, False),
    ],
)
def test_damage_is_told_from_another_model(source: dict[str, Any], is_of_source: bool) -> None:
    """A tune moves a matrix of every layer at least."""
    known = dict(source)
    weights = held(*known.pop("modules", ()), num_shared=311, **known)
    file = quant(num_blocks=28, source=weights, source_of="merged", weights=None)
    assert kinship.is_of_source(file) == is_of_source
