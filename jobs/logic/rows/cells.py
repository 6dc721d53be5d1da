"""A value that a row has where a text is expected: a text, or what is written for one in tables and label tools."""

from __future__ import annotations

from typing import Any

from jobs.logic.row import shown
from jobs.logic.rows.strict_json import BadRow, Number, kind_of

AS_TEXT, ONE_OF_LIST = "number-as-text", "list-of-one"
"""Words for what was put right: a number, or true and false, became its text; a list of one text became that text."""

SQUAD = frozenset(("text", "answer_start"))
"""Keys of an answer in SQuAD's form: the texts that people marked, and where these stand in the context."""


def text(value: Any, where: str, changes: dict[str, str]) -> str:
    """The text of a value; what stood there instead is noted in `changes`. Raises BadRow for what is none.

    A number is the text it was written in, so that 5 and 5.0 stay apart.
    """
    if type(value) is str:
        return value
    if isinstance(value, list):
        return _only(value, where, changes)
    if isinstance(value, dict) and "text" in value and value.keys() <= SQUAD:
        return _only(_distinct(value["text"]), where, changes)
    if value is None:
        raise BadRow("content-null", f"{where} is null or missing, expected text")
    if isinstance(value, Number | bool):
        found = str(value).lower() if isinstance(value, bool) else str(value)
        changes[AS_TEXT] = found
        return found
    if not isinstance(value, str):
        raise BadRow("content-type", f"{where} is {kind_of(value)}, expected text")
    return value


def _distinct(values: Any) -> list[Any]:
    """The texts of a span that several people marked, each once."""
    return list(dict.fromkeys(map(str, values))) if isinstance(values, list) else [values]


def is_text(value: Any) -> bool:
    """Whether `text` would take the value and something is left."""
    try:
        return bool(text(value, "", {}).strip())
    except BadRow:
        return False


def _only(values: list[Any], where: str, changes: dict[str, str]) -> str:
    if len(values) != 1:
        num = f"a list of {len(values)} values" if values else "an empty list"
        raise BadRow("content-type", f"{where} is {num}, expected one text")
    if isinstance(values[0], list):
        raise BadRow("content-type", f"{where} is a list of lists, expected one text")
    found = text(values[0], where, changes)
    changes[ONE_OF_LIST] = shown(found)
    return found
