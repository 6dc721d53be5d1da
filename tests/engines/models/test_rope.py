"""RoPE that a config.json says in two spellings: the same, or refused; the library reads one of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.core.errors import Refusal
from jobs.engines.models import model_config

YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128}
PLAIN = {"rope_type": "default", "rope_theta": 1e6}
LINEAR = {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e6}


def read(folder: Path, said: dict[str, Any]) -> str:
    """RoPE in words, of a config.json that says so; raises Refusal."""
    raw = {"model_type": "qwen3", **said}
    (folder / "config.json").write_text(json.dumps(raw))
    config = model_config.read(folder, "given")
    model_config.require_one_rope(raw, config, "given")
    return model_config.rope_said(config)


@pytest.mark.parametrize(
    ("said", "rope"),
    [
        ({"rope_parameters": PLAIN}, "theta 1,000,000"),
        ({"rope_theta": 1e6, "rope_scaling": YARN}, "theta 1,000,000, yarn x 4"),
        ({"rope_theta": 1e6, "rope_parameters": YARN}, "theta 1,000,000, yarn x 4"),
        ({"rope_theta": 1e6, "rope_parameters": PLAIN, "rope_scaling": None}, "theta 1,000,000"),
        ({"rope_theta": 1e6, "rope_parameters": PLAIN, "rope_scaling": YARN}, "theta 1,000,000, yarn x 4"),
        ({"rope_parameters": PLAIN | YARN, "rope_scaling": PLAIN | YARN}, "theta 1,000,000, yarn x 4"),
        ({}, "theta 10,000"),
    ],
)
def test_one_rope_is_taken(tmp_path: Path, said: dict[str, Any], rope: str) -> None:
    assert read(tmp_path, said) == rope


@pytest.mark.parametrize(
    ("said", "words"),
    [
        # The line of Qwen's cards for long texts, put into a config.json of the newer spelling.
        (
            {"rope_parameters": PLAIN, "rope_scaling": YARN},
            "rope_theta=1000000.0 in rope_parameters, and the library re",
        ),
        ({"rope_parameters": PLAIN | {"rope_theta": 5e5}, "rope_theta": 1e6}, "1000000.0 in config.json, 500000.0 in"),
        ({"rope_theta": 1e6, "rope_parameters": LINEAR, "rope_scaling": YARN}, "scales RoPE in two ways"),
    ],
)
def test_two_ropes_are_refused(tmp_path: Path, said: dict[str, Any], words: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(tmp_path, said)
    assert words in str(caught.value)
