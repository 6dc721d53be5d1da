"""Read a GGUF without llama.cpp: header, tensors, and whether the file is whole.

GGUF has no checksum, and llama.cpp loads files with flipped bits, so what the header promises is compared here with
what is in the file, byte for byte. The header is parsed here, since gguf-py's reader takes ten seconds for a
vocabulary of 150,000 entries; block sizes, dequantizing and tensor names are gguf-py's, from the pinned source.
Layout: docs/gguf.md of ggml, version 3, little endian.
"""

from __future__ import annotations

import json
import math
import mmap
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.engines.gguf.library import gguf_py

Float32 = NDArray[np.float32]

ALIGNMENT, USUAL_ALIGNMENT = "general.alignment", 32

_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9
_LENGTH = struct.Struct("<Q")
_CHUNK_BYTES = 64 << 20
_TOGETHER = 1 << 15
_SAFETENSORS = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}


class BrokenGguf(Exception):
    """The header cannot be read; the message names the file, the place, and what was expected."""


@dataclass(frozen=True)
class Tensor:
    """One tensor. `shape` is the order of NumPy and Hugging Face: a matrix is `[out, in]`."""

    name: str
    shape: tuple[int, ...]
    type: str
    """F32, F16, Q4_K, ..."""
    n_bytes: int
    offset: int
    """From the start of the file, in bytes."""
    path: Path
    """The file that has its bytes."""


@dataclass(frozen=True)
class GgufFile:
    """A header, read. `metadata` has every key as plain Python values; strings keep broken UTF-8 as surrogates."""

    path: Path
    metadata: dict[str, Any]
    tensors: dict[str, Tensor]
    """In the order of the file."""
    data_offset: int
    alignment: int
    spans: dict[str, tuple[int, int]]
    """Where in the file a key of the metadata, with its value, begins and ends."""


@dataclass(frozen=True)
class Description:
    """The header's values that decide how the model is run; None where the file does not say."""

    architecture: str | None
    file_type: int | None
    block_count: int | None
    context_length: int | None
    embedding_length: int | None
    rope_freq_base: float | None
    vocab_size: int
    """Entries of the token list."""
    tokenizer_model: str | None
    tokenizer_pre: str | None
    bos_token_id: int | None
    eos_token_id: int | None
    pad_token_id: int | None
    add_bos: bool | None
    chat_template: bytes | None


@dataclass(frozen=True)
class TensorProof:
    """What comparing every tensor with a Hugging Face folder gave; names are GGUF names."""

    num_equal: int
    largest_difference: dict[str, float]
    """Of the tensors that are not equal: the largest absolute difference; inf if the shapes differ."""
    missing: list[str]
    """In the folder and not in the GGUF."""
    extra: list[str]
    """In the GGUF and not in the folder."""


def read(path: Path, with_tensors: bool = True) -> GgufFile:
    """Parse the header. Raises BrokenGguf; says nothing about the tensor data (see `structure_problems`).

    Without tensors there are none in what is given back, and no build of llama.cpp is needed.
    """
    with path.open("rb") as file:
        if path.stat().st_size < 24:
            raise BrokenGguf(f"{path}: {path.stat().st_size} bytes are too few for a GGUF header")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            header = _Header(path, data)
            try:
                return header.parse(with_tensors)
            except (struct.error, KeyError, ValueError, OverflowError) as error:
                raise BrokenGguf(f"{path}: the header cannot be read at byte {header.at} ({error})") from None


def structure_problems(path: Path) -> list[str]:
    """Everything by which the file is not what its header says; empty if it is whole.

    The length must be exact: tensors follow each other on aligned places and nothing comes after the last one.
    """
    try:
        return problems_of(read(path))
    except BrokenGguf as error:
        return [str(error)]


def problems_of(file: GgufFile) -> list[str]:
    """As `structure_problems`, of a header that is read."""
    path = file.path
    if not file.tensors and "split.count" not in file.metadata:  # the first of several parts may have none
        return [f"{path}: no tensors"]
    problems = []
    end = expected = file.data_offset
    for tensor in sorted(file.tensors.values(), key=lambda tensor: tensor.offset):
        if tensor.offset != expected:
            problems.append(f"{path}: {tensor.name} is at byte {tensor.offset}, expected at {expected}")
        end = tensor.offset + tensor.n_bytes
        expected = padded(end, file.alignment)
    size = path.stat().st_size
    if size not in (end, expected):
        what = "truncated" if size < end else "followed by bytes that no tensor owns"
        problems.append(f"{path}: the header promises {expected} bytes, the file has {size}: {what}")
    return problems


def describe(file: GgufFile) -> Description:
    """The values of the header by their meaning. Raises BrokenGguf for a template that is no text."""
    data = file.metadata
    arch = data.get("general.architecture")
    template = data.get("tokenizer.chat_template")
    for key, value in (("general.architecture", arch), ("tokenizer.chat_template", template)):
        if value is not None and not isinstance(value, str):
            raise BrokenGguf(f"{file.path}: {key} is {type(value).__name__} {str(value)[:40]}, expected a text")
    return Description(
        architecture=arch,
        file_type=data.get("general.file_type"),
        block_count=data.get(f"{arch}.block_count"),
        context_length=data.get(f"{arch}.context_length"),
        embedding_length=data.get(f"{arch}.embedding_length"),
        rope_freq_base=data.get(f"{arch}.rope.freq_base"),
        vocab_size=len(data.get("tokenizer.ggml.tokens", ())),
        tokenizer_model=data.get("tokenizer.ggml.model"),
        tokenizer_pre=data.get("tokenizer.ggml.pre"),
        bos_token_id=data.get("tokenizer.ggml.bos_token_id"),
        eos_token_id=data.get("tokenizer.ggml.eos_token_id"),
        pad_token_id=data.get("tokenizer.ggml.padding_token_id"),
        add_bos=data.get("tokenizer.ggml.add_bos_token"),
        chat_template=None if template is None else template.encode("utf-8", "surrogateescape"),
    )


def as_type(tensor: Tensor, type: str) -> Tensor:
    """The tensor as it would be in another type, as in Q4_K."""
    gguf = gguf_py()
    per_block, block_bytes = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[type]]
    return replace(tensor, type=type, n_bytes=math.prod(tensor.shape) // per_block * block_bytes)


def type_number(type: str) -> int:
    """The number by which a header names a type."""
    return int(gguf_py().GGMLQuantizationType[type])


def padded(place: int, alignment: int) -> int:
    """The next place that `alignment` divides."""
    return -(-place // alignment) * alignment


def type_histogram(file: GgufFile) -> dict[str, int]:
    """How many tensors have each type."""
    return dict(Counter(tensor.type for tensor in file.tensors.values()))


def tensor_values(file: GgufFile, name: str) -> Float32:
    """One tensor as float32 in its `shape`, dequantized if need be. KeyError if there is none of that name."""
    tensor = file.tensors[name]
    return np.concatenate(list(_row_chunks(tensor))).reshape(tensor.shape)


def tensor_rows(tensor: Tensor, start: int, stop: int) -> Float32:
    """Rows `start` to `stop` as float32 `[rows, columns]`, dequantized if need be; one dimension is one row."""
    rows, columns = math.prod(tensor.shape[:-1]), tensor.shape[-1]
    kind = gguf_py().GGMLQuantizationType[tensor.type]
    raw = np.asarray(np.memmap(tensor.path, np.uint8, "r", tensor.offset, (rows, tensor.n_bytes // rows)))[start:stop]
    # gguf-py goes 16 rows at a time, which is slow where rows are short; blocks do not care where a row ends
    together = math.gcd(stop - start, _TOGETHER)
    while together > 1 and together * columns > _TOGETHER:
        together //= 2
    values: Float32 = gguf_py().quants.dequantize(raw.reshape((stop - start) // together, -1), kind)
    return values.reshape(stop - start, columns)


def non_finite(file: GgufFile) -> dict[str, int]:
    """How many values are NaN or infinite, for every tensor that has any; reads the whole file."""
    counts = {}
    for tensor in file.tensors.values():
        bad = sum(int((~np.isfinite(chunk)).sum()) for chunk in _row_chunks(tensor))
        if bad:
            counts[tensor.name] = bad
    return counts


def gguf_name(hf_name: str, num_blocks: int) -> str:
    """The GGUF name of a Qwen3 tensor, as in `model.norm.weight` -> `output_norm.weight`. KeyError if unknown."""
    name = _names(num_blocks).get_name(hf_name, try_suffixes=(".weight", ".bias"))
    if name is None:
        raise KeyError(f"{hf_name} is no tensor of Qwen3")
    return str(name)


def compare_tensors(file: GgufFile, model_dir: Path) -> TensorProof:
    """Compare every tensor with the safetensors of `model_dir`, as float32 values.

    Qwen3's tensors are not permuted on conversion, so in an F32, F16 or BF16 GGUF every tensor must be equal, bit for
    bit, to the folder's, rounded to its type. Quantized tensors differ by what quantizing costs. One tensor of either
    file is in memory at a time. Raises BrokenGguf if the architecture is not qwen3.
    """
    header = describe(file)
    if header.architecture != "qwen3" or header.block_count is None:
        raise BrokenGguf(f"{file.path}: architecture {header.architecture}, only qwen3 is known")
    equal, differences, seen, missing = 0, {}, set(), []
    for hf_name, values in _safetensors(model_dir):
        name = gguf_name(hf_name, header.block_count)
        seen.add(name)
        if name not in file.tensors:
            missing.append(name)
        elif file.tensors[name].shape != values.shape:
            differences[name] = math.inf
        else:
            converted, rounded = tensor_values(file, name), _rounded(values, file.tensors[name].type)
            if np.array_equal(converted.view(np.uint32), rounded.view(np.uint32)):
                equal += 1
            else:
                differences[name] = float(np.abs(converted - rounded).max())
    return TensorProof(equal, differences, sorted(missing), sorted(set(file.tensors) - seen))


class _Header:
    """A cursor over the bytes of the header."""

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self.path, self.data, self.at = path, data, 0

    def parse(self, with_tensors: bool) -> GgufFile:
        magic, version = self.data[:4], struct.unpack_from("<I", self.data, 4)[0]
        if magic != b"GGUF":
            raise BrokenGguf(f"{self.path}: starts with {magic!r}, a GGUF starts with b'GGUF'")
        if version != 3:
            raise BrokenGguf(f"{self.path}: GGUF version {version}, only 3 is read")
        self.at = 8
        num_tensors, num_keys = self.scalar("<Q"), self.scalar("<Q")
        metadata: dict[str, Any] = {}
        spans: dict[str, tuple[int, int]] = {}
        for _ in range(num_keys):
            begin, key = self.at, self.string()
            if key in metadata:
                raise BrokenGguf(f"{self.path}: the key {key} is there twice")
            metadata[key] = self.value(self.scalar("<I"))
            spans[key] = (begin, self.at)
        found = [self.tensor() for _ in range(num_tensors if with_tensors else 0)]
        alignment = metadata.get(ALIGNMENT, USUAL_ALIGNMENT)
        if not isinstance(alignment, int) or alignment <= 0 or alignment % 8:
            raise BrokenGguf(f"{self.path}: alignment {alignment}, expected a multiple of 8")
        start = padded(self.at, alignment)
        tensors = {one[0]: Tensor(*one[:4], start + one[4], self.path) for one in found}
        if len(tensors) != len(found):
            raise BrokenGguf(f"{self.path}: two tensors have the same name")
        return GgufFile(self.path, metadata, tensors, start, alignment, spans)

    def scalar(self, layout: str) -> Any:
        (value,) = struct.unpack_from(layout, self.data, self.at)
        self.at += struct.calcsize(layout)
        return value

    def string(self) -> str:
        length = self.scalar("<Q")
        if length > len(self.data) - self.at:
            raise ValueError(f"a text of {length} bytes")
        self.at += length
        return self.data[self.at - length : self.at].decode("utf-8", "surrogateescape")

    def strings(self, count: int) -> list[str]:
        """As `string`, without a call for each: a vocabulary has 300,000."""
        data, at, end, found = self.data, self.at, len(self.data), []
        for _ in range(count):
            (length,) = _LENGTH.unpack_from(data, at)
            if length > end - at - 8:
                self.at = at
                raise ValueError(f"a text of {length} bytes")
            found.append(data[at + 8 : at + 8 + length].decode("utf-8", "surrogateescape"))
            at += 8 + length
        self.at = at
        return found

    def value(self, kind: int) -> Any:
        if kind == _STRING:
            return self.string()
        if kind != _ARRAY:
            return self.scalar(_SCALARS[kind])
        element, count = self.scalar("<I"), self.scalar("<Q")
        if element == _STRING:
            return self.strings(count)
        width = struct.calcsize(_SCALARS[element])
        if count * width > len(self.data) - self.at:
            raise ValueError(f"a list of {count} values")
        self.at += count * width
        return list(struct.unpack_from(f"<{count}{_SCALARS[element][1]}", self.data, self.at - count * width))

    def tensor(self) -> tuple[str, tuple[int, ...], str, int, int]:
        name, num_dims = self.string(), self.scalar("<I")
        if not 1 <= num_dims <= 4:
            raise ValueError(f"{name} has {num_dims} dimensions")
        shape = tuple(self.scalar("<Q") for _ in range(num_dims))[::-1]
        gguf = gguf_py()
        kind = gguf.GGMLQuantizationType(self.scalar("<I"))
        per_block, block_bytes = gguf.GGML_QUANT_SIZES[kind]
        if shape[-1] % per_block:
            raise ValueError(f"{name} has rows of {shape[-1]}, {kind.name} needs a multiple of {per_block}")
        return name, shape, kind.name, math.prod(shape) // per_block * block_bytes, self.scalar("<Q")


def _row_chunks(tensor: Tensor) -> Iterator[Float32]:
    """The tensor's rows as float32 `[rows, columns]`, some megabytes at a time."""
    rows = math.prod(tensor.shape[:-1])
    step = max(1, _CHUNK_BYTES // (4 * tensor.shape[-1]))
    for start in range(0, rows, step):
        yield tensor_rows(tensor, start, min(rows, start + step))


def _rounded(values: Float32, type: str) -> Float32:
    """Values after a trip through a 16-bit type; unchanged for any other."""
    if type not in ("F16", "BF16"):
        return values
    gguf = gguf_py()
    kind = gguf.GGMLQuantizationType[type]
    rounded: Float32 = gguf.quants.dequantize(gguf.quants.quantize(values, kind), kind)
    return rounded


@cache
def _names(num_blocks: int) -> Any:
    gguf = gguf_py()
    return gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN3, num_blocks)


def _safetensors(model_dir: Path) -> Iterator[tuple[str, Float32]]:
    """Name and float32 values of every tensor in a folder; bfloat16 is the upper half of a float32."""
    for path in sorted(model_dir.glob("*.safetensors")):
        with path.open("rb") as file:
            length = struct.unpack("<Q", file.read(8))[0]
            header = json.loads(file.read(length))
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            start = 8 + length + entry["data_offsets"][0]
            shape = tuple(entry["shape"])
            raw = np.memmap(path, _SAFETENSORS[entry["dtype"]], "r", start, shape)
            if entry["dtype"] == "BF16":
                yield name, (raw.astype("<u4") << 16).view("<f4")
            else:
                yield name, np.ascontiguousarray(raw, "<f4")
