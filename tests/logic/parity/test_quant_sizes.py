"""The least that a file of each quant may be limited to, by the sizes of the model alone."""

from __future__ import annotations

import pytest

from jobs.logic.parity.quant_sizes import Least, Sizes, least, matrix_type, part_bytes, vocabulary_bytes

QWEN3_06B = Sizes(vocab_size=151_936, hidden_size=1024, intermediate_size=3072, tied=True)
QWEN3_8B = Sizes(vocab_size=151_936, hidden_size=4096, intermediate_size=12_288, tied=False)


@pytest.mark.parametrize(
    ("sizes", "quants", "tensor", "kind"),
    [
        (QWEN3_06B, ["Q4_K_M"], "token_embd.weight", "Q6_K"),
        (QWEN3_06B, ["Q4_K_M", "Q8_0"], "token_embd.weight", "Q8_0"),
        (QWEN3_06B, ["F16", "Q8_0"], "token_embd.weight", "F16"),
        (QWEN3_06B, ["IQ1_S"], "token_embd.weight", "Q5_K"),
        (QWEN3_8B, ["Q4_K_M"], "output.weight", "Q6_K"),
    ],
)
def test_embedding_or_head_is_what_needs_the_largest_file(
    sizes: Sizes, quants: list[str], tensor: str, kind: str
) -> None:
    wanted = part_bytes(tensor, sizes.vocab_size, sizes.hidden_size, kind)
    found = least(sizes, quants)
    assert (found.what, found.num_bytes) == (tensor, wanted)
    assert found.quant in quants


def test_a_layer_that_is_larger_than_the_vocabulary_is_told_by_its_narrowest_type() -> None:
    small = Sizes(vocab_size=96, hidden_size=256, intermediate_size=512, tied=True)
    needed = part_bytes("blk.0.ffn_up.weight", 512, 256, "Q4_K")
    assert least(small, ["Q4_K_M"]) == Least("Q4_K_M", "blk.0.ffn_up.weight", needed)


@pytest.mark.parametrize(
    ("quant", "columns", "is_head", "kind"),
    [
        ("Q4_K_M", 64, True, "Q8_0"), ("Q4_K_M", 64, False, "Q5_0"), ("IQ3_XXS", 64, False, "IQ4_NL"),
        ("Q4_0", 64, True, "Q8_0"), ("Q8_0", 40, True, "F16"), ("Q6_K", 40, False, "F16"), ("BF16", 40, True, "BF16"),
    ],
)  # fmt: skip
def test_rows_that_are_no_whole_blocks_fall_back(quant: str, columns: int, is_head: bool, kind: str) -> None:
    assert matrix_type(quant, columns, is_head) == kind


def test_a_vocabulary_is_counted_as_a_gguf_writes_it() -> None:
    added = [{"id": 2, "content": "<|im_end|>"}]
    tokenizer = {"model": {"vocab": {"a": 0, "é": 1}, "merges": [["a", "é"], "a a"]}, "added_tokens": added}
    texts, merges = ("a", "é", "<|im_end|>", "[PAD3]"), ("a é", "a a")
    wanted = sum(12 + len(text.encode()) for text in texts) + sum(8 + len(text.encode()) for text in merges)
    assert vocabulary_bytes(tokenizer, 4) == wanted
