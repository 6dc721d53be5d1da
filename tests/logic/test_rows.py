"""A line is a conversation, or there is a word for why not."""

import json
from typing import Any

import pytest

from jobs.logic.rows import BAD_REASONS, MAX_DEPTH, BadRow, Message, conversation, parse_line, quoted_id

USER, ANSWER = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}


def line(messages: Any = (USER, ANSWER), **others: Any) -> str:
    return json.dumps({"messages": list(messages) if isinstance(messages, tuple) else messages, **others})


def read(text: str, last: bool = False) -> Any:
    return conversation(parse_line(text, last), "a.jsonl", 7)


def test_row() -> None:
    row = read(line(id="r1", source="s"))
    assert (row.id, row.source, row.messages) == ("r1", "s", [Message("user", "q"), Message("assistant", "a")])
    assert row.changes == {}
    assert row.as_dict() == {"id": "r1", "source": "s", "messages": [USER, ANSWER]}


def test_missing_id_is_the_place() -> None:
    assert read(line()).id == "a.jsonl:7"


@pytest.mark.parametrize("number", ["1234567890123456789012345678901", "1e30", "-5"])
def test_number_as_id_keeps_its_text(number: str) -> None:
    assert read(line(id="X").replace('"X"', number)).id == number


def test_role_in_other_case_and_parts_are_put_right() -> None:
    row = read(line(({"role": "User ", "content": [{"type": "text", "text": "q"}, "r"]}, ANSWER)))
    assert row.messages[0] == Message("user", "qr")
    assert sorted(row.changes) == ["parts", "role"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"messages": [}', "bad-json"),
        (line()[:-1] + ",}", "bad-json"),
        ('{"messages": [{"role": "us', "bad-json"),
        ('{"id": "a\x07"}', "control-character"),
        ('{"id": 1}\x00', "control-character"),
        (line(({"role": "user", "content": "a\x00b"}, ANSWER)), "control-character"),
        ('{"messages": 1, "messages": 2}', "duplicate-key"),
        ('{"score": NaN}', "not-a-number"),
        ('{"score": -Infinity}', "not-a-number"),
        ('{"score": 1e400}', "not-a-number"),
        (line(({"role": "user", "content": "\ud800"}, ANSWER)), "lone-surrogate"),
        ('{"x": ' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}", "too-deep"),
        ('{"x": ' + "[" * 100_000 + "]" * 100_000 + "}", "too-deep"),
        ("[1, 2, 3]", "not-an-object"),
        ('"text"', "not-an-object"),
        ("{}", "messages-missing"),
        ('{"conversations": []}', "messages-missing"),
        (line("hello"), "messages-type"),
        (line([]), "empty-conversation"),
        (line(["hello"]), "message-type"),
        (line(({"content": "q"}, ANSWER)), "role-missing"),
        (line(({"role": "usr", "content": "q"}, ANSWER)), "unknown-role"),
        (line(({"role": "tool", "content": "q"}, ANSWER)), "unknown-role"),
        (line((USER, {**ANSWER, "tool_calls": [{}]})), "tool-call"),
        (line(({"role": "user", "content": None}, ANSWER)), "content-null"),
        (line(({"role": "user"}, ANSWER)), "content-null"),
        (line(({"role": "user", "content": 5}, ANSWER)), "content-type"),
        (line(({"role": "user", "content": [{"type": "image_url"}]}, ANSWER)), "content-type"),
        (line((USER,)), "no-answer"),
        (line(({"role": "system", "content": "s"},)), "no-answer"),
        (line((USER, USER, ANSWER)), "role-order"),
        (line((USER, {"role": "system", "content": "s"}, ANSWER)), "role-order"),
        (line((ANSWER,)), "role-order"),
        (line((USER, ANSWER, USER)), "ends-without-answer"),
        (line(id=["a"]), "id-type"),
        (line(source={"a": 1}), "source-type"),
    ],
)
def test_bad_rows(text: str, reason: str) -> None:
    with pytest.raises(BadRow) as caught:
        read(text)
    assert caught.value.reason == reason
    assert reason in BAD_REASONS
    assert caught.value.evidence


def test_a_cut_last_line_is_told_from_a_typo() -> None:
    with pytest.raises(BadRow, match=r"truncated-json.*column"):
        read(line()[:-9], last=True)


def test_other_shapes_are_named() -> None:
    with pytest.raises(BadRow, match="Alpaca"):
        read('{"instruction": "q", "output": "a"}')


@pytest.mark.parametrize(("text", "found"), [('{"id": "r1", "mess', "r1"), ('{"id":12,', "12"), ("{", None)])
def test_quoted_id(text: str, found: str | None) -> None:
    assert quoted_id(text) == found
