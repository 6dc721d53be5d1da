"""The linear layers of a Qwen3 block, and PEFT's word for all of them."""

from __future__ import annotations

from typing import Any, Literal, get_args

Target = Literal["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
"""A misspelt one would train part of an adapter without a word."""
LINEAR_LAYERS: tuple[str, ...] = get_args(Target)
ALL_LINEAR = "all-linear"


def resolved(value: Any) -> Any:
    """The layers that `all-linear` stands for; anything else as it is."""
    return list(LINEAR_LAYERS) if value in (ALL_LINEAR, [ALL_LINEAR]) else value
