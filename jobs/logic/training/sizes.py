"""How large an adapter and its checkpoints become, before anything is loaded."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

FLOAT32 = 4
MOMENTS = 2
"""AdamW keeps two numbers for each weight."""
BESIDE = 32 << 20
"""Bytes for what does not grow with the model: log, configs, random states, the tracker's database."""


def lora_weights(config: Mapping[str, Any], rank: int, targets: Collection[str]) -> int:
    """Weights of the matrices A [rank, in] and B [out, rank] of every target of every layer of a Qwen3."""
    hidden, inner = int(config["hidden_size"]), int(config["intermediate_size"])
    heads, kv_heads = int(config["num_attention_heads"]), int(config["num_key_value_heads"])
    width = int(config.get("head_dim") or hidden // heads)
    shapes = {
        "q_proj": (hidden, heads * width),
        "k_proj": (hidden, kv_heads * width),
        "v_proj": (hidden, kv_heads * width),
        "o_proj": (heads * width, hidden),
        "gate_proj": (hidden, inner),
        "up_proj": (hidden, inner),
        "down_proj": (inner, hidden),
    }
    return int(config["num_hidden_layers"]) * sum(rank * sum(shapes[target]) for target in targets)


def training_bytes(num_weights: int, keep_checkpoints: int) -> int:
    """Bytes that a run's folder grows by while it trains.

    The newest `keep_checkpoints`, the best step's and the one being written, each with weights and moments; and the
    adapter that is left.
    """
    checkpoint = num_weights * FLOAT32 * (1 + MOMENTS)
    return (keep_checkpoints + 2) * checkpoint + num_weights * FLOAT32 + BESIDE
