"""The shapes of the dense Qwen3 models, and what follows from a shape alone: weights, and numbers for each token."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from jobs.logic.training import sizes

VOCABULARY = 151_936


@dataclass(frozen=True)
class Shape:
    """A dense Qwen3 by the values of its config.json."""

    hidden: int
    inner: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    tied: bool
    """Whether the output head is the embedding."""

    @property
    def query_width(self) -> int:
        return self.heads * self.head_dim

    @property
    def kv_width(self) -> int:
        return self.kv_heads * self.head_dim

    @property
    def layer_weights(self) -> int:
        """Weights of a layer's seven matrices, which every token is multiplied with."""
        return self.hidden * (2 * self.query_width + 2 * self.kv_width + 3 * self.inner)

    @property
    def embedding_weights(self) -> int:
        """Of the embedding, and as many of the head."""
        return self.vocabulary * self.hidden

    @property
    def num_weights(self) -> int:
        """All of them: matrices, two norms of a layer and its QK-norms, the last norm; a tied head is counted once."""
        norms = 2 * self.hidden + 2 * self.head_dim
        heads = 1 if self.tied else 2
        return self.layers * (self.layer_weights + norms) + self.hidden + heads * self.embedding_weights

    @property
    def file_weights(self) -> int:
        """At most in a hub's files: a tied model's may have the head beside the embedding once more."""
        return self.num_weights + (self.embedding_weights if self.tied else 0)

    @property
    def largest_matrix(self) -> int:
        """Weights of the largest tensor."""
        return max(self.embedding_weights, self.hidden * self.inner)

    def lora_weights(self, rank: int, targets: Collection[str]) -> int:
        """Weights of an adapter, as `training/sizes.py` counts them."""
        return sizes.lora_weights(self.as_config(), rank, targets)

    def kv_bytes(self, element: int) -> int:
        """Bytes of the KV cache for each token: keys and values of every layer, `element` bytes a number."""
        return 2 * self.layers * self.kv_width * element

    def as_config(self) -> dict[str, int]:
        """By the names of config.json."""
        return {
            "hidden_size": self.hidden,
            "intermediate_size": self.inner,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "vocab_size": self.vocabulary,
        }


def of_config(config: Mapping[str, Any]) -> Shape:
    """From a config.json; raises KeyError for a key, ValueError or TypeError for a value that no Qwen3 has."""
    heads, hidden = int(config["num_attention_heads"]), int(config["hidden_size"])
    found = Shape(
        hidden=hidden,
        inner=int(config["intermediate_size"]),
        layers=int(config["num_hidden_layers"]),
        heads=heads,
        kv_heads=int(config.get("num_key_value_heads") or heads),
        head_dim=int(config.get("head_dim") or 128),
        vocabulary=int(config["vocab_size"]),
        tied=bool(config.get("tie_word_embeddings", False)),
    )
    if min(found.as_config().values()) < 1:
        raise ValueError("expected sizes of 1 and more")
    return found


def _known(hidden: int, layers: int, heads: int, inner: int, tied: bool) -> Shape:
    return Shape(hidden, inner, layers, heads, 8, 128, VOCABULARY, tied)


KNOWN = {
    "0.6B": _known(1024, 28, 16, 3072, tied=True),
    "1.7B": _known(2048, 28, 16, 6144, tied=True),
    "4B": _known(2560, 36, 32, 9728, tied=True),
    "8B": _known(4096, 36, 32, 12_288, tied=False),
    "14B": _known(5120, 40, 40, 17_408, tied=False),
    "32B": _known(5120, 64, 64, 25_600, tied=False),
}
"""Layers, heads and tying: Qwen3 Technical Report (arXiv:2505.09388), table 1; the rest: the config.json of each."""
