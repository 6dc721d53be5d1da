"""A row of CSV or TSV as a JSON object; every value is text, none is guessed to be a number or missing."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence

import orjson

from jobs.core.errors import Refusal
from jobs.logic.rows import raw_bytes
from jobs.logic.rows.conversation import BadRow

LONGEST_NAME = 1000
"""Characters; a name is part of every row, so that a row of commas under long ones is as large as they are."""


def columns_of(row: bytes, delimiter: str, where: str) -> list[str]:
    """The names in the header; raises Refusal for a header that does not name every column by itself."""
    try:
        names = _fields(row, 0, delimiter)
    except BadRow as bad:
        raise Refusal(f"{where}: the header cannot be read: {bad.evidence}; mend the first line") from None
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise Refusal(f"{where}: the header names the column {twice[0]!r} twice; give each column a name of its own")
    longest = max(names, key=len)
    if len(longest) > LONGEST_NAME:
        raise Refusal(
            f"{where}: the header names a column with {len(longest):,} characters, {longest[:20]!r} ..., the most is "
            f"{LONGEST_NAME:,}; close its quotes, or put a line with the columns' names above the rows"
        )
    if len(names) == 1 and ";" in names[0]:
        raise Refusal(f"{where}: the columns are divided by semicolons, expected commas or tabs; save it with commas")
    return names


def as_object(row: bytes, offset: int, delimiter: str, columns: Sequence[str]) -> bytes:
    """One row as JSON, every value as text; raises BadRow. `offset` is the byte of the file that the row begins at."""
    fields = _fields(row, offset, delimiter)
    if len(fields) != len(columns):
        raise BadRow("bad-csv", f"{len(fields)} fields, the header has {len(columns)}")
    return orjson.dumps(dict(zip(columns, fields, strict=True)))


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
