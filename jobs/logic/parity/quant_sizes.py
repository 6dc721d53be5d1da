"""The smallest file that each quant of a model can be cut into, known from the sizes in its config alone.

A tensor is never cut, so no limit on a file can be below the largest of them. In every Qwen3 that is the embedding or
the head, whose types do not depend on an importance matrix: `llama_tensor_get_type_impl` and `tensor_type_fallback` of
the pinned src/llama-quant.cpp, for dense models.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.logic.parity.quant_types import ALLOWED

BLOCKS = {
    "F32": (1, 4), "F16": (1, 2), "BF16": (1, 2), "Q4_0": (32, 18), "Q4_1": (32, 20), "Q5_0": (32, 22),
    "Q5_1": (32, 24), "Q8_0": (32, 34), "IQ4_NL": (32, 18), "Q2_K": (256, 84), "Q3_K": (256, 110), "Q4_K": (256, 144),
    "Q5_K": (256, 176), "Q6_K": (256, 210), "IQ4_XS": (256, 136), "IQ3_S": (256, 110), "IQ3_XXS": (256, 98),
    "IQ2_S": (256, 82), "IQ2_XS": (256, 74), "IQ2_XXS": (256, 66), "IQ1_M": (256, 56), "IQ1_S": (256, 50),
}  # fmt: skip
"""Type of a tensor to the weights in a block of it and the bytes that they take."""
OF_THE_NAME = {
    "Q2_K_S": "Q2_K", "Q3_K_S": "Q3_K", "Q3_K_M": "Q3_K", "Q3_K_L": "Q3_K", "Q4_K_S": "Q4_K", "Q4_K_M": "Q4_K",
    "Q5_K_S": "Q5_K", "Q5_K_M": "Q5_K", "IQ2_S": "IQ2_XS", "IQ2_M": "IQ2_S", "IQ3_XS": "IQ3_S", "IQ3_M": "IQ3_S",
}  # fmt: skip
"""Types that most matrices have in a file of a kind, where that is another word."""
HEAD_OF_Q5_K = frozenset({"IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "IQ3_XXS"})
EMBEDDING_OF = {
    "IQ1_S": "Q2_K", "IQ1_M": "Q2_K", "IQ2_XXS": "Q2_K", "IQ2_XS": "Q2_K", "IQ2_S": "IQ3_S", "IQ2_M": "IQ3_S",
    "IQ3_XXS": "IQ3_S",
}  # fmt: skip
"""Of an embedding that is not the head too."""
FALLBACKS = {"Q2_K": "Q4_0", "Q3_K": "Q4_0", "Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
"""Where a row is no whole number of blocks; IQ4_NL for every other type of 256."""
ROUNDED = ("F16", "BF16")
PART_BYTES = 24 + 22 + 35 + 25
"""Before a part's tensors are described: its header, and what it says of itself in three keys."""
ALIGNMENT = 32
OTHER_KEYS = 1 << 16
"""Bytes that are enough for the metadata beside the vocabulary: a chat template of Qwen's takes 4,000."""


@dataclass(frozen=True)
class Sizes:
    """The matrices of a model that may be the largest, by the names of config.json."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    tied: bool


@dataclass(frozen=True)
class Least:
    """The least that a file of a quant may be limited to."""

    quant: str
    what: str
    """That needs it: a tensor as a GGUF names it, or the metadata."""
    num_bytes: int


def least(sizes: Sizes, quants: Sequence[str]) -> Least:
    """Of these quants, the one that needs the largest file. It never says more than is needed; it is the least that
    does where embedding or head are the largest matrices, as in every Qwen3."""
    return max((one for quant in quants for one in _needed(sizes, quant)), key=lambda one: one.num_bytes)


def vocabulary_bytes(tokenizer: Mapping[str, Any], num_rows: int) -> int:
    """Bytes of a vocabulary in the metadata of a GGUF, which the first part has whole; of a tokenizer.json."""
    entries = {number: text for text, number in tokenizer["model"]["vocab"].items()}
    entries |= {token["id"]: token["content"] for token in tokenizer.get("added_tokens", [])}
    texts = (entries.get(number, f"[PAD{number}]") for number in range(num_rows))
    merges = (one if isinstance(one, str) else " ".join(one) for one in tokenizer["model"].get("merges", []))
    return sum(8 + len(text.encode()) + 4 for text in texts) + sum(8 + len(text.encode()) for text in merges)


def too_small(most: int, needed: Least, enough: int = 0) -> str:
    """Why a limit is refused, with the least that would do: what is needed, or `enough` for something else too."""
    way_out = max(needed.num_bytes, enough)
    return (
        f"quantize.max_file_bytes={most}: {needed.what} of {needed.quant} takes {needed.num_bytes} bytes in a file of "
        f"its own, and is not cut; set quantize.max_file_bytes={way_out} or more, or null for one file a type"
    )


def _needed(sizes: Sizes, quant: str) -> Iterator[Least]:
    of_head = matrix_type(quant, sizes.hidden_size, is_head=True)
    of_embedding = of_head if sizes.tied else matrix_type(quant, sizes.hidden_size, is_head=False)
    rows = sizes.vocab_size
    yield Least(quant, "token_embd.weight", part_bytes("token_embd.weight", rows, sizes.hidden_size, of_embedding))
    if not sizes.tied:
        yield Least(quant, "output.weight", part_bytes("output.weight", rows, sizes.hidden_size, of_head))
    inner = "blk.0.ffn_up.weight"
    narrowest = [(part_bytes(inner, sizes.intermediate_size, sizes.hidden_size, kind)) for kind in _kinds(sizes, quant)]
    yield Least(quant, inner, min(narrowest))


def _kinds(sizes: Sizes, quant: str) -> list[str]:
    """Types that a matrix of a layer may have: which one, the layer and an importance matrix say."""
    return [_fallen(kind, sizes.hidden_size) for kind in ALLOWED[quant]]


def matrix_type(quant: str, num_columns: int, is_head: bool) -> str:
    """The type of the head of a quant, which a tied embedding has too, or of an embedding of its own."""
    usual = OF_THE_NAME.get(quant, quant)
    if quant in ROUNDED:
        return quant
    if not is_head:
        return _fallen(EMBEDDING_OF.get(quant, usual), num_columns)
    if usual == "Q8_0" or num_columns % BLOCKS[usual][0]:
        return _fallen("Q8_0", num_columns)
    return _fallen("Q5_K" if quant in HEAD_OF_Q5_K else "Q6_K", num_columns)


def _fallen(kind: str, num_columns: int) -> str:
    """The type that rows of so many weights get where `kind` was meant."""
    if num_columns % BLOCKS[kind][0] == 0:
        return kind
    other = FALLBACKS.get(kind, "IQ4_NL") if BLOCKS[kind][0] == 256 else kind
    return other if num_columns % BLOCKS[other][0] == 0 else "F16"


def part_bytes(name: str, num_rows: int, num_columns: int, kind: str) -> int:
    """Bytes of a file with one matrix in it, a part that is not the first."""
    per_block, block_bytes = BLOCKS[kind]
    described = 8 + len(name) + 4 + 2 * 8 + 4 + 8
    return _padded(PART_BYTES + described) + _padded(num_rows * num_columns // per_block * block_bytes)


def _padded(num_bytes: int) -> int:
    return -(-num_bytes // ALIGNMENT) * ALIGNMENT
