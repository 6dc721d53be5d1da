"""Which types of Parquet's columns JSON has values for, and what they are when nothing is written as a dictionary."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow


def is_json(kind: pyarrow.DataType) -> bool:
    """Whether JSON has a value for everything of the type; bytes, dates and decimals have none."""
    from pyarrow import types

    if types.is_dictionary(kind):
        return is_json(kind.value_type)
    if types.is_struct(kind):
        return all(is_json(field.type) for field in kind)
    if types.is_map(kind):
        return is_text(kind.key_type) and is_json(kind.item_type)
    if is_list(kind):
        return is_json(kind.value_type)
    number = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
    return bool(number or types.is_null(kind) or is_text(kind))


def has_floats(kind: pyarrow.DataType) -> bool:
    """Whether a value may be infinite, which is not JSON."""
    from pyarrow import types

    if types.is_struct(kind):
        return any(has_floats(field.type) for field in kind)
    if types.is_map(kind):
        return has_floats(kind.item_type)
    if types.is_dictionary(kind) or is_list(kind):
        return has_floats(kind.value_type)
    return bool(types.is_floating(kind))


def is_text(kind: pyarrow.DataType) -> bool:
    """Text of any layout."""
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def is_list(kind: pyarrow.DataType) -> bool:
    """Lists of any layout, but for maps."""
    from pyarrow import types

    return bool(
        types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_fixed_size_list(kind)
        or types.is_list_view(kind)
        or types.is_large_list_view(kind)
    )


def plain(kind: pyarrow.DataType) -> pyarrow.DataType:
    """The type without dictionaries, also inside of it; other layouts of text and lists become the usual ones."""
    import pyarrow
    from pyarrow import types

    if types.is_dictionary(kind):
        return plain(kind.value_type)
    if types.is_struct(kind):
        return pyarrow.struct([field.with_type(plain(field.type)) for field in kind])
    if types.is_map(kind):
        return pyarrow.map_(plain(kind.key_type), plain(kind.item_type))
    if types.is_fixed_size_list(kind):
        return pyarrow.list_(kind.value_field.with_type(plain(kind.value_type)), kind.list_size)
    if is_list(kind):
        return pyarrow.large_list(kind.value_field.with_type(plain(kind.value_type)))
    return pyarrow.large_string() if is_text(kind) else kind
