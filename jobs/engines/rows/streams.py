"""The text of a data file as UTF-8, chunk by chunk: unpacked, decoded, and stopped where it grows past the limit."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from jobs.core.errors import Refusal
from jobs.logic.rows.raw_bytes import Packing

CHUNK = 1 << 20
"""Bytes, unpacked."""


class Chunk(NamedTuple):
    """A piece of text in UTF-8, cut at any byte."""

    data: bytes
    num_read: int
    """Bytes of the file on disk that were read for it and what came before it."""


def chunks(
    path: Path, label: str, packing: Packing | None, encoding: str, max_bytes: int | None = None
) -> Iterator[Chunk]:
    """The text of a file; raises Refusal where it is longer unpacked than `max_bytes`, damaged, or not `encoding`."""
    recoder = None if is_utf8(encoding) else _Recoder(label, encoding)
    num_bytes = 0
    with path.open("rb") as file:
        for data in _unpacked(file, label, packing):
            num_bytes += len(data)
            if max_bytes is not None and num_bytes > max_bytes:
                unpacked = "unpacks to" if packing else "has"
                raise Refusal(
                    f"{label}: {unpacked} more than {max_bytes:,} bytes; where that is right, raise "
                    "prepare.max_file_bytes"
                )
            text = data if recoder is None else recoder.utf8(data)
            if text:
                yield Chunk(text, file.tell())
        if recoder is not None:
            recoder.finish()


def is_utf8(encoding: str) -> bool:
    """Whether text of this encoding needs no decoding; each row is still held against UTF-8 by itself."""
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")


def _unpacked(file: BinaryIO, label: str, packing: Packing | None) -> Iterator[bytes]:
    if packing is None:
        while data := file.read(CHUNK):
            yield data
        return
    reader = gzip.GzipFile(fileobj=file) if packing == "gzip" else _zstd(file)
    while data := _next(reader, file, label, packing):
        yield data


def _zstd(file: BinaryIO) -> BinaryIO:
    import pyarrow

    stream: BinaryIO = pyarrow.CompressedInputStream(pyarrow.PythonFile(file, mode="r"), "zstd")
    return stream


def _next(reader: BinaryIO | gzip.GzipFile, file: BinaryIO, label: str, packing: Packing) -> bytes:
    """The next chunk; what a library says of a damaged stream becomes a Refusal."""
    try:
        return reader.read(CHUNK)
    except (EOFError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        place = file.tell()
        if isinstance(error, EOFError) or "Truncated" in str(error):
            text = f"ends inside its {packing} stream, at byte {place:,}: an unfinished download? Fetch it again"
        elif "too much memory" in str(error):
            text = "needs more than 128 MiB to unpack; pack it again without zstd's --long or --ultra"
        else:
            text = f"is damaged: its {packing} stream cannot be unpacked near byte {place:,} ({error}); fetch it again"
        raise Refusal(f"{label}: {text}") from None


class _Recoder:
    """Text of another encoding to UTF-8, strictly."""

    def __init__(self, label: str, encoding: str) -> None:
        self._label, self._encoding = label, encoding
        self._decoder = codecs.getincrementaldecoder(encoding)("strict")
        self._num_bytes = 0
        self._num_lines = 0

    def utf8(self, data: bytes) -> bytes:
        text = self._decoded(data, False)
        self._num_bytes += len(data)
        self._num_lines += text.count("\n")
        return text.encode()

    def finish(self) -> None:
        self._decoded(b"", True)

    def _decoded(self, data: bytes, final: bool) -> str:
        start = self._num_bytes - len(self._decoder.getstate()[0])
        try:
            return self._decoder.decode(data, final)
        except UnicodeDecodeError as error:
            before = self._num_lines + error.object[: error.start].decode(self._encoding, "ignore").count("\n")
            raise Refusal(
                f"{self._label}: byte 0x{error.object[error.start]:02x} at offset {start + error.start:,}, line "
                f"{before + 1:,}, is not {self._encoding}; set prepare.encoding to what the file is in"
            ) from None
