"""What the first bytes of a file say it is, and how a line of bytes becomes text."""

from __future__ import annotations

import json
import re
from typing import Literal

Packing = Literal["gzip", "zstd"]
Format = Literal["jsonl", "json", "csv", "tsv", "xlsx", "parquet"]
FORMATS = "JSON Lines, JSON, CSV, TSV, Excel or Parquet"

BOM = b"\xef\xbb\xbf"
HEAD_BYTES = 65_536
"""How much of a file is looked at to say what it is."""

PACKINGS: tuple[tuple[re.Pattern[bytes], Packing], ...] = (
    (re.compile(rb"\x1f\x8b\x08"), "gzip"),
    (re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"), "zstd"),
)
"""Signs of a packed file; of zstd also the frames that carry no data."""
PARQUET = b"PAR1"
ZIP = b"PK\x03\x04"
FOREIGN = (
    (re.compile(rb"BZh[1-9]1AY&SY"), "bzip2", "unpack it first: bunzip2"),
    (re.compile(rb"\xfd7zXZ\x00"), "xz", "unpack it first: unxz"),
    (re.compile(rb"7z\xbc\xaf\x27\x1c"), "7z", "unpack it first: 7z x"),
    (
        re.compile(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        "an old or a protected Office file",
        "save it as .xlsx without a password, or as CSV in UTF-8",
    ),
    (
        re.compile(rb"(?s)PK\x03\x04.{26,2000}?opendocument"),
        "an OpenDocument file",
        "save it as .xlsx, or as CSV in UTF-8",
    ),
    (re.compile(rb"PK\x03\x04"), "zip", "unpack it first: unzip"),
    (re.compile(rb"(?s).{257}ustar"), "a tar archive", "unpack it first: tar -xf"),
    (re.compile(rb"ARROW1\x00\x00|\xff\xff\xff\xff"), "Arrow", "save it as Parquet: Dataset.to_parquet of `datasets`"),
    (re.compile(rb"%PDF-"), "PDF", "take the rows out of it, one JSON object a line"),
    (re.compile(rb"SQLite format 3\x00"), "SQLite", "export the table as CSV: sqlite3 -header -csv"),
    (re.compile(rb"version https://git-lfs\."), "a git-LFS pointer", "fetch the data first: git lfs pull"),
    (
        re.compile(rb"(?i)(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|body)\b"),
        "an HTML page",
        "the download saved an error page: fetch the file again",
    ),
    (re.compile(rb"(?i)(?:\xef\xbb\xbf)?\s*<\?xml\b"), "XML", "take the rows out of it, one JSON object a line"),
)
"""Signs of what is no data file, its name, and the way out."""
MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
MIN_ZEROS = 4
"""A raw U+0000 or two is a damaged row; text in two or four bytes a sign has more of them, mostly from the start on."""
CONTROLS = bytes({*range(32)} - set(b"\t\n\f\r\x1b"))
LEADS = [bytes([byte]) for byte in range(0xC2, 0xF5)]
"""Bytes that begin a sign of more than one byte in UTF-8."""
MIN_LEADS = 8


def packing(head: bytes) -> Packing | None:
    """How a file is packed, by its first bytes."""
    return next((name for sign, name in PACKINGS if sign.match(head)), None)


def foreign(head: bytes) -> tuple[str, str] | None:
    """What a file is that holds no rows we can read, and the way out; None where it may hold some.

    `head` is unpacked, in whatever encoding.
    """
    found = next(((name, way_out) for sign, name, way_out in FOREIGN if sign.match(head)), None)
    if found is None and wide_encoding(head) is None and _is_binary(head):
        return "binary data", "name a file of text or Parquet"
    return found


def _is_binary(head: bytes) -> bool:
    """Whether it is no text of any encoding of one byte a sign; a few raw control characters are a damaged row."""
    num_controls = len(head) - len(head.translate(None, CONTROLS))
    return head.count(0) > len(head) // 4 or (num_controls > len(head) // 20 and not _is_utf8(head))


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"
    return True


def wide_encoding(head: bytes) -> str | None:
    """Python's name of the encoding of text that has two or four bytes a sign, by its mark or its many zeros."""
    for mark, name in MARKS:
        if head.startswith(mark):
            return name
    whole = head[: len(head) // 4 * 4]
    zeros = [whole[place::4].count(0) for place in range(4)]
    if sum(zeros) < MIN_ZEROS or (0 not in head[:2] and sum(zeros) < len(whole) // 8):
        return None
    first, second, third, fourth = zeros
    for name, few, many in (
        ("utf-32-le", first, min(third, fourth)),
        ("utf-32-be", fourth, min(first, second)),
        ("utf-16-le", first + third, second + fourth),
        ("utf-16-be", second + fourth, first + third),
    ):
        if many > few * 4:
            return name
    return None


def is_surely_utf8(head: bytes) -> bool:
    """Whether signs beyond ASCII are there and all are UTF-8, more of them than another encoding gives by accident."""
    return sum(map(head.count, LEADS)) >= MIN_LEADS and _is_utf8(head)


def text_format(head: bytes) -> Format | None:
    """How rows stand in text (UTF-8, no byte-order mark), by its first bytes; None where nothing tells it.

    A damaged first row must not turn the file into another format: only clear signs count.
    """
    head = head.lstrip()
    first, _, rest = head.partition(b"\n" if b"\n" in head else b"\r")
    first, second = first.rstrip(), rest.partition(b"\n")[0].rstrip()
    if first == b"[" or re.match(rb"\[\s*(?:\{|\]\s*\Z)", head):
        return "jsonl" if first.endswith(b"]") and second.startswith(b"[") else "json"
    if first == b"{" or (first.startswith(b"{") and first[-1:] in b"{[," and second[:1] in (b" ", b"\t", b'"', b"}")):
        return "json" if rest.strip() else "jsonl"
    if first.startswith((b"{", b"[", b'"{')):
        return "jsonl"
    if second.lstrip().startswith(b"{"):
        return None
    return "csv" if b"," in first else "tsv" if b"\t" in first else None


def line_end(head: bytes, in_quotes: bool) -> bytes:
    """A lone carriage return for files of old Macs, else a line feed. `in_quotes`: others may stand within a row."""
    first = head.find(b"\r")
    if first < 0 or head[first + 1 : first + 2] == b"\n":
        return b"\n"
    return b"\n" if b"\n" in (head[:first] if in_quotes else head) else b"\r"


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
            if text.lstrip().startswith("{"):
                json.loads(text, strict=False)
        except (ValueError, RecursionError):
            continue
        if codec == "cp1252" or re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", text):
            return f"; it looks like {name}: if the whole file is, set prepare.encoding={codec}"
    return ""
