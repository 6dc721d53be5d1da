"""From the names in the config to data files, each with its format, by what is in it and not by how it is called."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from jobs.core.errors import Refusal
from jobs.engines.rows import delimited, hub, paths, streams, workbook, wrapped
from jobs.engines.rows.paths import Place, printable
from jobs.logic.rows import raw_bytes
from jobs.logic.rows.raw_bytes import BOM, FORMATS, HEAD_BYTES, Format, Packing

FILES = "prepare.files"
FORMAT_OF: dict[str | None, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".xlsx": "xlsx",
    ".parquet": "parquet",
}
NAMES: dict[Format, str] = {
    "jsonl": "JSON Lines",
    "json": "JSON",
    "csv": "CSV",
    "tsv": "TSV",
    "xlsx": "Excel",
    "parquet": "Parquet",
}
UNFIT_ENCODINGS = ("utf-7", "unicode-escape", "raw-unicode-escape", "idna", "punycode")
"""Python knows them as text; no data file is in them, and some let half characters through."""


class Source(NamedTuple):
    """One data file."""

    label: str
    """Short, and the same on every machine."""
    path: Path
    format: Format
    compression: Packing | None
    byte_order_mark: bool
    line_end: bytes
    """A carriage return for files of old Macs, else a line feed, with or without a carriage return before it."""
    in_array: bool
    """Whether the rows of a JSON file are the elements of one array."""
    delimiter: str = ""
    """What stands between the fields of a table."""
    header_row: int = 1
    """The line from which on the header of a table stands."""
    left_aside: tuple[str, ...] = ()
    """What of the file is not read, beside what its columns are."""
    field: str | None = None
    """The key under which the rows of a JSON file stand."""
    span: tuple[int, int] | None = None
    """Where they begin and end in its text."""
    columns: tuple[str, ...] = ()
    """Of rows that are lists of values."""
    sheet: str = ""
    """Of a workbook."""

    @property
    def kind(self) -> str:
        """The detected format in words."""
        how: list[str] = [self.compression] if self.compression else []
        how += ["semicolons"] if self.delimiter == ";" else []
        how += [f"sheet {printable(self.sheet)}"] if self.sheet else []
        how += [f"rows under {self.field}"] if self.field is not None else []
        how += [f"header in line {self.header_row}"] if self.header_row > 1 else []
        return NAMES[self.format] + (f" ({', '.join(how)})" if how else "")

    @property
    def misnamed(self) -> bool:
        """Whether the name says another format than the content."""
        suffix = paths.known_suffix(self.path.name)
        packed = self.path.name.lower().endswith(paths.PACKED)
        other = suffix is not None and FORMAT_OF[suffix] != self.format and suffix != ".json"
        return other or packed != (self.compression is not None)


class Inside(NamedTuple):
    """Where in a file its rows stand, as far as a person says it."""

    header_row: int | None = None
    field: str | None = None
    sheet: str | None = None
    max_file_bytes: int | None = None
    """Of a file when unpacked, as far as it has to be gone through to find them."""

    @classmethod
    def of(cls, prepare: Mapping[str, Any]) -> Self:
        """From the stage's slice of the config, as plain data."""
        field, sheet = (None if prepare[name] is None else str(prepare[name]) for name in ("field", "sheet"))
        return cls(prepare["header_row"], field, sheet, prepare["max_file_bytes"])


ANYWHERE = Inside()


class Sources(NamedTuple):
    """What the names of a config value stand for."""

    files: list[Source]
    left_aside: list[str]
    """Files of folders that were not taken, for what they are called."""


def sources(names: Sequence[str], key: str, encoding: str, inside: Inside = ANYWHERE) -> Sources:
    """The data files that the config value `key` names: files, folders and `hf://datasets/...`.

    Raises Refusal where there is none, one stands twice, cannot be read, is empty or is no format that we know;
    EnvironmentProblem where the hub cannot be reached.
    """
    if not names:
        raise Refusal(f"{key}: names no file; set it, for example {key}=[data/rows.jsonl]")
    _require_encoding(encoding)
    found = [hub.found(name, key) if name.startswith(hub.SCHEME) else paths.local(name, key) for name in names]
    places = [place for one in found for place in one.places]
    seen: set[Path] = set()
    for place in places:
        if place.identity in seen:
            raise Refusal(f"{key}: {printable(str(place.path))} stands twice; take one out")
        seen.add(place.identity)
    files = [
        _looked_at(place.path, label, encoding, inside) for place, label in zip(places, _labels(places), strict=True)
    ]
    if inside.sheet is not None and key == FILES and not any(file.sheet for file in files):
        raise Refusal(f"prepare.sheet={inside.sheet}: no file is an Excel workbook; take the word out")
    if inside.field is not None and key == FILES and all(file.span is None for file in files):
        raise Refusal(f"prepare.field={inside.field}: no file is one JSON object with rows in it; take the word out")
    return Sources(files, [name for one in found for name in one.left_aside])


def _labels(places: Sequence[Place]) -> list[str]:
    """The shortest ends of the paths that tell them apart."""
    for depth in range(1, max(len(place.parts) for place in places) + 1):
        names = [printable("/".join(place.parts[-depth:])) for place in places]
        if len(set(names)) == len(names):
            return names
    return [printable(str(place.path)) for place in places]


def _require_encoding(encoding: str) -> None:
    try:
        "a".encode(encoding)
        fits = codecs.lookup(encoding).name.replace("_", "-") not in UNFIT_ENCODINGS
    except LookupError:
        fits = False
    if not fits:
        raise Refusal(f"prepare.encoding={encoding}: is no encoding of text; expected utf-8, utf-16, cp932 ...")


def _looked_at(path: Path, label: str, encoding: str, inside: Inside) -> Source:
    """The source at `path`; raises Refusal for what holds no rows we can read."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise Refusal(f"{label}: is empty; expected {FORMATS}: fetch or make it again")
    packing = raw_bytes.packing(head)
    if packing is None and head.startswith(raw_bytes.PARQUET):
        return Source(label, path, "parquet", None, False, b"\n", False)
    if head.startswith(raw_bytes.ZIP) and workbook.is_workbook(path):
        header_row = inside.header_row or 1
        sheet = workbook.sheet(path, label, inside.sheet, header_row, inside.max_file_bytes)
        found = Source(label, path, "xlsx", None, False, b"\n", False, header_row=header_row)
        return found._replace(sheet=sheet.name, left_aside=sheet.notes)
    if packing is not None:
        head = _head(path, label, packing, "utf-8")
        _require_single(head, label, packing)
    foreign = raw_bytes.foreign(head)
    if foreign is not None:
        raise Refusal(f"{label}: is {foreign[0]}, expected {FORMATS}; {foreign[1]}")
    _require_encoding_of(head, label, encoding)
    text = head if streams.is_utf8(encoding) else _head(path, label, packing, encoding)
    marked, text = text.startswith(BOM), text.removeprefix(BOM)
    known = raw_bytes.text_format(text)
    if known is None:
        suffix = paths.known_suffix(path.name)
        is_table = delimited.delimiter(text, "") == ";" and not text.lstrip().startswith((b"{", b"["))
        known = FORMAT_OF[suffix] if suffix in (".csv", ".tsv") else "csv" if is_table else "jsonl"
    in_array = known == "json" and text.lstrip().startswith(b"[")
    line_end = raw_bytes.line_end(text, in_quotes=known in ("csv", "tsv"))
    found = Source(label, path, known, packing, marked, line_end, in_array)
    if known in ("csv", "tsv"):
        return _as_table(found, text, inside)
    return found if in_array else _unwrapped(found, encoding, inside)


def _unwrapped(found: Source, encoding: str, inside: Inside) -> Source:
    """A file that is one JSON object with the rows under one of its keys; any other file as it is."""
    where = found.path, found.label, found.compression, encoding
    rows = wrapped.rows(*where, inside.field, inside.max_file_bytes)
    if rows is None:
        return found
    aside = (f"{', '.join(rows.others)} beside {rows.key}",) if rows.others else ()
    told = found._replace(format="json", in_array=True, left_aside=aside)
    return told._replace(field=rows.key, span=rows.span, columns=rows.columns)


def _as_table(found: Source, head: bytes, inside: Inside) -> Source:
    """A table with the sign between its fields, the place of its header, and what that leaves aside."""
    head = head.replace(b"\r", b"\n") if found.line_end == b"\r" else head
    delimiter = delimited.delimiter(head, "\t" if found.format == "tsv" else ",")
    aside = delimited.nameless(head, delimiter, inside.header_row or 1)
    return found._replace(
        format="tsv" if delimiter == "\t" else "csv",
        delimiter=delimiter,
        header_row=inside.header_row or 1,
        left_aside=(f"{aside} columns without a name",) if aside > 1 else ("a column without a name",) * aside,
    )


def _head(path: Path, label: str, packing: Packing | None, encoding: str) -> bytes:
    head = b""
    for chunk in streams.chunks(path, label, packing, encoding):
        head += chunk.data
        if len(head) >= HEAD_BYTES:
            break
    return head[:HEAD_BYTES]


def _require_single(head: bytes, label: str, packing: Packing) -> None:
    """Raises Refusal where what was unpacked is nothing, or must be unpacked again."""
    if not head:
        raise Refusal(f"{label}: unpacks to nothing; expected {FORMATS}: fetch or make it again")
    inner = raw_bytes.packing(head) or ("Parquet" if head.startswith(raw_bytes.PARQUET) else None)
    if inner:
        command = "gunzip" if packing == "gzip" else "zstd -d"
        raise Refusal(f"{label}: is {inner} inside {packing}; unpack it once: {command}")


def _require_encoding_of(head: bytes, label: str, encoding: str) -> None:
    """Raises Refusal for bytes clearly in another encoding, which would become nonsense without an error."""
    wide, expected = raw_bytes.wide_encoding(head), codecs.lookup(encoding).name
    if wide not in (None, expected):
        seen, right = f"is {wide.upper()} text" if wide else "", wide
    elif wide is None and expected.startswith(("utf-16", "utf-32")) and 0 not in head:
        seen, right = "has no zero bytes, so it is not in that", "utf-8"
    elif not streams.is_utf8(encoding) and wide is None and raw_bytes.is_surely_utf8(head):
        seen, right = "is UTF-8 text", "utf-8"
    else:
        return
    raise Refusal(
        f"{label}: {seen}, prepare.encoding says {encoding}; set prepare.encoding={right}, or convert the file with "
        "iconv -t UTF-8"
    )
