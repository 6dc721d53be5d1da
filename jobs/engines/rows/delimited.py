"""A row of CSV or TSV as a JSON object; every value is text, none is guessed to be a number or missing."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import Any

import orjson

from jobs.core.errors import Refusal
from jobs.logic.row import shown
from jobs.logic.rows import raw_bytes
from jobs.logic.rows.conversation import BadRow

SIGNS = (",", ";", "\t")
LOOKED_AT = 50
"""Rows that the sign between fields is read from."""
MOST_TITLES = 10
"""Rows with titles that may stand above the header."""
LONGEST_NAME = 1000
"""Characters; a name is part of every row, so that a row of commas under long ones is as large as they are."""


def delimiter(head: bytes, usual: str) -> str:
    """What stands between the fields of a table, by its first rows.

    That is the sign by which all rows from the header on have the same number of fields, two at the least: the one
    whose header is the highest, and the usual one where several are alike or none is.
    """
    tops = {sign: _top(head, sign) for sign in SIGNS}
    found = [sign for sign in SIGNS if tops[sign] == min(tops.values()) < MOST_TITLES]
    return found[0] if found and usual not in found else usual


def _top(head: bytes, sign: str) -> int:
    """The rows above the first one from which on all have the same number of fields; MOST_TITLES where none is."""
    try:
        rows = list(islice(_read(head, sign), LOOKED_AT))
    except csv.Error:
        return MOST_TITLES
    sizes = [len(row) for row in rows if row]
    sizes = sizes[:-1] if len(sizes) > 2 and len(rows) < LOOKED_AT else sizes  # the last one may be cut
    first = next((place for place in range(len(sizes)) if len(set(sizes[place:])) == 1), MOST_TITLES)
    return first if sizes and sizes[-1] > 1 and (len(sizes) == 1 or first < len(sizes) - 1) else MOST_TITLES


def nameless(head: bytes, delimiter: str, header_row: int) -> int:
    """The columns without a name in the header of a table that begins with `head`."""
    reader, before = _read(head, delimiter), 0
    try:
        for row in reader:
            if before + 1 >= header_row and any(field.strip() for field in row):
                return sum(not name.strip() for name in row)
            before = reader.line_num
    except csv.Error:
        return 0  # the header is refused where the rows are read
    return 0


def _read(head: bytes, delimiter: str) -> Any:
    """A reader of the rows at the beginning of a table; a field may be as long as all of it."""
    csv.field_size_limit(max(csv.field_size_limit(), len(head)))
    return csv.reader(io.StringIO(head.decode(errors="ignore"), newline=""), delimiter=delimiter)


def columns_of(row: bytes, delimiter: str, where: str) -> list[str]:
    """The names in the header, empty for columns without one.

    Raises Refusal for a header that names no column, or two alike.
    """
    try:
        names = _fields(row, 0, delimiter)
    except BadRow as bad:
        raise Refusal(f"{where}: the header cannot be read: {bad.evidence}; mend the first line") from None
    names = [name if name.strip() else "" for name in names]
    twice = sorted(name for name, times in Counter(names).items() if times > 1 and name)
    if twice:
        raise Refusal(f"{where}: the header names the column {twice[0]!r} twice; give each column a name of its own")
    longest = max(names, key=len)
    if not longest:
        raise Refusal(f"{where}: the header names no column; put a line with the columns' names above the rows")
    if len(longest) > LONGEST_NAME:
        raise Refusal(
            f"{where}: the header names a column with {len(longest):,} characters, {longest[:20]!r} ..., the most is "
            f"{LONGEST_NAME:,}; close its quotes, or put a line with the columns' names above the rows"
        )
    return names


def as_object(row: bytes, offset: int, delimiter: str, columns: Sequence[str]) -> bytes:
    """One row as JSON, every value as text; raises BadRow. `offset` is the byte of the file that the row begins at.

    Spreadsheets write columns without a name, whose fields are empty: these are left aside. In the first one pandas
    numbers the rows: its name stays empty.
    """
    fields = _fields(row, offset, delimiter)
    if len(fields) != len(columns):
        num_named = max(place for place, name in enumerate(columns, 1) if name)
        if len(fields) < num_named or any(field.strip() for field in fields[len(columns) :]):
            raise BadRow("bad-csv", f"{len(fields)} fields, the header has {len(columns)}")
    both = enumerate(zip(columns, fields, strict=False), 1)
    unnamed = next((place for place, (name, field) in both if place > 1 and not name and field.strip()), 0)
    if unnamed:
        raise BadRow("bad-csv", f"field {unnamed} holds {shown(fields[unnamed - 1])!r}, and its column has no name")
    named = {name: field for name, field in zip(columns, fields, strict=False) if name}
    return orjson.dumps(named if columns[0] or not fields[0].strip() else {"": fields[0], **named})


def is_empty(row: bytes, delimiter: str) -> bool:
    """Whether all fields of a row are empty."""
    return not row.strip(f"{delimiter} \t\r\n".encode())


def _fields(row: bytes, offset: int, delimiter: str) -> list[str]:
    try:
        text = row.decode()
    except UnicodeDecodeError:
        raise BadRow("encoding", raw_bytes.encoding_problem(row, offset)) from None
    if '"' not in text:
        return text.removesuffix("\n").removesuffix("\r").split(delimiter)
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # its default of 131,072 is one for the whole process
    try:
        return next(csv.reader((text,), delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration) as error:
        raise BadRow("bad-csv", f"the quotes do not fit: {str(error).partition(' - ')[0]}") from None
