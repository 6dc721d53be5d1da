"""What is foretold of a quant from a config is what the pinned quantizer plans for a model of these sizes."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.engines.gguf import file as gguf_file, llama_tools, split
from jobs.engines.gguf.library import gguf_py
from jobs.logic.parity.quant_sizes import BLOCKS, PART_BYTES, Sizes, least
from jobs.logic.parity.quant_types import ALLOWED

gguf = gguf_py()  # the pinned source's


def header_only(path: Path, sizes: Sizes) -> Path:
    """A GGUF of a Qwen3 of two layers, without a vocabulary and without weights: a hole of their size."""
    writer = gguf.GGUFWriter(path, "qwen3")
    writer.add_block_count(2)
    for key, value in {
        "context_length": 64, "embedding_length": sizes.hidden_size, "feed_forward_length": sizes.intermediate_size,
        "attention.head_count": 4, "attention.head_count_kv": 2, "attention.key_length": 32,
        "attention.value_length": 32, "vocab_size": sizes.vocab_size,
    }.items():  # fmt: skip
        writer.add_uint32(f"qwen3.{key}", value)
    writer.add_float32("qwen3.attention.layer_norm_rms_epsilon", 1e-6)
    vocabulary, inner = (sizes.vocab_size, sizes.hidden_size), (sizes.intermediate_size, sizes.hidden_size)
    shapes = {"token_embd.weight": vocabulary, **({} if sizes.tied else {"output.weight": vocabulary})}
    for layer in range(2):
        shapes |= {f"blk.{layer}.{name}.weight": inner for name in ("ffn_gate", "ffn_up")}
        shapes |= {f"blk.{layer}.ffn_down.weight": inner[::-1]}
        shapes |= {f"blk.{layer}.attn_{name}.weight": (128, sizes.hidden_size) for name in "qkv"}
        shapes |= {f"blk.{layer}.attn_output.weight": (sizes.hidden_size, 128)}
    float32 = gguf_file.np.dtype("float32")
    for name, shape in shapes.items():
        writer.add_tensor_info(name, shape, float32, 4 * shape[0] * shape[1])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + 64 + sum(4 * rows * columns for rows, columns in shapes.values()))
    return path


@pytest.mark.parametrize(
    "sizes",
    [
        Sizes(vocab_size=4096, hidden_size=256, intermediate_size=512, tied=True),
        Sizes(vocab_size=4096, hidden_size=256, intermediate_size=512, tied=False),
        Sizes(vocab_size=4096, hidden_size=96, intermediate_size=256, tied=False),
        Sizes(vocab_size=4096, hidden_size=40, intermediate_size=256, tied=True),
    ],
)
def test_the_least_limit_is_what_the_quantizer_needs(sizes: Sizes, tmp_path: Path) -> None:
    source = header_only(tmp_path / "source.gguf", sizes)
    layout = split.layout(gguf_file.read(source))
    foretold, planned = {}, {}
    for quant in (name for name in ALLOWED if name != "F16"):
        types = llama_tools.planned_types(source, quant)
        tensors = [gguf_file.as_type(tensor, types[tensor.name]) for tensor in layout.tensors]
        planned[quant] = max(layout.size(1, [one]) for one in tensors)
        foretold[quant] = least(sizes, [quant]).num_bytes
    assert foretold == planned


def test_blocks_and_headers_are_those_of_gguf(tmp_path: Path) -> None:
    assert {name: tuple(gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]]) for name in BLOCKS} == BLOCKS
    assert {kind for kinds in ALLOWED.values() for kind in kinds} <= BLOCKS.keys()
    assert 24 + sum(map(len, split._keys_of_a_part(1, 2, 3, 32))) == PART_BYTES
