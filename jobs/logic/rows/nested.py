"""Rows that stand inside an object of a tool: the hub's viewer, Label Studio, Argilla.

What people answered becomes columns beside the texts that they were shown. Where several people answered otherwise,
nobody here chooses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jobs.logic.rows.strict_json import BadRow

VIEWER = frozenset(("row_idx", "row", "truncated_cells"))
MARKS = frozenset(("row_idx", "annotations", "fields", "external_id", "_server_id"))
"""A row without one of these columns is none of a tool's."""
RESPONSES = ".responses"
"""The end of a column's name in Argilla's flat rows."""
VALUES = ("choices", "text", "rating", "number", "datetime")
"""Kinds of answers in Label Studio that are texts or stand for one."""


class Answered(dict[str, Any]):
    """A row whose columns of answers are known."""

    answers: tuple[str, ...] = ()


def flat(record: dict[str, Any]) -> dict[str, Any]:
    """The row that a tool's object holds; any other row as it is.

    Raises BadRow where it was cut, or has no answer, or several.
    """
    if MARKS.isdisjoint(record):
        return record
    if record.keys() <= VIEWER and isinstance(record.get("row"), dict):
        if record.get("truncated_cells"):
            cut = ", ".join(map(str, record["truncated_cells"]))[:80]
            raise BadRow("truncated-json", f"the hub's viewer cut {cut}: fetch the data set itself")
        return dict(record["row"])
    data, annotations = record.get("data"), record.get("annotations")
    if isinstance(data, dict) and isinstance(annotations, list):
        return _answered(record, data, [_results(one) for one in annotations if _is_done(one)])
    fields = record.get("fields")
    if isinstance(fields, dict):
        return _answered(record, fields, _responses(record.get("responses")))
    columns = {name: value for name, value in record.items() if _are_responses(value)}
    for name, value in record.items():
        if name.endswith(RESPONSES) and isinstance(value, list):
            columns[name.removesuffix(RESPONSES)] = [{"value": one} for one in value]
    rest = {name: value for name, value in record.items() if name not in columns and not name.endswith(RESPONSES)}
    return _answered(record, rest, _responses(columns)) if columns else record


DIFFER = "several people answered otherwise: keep one answer, or take the row out"


def _answered(record: Mapping[str, Any], shown: Mapping[str, Any], answers: Sequence[Mapping[str, Any]]) -> Answered:
    """What was shown and what was answered, with the row's id. Raises BadRow unless there is one answer."""
    found: dict[str, Any] = {}
    for each in answers:
        for name, values in each.items():
            if found.setdefault(name, values) != values:
                raise BadRow("answers-differ", DIFFER)
    if not found:
        raise BadRow("no-answer", "nobody has answered it yet, or not with a text or a choice: take the row out")
    row = Answered({"id": record["id"], **shown} if record.get("id") is not None else shown)
    names = {name: name if name not in row else f"answered {name}" for name in found}
    row.update({names[name]: values for name, values in found.items()})
    row.answers = tuple(names.values())
    return row


def _is_done(annotation: Any) -> bool:
    return isinstance(annotation, dict) and not annotation.get("was_cancelled")


def _results(annotation: Mapping[str, Any]) -> dict[str, Any]:
    """The name of each control of Label Studio to the values that were given in it."""
    found: dict[str, list[Any]] = {}
    for result in annotation.get("result") or ():
        value = result.get("value") if isinstance(result, dict) else None
        kind = next((kind for kind in VALUES if isinstance(value, dict) and kind in value), None)
        if kind is not None and isinstance(value, dict) and "start" not in value:
            given = value[kind]
            found.setdefault(str(result.get("from_name")), []).extend(given if isinstance(given, list) else [given])
    return found


def _responses(responses: Any) -> list[dict[str, Any]]:
    """The answers of Argilla that were submitted, of one question each or of one person each."""
    found: list[dict[str, Any]] = []
    if isinstance(responses, dict):
        for name, each in responses.items():
            found += [{name: [one["value"]]} for one in each or () if _is_submitted(one) and "value" in one]
    elif isinstance(responses, list):
        for each in responses:
            values = each.get("values") if _is_submitted(each) else None
            if isinstance(values, dict):
                found.append({name: [one.get("value")] for name, one in values.items() if isinstance(one, dict)})
    return found


def _is_submitted(response: Any) -> bool:
    return isinstance(response, dict) and response.get("status", "submitted") == "submitted"


def _are_responses(value: Any) -> bool:
    """Whether a column holds what people answered to one question, as Argilla's data sets have it."""
    return isinstance(value, list) and bool(value) and all(_has_value(one) for one in value)


def _has_value(one: Any) -> bool:
    return isinstance(one, dict) and {"value", "status"} <= one.keys()


def answers(records: Iterable[Mapping[str, Any]]) -> list[str]:
    """The columns that hold answers, where a tool says so."""
    return list(dict.fromkeys(name for record in records if isinstance(record, Answered) for name in record.answers))
