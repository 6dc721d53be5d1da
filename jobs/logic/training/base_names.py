"""Whether the base model that an adapter names can be the one that a run has, by what the two names say."""

from __future__ import annotations

import re

SIZE = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)b(?![a-z0-9])")
"""Billions of weights, as in Qwen3-0.6B and Qwen3-30B-A3B."""
VARIANTS = frozenset({"base", "instruct", "thinking", "2507", "coder", "embedding", "reranker", "guard"})
COPIES = re.compile(r"([-_](unsloth|bnb|4bit|8bit|gptq|awq|fp8|int[48]|bf16|fp16))+$")
"""Other forms of the same weights."""
QUANTIZED = re.compile(r"bnb|[48]bit|gptq|awq|fp8|int[48]")


def short(name: str) -> str:
    """The last part of a hub's id or a path, without what only says how the weights are stored."""
    return COPIES.sub("", name.strip().rstrip("/").rpartition("/")[2].lower())


def same(named: str, base_id: str) -> bool:
    """Whether both names are of one model."""
    return bool(named) and short(named) == short(base_id)


def sizes(name: str) -> list[str]:
    """The sizes that a name has."""
    return SIZE.findall(short(name))


def another_size(named: str, base_id: str) -> bool:
    """Whether both names have a size and it is not the same."""
    return bool(sizes(named)) and bool(sizes(base_id)) and sizes(named) != sizes(base_id)


def another_variant(named: str, base_id: str) -> bool:
    """Whether two names with a size differ in what was made of the weights: Base, Instruct-2507, ..."""
    found = [frozenset(re.split(r"[^a-z0-9]+", short(name))) & VARIANTS for name in (named, base_id)]
    return bool(sizes(named)) and bool(sizes(base_id)) and found[0] != found[1]


def is_quantized(named: str) -> bool:
    """Whether a name is that of weights of few bits."""
    return QUANTIZED.search(named.lower()) is not None
