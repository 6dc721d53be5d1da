"""How a file is read, by its first rows: their shape, and where the header of a table stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from jobs.core.errors import Refusal
from jobs.engines.rows import delimited, files as row_files
from jobs.engines.rows.files import Block
from jobs.engines.rows.sources import Source
from jobs.logic.rows import conversation, nested, questions, shapes
from jobs.logic.rows.block import ReadOptions
from jobs.logic.rows.conversation import BadRow
from jobs.logic.rows.usual import usual

if TYPE_CHECKING:
    from jobs.engines.rows.passes import FileOptions

SHAPE_ROWS = 50
"""Rows that the shape of a file is read from."""


def shaped(
    source: Source, head: Sequence[Block], options: FileOptions, may_lack_answer: bool = False
) -> tuple[str, ReadOptions]:
    """The shape of a file in words, by its first rows that can be read, and the options to read it with."""
    records, columns = _records(head, options), options.rows.columns
    if may_lack_answer:
        columns = questions.columns_of(records, columns)
        records = [questions.answered(record, columns) for record in records]
    if records:
        try:
            found = shapes.detect(records, columns, options.shape)
        except ValueError as error:
            raise Refusal(f"{source.label}: {_lower_header(source, options) or error}") from None
    else:
        hint = _lower_header(source, options)
        if hint:
            raise Refusal(f"{source.label}: {hint}")
        # the rows themselves will be refused
        found = shapes.Detected("messages" if options.shape == "auto" else options.shape, columns)
    shape, theirs = found
    row_options = replace(
        options.rows, shape=shape, columns=theirs, detected=options.shape == "auto", marks=not may_lack_answer
    )
    known = shapes.known_columns(shape, theirs)
    return found.told(columns), ReadOptions(source.label, row_options, options.clean, known)


def _records(head: Iterable[Block], options: FileOptions) -> list[Mapping[str, Any]]:
    """The first rows of a file that can be read."""
    records: list[Mapping[str, Any]] = []
    whole = replace(options.rows, marks=False)  # a row that is left out has a shape too
    for line in islice((line for block in head for line in row_files.split_block(block)), SHAPE_ROWS):
        try:
            record = nested.flat(conversation.record(line.data, line.offset, not line.ended))
            records.append(usual(record, whole)[0])
        except BadRow:  # the row is refused where all of them are read
            continue
    return records


def _lower_header(source: Source, options: FileOptions) -> str | None:
    """What to set where the columns' names stand below a title: the rows were read so and are of a known shape."""
    if source.format not in (*row_files.TABLES, "xlsx") or source.header_row > 1:
        return None
    for line in range(2, delimited.MOST_TITLES + 1):
        lower = source._replace(header_row=line)
        blocks = row_files.blocks(lower, options.max_row_bytes, options.max_file_bytes, options.encoding)
        try:
            shapes.detect(_records(islice(blocks, 1), options), options.rows.columns, options.shape)
        except (Refusal, ValueError):
            continue
        return f"line 1 holds a title, and the columns' names stand below it: set prepare.header_row={line}"
    return None
