"""Safetensors folders read and written one tensor at a time, so that memory is that of one tensor."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import safe_open

from jobs.core.errors import Refusal
from jobs.engines.models.folder_files import library_errors, read_json

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
CODES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16", torch.float64: "F64"}


@dataclass(frozen=True)
class Entry:
    """Where a tensor is and what it looks like, without its data."""

    file: str
    shape: tuple[int, ...]
    dtype: str
    """As in `float32`."""


class Folder:
    """The weights of a Hugging Face folder. Tensors are read when they are asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.entries: dict[str, Entry] = {}
        for file in self.files():
            if not (root / file).is_file():
                raise Refusal(f"{root / file}: is missing, and {INDEX} names it; fetch the model again")
            for name, entry in self._entries_of(file):
                if name in self.entries:
                    raise Refusal(
                        f"{root / file}: holds {name}, which {self.entries[name].file} holds too, and loaders differ "
                        "on which they take; fetch the model again"
                    )
                self.entries[name] = entry
        self._require_as_indexed()

    def _entries_of(self, file: str) -> Iterator[tuple[str, Entry]]:
        """Names and entries of a shard; raises Refusal for one that is damaged, or holds no plain floats."""
        path = str(self.root / file)
        with library_errors(f"{path}: cannot be read as safetensors"), safe_open(path, framework="pt") as opened:
            slices = {name: opened.get_slice(name) for name in opened.keys()}  # noqa: SIM118 - no mapping
            found = [(name, one.get_dtype(), tuple(one.get_shape())) for name, one in slices.items()]
        named = {code: str(dtype).removeprefix("torch.") for dtype, code in CODES.items()}
        for name, dtype, shape in found:
            if dtype not in named:
                raise Refusal(
                    f"{self.root / file}: {name} is {dtype}, expected one of {', '.join(named)}; "
                    "take the model that is not quantized"
                )
            yield name, Entry(file, shape, named[dtype])

    def _require_as_indexed(self) -> None:
        """Raises Refusal where the index puts a tensor into another shard than the one that holds it."""
        index = self.root / INDEX
        if not index.exists():
            return
        told = read_json(index, str(self.root))["weight_map"]
        for name in sorted(told.keys() | self.entries.keys()):
            has = self.entries[name].file if name in self.entries else None
            if told.get(name) != has:
                raise Refusal(
                    f"{index}: {name} is in {has or 'no shard'}, the index says {told.get(name) or 'nothing of it'}; "
                    "fetch the model again"
                )

    def files(self) -> list[str]:
        """The shard files in order; raises Refusal where there are none."""
        index, single = self.root / INDEX, self.root / SINGLE
        if index.exists() and single.exists():
            raise Refusal(
                f"{self.root}: has both {SINGLE} and {INDEX}, and loaders differ on which they read; remove one"
            )
        if index.exists():
            return _named_by(index)
        if single.exists():
            return [SINGLE]
        raise Refusal(f"{self.root}: has neither {SINGLE} nor {INDEX}; only safetensors weights are read")

    def read(self, name: str) -> torch.Tensor:
        """One tensor in the type it is stored in."""
        with safe_open(str(self.root / self.entries[name].file), framework="pt") as opened:
            tensor: torch.Tensor = opened.get_tensor(name)
        return tensor


def _named_by(index: Path) -> list[str]:
    """The shard files of an index; raises Refusal for one that is no index, or names files outside its folder."""
    where = read_json(index, str(index.parent)).get("weight_map")
    if not isinstance(where, dict) or not where:
        raise Refusal(f"{index}: is no index of safetensors files; fetch the model again")
    for name in where.values():
        if not isinstance(name, str) or Path(name).name != name or name == "..":
            raise Refusal(f"{index}: names {name!r}, expected files beside it; fetch the model again")
    return sorted(set(where.values()))


class Writer:
    """Writes one safetensors file: the header first, from shapes alone, then the tensors in that order."""

    def __init__(self, path: Path, shapes: Mapping[str, tuple[int, ...]], dtype: torch.dtype) -> None:
        self.dtype, self.shapes, self.pending = dtype, dict(shapes), list(shapes)
        header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
        offset = 0
        for name, shape in shapes.items():
            num_bytes = dtype.itemsize * int(torch.Size(shape).numel())
            header[name] = {"dtype": CODES[dtype], "shape": list(shape), "data_offsets": [offset, offset + num_bytes]}
            offset += num_bytes
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        self.file: BinaryIO = path.open("wb")
        self.file.write(struct.pack("<Q", len(text)) + text)

    def write(self, name: str, tensor: torch.Tensor) -> None:
        """Append the next tensor; raises ValueError out of order, or for another shape than was promised."""
        if not self.pending or self.pending[0] != name:
            raise ValueError(f"{name}: expected {self.pending[:1]}")
        if tuple(tensor.shape) != self.shapes[name]:
            raise ValueError(f"{name}: is {list(tensor.shape)}, expected {list(self.shapes[name])}")
        del self.pending[0]
        flat = tensor.to(self.dtype).contiguous().reshape(-1).view(torch.uint8)
        self.file.write(memoryview(flat.numpy()))

    def close(self) -> None:
        """Close the file; raises ValueError where a tensor was not written."""
        self.file.close()
        if self.pending:
            raise ValueError(f"{len(self.pending)} tensors were not written, the first is {self.pending[0]}")


def by_file(folder: Folder) -> Iterator[tuple[str, list[str]]]:
    """(shard file, its tensors in name order)."""
    for file in folder.files():
        yield file, sorted(name for name, entry in folder.entries.items() if entry.file == file)


def write_index(into: Path, folder: Folder, dtype: torch.dtype) -> None:
    """The index of a sharded folder written with the shards of `folder`."""
    if not (folder.root / INDEX).exists():
        return
    total = sum(torch.Size(entry.shape).numel() * dtype.itemsize for entry in folder.entries.values())
    names = {name: folder.entries[name].file for name in sorted(folder.entries)}
    text = json.dumps({"metadata": {"total_size": total}, "weight_map": names}, indent=1, sort_keys=True)
    (into / INDEX).write_text(text + "\n")
