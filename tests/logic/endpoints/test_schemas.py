"""Answers against schemas, nothing mended; and schemas that a server would loosen."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.logic.endpoints.schemas import NotObeyed, loosened, value_of

SCORE: dict[str, Any] = {
    "type": "object",
    "properties": {"score": {"enum": [1, 2, "cannot say"]}, "why": {"type": "string"}},
    "required": ["score", "why"],
    "additionalProperties": False,
}


def test_an_answer_that_obeys_is_its_value() -> None:
    assert value_of(' {"score": 2, "why": "短い"}\n', SCORE) == {"score": 2, "why": "短い"}


@pytest.mark.parametrize(
    ("text", "failure", "said"),
    [
        ("", "unparsable", "Expecting value"),
        ("Sure! Here is the JSON", "unparsable", "Expecting value"),
        ('```json\n{"score": 2, "why": ""}\n```', "unparsable", "Expecting value"),
        ('{"score": 2, "why": "', "unparsable", "Unterminated string"),
        ('{"score": 2, "why": ""} and so on', "unparsable", "Extra data"),
        ('{"score": 1, "score": 2, "why": ""}', "unparsable", "a name stands twice"),
        ('{"score": NaN, "why": ""}', "unparsable", "NaN is no JSON"),
        ("[" * 100_000, "unparsable", "nested too deep"),
        ("{}", "schema", "'score' is a required property"),
        ('{"score": 3, "why": ""}', "schema", "['score']: 3 is not one of"),
        ('{"score": "2", "why": ""}', "schema", "['score']"),
        ('{"score": 2, "why": "", "more": 1}', "schema", "Additional properties"),
        ("null", "schema", "the answer: None is not of type 'object'"),
    ],
)
def test_an_answer_that_does_not_is_told(text: str, failure: str, said: str) -> None:
    with pytest.raises(NotObeyed) as no:
        value_of(text, SCORE)

    assert no.value.failure == failure
    assert said in no.value.evidence


@pytest.mark.parametrize(
    ("schema", "places"),
    [
        (SCORE, []),
        ({"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 3}, []),
        ({"anyOf": [{"const": 1}, {"type": "string"}]}, []),
        ({"type": "string", "pattern": "^a"}, ["schema.pattern"]),
        ({"type": "number", "minimum": 1, "multipleOf": 2}, ["schema.minimum", "schema.multipleOf"]),
        ({"type": "array", "items": {"type": "integer"}, "uniqueItems": True}, ["schema.uniqueItems"]),
        ({"type": "array", "items": {"type": "string", "format": "email"}}, ["schema[].format"]),
        ({"name": "answer", "schema": SCORE}, ["schema.name", "schema.schema", "schema: says no type"]),
        (
            {"type": "object", "properties": {"a": {"type": "string", "minLength": 1}}},
            [
                "schema: additionalProperties is not false",
                "schema: not every property is required",
                "schema.a.minLength",
            ],
        ),
    ],
)
def test_what_a_server_may_loosen_is_named(schema: dict[str, Any], places: list[str]) -> None:
    assert list(loosened(schema)) == places
