"""Rows as vendors and tools export them come out as the conversation that they are, or are named."""

import json
from dataclasses import replace
from typing import Any

import pytest

from jobs.logic.row import Message, Row
from jobs.logic.rows import shapes
from jobs.logic.rows.conversation import BadRow, RowOptions, conversation, record, stored
from jobs.logic.rows.role_names import MEANT
from jobs.logic.rows.usual import usual

USER, ANSWER = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}
TURNS = [USER, ANSWER]
PLAIN = RowOptions("auto", {}, "refuse", "refuse", "refuse", True)
SAID = [("user", "q"), ("assistant", "a")]


def read(row: dict[str, Any], **changes: Any) -> Row:
    options = replace(PLAIN, **changes)
    found, notes = usual(record(json.dumps(row).encode(), 0, False), options)
    shape = shapes.detect([found], options.columns).shape
    return conversation(found, "a", 1, replace(options, shape=shape), None, notes)


def said(row: dict[str, Any], **changes: Any) -> list[tuple[str, str]]:
    return [tuple(message) for message in read(row, **changes).messages]


def refused(row: dict[str, Any], **changes: Any) -> str:
    with pytest.raises(BadRow) as caught:
        read(row, **changes)
    return str(caught.value)


def node(role: str, content: Any, parent: str | None, **more: Any) -> dict[str, Any]:
    kind = content if isinstance(content, dict) else {"content_type": "text", "parts": [content]}
    return {"parent": parent, "message": {"author": {"role": role}, "content": kind, "recipient": "all", **more}}


THOUGHTS = {"content_type": "thoughts", "thoughts": [{"summary": "s", "content": "t"}]}
EXPORT: dict[str, Any] = {
    "title": "t",
    "conversation_id": "c1",
    "current_node": "a",
    "mapping": {
        "root": {"parent": None, "message": None},
        "s": node("system", "", "root", weight=0),
        "u": node("user", "q", "s"),
        "other": node("assistant", "another branch", "u"),
        "a": node("assistant", "a", "u"),
    },
}


@pytest.mark.parametrize(
    "row",
    [
        {"contents": [{"role": "user", "parts": [{"text": "q"}]}, {"role": "model", "parts": [{"text": "a"}]}]},
        {"contents": [{"parts": [{"text": "q"}]}, {"role": "model", "parts": [{"text": "a"}]}], "labels": {"a": "b"}},
        {"messages": [{"role": "user", "parts": ["q"]}, {"role": "model", "parts": ["a"]}]},
        {"query": "q", "response": "a"},
        {"query": "q", "response": "a", "history": None},
        {"conversation": [{"input": "q", "output": "a"}]},
        {"conversation": [{"human": "q", "assistant": "a"}]},
        {"conversations": [{"user": "q", "assistant": "a"}]},
        {"messages": [{"author": "user", "content": "q"}, {"author": "bot", "content": "a"}]},
        {"messages": [{"speaker": "ユーザー", "text": "q"}, {"speaker": "アシスタント", "text": "a"}]},
        {"dialogue": [{"speaker": "user", "utterance": "q"}, {"speaker": "bot", "utterance": "a"}]},
        {"対話": [{"話者": "利用者", "発話": "q"}, {"話者": "ボット", "発話": "a"}]},
        {"messages": [{"role": "system", "content": None}, *TURNS]},
        {"conversations": [{"from": "user", "value": "q"}, {"from": "Chatbot", "value": "a"}]},
        {"messages": json.dumps(TURNS)},
        {"conversations": json.dumps([{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}])},
        {"messages": str(TURNS)},
        {"prompt": json.dumps([USER]), "completion": json.dumps([ANSWER])},
        {"messages": [USER, {"role": "assistant", "content": [{"type": "output_text", "text": "a"}]}]},
        {"messages": [USER, {"role": "assistant", "content": [{"type": "text", "value": "a"}]}]},
        {"messages": [USER, {"role": "assistant", "content": [{"type": "text", "text": {"value": "a"}}]}]},
        {"messages": [USER, {"role": "assistant", "content": [{"text": "a", "type": "text", "image_url": None}]}]},
        EXPORT,
    ],
)
def test_what_vendors_write(row: dict[str, Any]) -> None:
    assert said(row) == SAID


@pytest.mark.parametrize(
    "row",
    [
        {"systemInstruction": {"parts": [{"text": "s"}]}, "contents": [{"role": "user", "parts": [{"text": "q"}]},
                                                                       {"role": "model", "parts": [{"text": "a"}]}]},
        {"system_instruction": "s", "messages": TURNS},
        {"system": [{"text": "s"}], "messages": TURNS},
        {"system": "s", "query": "q", "response": "a"},
        {"conversation": [{"system": "s", "input": "q", "output": "a"}]},
        {"context": "s", "messages": [{"author": "user", "content": "q"}, {"author": "bot", "content": "a"}]},
        {**EXPORT, "mapping": {**EXPORT["mapping"], "s": node("system", "s", "root", weight=0)}},
    ],
)  # fmt: skip
def test_what_vendors_call_the_system(row: dict[str, Any]) -> None:
    assert said(row) == [("system", "s"), *SAID]


def test_turns_that_came_before() -> None:
    assert said({"query": "q", "response": "a", "history": [["b", "c"]]}) == [("user", "b"), ("assistant", "c"), *SAID]
    assert "`history` is not a pair" in refused({"query": "q", "response": "a", "history": [["b"]]})
    exchanges = [{"input": "b", "output": "c"}, {"input": "q", "output": "a"}]
    assert said({"conversation": exchanges}) == [("user", "b"), ("assistant", "c"), *SAID]


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [USER, {"role": "assistant", "content": [{"type": "thinking", "thinking": "t", "signature": "x"},
                                                              {"type": "text", "text": "a"}]}]},
        {"contents": [{"role": "user", "parts": [{"text": "q"}]},
                      {"role": "model", "parts": [{"text": "t", "thought": True}, {"text": "a"}]}]},
        {**EXPORT, "mapping": {**EXPORT["mapping"], "a": node("assistant", "a", "t"),
                               "t": node("assistant", THOUGHTS, "u")}},
    ],
)  # fmt: skip
def test_thoughts_among_the_parts(row: dict[str, Any]) -> None:
    found = read(row)
    assert (found.messages[-1].content, found.thoughts) == ("<think>\nt\n</think>\n\na", (1,))


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ({"type": "image_url", "image_url": {"url": "x"}}, "content-type"),
        ({"type": "image", "source": {"data": "x"}}, "content-type"),
        ({"inlineData": {"mimeType": "image/png"}}, "content-type"),
        ({"fileData": {"fileUri": "gs://a"}}, "content-type"),
        ({"type": "document", "source": {}}, "content-type"),
        ({"type": "input_audio"}, "content-type"),
        ({"type": "tool_use", "name": "f", "input": {}}, "tool-call"),
        ({"type": "tool_result", "content": "4"}, "tool-call"),
        ({"functionCall": {"name": "f"}}, "tool-call"),
    ],
)
def test_parts_that_are_no_text_are_out_of_scope(part: dict[str, Any], reason: str) -> None:
    found = refused({"messages": [{"role": "user", "content": [{"type": "text", "text": "q"}, part]}, ANSWER]})
    assert found.startswith(f"{reason}: `content` of message 1")
    assert "out of scope" in found


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("[{'role': 'user', 'content': 'it\\'s \"q\"'}, {'role': 'assistant', 'content': \"a's\"}]", "Python"),
        ('[{"role": "user", "content": "it\'s \\"q\\""}, {"role": "assistant", "content": "a\'s"}]', "JSON"),
    ],
)
def test_lists_in_a_text(text: str, how: str) -> None:
    found = read({"messages": text})
    assert [message.content for message in found.messages] == ['it\'s "q"', "a's"]
    assert how in found.changes["json-text"]


@pytest.mark.parametrize(
    "text",
    [
        "[{'role': 'user', 'content': 'q'}\n {'role': 'assistant', 'content': 'a'}]",
        "[{'role': 'user', 'content': 'q' 'r'}]",
        "[{'role': __import__('os').name}]",
        "[{'role': 'user', 'role': 'user'}]",
        "[" * 50 + "]" * 50,
        "[1, 2",
    ],
)
def test_a_text_that_may_be_a_list_and_is_none_is_named(text: str) -> None:
    found = refused({"messages": text})
    assert found.startswith("column-type: `messages` is a text that begins like a list and is no JSON")
    assert "orient='records', lines=True" in found


def test_a_bracket_in_an_answer_is_text() -> None:
    row = {"prompt": "[a] b", "completion": "[1, 2]"}
    assert said(row) == [("user", "[a] b"), ("assistant", "[1, 2]")]


@pytest.mark.parametrize(("name", "role"), MEANT.items())
def test_names_that_need_no_map(name: str, role: str) -> None:
    others = [USER, ANSWER] if role == "system" else [ANSWER] if role == "user" else []
    asked = [] if role != "assistant" else [USER]
    for spelled in (name, name.upper()):
        row = {"messages": [*asked, {"role": spelled, "content": "x"}, *others]}
        assert read(row).messages[len(asked)] == Message(role, "x")


def test_the_map_of_roles_that_is_named_works() -> None:
    row = {"messages": [{"role": "Customer", "content": "q"}, {"role": "agent", "content": "a"}]}
    assert refused(row).endswith("set prepare.roles='{Customer:user,agent:assistant}'")
    found = read(row, roles={"Customer": "user", "agent": "assistant"})
    assert ([tuple(message) for message in found.messages], found.changes) == (SAID, {})
    sharegpt = {"conversations": [{"from": "customer", "value": "q"}, {"from": "gpt", "value": "a"}]}
    assert refused(sharegpt).endswith("set prepare.roles='{customer:user}'")
    assert said(sharegpt, roles={"CUSTOMER": "user"}) == SAID


@pytest.mark.parametrize(
    ("turns", "way_out", "options"),
    [
        ("uua", "prepare.turns.same_role=join", {"same_role": "join"}),
        ("uaa", "prepare.turns.same_role=join", {"same_role": "join"}),
        ("uau", "prepare.turns.last_user=trim", {"last_user": "trim"}),
        ("uuau", "prepare.turns.same_role=join prepare.turns.last_user=trim",
         {"same_role": "join", "last_user": "trim"}),
        ("aua", "be the system's or be cut: set prepare.turns.first_assistant=keep", {"first_assistant": "keep"}),
        ("sauau", "set prepare.turns.first_assistant=keep prepare.turns.last_user=trim",
         {"first_assistant": "cut", "last_user": "trim"}),
        ("usa", "expected the assistant's", None),
    ],
)  # fmt: skip
def test_turns_out_of_order_name_their_way_out(turns: str, way_out: str, options: dict[str, Any] | None) -> None:
    roles = {"u": "user", "a": "assistant", "s": "system"}
    row = {"messages": [{"role": roles[turn], "content": turn} for turn in turns]}
    assert refused(row).endswith(way_out)
    if options:
        assert read(row, **options).messages


@pytest.mark.parametrize(
    ("what", "kept", "unlearnt"),
    [
        ("keep", [("assistant", "hello"), *SAID], (0,)),
        ("system", [("system", "hello"), *SAID], ()),
        ("cut", SAID, ()),
    ],
)
def test_an_assistant_that_speaks_first(what: str, kept: list[tuple[str, str]], unlearnt: tuple[int]) -> None:
    row = read({"messages": [{"role": "assistant", "content": "hello"}, *TURNS]}, first_assistant=what)
    assert ([tuple(message) for message in row.messages], row.unlearnt) == (kept, unlearnt)
    assert row.changes == {"first-assistant": what}
    again = stored(json.dumps(row.as_dict()).encode(), "a", 1)
    assert (again.messages, again.unlearnt) == (row.messages, row.unlearnt)
    behind = {"messages": [{"role": "system", "content": "s"}, {"role": "assistant", "content": "hello"}, *TURNS]}
    expected = {
        "keep": [("system", "s"), *kept],
        "system": [("system", "s\n\nhello"), *SAID],
        "cut": [("system", "s"), *SAID],
    }
    assert said(behind, first_assistant=what) == expected[what]


def test_the_export_of_chatgpt() -> None:
    row = read(EXPORT)
    assert (row.id, row.changes) == ("c1", {"format": "ChatGPT's export", "parts": "a list of parts"})
    nodes = EXPORT["mapping"]
    called = {**EXPORT, "mapping": {**nodes, "a": node("assistant", "a", "u", recipient="python")}}
    assert refused(called).startswith("tool-call")
    tool = {**EXPORT, "mapping": {**nodes, "a": node("assistant", "a", "t"), "t": node("tool", "x", "u")}}
    assert refused(tool).startswith("tool-call")
    lost = {**EXPORT, "mapping": {**nodes, "a": node("assistant", "a", "nowhere")}}
    assert "no way from `current_node`" in refused(lost)
    circle = {**EXPORT, "mapping": {**nodes, "u": node("user", "q", "a")}}
    assert "no way from `current_node`" in refused(circle)


def test_usual_rows_are_what_they_were() -> None:
    for row in (
        {"messages": TURNS, "id": "a"},
        {"prompt": "q", "completion": "a"},
        {"instruction": "q", "output": "a"},
    ):
        parsed = record(json.dumps(row).encode(), 0, False)
        assert usual(parsed, PLAIN) == (row, {})


def test_columns_that_a_person_has_named_are_let_be() -> None:
    row = {"query": "q", "response": "a", "text": "b"}
    assert said(row, columns={"prompt": "query", "completion": "text"}) == [("user", "q"), ("assistant", "b")]


@pytest.mark.parametrize(
    "row",
    [
        {"instruction": "q", "output": "a", "dialogue": [{"speaker": "Ann", "text": "hi"}]},
        {"prompt": "q", "completion": "a", "turns": [{"speaker": "Ann", "text": "hi"}]},
        {"prompt": "q", "completion": "a", "dialogue": "[laughs] hi"},
        {"messages": TURNS, "chat": "[1] see"},
    ],
)
def test_a_talk_that_a_row_is_about_is_not_the_row(row: dict[str, Any]) -> None:
    assert usual(dict(row), PLAIN)[0] == row


def test_many_turns_of_nobody_are_no_depth() -> None:
    row = {"messages": [{"role": "system", "content": None}] * 3000 + TURNS}
    assert "null" in refused(row)
