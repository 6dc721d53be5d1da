"""What a forward pass keeps for its backward pass: counted tensor by tensor, in bytes.

The counts are those of transformers 5.17 with PEFT 0.21 around it, and tests hold them against what autograd saves.
"""

from __future__ import annotations

from collections.abc import Collection

from jobs.logic.estimating.shapes import Shape

FLOAT32 = 4
ELEMENT = {"float32": 4, "bfloat16": 2, "float16": 2}
"""Bytes of a number."""
ON_ONE_INPUT = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))
"""Layers that read the same tensor, whose width is the hidden size."""
HEAD_COLUMNS, HEAD_ROWS = 32_768, 4_096
"""A tile of logits that TRL 1.15's head has in memory on a GPU: trl/kernels/chunked_logprob.py."""


def layers_bytes(shape: Shape, dtype: str, rank: int, targets: Collection[str], dropout: float = 0.0) -> int:
    """Bytes kept for each token by all layers.

    A layer keeps, in the base's dtype: gate, its activation and up (inner each); queries, repeated keys, repeated
    values and attention's output (query width each). In float32: the inputs of its two norms and of the norms of
    queries and keys, each target's input for its A and what A makes of it, and a number for each head and norm. A
    float32 base shares what several targets read; a bfloat16 one has a float32 copy for each. With dropout each target
    has its own dropped input, and a mask of it, in float32 on a CPU: within 10 %, and more than a GPU's. Exact without
    dropout where all of attention is adapted; else an upper bound, since the first layer keeps less.
    """
    element = ELEMENT[dtype]
    inputs = {name: shape.hidden for names in ON_ONE_INPUT for name in names}
    inputs |= {"o_proj": shape.query_width, "down_proj": shape.inner}
    own = [inputs[name] for name in targets]
    if element == FLOAT32 and not dropout:
        shared = [shape.hidden for names in ON_ONE_INPUT if set(names) & set(targets)]
        own = [*shared, *(inputs[name] for name in ("o_proj", "down_proj") if name in targets)]
    of_norms = 2 * shape.hidden + shape.query_width + shape.kv_width
    statistics = 2 * shape.heads + shape.kv_heads + 2
    in_float32 = of_norms + sum(own) + len(targets) * rank + statistics
    in_dtype = 3 * shape.inner + 4 * shape.query_width
    masks = sum(inputs[name] for name in targets) if dropout else 0
    a_layer = (in_float32 + masks) * FLOAT32 + in_dtype * element
    return shape.layers * a_layer + 2 * shape.head_dim * element  # RoPE's cosines and sines, once


def head_bytes(shape: Shape, dtype: str, graded: int, on_gpu: bool) -> int:
    """Bytes that the loss of `graded` positions takes.

    On a CPU (`engines/training/trl_cpu.py`) the float32 odds of each position over the whole vocabulary are kept; on a
    GPU a tile of logits is in memory at a time, and the gradient of the last states in float32.
    """
    if not on_gpu:
        return graded * shape.vocabulary * FLOAT32
    tile = min(graded, HEAD_ROWS) * min(HEAD_COLUMNS, shape.vocabulary)
    return tile * ELEMENT[dtype] + graded * shape.hidden * (ELEMENT[dtype] + FLOAT32)


def working_bytes(shape: Shape, dtype: str, tokens: int) -> int:
    """Bytes at work in one layer of a pass, beside what is kept: the MLP's gradients and their float32 copies.

    Not measured: four tensors of the inner width and four of the hidden size, half of them in float32.
    """
    return tokens * (2 * shape.inner + 2 * shape.hidden) * (ELEMENT[dtype] + FLOAT32)
