"""Rows of Parquet as JSON objects, batch by batch; values keep their types, and what JSON cannot say is not read."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import orjson

from jobs.core.errors import Refusal
from jobs.engines.rows import parquet_sizes
from jobs.engines.rows.parquet_types import has_floats, is_json, plain
from jobs.logic.rows.conversation import BadRow

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet

OVERHEAD = 4
"""A page has its smallest and largest value in its header: a few large rows count up to three times."""
BATCH_ROWS = 1000
BATCH_BYTES = 1 << 20
"""What goes on together. So many bytes are also read at once, by the average row of the file: however few these are,
for each such batch takes a dictionary of the file to pieces again."""
LEAST_BYTES = 4
"""Of a value, and of its place in a text; a run of equal ones takes none in the file."""
TEXT, SHARES_BEGINNINGS = "BYTE_ARRAY", "DELTA_BYTE_ARRAY"
"""Parquet's words for text, and for a way to write it that leaves out what is the same as in the text before: there any
may be as long as all that is written."""
MOST_SHARED = 1 << 28
"""Bytes of a batch of such texts, if each is that long."""


class Batch(NamedTuple):
    """Some rows of a Parquet file."""

    first_row: int
    data: bytes
    """An Arrow stream."""
    num_thrown: int
    """Bytes of the one row where it is too large to be kept."""
    share_read: float


def left_aside(path: Path, label: str) -> list[str]:
    """Columns of a Parquet file that JSON has no value for, such as images and dates: `name (type)`."""
    schema = _opened(path, label).schema_arrow
    return [f"{field.name} ({field.type})" for field in schema if not is_json(field.type)]


def batches(path: Path, label: str, max_row_bytes: int, max_file_bytes: int) -> Iterator[Batch]:
    """A Parquet file piece by piece. Raises Refusal for one that is damaged, has no rows, or is too large unpacked."""
    import pyarrow

    file = _opened(path, label)
    names = _columns(file, label)
    batch_rows = _batch_rows(file, set(names), label, max_row_bytes, max_file_bytes)
    total = file.metadata.num_rows
    kept = _Kept(1)
    num_bytes = 0
    try:
        for batch in _read(_opened(path, label, _dictionaries(file, set(names))), names, batch_rows):
            sizes = parquet_sizes.held(batch)
            num_bytes += int(sizes.sum())
            _require_small(num_bytes, max_file_bytes, label)
            for start, end in _parts(sizes, max_row_bytes):
                if sizes[start] > max_row_bytes or not kept.has_room(sizes[start:end]):
                    yield from kept.taken(total)
                if sizes[start] > max_row_bytes:
                    yield Batch(kept.next_row, b"", int(sizes[start]), kept.next_row / total)
                    kept = _Kept(kept.next_row + 1)
                else:
                    kept.add(batch, start, end, sizes)
        yield from kept.taken(total)
    except (pyarrow.ArrowException, OSError) as error:
        raise Refusal(f"{label}: is damaged after row {kept.next_row - 1:,} ({_line(error)}); fetch it again") from None
    if kept.next_row == 1:
        raise Refusal(f"{label}: has columns and no rows; fetch or make it again")


def _read(file: pyarrow.parquet.ParquetFile, names: list[str], batch_rows: int) -> Iterator[pyarrow.RecordBatch]:
    """One row group after the other: Arrow cannot put two dictionaries of a nested column into one batch."""
    for number in range(file.metadata.num_row_groups):
        yield from file.iter_batches(batch_size=batch_rows, row_groups=[number], columns=names)


def _parts(sizes: parquet_sizes.Sizes, max_row_bytes: int) -> Iterator[tuple[int, int]]:
    """Ranges of rows that hold about BATCH_BYTES together; a row that holds too much is a range of its own."""
    ends, too_large = np.cumsum(sizes), np.flatnonzero(sizes > max_row_bytes)
    start = 0
    while start < len(sizes):
        end = start + 1
        if sizes[start] <= max_row_bytes:
            fitting = int(np.searchsorted(ends, ends[start] - sizes[start] + BATCH_BYTES, side="right"))
            stop = int(np.searchsorted(too_large, start))
            end = max(end, min(fitting, start + BATCH_ROWS, *too_large[stop : stop + 1].tolist(), len(sizes)))
        yield start, end
        start = end


class _Kept:
    """Rows that go on together: those of a small row group wait for more."""

    def __init__(self, first_row: int) -> None:
        self.first_row = self.next_row = first_row
        self._batches: list[pyarrow.RecordBatch] = []
        self._num_bytes = 0

    def has_room(self, sizes: parquet_sizes.Sizes) -> bool:
        return (
            self._num_bytes + int(sizes.sum()) <= BATCH_BYTES
            and self.next_row - self.first_row + len(sizes) <= BATCH_ROWS
        )

    def add(self, batch: pyarrow.RecordBatch, start: int, end: int, sizes: parquet_sizes.Sizes) -> None:
        """Some rows of a batch, with what stood in dictionaries in its place."""
        import pyarrow

        if end - start < batch.num_rows:
            batch = batch.take(pyarrow.array(np.arange(start, end)))  # a slice would unfold the items of all rows
        columns = [column.cast(plain(column.type)) for column in batch.columns]
        self._batches.append(pyarrow.RecordBatch.from_arrays(columns, names=batch.schema.names))
        self.next_row += end - start
        self._num_bytes += int(sizes[start:end].sum())

    def taken(self, total: int) -> Iterator[Batch]:
        """The rows as one batch, if there are any; none are left."""
        import pyarrow

        if not self._batches:
            return
        sink = pyarrow.BufferOutputStream()
        with pyarrow.ipc.new_stream(sink, self._batches[0].schema) as writer:
            for batch in self._batches:
                writer.write_batch(batch)
        yield Batch(self.first_row, sink.getvalue().to_pybytes(), 0, (self.next_row - 1) / total)
        self.first_row, self._batches, self._num_bytes = self.next_row, [], 0


def objects(data: bytes) -> Iterator[bytes | BadRow]:
    """The rows of a batch as JSON."""
    import pyarrow

    with pyarrow.ipc.open_stream(data) as reader:
        may_be_infinite = any(has_floats(field.type) for field in reader.schema)
        for batch in reader:
            yield from _objects(batch, may_be_infinite)


def _objects(batch: pyarrow.RecordBatch, may_be_infinite: bool) -> Iterator[bytes | BadRow]:
    try:
        values = batch.to_pylist(maps_as_pydicts="strict")
    except (ValueError, KeyError):
        values = [None] * batch.num_rows  # one of them is unfit: so each is taken by itself
    for number, value in enumerate(values):
        try:
            yield _object(batch.slice(number, 1) if value is None else value, may_be_infinite)
        except BadRow as bad:
            yield bad


def _object(value: Any, may_be_infinite: bool) -> bytes:
    if not isinstance(value, dict):
        try:
            value = value.to_pylist(maps_as_pydicts="strict")[0]
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            raise BadRow("encoding", f"a text has byte 0x{byte:02x} at {error.start}, which is not UTF-8") from None
        except KeyError:
            raise BadRow("duplicate-key", "a key stands twice in one map") from None
    if may_be_infinite:
        infinite = [name for name, one in value.items() if not _is_finite(one)]
        if infinite:
            raise BadRow("not-a-number", f"`{infinite[0]}` is infinite, which is not JSON")
    return orjson.dumps(value)  # NaN, which stands for nothing where such files are made, becomes null


def _is_finite(value: Any) -> bool:
    if isinstance(value, float):
        return not math.isinf(value)
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(map(_is_finite, children))


def _opened(path: Path, label: str, dictionaries: Sequence[str] = ()) -> pyarrow.parquet.ParquetFile:
    """`dictionaries`: leaves that stay as they are written, each text once and a number for each row."""
    import pyarrow.parquet

    try:
        # without pre_buffer and with a buffer a page is in memory at a time, not a row group
        return pyarrow.parquet.ParquetFile(
            path,
            pre_buffer=False,
            buffer_size=1 << 16,
            page_checksum_verification=True,
            read_dictionary=list(dictionaries),
        )
    except (pyarrow.ArrowException, OSError) as error:
        raise Refusal(f"{label}: is no whole Parquet file ({_line(error)}); fetch it again") from None


def _columns(file: pyarrow.parquet.ParquetFile, label: str) -> list[str]:
    names = [field.name for field in file.schema_arrow]
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise Refusal(f"{label}: names the column {twice[0]!r} twice; give each column a name of its own")
    found = [field.name for field in file.schema_arrow if is_json(field.type)]
    if not found:
        raise Refusal(f"{label}: has no column of text, numbers, lists or structs; expected some, such as `messages`")
    return found


def _batch_rows(
    file: pyarrow.parquet.ParquetFile, names: set[str], label: str, max_row_bytes: int, max_file_bytes: int
) -> int:
    """Rows of a batch, so that none is too large for memory, by what the file says of itself."""
    total, largest, worst = 0, 0.0, 0
    for number in range(file.metadata.num_row_groups):
        columns = list(_leaves(file, number, names))
        size = sum(max(column.total_uncompressed_size, column.num_values * LEAST_BYTES) for column in columns)
        total, largest = total + size, max(largest, size / max(file.metadata.row_group(number).num_rows, 1))
        shared = sum(column.total_uncompressed_size for column in columns if SHARES_BEGINNINGS in column.encodings)
        worst = max(worst, shared)
    _require_small(total, max_file_bytes, label)
    if largest > OVERHEAD * max_row_bytes:
        raise Refusal(
            f"{label}: its rows have {largest:,.0f} bytes on the average, the most is {max_row_bytes:,}; where that is "
            "right, raise prepare.max_row_bytes"
        )
    return max(1, min(int(BATCH_BYTES / max(largest, LEAST_BYTES)), MOST_SHARED // max(worst, 1)))


def _dictionaries(file: pyarrow.parquet.ParquetFile, names: set[str]) -> list[str]:
    """The leaves of text that are written as dictionaries in some part of the file."""
    groups = range(file.metadata.num_row_groups)
    leaves = (leaf for number in groups for leaf in _leaves(file, number, names))
    return sorted({leaf.path_in_schema for leaf in leaves if leaf.physical_type == TEXT and leaf.has_dictionary_page})


def _leaves(file: pyarrow.parquet.ParquetFile, number: int, names: set[str]) -> Iterator[Any]:
    """What the file says of each leaf of the columns in a row group."""
    group = file.metadata.row_group(number)
    leaves = (group.column(place) for place in range(group.num_columns))
    return (leaf for leaf in leaves if _is_of(leaf.path_in_schema, names))


def _is_of(path: str, names: set[str]) -> bool:
    """Whether a leaf such as `messages.list.element.role` is of one of the columns, whose names may have dots."""
    parts = path.split(".")
    return any(".".join(parts[:depth]) in names for depth in range(1, len(parts) + 1))


def _require_small(num_bytes: int, most: int, label: str) -> None:
    if num_bytes > most:
        raise Refusal(
            f"{label}: unpacks to more than {most:,} bytes; where that is right, raise prepare.max_file_bytes"
        )


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
