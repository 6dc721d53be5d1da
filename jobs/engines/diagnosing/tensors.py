"""Weights of safetensors folders and GGUFs as rows of float32, by the names of Hugging Face, a few rows at a time.

Tolerant where `models/shards.py` refuses: a damaged shard costs its own tensors, and is said. Nothing but headers is
read before rows are asked for, so memory is that of a block of rows.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from jobs.engines.diagnosing.boundary import STUMBLED, Unreadable, why

Float32 = NDArray[np.float32]

BLOCK_VALUES = 4 << 20
"""Values of a block of rows: 16 MiB as float32."""
MOST_HEADER_BYTES = 100 << 20
"""Of a safetensors header, as the library's own limit."""
LAYOUTS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
WIDTHS = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1,
          "F8_E4M3": 1, "F8_E5M2": 1, "U64": 8, "U32": 4, "U16": 2}  # fmt: skip


class Stored(Protocol):
    """Weights by name, wherever they lie."""

    @property
    def where(self) -> str:
        """What a person knows it by."""

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Of every tensor whose values can be read."""

    def type_of(self, name: str) -> str:
        """F32, F16, BF16, Q4_K, ..."""

    def rows(self, name: str, start: int, stop: int) -> Float32:
        """Rows of a tensor `[stop - start, columns]`; one of a single dimension is one row."""


@dataclass(frozen=True)
class Place:
    """Where a tensor's bytes are."""

    path: Path
    type: str
    shape: tuple[int, ...]
    start: int


class SafetensorsFiles:
    """All tensors of some safetensors files; what cannot be read is in `problems`, one line a file."""

    def __init__(self, where: str, paths: Sequence[Path]) -> None:
        self.where = where
        self.places: dict[str, Place] = {}
        self.problems: list[str] = []
        self.unread: list[str] = []
        """Tensors of types that are no plain floats."""
        for path in paths:
            try:
                for name, place in header(path):
                    if place.type in LAYOUTS:
                        self.places[name] = place
                    else:
                        self.unread.append(name)
            except STUMBLED as error:
                self.problems.append(f"{path.name}: {why(error, 'a safetensors file')}")

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        return {name: place.shape for name, place in self.places.items()}

    def type_of(self, name: str) -> str:
        return self.places[name].type

    def rows(self, name: str, start: int, stop: int) -> Float32:
        place = self.places[name]
        num_columns = as_matrix(place.shape)[1]
        layout = np.dtype(LAYOUTS[place.type])
        count = (stop - start) * num_columns
        at = place.start + start * num_columns * layout.itemsize
        raw = np.fromfile(place.path, layout, count, offset=at).reshape(stop - start, num_columns)
        if place.type == "BF16":
            return (raw.astype("<u4") << 16).view("<f4")
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(raw, "<f4")


def header(path: Path) -> Iterator[tuple[str, Place]]:
    """Name and place of every tensor; Unreadable where the file is not what its header says."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        if length > min(MOST_HEADER_BYTES, size - 8):
            raise Unreadable(f"{size} bytes do not begin with a safetensors header; the file is cut or another one")
        try:
            told = json.loads(file.read(length))
        except (ValueError, RecursionError):
            raise Unreadable("its safetensors header is no JSON; the file is damaged") from None
    if not isinstance(told, dict):
        raise Unreadable("its safetensors header is no JSON object; the file is damaged")
    for name, entry in told.items():
        if name == "__metadata__":
            continue
        shape, (begin, end) = tuple(int(one) for one in entry["shape"]), entry["data_offsets"]
        if 8 + length + end > size:
            raise Unreadable(f"is cut: {name} ends at byte {8 + length + end}, the file has {size}")
        if end - begin != math.prod(shape) * WIDTHS.get(entry["dtype"], 0) and entry["dtype"] in LAYOUTS:
            raise Unreadable(f"{name} is {list(shape)} of {entry['dtype']} in {end - begin} bytes")
        yield name, Place(path, str(entry["dtype"]), shape, 8 + length + begin)


class GgufTensors:
    """Tensors of a Qwen3 GGUF by the names of Hugging Face."""

    def __init__(self, where: str, file: Any) -> None:
        from jobs.engines.gguf import file as gguf_file

        self.where, self.file = where, file
        blocks = gguf_file.describe(file).block_count or 0
        self.names = {
            name: theirs
            for name in qwen3_names(blocks, head=True)
            if (theirs := gguf_file.gguf_name(name, blocks)) in file.tensors
        }

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        return {name: self.file.tensors[theirs].shape for name, theirs in self.names.items()}

    def type_of(self, name: str) -> str:
        return str(self.file.tensors[self.names[name]].type)

    def rows(self, name: str, start: int, stop: int) -> Float32:
        from jobs.engines.gguf import file as gguf_file

        return gguf_file.tensor_rows(self.file.tensors[self.names[name]], start, stop)


def qwen3_names(num_layers: int, head: bool) -> list[str]:
    """The tensors of a dense Qwen3."""
    parts = [
        "input_layernorm", "post_attention_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
        "self_attn.o_proj", "self_attn.q_norm", "self_attn.k_norm", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj",
    ]  # fmt: skip
    inner = [f"model.layers.{number}.{part}.weight" for number in range(num_layers) for part in parts]
    return ["model.embed_tokens.weight", *inner, "model.norm.weight", *(["lm_head.weight"] if head else [])]


def as_matrix(shape: Sequence[int]) -> tuple[int, int]:
    """(rows, columns); one dimension is one row."""
    return (math.prod(shape[:-1]), shape[-1]) if shape else (1, 1)


def blocks(shape: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(first, behind the last) of blocks of rows that are read at a time."""
    num_rows, num_columns = as_matrix(shape)
    step = max(1, BLOCK_VALUES // max(1, num_columns))
    for start in range(0, num_rows, step):
        yield start, min(num_rows, start + step)


def rounded(values: Float32, type: str) -> Float32:
    """Values after a trip through a 16-bit type, to nearest, ties to even; unchanged for any other."""
    if type == "F16":
        with np.errstate(over="ignore"):
            return values.astype(np.float16).astype(np.float32)
    if type == "BF16":
        bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
        up = (((bits >> np.uint32(16)) & np.uint32(1)) + np.uint32(0x7FFF) + bits) & np.uint32(0xFFFF0000)
        return np.where(np.isfinite(values), up.view(np.float32), values)
    return values
