"""A block of rows at a time: from raw bytes to clean conversations, and from stored lines to what is known of them.

Pure functions of their arguments, so that any number of processes gives the same result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import orjson
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from jobs.logic.form import departures
from jobs.logic.row import Dropped, Row
from jobs.logic.rows import clean, conversation, keys as row_keys, nested, questions, shapes
from jobs.logic.rows.clean import CleanOptions
from jobs.logic.rows.conversation import BadRow, RowOptions
from jobs.logic.rows.count import Counted
from jobs.logic.rows.near import Hashes
from jobs.logic.rows.usual import usual
from jobs.logic.text import private


class RawLine(Protocol):
    """One raw row; `fault` says why where it has no data."""

    @property
    def number(self) -> int: ...
    @property
    def place(self) -> str: ...
    @property
    def offset(self) -> int: ...
    @property
    def data(self) -> bytes: ...
    @property
    def ended(self) -> bool: ...
    @property
    def fault(self) -> BadRow | None: ...


@dataclass(frozen=True)
class ReadOptions:
    """How raw rows become conversations."""

    label: str
    """The file's."""
    rows: RowOptions
    clean: CleanOptions
    known_columns: frozenset[str]
    """Columns that the shape has; others are noted as ignored."""


class RowsRead(NamedTuple):
    """What came of a block of raw rows."""

    stored: list[bytes]
    """The rows to go on with, one JSON line each."""
    numbers: NDArray[np.int64]
    """Their lines in the file."""
    ids: NDArray[np.uint64]
    """Their ids, hashed."""
    digests: NDArray[np.uint64]
    """Of the lines stored."""
    forms: NDArray[np.void]
    """Of the same rows; see `departures.FORM`."""
    counted: Counted
    dropped: list[Dropped]
    """Lines that are no conversation, and conversations unfit to learn from, in the order of the file."""
    unfit: list[tuple[str, bytes]]
    """The reason and the line of each of the latter, but for what is private."""
    changed: list[dict[str, Any]]
    ignored_columns: Counter[str]
    num_rows: int


def read(lines: Iterable[RawLine], options: ReadOptions) -> RowsRead:
    """Raw rows to clean ones, with an account of the rest."""
    found: list[Row] = []
    dropped: list[Dropped] = []
    ignored: Counter[str] = Counter()
    num_rows = 0
    for line in lines:
        num_rows += 1
        try:
            row, columns = _row(line, options)
        except BadRow as bad:
            dropped.append(_bad(line, bad, options))
            continue
        found.append(row)
        ignored.update(columns)
    clean.tidy_all(found, options.clean)
    faults, words = clean.examined(found, options.clean)
    kept = [row for row, fault in zip(found, faults, strict=True) if fault is None]
    for row, fault in zip(found, faults, strict=True):
        if fault is not None:
            dropped.append(Dropped(row.id, row.file, row.line, fault.reason, fault.evidence))
    dropped.sort(key=lambda entry: entry.line)
    lines_stored = [stored(row) for row in kept]
    unfit = [(why.reason, stored(row)) for row, why in zip(found, faults, strict=True) if why and _is_shown(why.reason)]
    return RowsRead(
        lines_stored,
        np.fromiter((row.line for row in kept), np.int64, len(kept)),
        np.fromiter((row_keys.hashed(row.id) for row in kept), np.uint64, len(kept)),
        digests(lines_stored),
        departures.measured(kept),
        Counted.of(kept, words[[fault is None for fault in faults]]),
        dropped,
        unfit,
        [row.change_note() for row in found if row.changes],
        ignored,
        num_rows,
    )


def conversations(lines: Iterable[RawLine], options: ReadOptions) -> Iterator[Row]:
    """The rows that are conversations, as they are."""
    for line in lines:
        try:
            yield _row(line, options)[0]
        except BadRow:  # looked at, not read: a stage that reads refuses or counts it
            continue


def _is_shown(reason: str) -> bool:
    return reason not in ("secret", "personal")


def stored(row: Row) -> bytes:
    """The row as one line of JSON, without the line end."""
    return orjson.dumps(row.as_dict())


def _row(line: RawLine, options: ReadOptions) -> tuple[Row, set[str]]:
    if line.fault is not None:
        raise line.fault
    record, notes = usual(nested.flat(conversation.record(line.data, line.offset, not line.ended)), options.rows)
    row = conversation.conversation(record, options.label, line.number, options.rows, line.place, notes)
    return row, shapes.ignored(record, options.known_columns)


def _bad(line: RawLine, bad: BadRow, options: ReadOptions) -> Dropped:
    identity = conversation.quoted_id(line.data[:4096].decode("utf-8", "replace"), options.rows.columns.get("id", "id"))
    label = options.label
    if not identity or "\ufffd" in identity:
        identity = f"{label}:{line.place}"
    return Dropped(private.masked(identity), label, line.number, bad.reason, private.masked(bad.evidence))


def asked(lines: Iterable[RawLine], options: ReadOptions) -> list[bytes]:
    """Evaluation rows as stored lines; they may lack an answer. Raises BadRow for what asks nothing."""
    found = []
    for line in lines:
        try:
            if line.fault is not None:
                raise line.fault
            record, _ = usual(nested.flat(conversation.record(line.data, line.offset, not line.ended)), options.rows)
            record = questions.answered(record, options.rows.columns)
            row = conversation.conversation(record, options.label, line.number, options.rows, line.place)
        except BadRow as bad:
            raise BadRow(bad.reason, f"{options.label}:{line.place}: {bad.evidence}") from None
        clean.tidy(row, options.clean)
        found.append(stored(row))
    return found


class Checked(NamedTuple):
    """What is found out about stored rows, [rows] each."""

    keys: row_keys.Keys
    forms: NDArray[np.void]
    counted: Counted
    unclean: Counter[str]
    """Reason to rows that should have been dropped."""


def digests(lines: Sequence[bytes]) -> NDArray[np.uint64]:
    """What tells lines apart; of a million lines two have the same with a chance of 3e-8."""
    return np.fromiter(map(xxh3_64_intdigest, lines), np.uint64, len(lines))


def keyed(lines: Sequence[bytes], threshold: float, common: Hashes) -> row_keys.Keys:
    """The keys of stored rows."""
    return row_keys.keyed([conversation.stored(line, "", 0) for line in lines], threshold, common)


def checked(lines: Sequence[bytes], options: CleanOptions, threshold: float, common: Hashes) -> Checked:
    """Stored rows looked at again, as if by somebody who did not write them."""
    found = [conversation.stored(line, "", number) for number, line in enumerate(lines, 1)]
    faults, words = clean.examined(found, options)
    unclean = Counter(fault.reason for fault in faults if fault is not None)
    unclean["not-tidy"] = sum(not clean.is_tidy(row.messages) for row in found)
    keys = row_keys.keyed(found, threshold, common)
    return Checked(keys, departures.measured(found), Counted.of(found, words), +unclean)
