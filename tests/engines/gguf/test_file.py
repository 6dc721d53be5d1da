"""Header, tensors and damage, on the GGUFs of a tiny model."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
import pytest

from jobs.engines.gguf import file as gguf_file, library

gguf = library.gguf_py()  # the pinned source's, which no package index has put there


def test_describe(q4_gguf: Path, tiny_model: Path) -> None:
    header = gguf_file.describe(gguf_file.read(q4_gguf))
    template = (tiny_model / "chat_template.jinja").read_bytes()
    assert header == gguf_file.Description(
        architecture="qwen3",
        file_type=15,  # MOSTLY_Q4_K_M
        block_count=2,
        context_length=2048,
        embedding_length=256,
        rope_freq_base=1_000_000.0,
        vocab_size=151_936,
        tokenizer_model="gpt2",
        tokenizer_pre="qwen2",
        bos_token_id=None,
        eos_token_id=151_645,
        pad_token_id=151_643,
        add_bos=False,
        chat_template=template,
    )


def test_reads_what_gguf_py_writes(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "every.gguf", "qwen3")
    values = {
        "uint8": 255, "int8": -128, "uint16": 65_535, "int16": -32_768, "uint32": 2**32 - 1, "int32": -(2**31),
        "uint64": 2**64 - 1, "int64": -(2**63), "float32": 0.5, "float64": 1e-300, "bool": True, "string": "極め\n",
        "array": ["a", "", "に"],
    }  # fmt: skip
    for kind, value in values.items():
        getattr(writer, f"add_{kind}")(f"test.{kind}", value)
    writer.add_array("test.numbers", [1, -2, 3])
    tensors = {
        "a": np.arange(5, dtype=np.float32),
        "b": np.ones((3, 7), np.float16),
        "c": gguf.quants.quantize(np.ones((2, 64), np.float32), gguf.GGMLQuantizationType.Q8_0),
    }
    for name, tensor in tensors.items():
        writer.add_tensor(name, tensor, raw_dtype=gguf.GGMLQuantizationType.Q8_0 if name == "c" else None)
    for write in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file):
        write()
    writer.close()

    file = gguf_file.read(tmp_path / "every.gguf")
    assert file.metadata == {
        "general.architecture": "qwen3", "test.numbers": [1, -2, 3], **{f"test.{k}": v for k, v in values.items()}
    }  # fmt: skip
    assert [(t.shape, t.type, t.n_bytes) for t in file.tensors.values()] == [
        ((5,), "F32", 20),
        ((3, 7), "F16", 42),
        ((2, 64), "Q8_0", 136),
    ]
    assert gguf_file.structure_problems(file.path) == []
    assert gguf_file.tensor_values(file, "a").tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(gguf_file.tensor_values(file, "c"), np.ones((2, 64)), atol=1e-3)


@pytest.mark.parametrize(
    ("fixture", "types"),
    [
        ("f32_gguf", {"F32": 24}),
        ("f16_gguf", {"F32": 9, "F16": 15}),
        ("q4_gguf", {"F32": 9, "Q4_K": 12, "Q6_K": 3}),
    ],
)
def test_type_histogram(fixture: str, types: dict[str, int], request: pytest.FixtureRequest) -> None:
    file = gguf_file.read(request.getfixturevalue(fixture))
    assert gguf_file.type_histogram(file) == types


@pytest.mark.parametrize("fixture", ["f32_gguf", "f16_gguf"])
def test_every_tensor_is_the_folders(fixture: str, tiny_model: Path, request: pytest.FixtureRequest) -> None:
    proof = gguf_file.compare_tensors(gguf_file.read(request.getfixturevalue(fixture)), tiny_model)
    assert proof == gguf_file.TensorProof(num_equal=24, largest_difference={}, missing=[], extra=[])


def test_quantized_tensors_differ_a_little(q4_gguf: Path, tiny_model: Path) -> None:
    proof = gguf_file.compare_tensors(gguf_file.read(q4_gguf), tiny_model)
    assert proof.num_equal == 9  # the norms
    assert all(0 < gap < 0.1 for gap in proof.largest_difference.values())  # of weights with deviation 0.1


def test_one_changed_weight_is_named(f32_gguf: Path, tiny_model: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "changed.gguf"
    data = bytearray(f32_gguf.read_bytes())
    tensor = gguf_file.read(f32_gguf).tensors["blk.1.ffn_up.weight"]
    (value,) = struct.unpack_from("<f", data, tensor.offset)
    struct.pack_into("<f", data, tensor.offset, value + 0.5)
    damaged.write_bytes(data)
    proof = gguf_file.compare_tensors(gguf_file.read(damaged), tiny_model)
    assert proof.largest_difference == {"blk.1.ffn_up.weight": pytest.approx(0.5, abs=1e-6)}


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_non_finite_weights_are_counted(bad: float, f32_gguf: Path, tmp_path: Path) -> None:
    assert gguf_file.non_finite(gguf_file.read(f32_gguf)) == {}
    damaged = tmp_path / "bad.gguf"
    data = bytearray(f32_gguf.read_bytes())
    offset = gguf_file.read(f32_gguf).tensors["output_norm.weight"].offset
    struct.pack_into("<2f", data, offset + 40, bad, bad)
    damaged.write_bytes(data)
    assert gguf_file.non_finite(gguf_file.read(damaged)) == {"output_norm.weight": 2}


def test_tensor_values_have_the_folders_shape(q4_gguf: Path) -> None:
    values = gguf_file.tensor_values(gguf_file.read(q4_gguf), "blk.0.ffn_down.weight")
    assert values.shape == (256, 512)
    assert values.dtype == np.float32


@pytest.mark.parametrize("fixture", ["f32_gguf", "f16_gguf", "q4_gguf"])
def test_a_whole_file_has_no_problems(fixture: str, request: pytest.FixtureRequest) -> None:
    assert gguf_file.structure_problems(request.getfixturevalue(fixture)) == []


def _end_of_merges(data: bytes) -> int:
    return data.index(b"tokenizer.ggml.merges") + 5000


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-1], "the header promises {size} bytes, the file has {seen}: truncated"),
        (lambda data: data[: len(data) // 2], "{size} bytes, the file has {seen}: truncated"),
        (lambda data: data + b"\0", "{size} bytes, the file has {seen}: followed by bytes that no tensor owns"),
        (lambda data: data[: _end_of_merges(data)], "the header cannot be read at byte"),
        (lambda data: data[:20], "20 bytes are too few for a GGUF header"),
        (lambda data: b"", "0 bytes are too few"),
        (lambda data: b"GGML" + data[4:], "starts with b'GGML', a GGUF starts with b'GGUF'"),
        (lambda data: data[:4] + b"\2" + data[5:], "GGUF version 2, only 3 is read"),
        (lambda data: data[:8] + b"\xff" * 8 + data[16:], "the header cannot be read at byte"),
    ],
)
def test_damage_is_told(damage, message: str, q4_gguf: Path, tmp_path: Path) -> None:
    whole = q4_gguf.read_bytes()
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(damage(whole))
    problems = gguf_file.structure_problems(damaged)
    assert len(problems) == 1
    assert message.format(size=len(whole), seen=damaged.stat().st_size) in problems[0]
    assert str(damaged) in problems[0]


def test_a_moved_tensor_is_told(q4_gguf: Path, tmp_path: Path) -> None:
    data = bytearray(q4_gguf.read_bytes())
    name = b"blk.0.attn_norm.weight"
    place = data.index(struct.pack("<Q", len(name)) + name) + 8 + len(name) + 4 + 8 + 4  # one dimension, type
    struct.pack_into("<Q", data, place, struct.unpack_from("<Q", data, place)[0] + 32)
    (tmp_path / "moved.gguf").write_bytes(data)
    assert "blk.0.attn_norm.weight is at byte" in gguf_file.structure_problems(tmp_path / "moved.gguf")[0]


@pytest.mark.parametrize(
    ("hf", "name"),
    [
        ("model.embed_tokens.weight", "token_embd.weight"),
        ("model.layers.1.self_attn.q_norm.weight", "blk.1.attn_q_norm.weight"),
        ("model.layers.0.mlp.down_proj.weight", "blk.0.ffn_down.weight"),
        ("model.norm.weight", "output_norm.weight"),
        ("lm_head.weight", "output.weight"),
    ],
)
def test_gguf_name(hf: str, name: str) -> None:
    assert gguf_file.gguf_name(hf, num_blocks=2) == name


def test_an_unknown_tensor_has_no_name() -> None:
    with pytest.raises(KeyError, match="lora_A"):
        gguf_file.gguf_name("model.layers.0.self_attn.q_proj.lora_A.weight", num_blocks=2)
