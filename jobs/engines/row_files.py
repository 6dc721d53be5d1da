"""Data files as they are on disk: opened with care, read once line by line, never changed.

Ours is the first reader of raw bytes: general loaders alter rows without a word.
"""

from __future__ import annotations

import errno
import hashlib
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from jobs.core.errors import Refusal
from jobs.logic import raw_bytes

BLOCK = 1 << 20
"""Bytes read at a time."""


class Survey(NamedTuple):
    """A file as a whole."""

    sha256: str
    num_bytes: int
    num_rows: int
    """Lines that are not blank."""


class Line(NamedTuple):
    """One line that is not blank; `data` is empty where it is longer than allowed."""

    number: int
    offset: int
    """Byte of the file that it begins at."""
    num_bytes: int
    data: bytes
    ended: bool
    """Whether a line end follows; the last line of a file may have none."""


def labels(files: Sequence[str], key: str) -> dict[str, Path]:
    """A short name for each file of the config value `key`, the same on every machine, and its path.

    Raises Refusal where there is no file, one stands twice, or one cannot be read.
    """
    if not files:
        raise Refusal(f"{key}: names no file; set it, for example {key}=[data/rows.jsonl]")
    paths = [_regular(name, key) for name in files]
    resolved = [path.resolve() for path in paths]
    for place, path in enumerate(resolved):
        if path in resolved[:place]:
            raise Refusal(f"{key}: {files[place]} stands twice; take one out")
    for depth in range(1, max(len(path.parts) for path in resolved) + 1):
        names = ["/".join(path.parts[-depth:]) for path in paths]
        if len(set(names)) == len(names):
            return dict(zip(names, paths, strict=True))
    return {str(path): path for path in paths}


def survey(path: Path) -> Survey:
    """Hash the file and count its rows, without looking into them."""
    digest, num_bytes, num_rows = hashlib.sha256(), 0, 0
    with path.open("rb") as file:
        separator, blank = _separator(file.read(raw_bytes.HEAD_BYTES)), True
        file.seek(0)
        while block := file.read(BLOCK):
            digest.update(block)
            text = block.removeprefix(raw_bytes.BOM) if num_bytes == 0 else block
            num_bytes += len(block)
            *whole, rest = text.split(separator)
            for piece in whole:
                num_rows += not (blank and not piece.strip())
                blank = True
            blank = blank and not rest.strip()
    return Survey(digest.hexdigest(), num_bytes, num_rows + (not blank))


def lines(path: Path, label: str, max_bytes: int) -> Iterator[Line]:
    """The lines that are not blank, without line ends and byte-order mark.

    Raises Refusal for a file that is not JSON Lines, naming what it is.
    """
    with path.open("rb") as file:
        head = file.read(raw_bytes.HEAD_BYTES)
        detected = raw_bytes.foreign_format(head)
        if detected:
            raise Refusal(f"{label}: is {detected}, expected JSON Lines; {raw_bytes.advice(detected)}")
        file.seek(len(raw_bytes.BOM) if head.startswith(raw_bytes.BOM) else 0)
        for number, line in enumerate(_pieces(file, _separator(head), max_bytes), 1):
            if line.data.strip() or line.num_bytes > max_bytes:
                yield line._replace(number=number)


def has_bom(path: Path) -> bool:
    """Whether the file begins with a byte-order mark."""
    with path.open("rb") as file:
        return file.read(len(raw_bytes.BOM)) == raw_bytes.BOM


def has_only_cr(path: Path) -> bool:
    """Whether lines end in a lone carriage return, as on old Macs."""
    with path.open("rb") as file:
        return _separator(file.read(raw_bytes.HEAD_BYTES)) == b"\r"


def _separator(head: bytes) -> bytes:
    return b"\r" if b"\r" in head and b"\n" not in head else b"\n"


def _pieces(file: BinaryIO, separator: bytes, max_bytes: int) -> Iterator[Line]:
    """Every line, blank ones too, numbered 0; what a longer one has is thrown away as it comes in."""
    offset, pending, thrown = file.tell(), b"", 0
    while block := file.read(BLOCK):
        *whole, rest = block.split(separator)
        for piece in whole:
            size = thrown + len(pending) + len(piece)
            yield Line(0, offset, size, b"" if size > max_bytes else pending + piece, True)
            offset, pending, thrown = offset + size + 1, b"", 0
        pending += rest
        if thrown + len(pending) > max_bytes:
            thrown, pending = thrown + len(pending), b""
    if thrown or pending:
        yield Line(0, offset, thrown + len(pending), pending, False)


def _regular(name: str, key: str) -> Path:
    path = Path(name)
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            raise Refusal(f"{key}: {name} is {kind}; name a JSON Lines file")
        with path.open("rb"):
            return path
    except OSError as error:
        raise Refusal(f"{key}: {name}: {_why(path, error)}") from None


def _why(path: Path, error: OSError) -> str:
    if error.errno == errno.ENOENT:
        if path.is_symlink():
            return f"is a link to {path.readlink()}, which is not there"
        return "there is no such file"
    if error.errno == errno.EACCES:
        return "may not be read: check its permissions"
    if error.errno == errno.ELOOP:
        return "is a link that leads back to itself"
    return error.strerror or str(error)
