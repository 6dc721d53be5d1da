"""A GGUF in several files as llama.cpp splits it, and such files read as the one they stand for.

The first part has all the metadata of the whole file, the others have none of it; each says in `split.no`,
`split.count` and `split.tensors.count` which of how many it is. llama.cpp is given the first and finds the others by
its name (tools/gguf-split and src/llama-model-loader.cpp of the pinned source). Its own tool counts only tensors
against a limit; here a part's header counts too, so that no file is larger than was asked.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from jobs.engines.gguf.file import (
    ALIGNMENT,
    USUAL_ALIGNMENT,
    BrokenGguf,
    GgufFile,
    Tensor,
    padded,
    read,
    structure_problems,
    type_number,
)
from jobs.logic.parity import quant_files

OF_A_PART = ("split.no", "split.tensors.count", "split.count")
"""In the order of llama-gguf-split, whose files are the same bytes where they are cut at the same places."""
_UINT16, _UINT32, _INT32 = 2, 4, 5
_HEADER_BYTES = 24
_CHUNK_BYTES = 16 << 20


@dataclass(frozen=True)
class Layout:
    """What a file would have: enough to know the sizes of its parts before it is made."""

    tensors: Sequence[Tensor]
    """In the order of the file."""
    num_metadata_bytes: int
    alignment: int

    def size(self, number: int, tensors: Sequence[Tensor]) -> int:
        """Bytes of a part with these tensors; `number` from 0."""
        keys = sum(map(len, _keys_of_a_part(number, 1, len(self.tensors), self.alignment)))
        header = _HEADER_BYTES + keys + sum(len(_description(one, 0)) for one in tensors)
        header += 0 if number else self.num_metadata_bytes
        return padded(header, self.alignment) + sum(padded(one.n_bytes, self.alignment) for one in tensors)

    def least(self) -> tuple[int, str]:
        """The smallest limit that these parts can keep, and what needs it: a tensor by its name, or the metadata."""
        alone = [(self.size(1, [tensor]), tensor.name) for tensor in self.tensors]
        return max([(self.size(0, []), "the metadata"), *alone], key=lambda pair: pair[0])

    def parts(self, most: int) -> list[list[Tensor]]:
        """The tensors of each part, none larger than `most` bytes; the first may have none. ValueError if none fit."""
        least, what = self.least()
        if least > most:
            raise ValueError(f"{what} needs a file of {least} bytes, the most is {most}")
        found: list[list[Tensor]] = [[]]
        for tensor in self.tensors:
            if self.size(len(found) - 1, [*found[-1], tensor]) > most:
                found.append([])
            found[-1].append(tensor)
        return found


def layout(file: GgufFile) -> Layout:
    """What a file has, without what a part says of itself."""
    return Layout(list(file.tensors.values()), sum(end - begin for begin, end in _kept(file)), file.alignment)


def write(file: GgufFile, most: int, path_of: Callable[[int, int], Path]) -> list[Path]:
    """Write a file as parts of at most `most` bytes; `path_of` gives the path of a part, by its number from 1 and how
    many there are. Metadata and tensors are copied as they are. ValueError if a tensor is larger than that."""
    parts = layout(file).parts(most)
    paths = [path_of(number, len(parts)) for number in range(1, len(parts) + 1)]
    with file.path.open("rb") as source:
        metadata = b"".join(_bytes(source, begin, end) for begin, end in _kept(file))
        for number, (path, tensors) in enumerate(zip(paths, parts, strict=True)):
            keys = _keys_of_a_part(number, len(parts), len(file.tensors), file.alignment)
            num_keys = len(keys) + (0 if number else len(_kept(file)))
            with path.open("wb") as out:
                out.write(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), num_keys) + (b"" if number else metadata))
                out.write(b"".join(keys))
                _write_tensors(source, tensors, file.alignment, out)
    return paths


def read_whole(first: Path) -> GgufFile:
    """The file that the parts of `first` stand for; `first` itself where it is no part. Raises BrokenGguf."""
    paths = [first.with_name(name) for name in quant_files.parts(first.name)]
    files = [read(path) for path in paths]
    tensors: dict[str, Tensor] = {}
    for file in files:
        twice = sorted(tensors.keys() & file.tensors.keys())
        if twice:
            raise BrokenGguf(f"{file.path}: {twice[0]} is in another part too")
        tensors |= file.tensors
    metadata = {key: value for key, value in files[0].metadata.items() if key not in OF_A_PART}
    return replace(files[0], metadata=metadata, tensors=tensors)


def problems(first: Path) -> list[str]:
    """Everything by which the parts of `first` are not whole, each in its place, of one file."""
    names = quant_files.parts(first.name)
    if len(names) == 1:
        return structure_problems(first)
    found, files = [], []
    for name in names:
        path = first.with_name(name)
        wrong = structure_problems(path) if path.is_file() else [f"{path}: is missing"]
        found += wrong
        files += [] if wrong else [read(path)]
    if found:
        return found
    total = sum(len(file.tensors) for file in files)
    for number, file in enumerate(files):
        expected = dict(zip(OF_A_PART, (number, total, len(files)), strict=True))
        found += [
            f"{file.path}: {key} is {file.metadata.get(key)}, expected {value}"
            for key, value in expected.items()
            if file.metadata.get(key) != value
        ]
        others = [key for key in file.metadata if key not in (*OF_A_PART, ALIGNMENT)] if number else []
        found += [f"{file.path}: has metadata of its own ({', '.join(others[:3])})"] * bool(others)
    try:
        read_whole(first)
    except BrokenGguf as error:
        found.append(str(error))
    return found


def content(file: GgufFile) -> str:
    """SHA-256 over metadata and tensors by their names, whichever files have them; what a part says of itself, and the
    order of tensors, is no part of it."""
    digest = hashlib.sha256()
    with file.path.open("rb") as source:
        for key in sorted(file.spans.keys() - set(OF_A_PART)):
            digest.update(_bytes(source, *file.spans[key]))
    for _, tensor in sorted(file.tensors.items()):
        digest.update(json.dumps([tensor.name, tensor.shape, tensor.type]).encode())
        with tensor.path.open("rb") as source:
            for chunk in _chunks(source, tensor):
                digest.update(chunk)
    return digest.hexdigest()


def _kept(file: GgufFile) -> list[tuple[int, int]]:
    """Where the metadata is that all parts together must have."""
    return [span for key, span in file.spans.items() if key not in OF_A_PART]


def _keys_of_a_part(number: int, count: int, num_tensors: int, alignment: int) -> list[bytes]:
    """What a part says of itself, raw; `number` from 0. The first has the alignment among its metadata."""
    values = [(_UINT16, "<H", number), (_INT32, "<i", num_tensors), (_UINT16, "<H", count)]
    keys = [
        _string(key) + struct.pack("<I", kind) + struct.pack(form, value)
        for key, (kind, form, value) in zip(OF_A_PART, values, strict=True)
    ]
    known = not number or alignment == USUAL_ALIGNMENT
    return keys if known else [*keys, _string(ALIGNMENT) + struct.pack("<II", _UINT32, alignment)]


def _description(tensor: Tensor, offset: int) -> bytes:
    """A tensor in the header of a part; `offset` from where the data of the part begins."""
    shape = tensor.shape[::-1]
    numbers = (len(shape), *shape, type_number(tensor.type), offset)
    return _string(tensor.name) + struct.pack(f"<I{len(shape)}QIQ", *numbers)


def _write_tensors(source: BinaryIO, tensors: Sequence[Tensor], alignment: int, out: BinaryIO) -> None:
    offset = 0
    for tensor in tensors:
        out.write(_description(tensor, offset))
        offset += padded(tensor.n_bytes, alignment)
    out.write(bytes(padded(out.tell(), alignment) - out.tell()))
    for tensor in tensors:
        for chunk in _chunks(source, tensor):
            out.write(chunk)
        out.write(bytes(padded(out.tell(), alignment) - out.tell()))


def _chunks(source: BinaryIO, tensor: Tensor) -> Iterator[bytes]:
    end = tensor.offset + tensor.n_bytes
    for begin in range(tensor.offset, end, _CHUNK_BYTES):
        yield _bytes(source, begin, min(begin + _CHUNK_BYTES, end))


def _bytes(source: BinaryIO, begin: int, end: int) -> bytes:
    source.seek(begin)
    return source.read(end - begin)


def _string(text: str) -> bytes:
    raw = text.encode("utf-8", "surrogateescape")
    return struct.pack("<Q", len(raw)) + raw
