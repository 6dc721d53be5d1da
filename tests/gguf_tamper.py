"""Changes to a GGUF in place that leave every length as it is: what no reader notices by itself."""

from __future__ import annotations

import struct
from pathlib import Path

from jobs.engines.gguf import file as gguf_file

UINT32, FLOAT32 = 4, 6


def replace_text(path: Path, old: bytes, new: bytes) -> None:
    """Put `new` in the place of the only `old` in the header; both have the same length."""
    start = _header(path).index(old)
    assert len(old) == len(new)
    assert _header(path).count(old) == 1
    _write(path, start, new)


def replace_template(path: Path, old: str, new: str) -> str:
    """Put `new` in the place of the chat template, made as long by a comment before it; what the file then has."""
    room = len(old.encode()) - len(new.encode()) - len("{#--#}")
    padded = f"{{#-{' ' * room}-#}}{new}"
    replace_text(path, old.encode(), padded.encode())
    return padded


def set_number(path: Path, key: str, value: float) -> None:
    """Set a key that holds one uint32 or float32."""
    header, name = _header(path), key.encode()
    marked = struct.pack("<Q", len(name)) + name
    assert header.count(marked) == 1
    at = header.index(marked) + len(marked)
    kind = struct.unpack_from("<I", header, at)[0]
    assert kind in (UINT32, FLOAT32)
    _write(path, at + 4, struct.pack("<f", value) if kind == FLOAT32 else struct.pack("<I", int(value)))


def swap_tensors(path: Path, one: str, other: str) -> None:
    """Exchange the data of two tensors of the same size."""
    tensors = gguf_file.read(path).tensors
    first, second = tensors[one], tensors[other]
    assert first.n_bytes == second.n_bytes
    data = [_read(path, tensor.offset, tensor.n_bytes) for tensor in (first, second)]
    _write(path, first.offset, data[1])
    _write(path, second.offset, data[0])


def set_first_value(path: Path, name: str, data: bytes) -> None:
    """Overwrite the first bytes of a tensor."""
    _write(path, gguf_file.read(path).tensors[name].offset, data)


def truncate(path: Path, num_bytes: int) -> None:
    """Cut the last bytes off."""
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - num_bytes)


def append(path: Path, data: bytes) -> None:
    """Add bytes after the last tensor."""
    with path.open("ab") as file:
        file.write(data)


def _header(path: Path) -> bytes:
    return _read(path, 0, gguf_file.read(path).data_offset)


def _read(path: Path, start: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(length)


def _write(path: Path, start: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(data)
