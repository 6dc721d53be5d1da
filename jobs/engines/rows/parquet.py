"""Rows of Parquet as JSON objects, batch by batch; values keep their types, and what JSON cannot say is not read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from jobs.core.errors import Refusal
from jobs.logic.rows.conversation import BadRow

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet

OVERHEAD = 4
"""A page has its smallest and largest value in its header: a few large rows count up to three times."""
BATCH_ROWS = 1000
BATCH_BYTES = 1 << 20
"""Unpacked; a batch has at most this much, by the average row of the file."""


class Batch(NamedTuple):
    """Some rows of a Parquet file."""

    first_row: int
    data: bytes
    """An Arrow stream."""
    share_read: float


def left_aside(path: Path, label: str) -> list[str]:
    """Columns of a Parquet file that JSON has no value for, such as images and dates: `name (type)`."""
    schema = _opened(path, label).schema_arrow
    return [f"{field.name} ({field.type})" for field in schema if not _is_json(field.type)]


def batches(path: Path, label: str, max_row_bytes: int, max_file_bytes: int) -> Iterator[Batch]:
    """A Parquet file piece by piece. Raises Refusal for one that is damaged, has no rows, or is too large unpacked."""
    import pyarrow

    file = _opened(path, label)
    names = _columns(file, label)
    batch_rows = _batch_rows(file, set(names), label, max_row_bytes, max_file_bytes)
    row = num_bytes = 0
    try:
        for batch in file.iter_batches(batch_size=batch_rows, columns=names):
            num_bytes += batch.nbytes
            _require_small(num_bytes, max_file_bytes, label)
            sink = pyarrow.BufferOutputStream()
            with pyarrow.ipc.new_stream(sink, batch.schema) as writer:
                writer.write_batch(batch)
            data = sink.getvalue().to_pybytes()
            yield Batch(row + 1, data, (row + batch.num_rows) / file.metadata.num_rows)
            row += batch.num_rows
    except (pyarrow.ArrowException, OSError) as error:
        raise Refusal(f"{label}: is damaged after row {row:,} ({_line(error)}); fetch it again") from None
    if not row:
        raise Refusal(f"{label}: has columns and no rows; fetch or make it again")


def objects(data: bytes) -> Iterator[bytes | BadRow]:
    """The rows of a batch as JSON."""
    import pyarrow

    with pyarrow.ipc.open_stream(data) as reader:
        batch = reader.read_next_batch()
    has_floats = any(_has_floats(field.type) for field in batch.schema)
    try:
        values = batch.to_pylist(maps_as_pydicts="strict")
    except (ValueError, KeyError):
        values = [None] * batch.num_rows  # one of them is unfit: so each is taken by itself
    for number, value in enumerate(values):
        try:
            yield _object(batch.slice(number, 1) if value is None else value, has_floats)
        except BadRow as bad:
            yield bad


def _object(value: Any, has_floats: bool) -> bytes:
    if not isinstance(value, dict):
        try:
            value = value.to_pylist(maps_as_pydicts="strict")[0]
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            raise BadRow("encoding", f"a text has byte 0x{byte:02x} at {error.start}, which is not UTF-8") from None
        except KeyError:
            raise BadRow("duplicate-key", "a key stands twice in one map") from None
    if has_floats:
        infinite = [name for name, one in value.items() if not _is_finite(one)]
        if infinite:
            raise BadRow("not-a-number", f"`{infinite[0]}` is infinite, which is not JSON")
    return orjson.dumps(value)  # NaN, which stands for nothing where such files are made, becomes null


def _is_finite(value: Any) -> bool:
    if isinstance(value, float):
        return not math.isinf(value)
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(map(_is_finite, children))


def _opened(path: Path, label: str) -> pyarrow.parquet.ParquetFile:
    import pyarrow.parquet

    try:
        # without pre_buffer and with a buffer a page is in memory at a time, not a row group
        return pyarrow.parquet.ParquetFile(path, pre_buffer=False, buffer_size=1 << 16, page_checksum_verification=True)
    except (pyarrow.ArrowException, OSError) as error:
        raise Refusal(f"{label}: is no whole Parquet file ({_line(error)}); fetch it again") from None


def _columns(file: pyarrow.parquet.ParquetFile, label: str) -> list[str]:
    names = [field.name for field in file.schema_arrow]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Refusal(f"{label}: names the column {twice[0]!r} twice; give each column a name of its own")
    found = [field.name for field in file.schema_arrow if _is_json(field.type)]
    if not found:
        raise Refusal(f"{label}: has no column of text, numbers, lists or structs; expected some, such as `messages`")
    return found


def _batch_rows(
    file: pyarrow.parquet.ParquetFile, names: set[str], label: str, max_row_bytes: int, max_file_bytes: int
) -> int:
    """Rows of a batch, so that none is too large for memory, by what the file says of itself."""
    total, largest = 0, 0.0
    for number in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(number)
        columns = [group.column(place) for place in range(group.num_columns)]
        size = sum(column.total_uncompressed_size for column in columns if _is_of(column.path_in_schema, names))
        total, largest = total + size, max(largest, size / max(group.num_rows, 1))
    _require_small(total, max_file_bytes, label)
    if largest > OVERHEAD * max_row_bytes:
        raise Refusal(
            f"{label}: its rows have {largest:,.0f} bytes on the average, the most is {max_row_bytes:,}; where that is "
            "right, raise prepare.max_row_bytes"
        )
    return max(1, min(BATCH_ROWS, int(BATCH_BYTES / max(largest, 1))))


def _is_of(path: str, names: set[str]) -> bool:
    """Whether a leaf such as `messages.list.element.role` is of one of the columns, whose names may have dots."""
    parts = path.split(".")
    return any(".".join(parts[:depth]) in names for depth in range(1, len(parts) + 1))


def _require_small(num_bytes: int, most: int, label: str) -> None:
    if num_bytes > most:
        raise Refusal(
            f"{label}: unpacks to more than {most:,} bytes; where that is right, raise prepare.max_file_bytes"
        )


def _is_json(kind: pyarrow.DataType) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        return _is_json(kind.value_type)
    if types.is_struct(kind):
        return all(_is_json(field.type) for field in kind)
    if types.is_map(kind):
        return _is_text(kind.key_type) and _is_json(kind.item_type)
    if _is_list(kind):
        return _is_json(kind.value_type)
    number = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
    return bool(number or types.is_null(kind) or _is_text(kind))


def _has_floats(kind: pyarrow.DataType) -> bool:
    from pyarrow import types

    if types.is_struct(kind):
        return any(_has_floats(field.type) for field in kind)
    if types.is_map(kind):
        return _has_floats(kind.item_type)
    if types.is_dictionary(kind) or _is_list(kind):
        return _has_floats(kind.value_type)
    return bool(types.is_floating(kind))


def _is_text(kind: pyarrow.DataType) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _is_list(kind: pyarrow.DataType) -> bool:
    from pyarrow import types

    return bool(
        types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_fixed_size_list(kind)
        or types.is_list_view(kind)
        or types.is_large_list_view(kind)
    )


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
