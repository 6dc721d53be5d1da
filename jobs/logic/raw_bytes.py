"""What the first bytes of a file say it is, and how a line of bytes becomes text."""

from __future__ import annotations

import json
import re

BOM = b"\xef\xbb\xbf"
HEAD_BYTES = 65_536
"""How much of a file is looked at to say what it is."""

MAGIC = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstandard"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"PK\x03\x04", "zip"),
    (b"PAR1", "Parquet"),
    (b"ARROW1", "Arrow"),
    (b"%PDF", "PDF"),
    (b"SQLite format 3\x00", "SQLite"),
    (b"\xff\xfe\x00\x00", "UTF-32LE text"),
    (b"\x00\x00\xfe\xff", "UTF-32BE text"),
    (b"\xff\xfe", "UTF-16LE text"),
    (b"\xfe\xff", "UTF-16BE text"),
    (b"version https://git-lfs.", "a git-LFS pointer"),
)
ADVICE = {
    "gzip": "unpack it first: gunzip",
    "zstandard": "unpack it first: zstd -d",
    "bzip2": "unpack it first: bunzip2",
    "xz": "unpack it first: unxz",
    "zip": "unpack it first: unzip",
    "a git-LFS pointer": "fetch the data first: git lfs pull",
    "an HTML page": "the download saved an error page: fetch the file again",
    "a JSON array": "put one object on each line: jq -c '.[]'",
    "indented JSON": "put one object on each line: jq -c .",
}
HTML = re.compile(rb"\s*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)


def foreign_format(head: bytes) -> str | None:
    """What a file is that is not JSON Lines in UTF-8, by its first `HEAD_BYTES` bytes; None where it may be.

    A damaged first row must not turn the file into another format: only clear signs count.
    """
    for magic, name in MAGIC:
        if head.startswith(magic):
            return name
    if HTML.match(head):
        return "an HTML page"
    if head.count(0) > len(head) // 4:
        evens, odds = head[0::2].count(0), head[1::2].count(0)
        return "UTF-16LE text" if odds > evens * 4 else "UTF-16BE text" if evens > odds * 4 else "binary data"
    return _foreign_text(head.removeprefix(BOM).lstrip())


def _foreign_text(head: bytes) -> str | None:
    first, newline, rest = head.partition(b"\n")
    first = first.rstrip()
    if first in (b"[", b"[{") or (first.startswith(b"[") and _holds_objects(first)):
        return "a JSON array"
    if first == b"{" and newline:
        return "indented JSON"
    second = rest.partition(b"\n")[0].lstrip()
    if b"," in first and not first.startswith((b"{", b"[", b'"{')) and not second.startswith(b"{"):
        return "CSV"
    if b"\t" in first and not first.startswith((b"{", b"[", b'"{')) and not second.startswith(b"{"):
        return "TSV"
    return None


def _holds_objects(line: bytes) -> bool:
    return re.match(rb"\[\s*\{", line) is not None


def advice(detected: str) -> str:
    """What to do about a file of another format."""
    return ADVICE.get(detected, "convert it to one JSON object a line, in UTF-8")


def encoding_problem(data: bytes, offset: int) -> str:
    """Why `data`, which stands at byte `offset` of its file, is not UTF-8: where, which byte, and what it may be."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"byte 0x{data[error.start]:02x} at offset {offset + error.start} is not UTF-8{_guess(data)}"
    return ""


def _guess(data: bytes) -> str:
    for codec, name in (("cp932", "Shift_JIS"), ("euc_jp", "EUC-JP"), ("cp1252", "Latin-1")):
        try:
            text = data.decode(codec)
            json.loads(text, strict=False)
        except ValueError:
            continue
        if codec == "cp1252" or re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", text):
            return f"; it looks like {name}: convert it with `iconv -t UTF-8`"
    return ""
