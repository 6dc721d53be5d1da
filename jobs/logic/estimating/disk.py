"""Bytes that each stage writes: what the stages ask room for before they begin, and what a run's folder grows by."""

from __future__ import annotations

from jobs.logic.estimating.activations import ELEMENT, FLOAT32
from jobs.logic.estimating.recipe import Recipe
from jobs.logic.parity import quant_sizes
from jobs.logic.training import sizes

ROWS_PREPARED = 3
"""Times the bytes of the files: the rows of both sides, and what is put beside them."""
ROWS_TOKENIZED = 8
"""A row as token ids, labels and kinds, with prompts and answers beside it, takes at most so many times its text: 3.3
times were measured on the rows in data/."""
TOKENIZER = 24 << 20
"""Qwen3's has 11 million, and the page of the preview."""
CONVERTED = 6.4
"""Bytes a weight of the F32 file and the F16 one, with what is rounded for a while."""
QUANTIZED = 0.5
"""Of the F32 file's bytes, for each quant: half of it is F16, and no smaller one needs more."""
ANSWER_TOKEN = 16
"""Of an answer's token: its id in digits, and its text."""
REPORT = 8 << 20


def merged_bytes(num_weights: int, dtype: str) -> int:
    return num_weights * ELEMENT[dtype]


def converted_bytes(num_weights: int) -> int:
    return int(CONVERTED * num_weights)


def quantized_bytes(f32_bytes: int, num_quants: int, splits: bool) -> int:
    """With parts, a quant is there whole while it is cut."""
    return int(QUANTIZED * f32_bytes * (num_quants + splits))


def answered_bytes(num_prompts: int, num_rows: int, budget: int) -> int:
    """Base and tune."""
    return ANSWER_TOKEN * 2 * num_prompts * num_rows * budget


def reference_bytes(vocabulary: int, num_positions: int) -> int:
    """The float32 logits that every artifact is held against."""
    return FLOAT32 * vocabulary * num_positions


def quant_bytes(recipe: Recipe, quant: str) -> int:
    """About, of a finished file: embedding and head by their types, all else by the type that the name says."""
    shape = recipe.shape
    usual = quant_sizes.OF_THE_NAME.get(quant, quant)
    block, block_bytes = quant_sizes.BLOCKS[usual]
    found = shape.layers * shape.layer_weights * block_bytes / block
    for is_head in (True,) if shape.tied else (True, False):
        kind = quant_sizes.matrix_type(quant, shape.hidden, is_head=is_head)
        per_block, of_block = quant_sizes.BLOCKS[kind]
        found += shape.embedding_weights * of_block / per_block
    return int(found)


def needed(recipe: Recipe) -> dict[str, int]:
    """Stage to the bytes that it leaves or, where that is more, has for a while."""
    shape, training, measured, rows = recipe.shape, recipe.training, recipe.measuring, recipe.rows
    adapter = shape.lora_weights(training.rank, training.targets)
    num_rows = min(measured.smoke_rows, rows.num_held_out)
    positions = min(measured.verify_tokens, int(rows.held_out_tokens()[1]))
    made = [quant for quant in measured.quants if quant != "F16"]
    return {
        "prepare": ROWS_PREPARED * rows.num_bytes,
        "fetch": shape.file_weights * ELEMENT["bfloat16"] if recipe.fetched else 0,
        "preflight": ROWS_TOKENIZED * rows.num_bytes + TOKENIZER,
        "train": adapter * FLOAT32 if training.adopts else sizes.training_bytes(adapter, training.keep_checkpoints),
        "smoke": answered_bytes(measured.num_prompts, num_rows, recipe.answer_budget),
        "merge": merged_bytes(shape.num_weights, measured.merge_dtype),
        "convert": converted_bytes(shape.num_weights),
        "quantize": sum(quant_bytes(recipe, quant) for quant in made),
        "verify": reference_bytes(shape.vocabulary, positions),
        "report": REPORT,
    }
