"""Safetensors folders read and written one tensor at a time, so that memory is that of one tensor."""

from __future__ import annotations

import json
import struct
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import safe_open

from jobs.core.errors import Refusal
from jobs.engines.models.folder_files import INDEX, SINGLE, library_errors, read_json

SAVE = "save the model once more with its save_pretrained, or download it whole"
CODES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16", torch.float64: "F64"}


@dataclass(frozen=True)
class Entry:
    """Where a tensor is and what it looks like, without its data."""

    file: str
    shape: tuple[int, ...]
    dtype: str
    """As safetensors names it, one of CODES."""


class Quantized(Refusal):
    """The weights are no plain floats."""


class Folder:
    """The weights of a Hugging Face folder. Tensors are read when they are asked for.

    Refusals call it `where`, which is what a person knows it by.
    """

    def __init__(self, root: Path, where: str | None = None) -> None:
        self.root, self.where = root, where or str(root)
        self.entries: dict[str, Entry] = {}
        for file in self.files():
            if not (root / file).is_file():
                raise Refusal(
                    f"{self.where}/{file}: is missing, and {INDEX} names it; put it there, or download the model whole"
                )
            for name, entry in self._entries_of(file):
                if name in self.entries:
                    raise Refusal(
                        f"{self.where}/{file}: holds {name}, which {self.entries[name].file} holds too, and loaders "
                        f"differ on which they take; {SAVE}"
                    )
                self.entries[name] = entry
        self._require_as_indexed()

    @property
    def dtypes(self) -> list[str]:
        """The types of its tensors, as in `float32`."""
        named = {code: str(dtype).removeprefix("torch.") for dtype, code in CODES.items()}
        return sorted({named[entry.dtype] for entry in self.entries.values()})

    def _entries_of(self, file: str) -> Iterator[tuple[str, Entry]]:
        """Names and entries of a shard; raises Refusal for one that is damaged, or holds no plain floats."""
        path, shown = str(self.root / file), f"{self.where}/{file}"
        with library_errors(f"{shown}: cannot be read as safetensors"), safe_open(path, framework="pt") as opened:
            slices = {name: opened.get_slice(name) for name in opened.keys()}  # noqa: SIM118 - no mapping
            found = [(name, one.get_dtype(), tuple(one.get_shape())) for name, one in slices.items()]
        for name, dtype, shape in found:
            if dtype not in CODES.values():
                raise Quantized(f"{shown}: {name} is {dtype}, expected one of {', '.join(CODES.values())}")
            yield name, Entry(file, shape, dtype)

    def _require_as_indexed(self) -> None:
        """Raises Refusal where the index puts a tensor into another shard than the one that holds it."""
        index = self.root / INDEX
        if not index.exists():
            return
        told = read_json(index, self.where)["weight_map"]
        for name in sorted(told.keys() | self.entries.keys()):
            has = self.entries[name].file if name in self.entries else None
            if told.get(name) != has:
                raise Refusal(
                    f"{self.where}/{INDEX}: {name} is in {has or 'no shard'}, the index says "
                    f"{told.get(name) or 'nothing of it'}; it is of other shards: {SAVE}"
                )

    def files(self) -> list[str]:
        """The shard files in order; raises Refusal where there are none."""
        index, single = self.root / INDEX, self.root / SINGLE
        if index.exists() and single.exists():
            raise Refusal(
                f"{self.where}: has both {SINGLE} and {INDEX}, and loaders differ on which they read; remove one"
            )
        if index.exists():
            return named_by(index, self.where)
        if single.exists():
            return [SINGLE]
        raise Refusal(f"{self.where}: has neither {SINGLE} nor {INDEX}; only safetensors weights are read: {SAVE}")

    def read(self, name: str) -> torch.Tensor:
        """One tensor in the type it is stored in."""
        with safe_open(str(self.root / self.entries[name].file), framework="pt") as opened:
            tensor: torch.Tensor = opened.get_tensor(name)
        return tensor


def named_by(index: Path, where: str) -> list[str]:
    """The shard files of an index; raises Refusal for one that is no index, or names files outside its folder."""
    told = read_json(index, where).get("weight_map")
    if not isinstance(told, dict) or not told:
        raise Refusal(f"{where}/{INDEX}: is no index of safetensors files; {SAVE}")
    for name in told.values():
        if not isinstance(name, str) or Path(name).name != name or name == "..":
            raise Refusal(f"{where}/{INDEX}: names {name!r}, expected files beside it; {SAVE}")
    return sorted(set(told.values()))


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


def by_file(folder: Folder, without: Collection[str] = ()) -> Iterator[tuple[str, list[str]]]:
    """(shard file, its tensors in name order); a shard of which nothing stays is no file."""
    for file in folder.files():
        names = sorted(name for name, entry in folder.entries.items() if entry.file == file and name not in without)
        if names:
            yield file, names


def write_index(into: Path, folder: Folder, dtype: torch.dtype, without: Collection[str] = ()) -> None:
    """The index of a sharded folder written with the shards of `folder`, `without` some of its tensors."""
    if not (folder.root / INDEX).exists():
        return
    kept = {name: folder.entries[name] for name in sorted(folder.entries.keys() - set(without))}
    total = sum(torch.Size(entry.shape).numel() * dtype.itemsize for entry in kept.values())
    names = {name: entry.file for name, entry in kept.items()}
    text = json.dumps({"metadata": {"total_size": total}, "weight_map": names}, indent=1, sort_keys=True)
    (into / INDEX).write_text(text + "\n")
