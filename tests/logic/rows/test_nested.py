"""A tool's object becomes the row in it, and nobody chooses between two people's answers."""

from typing import Any

import pytest

from jobs.logic.rows.conversation import BadRow, RowOptions, conversation
from jobs.logic.rows.nested import flat
from jobs.logic.rows.reasons import BAD_REASONS
from jobs.logic.rows.shapes import detect


def label_studio(*answers: str, kind: str = "text", cancelled: bool = False, **data: str) -> dict[str, Any]:
    results = [[{"from_name": "answer", "to_name": "text", "value": {kind: [answer]}}] for answer in answers]
    annotations = [{"was_cancelled": cancelled, "result": result} for result in results]
    return {"id": "7", "data": data or {"text": "q"}, "annotations": annotations, "predictions": []}


def argilla(*responses: dict[str, Any]) -> dict[str, Any]:
    return {"id": "7", "fields": {"text": "q"}, "responses": {"answer": list(responses)}, "suggestions": {}}


@pytest.mark.parametrize(
    ("record", "talk"),
    [
        ({"row_idx": "0", "row": {"prompt": "q", "completion": "a"}, "truncated_cells": []}, "q|a"),
        (label_studio("a"), "q|a"),
        (label_studio("a", "a"), "q|a"),
        (label_studio("good", kind="choices"), "q|good"),
        (label_studio("a", question="q", context="c"), "q\n\nc|a"),
        (label_studio("a", anything="q"), "q|a"),
        (argilla({"value": "a", "user_id": "u"}), "q|a"),
        (argilla({"value": "b", "status": "draft"}, {"value": "a", "status": "submitted"}), "q|a"),
        (
            {"fields": {"text": "q"}, "responses": [{"values": {"answer": {"value": "a"}}, "status": "submitted"}]},
            "q|a",
        ),
        ({"text": "q", "answer": [{"value": "a", "status": "submitted"}], "external_id": None}, "q|a"),
        ({"_server_id": "s", "text": "q", "x.responses": ["a"], "x.responses.users": ["u"]}, "q|a"),
    ],
)
def test_the_row_in_an_object(record: dict[str, Any], talk: str) -> None:
    row = flat(record)
    found = detect([row], {})
    read = conversation(row, "a", 1, RowOptions(found.shape, found.columns, "refuse", "refuse", "refuse", True))
    assert "|".join(message.content for message in read.messages) == talk
    assert read.id == record.get("id", "a:1")


@pytest.mark.parametrize(
    ("record", "reason", "said"),
    [
        (
            {"row_idx": "0", "row": {"prompt": "q"}, "truncated_cells": ["prompt"]},
            "truncated-json",
            "cut prompt: fetch",
        ),
        (label_studio("a", "b"), "answers-differ", "several people answered otherwise"),
        (label_studio(), "no-answer", "nobody has answered it yet"),
        (label_studio("a", cancelled=True), "no-answer", "nobody has answered it yet"),
        (argilla({"value": "a", "status": "submitted"}, {"value": "b", "status": "submitted"}), "answers-differ", ""),
        (argilla({"value": "b", "status": "draft"}), "no-answer", "nobody has answered it yet"),
        (argilla(), "no-answer", "nobody has answered it yet"),
        ({"_server_id": "s", "text": "q", "x.responses": ["a", "b"]}, "answers-differ", "keep one answer"),
    ],
)
def test_what_has_not_one_answer_is_refused(record: dict[str, Any], reason: str, said: str) -> None:
    with pytest.raises(BadRow, match=f"{reason}: .*{said}"):
        flat(record)
    assert reason in BAD_REASONS


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": "q", "completion": "a"},
        {"row": {"prompt": "q"}, "prompt": "q", "completion": "a"},
        {"prompt": "q", "completion": "a", "annotations": ["x"], "data": "2024"},
        {"prompt": "q", "completion": "a", "external_id": "7", "notes": []},
    ],
)
def test_any_other_row_stays_as_it_is(record: dict[str, Any]) -> None:
    assert flat(record) is record
