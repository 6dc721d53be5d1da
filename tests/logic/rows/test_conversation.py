"""A row is a conversation to learn from, or there is a word for why not."""

import json
from typing import Any

import pytest

from jobs.logic.row import Message, Row
from jobs.logic.rows.conversation import STRICT, BadRow, RowOptions, conversation, record, stored
from jobs.logic.rows.reasons import BAD_REASONS

USER, ANSWER = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}
SYSTEM = {"role": "system", "content": "s"}
TRIM = RowOptions("messages", {}, "trim", "refuse", "refuse")
JOIN = RowOptions("messages", {}, "refuse", "join", "refuse")
STRIP = RowOptions("messages", {}, "refuse", "refuse", "strip")


def line(messages: Any = (USER, ANSWER), **others: Any) -> bytes:
    return json.dumps({"messages": list(messages) if isinstance(messages, tuple) else messages, **others}).encode()


def read(data: bytes, options: RowOptions = STRICT) -> Row:
    return conversation(record(data, 0, False), "a.jsonl", 7, options)


def test_row() -> None:
    row = read(line(id="r1", source="s", label="京都"))
    assert (row.id, row.source, row.label) == ("r1", "s", "京都")
    assert row.messages == [Message("user", "q"), Message("assistant", "a")]
    assert row.changes == {}
    assert row.as_dict() == {"id": "r1", "source": "s", "label": "京都", "messages": [USER, ANSWER]}


def test_row_without_names() -> None:
    row = read(line(source="", label=None))
    assert row.id == "a.jsonl:7"
    assert row.as_dict() == {"id": "a.jsonl:7", "source": None, "messages": [USER, ANSWER]}


@pytest.mark.parametrize("number", ["1234567890123456789012345678901", "1e30", "-5", "0", "1.50"])
@pytest.mark.parametrize("name", ["id", "source", "label"])
def test_numbers_as_names_keep_their_text(name: str, number: str) -> None:
    row = read(line(**{name: "X"}).replace(b'"X"', number.encode()))
    assert getattr(row, name) == number
    assert type(getattr(row, name)) is str


def test_names_are_found_by_the_column_map() -> None:
    options = RowOptions("messages", {"id": "key", "source": "url"}, "refuse", "refuse", "refuse")
    row = read(line(id="not this", key=5, url=" https://example.org/1 "), options)
    assert (row.id, row.source) == ("5", "https://example.org/1")


def test_role_in_other_case_and_parts_are_put_right() -> None:
    row = read(line(({"role": "User ", "content": [{"type": "text", "text": "q"}, "r"]}, ANSWER)))
    assert row.messages[0] == Message("user", "qr")
    assert row.changes == {"role": "User ", "parts": "a list of parts"}


@pytest.mark.parametrize(
    ("messages", "options", "kept", "changes"),
    [
        ((USER, ANSWER, USER), TRIM, "qa", {"last-user": "message 3 and what followed"}),
        ((SYSTEM, USER, ANSWER, USER, USER), TRIM, "sqa", {"last-user": "message 4 and what followed"}),
        ((USER, USER, ANSWER), JOIN, "q\n\nqa", {"same-role": "messages 1 and 2 are the user's"}),
        ((USER, ANSWER, ANSWER), JOIN, "qa\n\na", {"same-role": "messages 2 and 3 are the assistant's"}),
        (
            (USER, {"role": "assistant", "content": "一\x07二\x00\t三\n"}),
            STRIP,
            "q一二\t三\n",
            {"control-character": "U+0007"},
        ),
        ((USER, {"role": "assistant", "content": "a\x7fb\x1b[0m"}), STRIP, "qab[0m", {"control-character": "U+007F"}),
    ],
)
def test_what_options_put_right(messages: Any, options: RowOptions, kept: str, changes: dict[str, str]) -> None:
    row = read(line(messages), options)
    assert "".join(content for _, content in row.messages) == kept
    assert row.changes == changes
    with pytest.raises(BadRow):
        read(line(messages))


@pytest.mark.parametrize(
    ("messages", "options", "reason"),
    [
        ((USER, USER, ANSWER), TRIM, "role-order"),
        ((USER, ANSWER, USER), JOIN, "ends-without-answer"),
        ((USER,), TRIM, "no-answer"),
        ((SYSTEM, USER, USER), JOIN, "no-answer"),
        ((USER, SYSTEM, ANSWER), JOIN, "role-order"),
        ((ANSWER, USER), TRIM, "role-order"),
        ((USER, ANSWER, SYSTEM), TRIM, "role-order"),
    ],
)
def test_what_options_do_not_put_right(messages: Any, options: RowOptions, reason: str) -> None:
    with pytest.raises(BadRow, match=reason):
        read(line(messages), options)


def test_both_kinds_of_turns_at_once() -> None:
    options = RowOptions("messages", {}, "trim", "join", "refuse")
    row = read(line((USER, USER, ANSWER, USER, USER)), options)
    assert row.messages == [Message("user", "q\n\nq"), Message("assistant", "a")]
    assert sorted(row.changes) == ["last-user", "same-role"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (line("hello"), "column-type"),
        (line([]), "empty-conversation"),
        (line(["hello"]), "message-type"),
        (line(({"content": "q"}, ANSWER)), "role-missing"),
        (line(({"role": 5, "content": "q"}, ANSWER)), "role-missing"),
        (line(({"role": ["user"], "content": "q"}, ANSWER)), "role-missing"),
        (line(({"role": "usr", "content": "q"}, ANSWER)), "unknown-role"),
        (line((USER, {"role": "tool", "content": "42"}, ANSWER)), "tool-role"),
        (line((USER, {**ANSWER, "tool_calls": [{}]}, {"role": "tool", "content": "42"}, ANSWER)), "tool-call"),
        (line((USER, {**ANSWER, "function_call": {"name": "f"}})), "tool-call"),
        (line((USER, {**ANSWER, "weight": 0.5}, USER, ANSWER)), "turn-mark"),
        (line((USER, {**ANSWER, "reasoning": "r", "thinking": "t"})), "two-thoughts"),
        (line(({"role": "user", "content": None}, ANSWER)), "content-null"),
        (line(({"role": "user"}, ANSWER)), "content-null"),
        (line(({"role": "user", "content": 5}, ANSWER)), "content-type"),
        (line(({"role": "user", "content": {"text": "q"}}, ANSWER)), "content-type"),
        (line(({"role": "user", "content": [{"type": "image_url"}]}, ANSWER)), "content-type"),
        (line(({"role": "user", "content": ["q", 5]}, ANSWER)), "content-type"),
        (line(({"role": "user", "content": "a\x00b"}, ANSWER)), "control-character"),
        (line(({"role": "user", "content": "題\x1b"}, ANSWER)), "control-character"),
        (line((USER,)), "no-answer"),
        (line((SYSTEM,)), "no-answer"),
        (line((USER, USER, ANSWER)), "role-order"),
        (line((USER, SYSTEM, ANSWER)), "role-order"),
        (line((SYSTEM, SYSTEM, USER, ANSWER)), "role-order"),
        (line((ANSWER,)), "role-order"),
        (line((SYSTEM, ANSWER)), "role-order"),
        (line((USER, ANSWER, USER)), "ends-without-answer"),
        (line(id=["a"]), "id-type"),
        (line(id=True), "id-type"),
        (line(id="a\nb"), "id-type"),
        (line(source={"a": 1}), "source-type"),
        (line(source="a\x07"), "source-type"),
        (line(label=[1, 0]), "label-type"),
    ],
)
def test_bad_rows(data: bytes, reason: str) -> None:
    with pytest.raises(BadRow) as caught:
        read(data)
    assert caught.value.reason == reason
    assert reason in BAD_REASONS
    assert caught.value.evidence


@pytest.mark.parametrize(
    ("role", "said"),
    [
        ("usr", "expected one of system, user, assistant; did you mean user?"),
        ("詩人", "expected one of system, user, assistant; if they are meant so, set prepare.roles='{詩人:user}'"),
        ("Dr. No", "expected one of system, user, assistant; say who is who with prepare.roles, theirs to ours"),
    ],
)
def test_roles_are_explained(role: str, said: str) -> None:
    with pytest.raises(BadRow, match=said.replace("?", r"\?")):
        read(line(({"role": role, "content": "q"}, ANSWER)))


def test_harmless_keys_of_a_turn_are_let_be() -> None:
    answer = {**ANSWER, "tool_calls": None, "name": "n", "weight": 1}
    assert read(line(({**USER, "weight": 0}, answer))).as_dict()["messages"] == [USER, ANSWER]


def test_stored_rows_are_read_back() -> None:
    for names in ({}, {"id": "r1", "source": "s", "label": "題"}):
        row = read(line((SYSTEM, USER, ANSWER, USER, {"role": "assistant", "content": "一\n\u3000\u2028二"}), **names))
        data = json.dumps(row.as_dict(), ensure_ascii=False).encode()
        assert stored(data, "a.jsonl", 7) == row


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (line((USER, USER), id="r", source=None), "no-answer"),
        (line(({"role": "user", "content": 5}, ANSWER), id="r", source=None), "content-type"),
        (b'{"id": "r", "source": null, "messages": [', "bad-json"),
        (b"[]", "not-an-object"),
        (b'{"id": "r", "source": null, "messages": []}', "empty-conversation"),
        (b'{"id": "r", "source": null}', "column-missing"),
        (line(id="r", source=[1]), "source-type"),
        (line(id="r", source="s", label={}), "label-type"),
    ],
)
def test_stored_rows_that_were_changed(data: bytes, reason: str) -> None:
    with pytest.raises(BadRow, match=reason):
        stored(data, "train.jsonl", 1)
