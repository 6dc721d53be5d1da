"""A sheet of an Excel workbook as rows of JSON; numbers and true or false stay what they are, dates become text."""

from __future__ import annotations

import datetime
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from jobs.core.errors import Refusal
from jobs.engines.rows.paths import printable

if TYPE_CHECKING:
    import openpyxl

WORKBOOK, STRINGS = "xl/workbook.xml", "xl/sharedStrings.xml"
MOST_STRING_BYTES = 1 << 29
"""Of the texts of a workbook, which are all in memory while it is read, at several times their size."""
MOST_ROWS = 1_048_576
"""A sheet has no more."""
PIECE_BYTES = 1 << 20
LOOKED_AT = 1000
"""Rows that kinds of cells are told from."""
FAULT = b"!"
"""Begins a line that stands for a row that cannot be read; a row begins with `{`."""
RETURN = "_x000D_"
"""How a workbook writes a carriage return in a text."""
DAMAGED = "is no whole Excel workbook ({}); fetch it again, or save it as CSV in UTF-8"


class Sheet(NamedTuple):
    """The sheet that is read."""

    name: str
    notes: tuple[str, ...]
    """What a person should know of its cells, and of its columns without a name."""


class Part(NamedTuple):
    """Some rows, a line of JSON each; an empty line for an empty row."""

    first_row: int
    data: bytes


def is_workbook(path: Path) -> bool:
    """Whether a zip is an Excel workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            return WORKBOOK in archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return False


def sheet(path: Path, label: str, name: str | None, header_row: int, max_bytes: int | None) -> Sheet:
    """The sheet called `name`, or the only one that holds something. Raises Refusal where there is not one."""
    found = path.stat()
    state = found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
    return _sheet(path, label, name, header_row, max_bytes, *state)


@cache
def _sheet(path: Path, label: str, name: str | None, header_row: int, max_bytes: int | None, *state: int) -> Sheet:
    _require_small(path, label, max_bytes)
    book = _opened(path, label, values=True)
    shown = [one for one in book.worksheets if one.sheet_state == "visible" or one.title == name]
    if name is not None:
        chosen = [one for one in shown if one.title == name]
        if not chosen:
            names = ", ".join(printable(one.title) for one in shown)
            raise Refusal(f"{label}: prepare.sheet={name}: there is no such sheet; there are: {names}")
    else:
        chosen = [one for one in shown if any(map(_is_filled, islice(_cells(one), LOOKED_AT)))]
    if not chosen:
        raise Refusal(f"{label}: has no sheet with rows; fetch or make it again")
    if len(chosen) > 1:
        ways = " or ".join(f"prepare.sheet='{printable(one.title)}'" for one in chosen)
        raise Refusal(f"{label}: has rows in several sheets: say which is meant with {ways}")
    return Sheet(chosen[0].title, _notes(chosen[0], header_row))


def parts(path: Path, label: str, name: str, header_row: int) -> Iterator[Part]:
    """The rows below the header, piece by piece. Raises Refusal for a header that does not name columns."""
    values = _cells(_opened(path, label, values=True)[name])
    formulas = _cells(_opened(path, label, values=False)[name]) if _has_formulas(path, label) else None
    columns: list[str] = []
    lines: list[bytes] = []
    first_row = 1
    for number, row in enumerate(values, 1):
        written = next(formulas, ()) if formulas is not None else ()
        if not columns:
            if number >= header_row and _is_filled(row):
                columns, first_row = _columns(row, f"{label}: row {number}"), number + 1
            continue
        lines.append(_line(row, written, columns))
        if len(lines) % 64 == 0 and sum(map(len, lines)) > PIECE_BYTES:
            yield Part(first_row, b"\n".join([*lines, b""]))
            first_row, lines = number + 1, []
    if lines:
        yield Part(first_row, b"\n".join([*lines, b""]))


def _cells(sheet: Any) -> Iterator[Sequence[Any]]:
    """The rows of a sheet, whatever it says of its size."""
    sheet.reset_dimensions()
    rows: Iterator[Sequence[Any]] = sheet.iter_rows(max_row=MOST_ROWS)
    return rows


def _opened(path: Path, label: str, values: bool) -> openpyxl.Workbook:
    import openpyxl

    try:
        return openpyxl.load_workbook(path, read_only=True, data_only=values, keep_links=False)
    except (KeyError, ValueError, TypeError, OSError, zipfile.BadZipFile, SyntaxError) as error:
        raise Refusal(f"{label}: {DAMAGED.format(' '.join(str(error).split())[:200])}") from None


def _require_small(path: Path, label: str, max_bytes: int | None) -> None:
    """Raises Refusal for a workbook that unpacks to too much; what a zip says of a member is all that is read of it."""
    with zipfile.ZipFile(path) as archive:
        sizes = {member.filename: member.file_size for member in archive.infolist()}
    if max_bytes is not None and sum(sizes.values()) > max_bytes:
        raise Refusal(
            f"{label}: unpacks to more than {max_bytes:,} bytes; where that is right, raise prepare.max_file_bytes"
        )
    if sizes.get(STRINGS, 0) > MOST_STRING_BYTES:
        most = f"the most is {MOST_STRING_BYTES:,}"
        raise Refusal(f"{label}: its texts have {sizes[STRINGS]:,} bytes, {most}; save the sheet as CSV in UTF-8")


def _has_formulas(path: Path, label: str) -> bool:
    """Whether any sheet has a formula, whose value is there only where Excel has saved it."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                with archive.open(name) as member:
                    before = b""
                    while data := member.read(PIECE_BYTES):
                        if b"<f>" in before + data or b"<f " in before + data:
                            return True
                        before = data[-3:]
    return False


def _columns(row: Sequence[Any], where: str) -> list[str]:
    """The names in the header, empty for columns without one."""
    names = ["" if cell.value is None else str(cell.value).strip() for cell in row]
    twice = sorted(name for name, times in Counter(names).items() if times > 1 and name)
    if twice:
        raise Refusal(f"{where}: the header names the column {twice[0]!r} twice; give each column a name of its own")
    return names


def _line(row: Sequence[Any], written: Sequence[Any], columns: Sequence[str]) -> bytes:
    """One row as JSON, or a line that says why not."""
    if not _is_filled(row) and not _is_filled(written):
        return b""
    found: dict[str, Any] = dict.fromkeys((name for name in columns if name), "")
    for place, cell in enumerate(row):
        formula = written[place].value if place < len(written) else None
        name = columns[place] if place < len(columns) else ""
        where = f"`{name}`" if name else f"column {place + 1}, which has no name,"
        if cell.value is None:
            if name and formula is not None:
                return (
                    FAULT
                    + f"{where} is a formula without a value: open and save it in Excel, or save it as CSV".encode()
                )
        elif cell.data_type == "e":
            return _fault(f"{where} holds the error {cell.value}: mend the cell")
        elif name:
            found[name] = _value(cell.value)
        elif not isinstance(cell.value, str) or cell.value.strip():
            return _fault(f"{where} holds {str(cell.value)[:40]!r}: name it in the header")
    return orjson.dumps(found)


def _fault(text: str) -> bytes:
    return FAULT + " ".join(text.split()).encode()


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(RETURN, "\r")
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat(" ")
    return value if isinstance(value, bool | int | float) else str(value)


def _is_filled(row: Sequence[Any]) -> bool:
    return any(cell.value is not None and str(cell.value).strip() for cell in row)


def _notes(sheet: Any, header_row: int) -> tuple[str, ...]:
    """The columns without a name, and those whose cells are dates."""
    rows = (row for number, row in enumerate(_cells(sheet), 1) if number >= header_row)
    header = next(filter(_is_filled, rows), ())
    names = ["" if cell.value is None else str(cell.value).strip() for cell in header]
    dates = dict.fromkeys(
        names[place]
        for row in islice(rows, LOOKED_AT)
        for place, cell in enumerate(row[: len(names)])
        if cell.value is not None and not isinstance(cell.value, str | bool | int | float)
    )
    unnamed = names.count("")
    aside = [f"{unnamed} columns without a name" if unnamed > 1 else "a column without a name"] * bool(unnamed)
    return (*aside, *(f"dates of {printable(name)} read as text such as 2024-01-31" for name in dates if name))
