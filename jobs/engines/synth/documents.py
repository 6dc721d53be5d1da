"""One document, whatever its format, as pieces of text that may be passages, each with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from jobs.core.errors import Refusal
from jobs.engines.rows import files as row_files, paths, sources as row_sources
from jobs.engines.rows.files import Line
from jobs.engines.rows.paths import printable
from jobs.engines.synth.pdf_text import PdfPages, Unreadable
from jobs.logic.pages.amounts import size
from jobs.logic.rows import conversation, raw_bytes
from jobs.logic.rows.conversation import BadRow
from jobs.logic.rows.raw_bytes import BOM
from jobs.logic.synth import html_text, passages
from jobs.logic.synth.passages import Block

FORMATS = "txt, md, html, jsonl, parquet or pdf"
KINDS = {
    ".txt": "text",
    ".text": "text",
    ".md": "text",
    ".markdown": "text",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".pdf": "pdf",
}
ROWS = (".jsonl", ".ndjson", ".parquet")
SHOWN_COLUMNS = 8
"""Of a file of rows none of which has a text."""


class Cutting(NamedTuple):
    """How documents are cut; see `CorpusOptions`."""

    columns: tuple[str, ...]
    least: int
    most: int
    max_document_bytes: int
    max_row_bytes: int
    max_file_bytes: int
    pdf: PdfPages


class Piece(NamedTuple):
    """A piece of a document and its place; see `Passage`."""

    unit: str
    number: int
    start: int
    end: int
    text: str


def kind_of(name: str) -> str | None:
    """`text`, `html`, `pdf` or `rows` by a file's name; None for what is no document."""
    if paths.known_suffix(name) in ROWS:
        return "rows"
    return KINDS.get(Path(name).suffix.lower())


def pieces(
    path: Path, label: str, num_bytes: int, key: str, cutting: Cutting, leave_out: Callable[[str], None]
) -> Iterator[Piece]:
    """The pieces of a document, in order; `leave_out` is told of rows that are not read.

    Raises Unreadable where nothing of it, or nothing more, can be read.
    """
    kind = kind_of(path.name)
    if kind == "rows":
        yield from _of_rows(path, label, key, cutting, leave_out)
        return
    if num_bytes > cutting.max_document_bytes:
        most = size(cutting.max_document_bytes)
        raise Unreadable(f"has {size(num_bytes)}, the most that is read whole is {most}; cut it into several files")
    if kind == "pdf":
        yield from _of_pdf(path, cutting)
        return
    data = path.read_bytes()
    encoding = html_text.encoding_of(data) if kind == "html" else "utf-8"
    text = _decoded(data, encoding)
    blocks = html_text.blocks(text) if kind == "html" else passages.paragraphs(text)
    if not blocks:
        raise Unreadable("has no text")
    places = _Bytes(data, text, encoding)
    for piece in _cut(blocks, cutting, "byte", 0):
        yield piece._replace(start=places.of(piece.start), end=places.of(piece.end))


def _cut(blocks: list[Block], cutting: Cutting, unit: str, number: int) -> Iterator[Piece]:
    """Places are those of the blocks."""
    for some in passages.cut(blocks, cutting.least, cutting.most):
        text = passages.tidied("\n\n".join(block.text.strip() for block in some))
        yield Piece(unit, number, some[0].start, some[-1].end, text)


def _of_pdf(path: Path, cutting: Cutting) -> Iterator[Piece]:
    for number, text in cutting.pdf.of(path):
        yield from _cut(passages.paragraphs(text), cutting, "page", number)


def _of_rows(path: Path, label: str, key: str, cutting: Cutting, leave_out: Callable[[str], None]) -> Iterator[Piece]:
    """Rows that are no objects or have none of the columns are counted and told."""
    bad, without, columns = list[str](), 0, dict[str, None]()
    num_texts = 0
    try:
        source = row_sources.sources([str(path)], key, "utf-8").files[0]
        unit = "row" if source.format == "parquet" else "line"
        for block in row_files.blocks(source, cutting.max_row_bytes, cutting.max_file_bytes, "utf-8"):
            for line in row_files.split_block(block):
                try:
                    record = _record(line)
                except BadRow as fault:
                    bad.append(f"{unit} {line.place}: {fault.evidence}")
                    continue
                text = next(filter(None, (_text(record.get(name)) for name in cutting.columns)), None)
                if text is None:
                    without += 1
                    columns |= dict.fromkeys(list(record)[:SHOWN_COLUMNS])
                    continue
                num_texts += 1
                yield from _cut(passages.paragraphs(text), cutting, unit, line.number)
    except Refusal as refusal:
        raise Unreadable(_without_label(str(refusal), path, key)) from None
    if bad:
        leave_out(f"{printable(label)}: {len(bad):,} rows cannot be read, the first is {bad[0]}")
    if without:
        expected, has = ", ".join(cutting.columns), ", ".join(list(columns)[:SHOWN_COLUMNS])
        leave_out(f"{printable(label)}: {without:,} rows have no text in {expected}; the first has {has}")


def _record(line: Line) -> dict[str, object]:
    if line.fault is not None:
        raise line.fault
    return conversation.record(line.data, line.offset, not line.ended)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _without_label(said: str, path: Path, key: str) -> str:
    """A refusal of the reader of rows, which names the file by its own label."""
    for start in (f"{key}: ", f"{printable(str(path))}: ", f"{printable(path.name)}: "):
        said = said.removeprefix(start)
    return said


def _decoded(data: bytes, encoding: str) -> str:
    """Raises Unreadable for what is no text in the encoding."""
    wide = raw_bytes.wide_encoding(data[: raw_bytes.HEAD_BYTES])
    if wide:
        raise Unreadable(f"is {wide.upper()} text; convert it with iconv -t UTF-8")
    if b"\0" in data:
        raise Unreadable("is binary")
    try:
        return data.removeprefix(BOM).decode(encoding)
    except LookupError:
        raise Unreadable(f"says it is in {encoding}, which is not known; convert it with iconv -t UTF-8") from None
    except UnicodeDecodeError as error:
        byte = f"byte 0x{data.removeprefix(BOM)[error.start]:02x} at {error.start:,}"
        raise Unreadable(f"is not {encoding} ({byte}); convert it with iconv -t UTF-8") from None


class _Bytes:
    """From characters of a text to bytes of its file. Places are asked for in about the order in which they stand."""

    def __init__(self, data: bytes, text: str, encoding: str) -> None:
        self._text, self._encoding = text, encoding
        self._first = len(data) - len(data.removeprefix(BOM))
        self._exact = len(text.encode(encoding, "replace")) == len(data) - self._first
        self._num_bytes = len(data)
        self._known = (0, 0)

    def of(self, place: int) -> int:
        """The byte at which a character begins; of an encoding with states the end of the file, but for the first."""
        if not self._exact:
            return self._num_bytes if place else 0
        before, num_bytes = self._known if place >= self._known[0] else (0, 0)
        num_bytes += len(self._text[before:place].encode(self._encoding))
        self._known = (place, num_bytes)
        return self._first + num_bytes
