"""How many bytes rows of Parquet hold, without unfolding what the file has written once for many of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jobs.engines.rows.parquet_types import is_list, is_text

if TYPE_CHECKING:
    import pyarrow

Sizes = NDArray[np.int64]
NULL, QUOTES, COLON_AND_COMMA = 4, 2, 2


def held(batch: pyarrow.RecordBatch) -> Sizes:
    """Bytes of each row as JSON, [rows], or somewhat fewer: a number counts as one, and what is escaped once."""
    return 1 + sum(
        (_sizes(column) + _around(name) for name, column in zip(batch.schema.names, batch.columns, strict=True)),
        np.zeros(batch.num_rows, np.int64),
    )


def _around(name: str) -> int:
    return len(name.encode()) + QUOTES + COLON_AND_COMMA


def _sizes(array: pyarrow.Array) -> Sizes:
    """Of each value of the array."""
    from pyarrow import compute, types

    kind = array.type
    if types.is_dictionary(kind):
        each = np.append(_sizes(array.dictionary), NULL)
        return np.asarray(each[array.indices.fill_null(len(each) - 1).to_numpy(zero_copy_only=False)])
    if types.is_struct(kind):
        names = [field.name for field in kind]
        return 1 + sum(
            (_sizes(array.field(place)) + _around(name) for place, name in enumerate(names)),
            np.zeros(len(array), np.int64),
        )
    if types.is_map(kind) or is_list(kind):
        return _sizes_of_lists(array)
    if is_text(kind):
        text = array.cast("large_string") if types.is_string_view(kind) else array
        lengths: Sizes = compute.binary_length(text).fill_null(NULL - QUOTES).to_numpy(zero_copy_only=False)
        return lengths.astype(np.int64) + QUOTES
    return np.full(len(array), NULL if types.is_null(kind) else 1, np.int64)


def _sizes_of_lists(array: pyarrow.Array) -> Sizes:
    """A comma goes with every item."""
    from pyarrow import types

    kind = array.type
    before = np.concatenate((np.zeros(1, np.int64), np.cumsum(_sizes(array.values) + 1)))
    if types.is_fixed_size_list(kind):
        begins = (np.arange(len(array)) + array.offset) * kind.list_size
        ends = begins + kind.list_size
    elif types.is_list_view(kind) or types.is_large_list_view(kind):
        begins = array.offsets.to_numpy(zero_copy_only=False)
        ends = begins + array.sizes.to_numpy(zero_copy_only=False)
    else:
        offsets = array.offsets.to_numpy(zero_copy_only=False)
        begins, ends = offsets[:-1], offsets[1:]
    return np.asarray(1 + before[ends] - before[begins])
