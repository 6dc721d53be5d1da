"""Data files as they are on disk: cut into blocks of raw rows in order, in bounded memory, never changed.

Ours is the first reader of raw bytes: general loaders alter rows without a word. One process cuts a file with `blocks`,
any number of others take the blocks apart with `split_block`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import chain, pairwise
from typing import NamedTuple

from jobs.core.errors import Refusal
from jobs.engines.rows import delimited, parquet, streams, workbook, wrapped
from jobs.engines.rows.cuts import Broken, CsvCuts, Cuts, JsonCuts, LineCuts, Piece, cut
from jobs.engines.rows.paths import digest as digest
from jobs.engines.rows.sources import Source
from jobs.engines.rows.streams import Chunk
from jobs.logic.rows.conversation import BadRow
from jobs.logic.rows.raw_bytes import BOM, Format

TABLES = ("csv", "tsv")
NO_ROWS = {
    "jsonl": "only blank lines",
    "json": "an empty array or only blank lines",
    "csv": "a header and no rows",
    "tsv": "a header and no rows",
    "xlsx": "a header and no rows",
}


class Line(NamedTuple):
    """One raw row that is not blank."""

    number: int
    """The line that it begins on, from 1; of Parquet the row."""
    offset: int
    """Byte of the unpacked UTF-8 text that it begins at; of Parquet 0."""
    num_bytes: int
    data: bytes
    """A JSON object, or what stands for one; empty where it cannot be made one."""
    ended: bool
    """Whether a line end follows; the last line of a file may have none."""
    fault: BadRow | None = None
    """Why `data` is empty."""
    nth: int = 1
    """Of the rows that begin on its line: `json.dump` writes a whole array on one."""

    @property
    def place(self) -> str:
        """Where it begins, in its file: no other row has it."""
        return str(self.number) if self.nth == 1 else f"{self.number}.{self.nth}"


class Block(NamedTuple):
    """About a MiB of raw rows of one file, or one row that is too large to be kept."""

    format: Format
    line_end: bytes
    delimiter: str
    columns: list[str]
    """The header of CSV and TSV; empty for a column without a name."""
    in_array: bool
    max_row_bytes: int
    num_before: int
    """Rows of a JSON file that begin on `first_line` and stand in an earlier block."""
    first_line: int
    first_offset: int
    data: bytes
    ends: list[int]
    """Places in `data` after each row; empty for JSON Lines and Parquet."""
    num_thrown: int
    """Bytes of the row that was not kept."""
    ended: bool
    """Whether the last row has its line end."""
    num_read: int
    """Bytes of the file on disk that were read until the end of the block."""


class Notes(NamedTuple):
    """What a person is told of a file."""

    byte_order_mark: bool
    lone_returns: bool
    """Lines end in a lone carriage return, as on old Macs."""
    left_aside: list[str]
    """Columns of Parquet that JSON has no value for, as `name (type)`; columns without a name."""


def notes(source: Source) -> Notes:
    """What a person should know of the file beside its format."""
    aside = parquet.left_aside(source.path, source.label) if source.format == "parquet" else []
    return Notes(source.byte_order_mark, source.line_end == b"\r", [*aside, *source.left_aside])


def blocks(source: Source, max_row_bytes: int, max_file_bytes: int, encoding: str) -> Iterator[Block]:
    """The whole file, in order. Raises Refusal where it is damaged, has no rows, or these cannot be told apart.

    A row above `max_row_bytes` is not kept; a file above `max_file_bytes`, unpacked, is refused.
    """
    if source.format == "xlsx":
        found = _sheet(source)
    elif source.format == "parquet":
        found = _batches(source, max_row_bytes, max_file_bytes)
    else:
        found = _text_pieces(source, max_row_bytes, max_file_bytes, encoding)
    columns = list(source.columns)
    some, line, num_before = False, 0, 0
    for piece in found:
        if source.format in TABLES and not columns:
            columns, piece = _below_header(source, piece, max_row_bytes)
        some = some or bool(piece.num_thrown) or piece.data.strip() not in (b"", b"]" if source.in_array else b"")
        num_before = num_before if piece.first_line == line else 0
        if some:
            yield Block(
                source.format,
                source.line_end,
                source.delimiter,
                columns,
                source.in_array,
                max_row_bytes,
                num_before,
                *piece,
            )
        if source.format == "json":
            line, num_before = _last_line(piece, source.line_end, num_before)
    if not some:
        raise Refusal(f"{source.label}: has {NO_ROWS[source.format]}; fetch or make it again")


def split_block(block: Block) -> Iterator[Line]:
    """The rows of a block that are not blank, each as one JSON object in UTF-8 or with the reason why not."""
    if block.num_thrown:
        row = _too_large(block, block.first_line, block.first_offset, block.num_thrown, block.ended)
        return iter([row._replace(nth=block.num_before + 1)])
    if block.format == "jsonl":
        return _lines(block)
    if block.format == "xlsx":
        return map(_of_a_sheet, _lines(block))
    return _objects(block) if block.format == "parquet" else _rows(block)


def _last_line(piece: Piece, line_end: bytes, num_before: int) -> tuple[int, int]:
    """The line on which a piece of a JSON file ends, and how many rows have begun on it."""
    num_lines, start = piece.data.count(line_end), piece.data.rfind(line_end) + 1
    begun = len(piece.ends) - bisect_left(piece.ends, start) - 1  # behind an end that stands on the line
    first = bisect_left(piece.ends, start)
    if first < len(piece.ends):
        before = piece.ends[first - 1] if first else 0
        begun += _begin(piece.data, before, piece.ends[first]) >= start
    return piece.first_line + num_lines, max(begun, 0) + (0 if num_lines else num_before) + bool(piece.num_thrown)


def _begin(data: bytes, start: int, end: int) -> int:
    """The place of the first byte from `start` on that is not blank, or `end`."""
    return end - len(data[start:end].lstrip())


def _text_pieces(source: Source, max_row_bytes: int, max_file_bytes: int, encoding: str) -> Iterator[Piece]:
    """Text; places are those in the whole of it."""
    chunks = streams.chunks(source.path, source.label, source.compression, encoding, max_file_bytes)
    cuts: Cuts = LineCuts(source.line_end)
    if source.format in TABLES:
        cuts = CsvCuts(source.delimiter.encode(), source.line_end)
    elif source.format == "json":
        cuts = JsonCuts(source.in_array)
    if source.span is not None:
        skipped = source.span[0]
        first_line, rest = wrapped.within(chunks, source.span, source.line_end)
    else:
        head = next(chunks, Chunk(b"", 0))
        skipped = len(BOM) if head.data.startswith(BOM) else 0
        skipped = head.data.find(b"[", skipped) + 1 if source.in_array else skipped
        first_line = head.data.count(source.line_end, 0, skipped)
        rest = chain([head._replace(data=head.data[skipped:])], chunks)
    try:
        for piece in cut(rest, cuts, source.line_end, max_row_bytes):
            yield piece._replace(
                first_line=piece.first_line + first_line,
                first_offset=piece.first_offset + skipped,
                ends=[] if source.format == "jsonl" else piece.ends,
            )
    except Broken as broken:
        line = first_line + broken.line
        raise Refusal(
            f"{source.label}: line {line:,}, byte {skipped + broken.place:,}: {broken}; mend it there, or write "
            "the rows as JSON Lines, where a damaged row is one row"
        ) from None


def _sheet(source: Source) -> Iterator[Piece]:
    size = source.path.stat().st_size
    for part in workbook.parts(source.path, source.label, source.sheet, source.header_row):
        yield Piece(part.first_row, 0, part.data, [], 0, True, size)


def _batches(source: Source, max_row_bytes: int, max_file_bytes: int) -> Iterator[Piece]:
    size = source.path.stat().st_size
    for batch in parquet.batches(source.path, source.label, max_row_bytes, max_file_bytes):
        yield Piece(batch.first_row, 0, batch.data, [], batch.num_thrown, True, int(batch.share_read * size))


def _below_header(source: Source, piece: Piece, max_row_bytes: int) -> tuple[list[str], Piece]:
    """The names in the first row from `source.header_row` on that is not empty, and the rows below it."""
    start = end = 0
    line = piece.first_line
    for end in piece.ends:
        if line >= source.header_row and not delimited.is_empty(piece.data[start:end], source.delimiter):
            break
        line += piece.data.count(source.line_end, start, end)
        start = end
    header, size = piece.data[start:end], end - start + piece.num_thrown
    if size > max_row_bytes:
        raise Refusal(f"{source.label}: its header has {size:,} bytes; close the quotes or raise prepare.max_row_bytes")
    where = f"{source.label}: line {line}"
    columns = delimited.columns_of(header, source.delimiter, where) if header.strip() else []
    return columns, piece._replace(
        first_line=line + header.count(source.line_end),
        first_offset=piece.first_offset + end,
        data=piece.data[end:],
        ends=[place - end for place in piece.ends if place > end],
    )


def num_empty(block: Block) -> int:
    """Rows of a table without any field that holds something: spreadsheets write such rows at the end."""
    if block.format == "xlsx":
        return sum(not line for line in block.data.split(b"\n")[:-1])
    if block.format not in TABLES:
        return 0
    sign = block.delimiter.encode()
    rows = (block.data[start:end] for start, end in pairwise([0, *block.ends]))
    return sum(sign in row and delimited.is_empty(row, block.delimiter) for row in rows)


def _lines(block: Block) -> Iterator[Line]:
    """Written for speed: a microsecond a line."""
    number, offset, most = block.first_line, block.first_offset, block.max_row_bytes
    pieces = block.data.split(block.line_end)
    unended = pieces.pop()
    for piece in pieces:
        size = len(piece)
        if size > most:
            yield _too_large(block, number, offset, size, True)
        elif size and not piece.isspace():
            yield Line(number, offset, size, piece, True)
        number += 1
        offset += size + 1
    if len(unended) > most:
        yield _too_large(block, number, offset, len(unended), False)
    elif unended and not unended.isspace():
        yield Line(number, offset, len(unended), unended, False)


def _of_a_sheet(line: Line) -> Line:
    if not line.data.startswith(workbook.FAULT):
        return line._replace(offset=0)
    return line._replace(offset=0, data=b"", fault=BadRow("bad-cell", line.data.removeprefix(workbook.FAULT).decode()))


def _rows(block: Block) -> Iterator[Line]:
    """Of JSON, CSV and TSV."""
    number, start, nth = block.first_line, 0, block.num_before
    for end in block.ends:
        raw = block.data[start:end]
        begin = _begin(block.data, start, end) if block.format == "json" else start
        num_lines = block.data.count(block.line_end, start, begin)
        number, nth = number + num_lines, 0 if num_lines else nth
        ended = block.ended or end < len(block.data)
        raw = _element(raw, block.in_array and ended) if block.format == "json" else raw
        offset = block.first_offset + begin
        if len(raw) > block.max_row_bytes:
            nth += 1
            yield _too_large(block, number, offset, len(raw), ended)._replace(nth=nth)
        elif not delimited.is_empty(raw, block.delimiter) or (block.in_array and ended):
            nth += 1
            yield _row(block, raw, number, offset, ended)._replace(nth=nth)
        num_lines = block.data.count(block.line_end, begin, end)
        number, nth = number + num_lines, 0 if num_lines else nth
        start = end


def _element(raw: bytes, has_comma: bool) -> bytes:
    """An element of a JSON file without what stands around it."""
    return (raw[:-1] if has_comma else raw).strip()


def _row(block: Block, raw: bytes, number: int, offset: int, ended: bool) -> Line:
    try:
        if block.format == "json" and not raw:
            raise BadRow("bad-json", "there is nothing between two commas, or after the last one")
        data = raw
        if block.format == "json" and block.columns:
            found = wrapped.as_object(raw, block.columns)
            if found is None:
                raise BadRow("bad-json", f"it is no list of {len(block.columns)} values, one for each column")
            data = found
        elif block.format in TABLES:
            data = delimited.as_object(raw, offset, block.delimiter, block.columns)
    except BadRow as bad:
        return Line(number, offset, len(raw), b"", ended, bad)
    return Line(number, offset, len(raw), data, ended)


def _objects(block: Block) -> Iterator[Line]:
    """Of Parquet."""
    for number, data in enumerate(parquet.objects(block.data), block.first_line):
        if isinstance(data, BadRow):
            yield Line(number, 0, 0, b"", True, data)
        elif len(data) > block.max_row_bytes:
            yield _too_large(block, number, 0, len(data), True)
        else:
            yield Line(number, 0, len(data), data, True)


def _too_large(block: Block, number: int, offset: int, size: int, ended: bool) -> Line:
    fault = BadRow("too-large", f"{size:,} bytes, the most is {block.max_row_bytes:,}")
    return Line(number, offset, size, b"", ended, fault)
