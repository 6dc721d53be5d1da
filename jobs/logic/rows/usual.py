"""Rows as vendors and tools export them, turned into one of the usual shapes before anything else looks at them.

Gemini, Vertex     {"systemInstruction": ..., "contents": [{"role": "user", "parts": [{"text": "..."}]}, ...]}
Bedrock            {"system": [{"text": "..."}], "messages": [...]}
ChatGPT's export   {"mapping": {...}, "current_node": "..."}
ms-swift           {"query": "...", "response": "...", "history": [["...", "..."]]}
InternLM, Firefly  {"conversation": [{"input": "...", "output": "..."}, ...]}, also `human` and `assistant`
other keys         {"dialogue": [{"speaker": "user", "utterance": "..."}, ...]}
in a cell          {"messages": "[{\\"role\\": ...}]"}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jobs.logic.rows import chatgpt_export, column_names, json_text, pairs, role_names
from jobs.logic.rows.options import RowOptions
from jobs.logic.rows.strict_json import BadRow
from jobs.logic.rows.turns import OPENAI, SHAREGPT, is_spelled

TALKS = ("messages", "conversations", "conversation", "contents")
"""Columns that hold a list of turns."""
ALONE = ("dialogue", "dialogues", "dialog", "turns", "utterances", "chat", "会話", "対話", "対話履歴", "发言", "对话")
"""The same in a row without a column of a shape; beside one it is something that the row is about."""
MAYBE_TALKS = ("prompt", "completion", "chosen", "rejected", "preferred_output", "non_preferred_output", "history")
"""Columns that may hold one."""
SPEAKERS = ("role", "from", "author", "speaker", "sender", "話者", "発話者", "役割")
SAYINGS = ("content", "value", "text", "parts", "message", "utterance", "body", "発話", "本文", "内容")
EXCHANGES = (
    ("input", "output"),
    ("human", "assistant"),
    ("user", "assistant"),
    ("question", "answer"),
    ("user", "bot"),
)
SHAPED = frozenset((*TALKS, *MAYBE_TALKS, "instruction", "output", "query", "response", "question", "answer", "text"))
SYSTEMS = ("systemInstruction", "system_instruction", "system")
SIGNS = frozenset((*TALKS, *ALONE, *MAYBE_TALKS, *SYSTEMS, "mapping", "query", *pairs.LIKED, *pairs.WORSE))
"""Without one of these columns a row is as it is."""
ORDINARY = frozenset(("id", "source", "messages"))
"""The columns of most rows; with no others, and turns that are spelled as usual, there is nothing to look for."""


def usual(record: dict[str, Any], options: RowOptions) -> tuple[dict[str, Any], dict[str, str]]:
    """The row in a usual shape, and notes of what it was. Raises BadRow where it is none and what it is can be said."""
    notes: dict[str, str] = {}
    talk: Any = record.get("messages")
    if not options.roles and record.keys() <= ORDINARY and is_spelled(talk, OPENAI) and talk[0]["content"] is not None:
        return record, notes
    mapped = frozenset(options.columns.values())
    if not SIGNS.isdisjoint(record) or mapped:
        record = _opened(record, mapped, notes)
        if options.pairs == "preferred" and pairs.is_one(record):
            notes["pair"] = "the preferred side"
            record = pairs.preferred(record, mapped, options.marks)
        record = _known(record, mapped, notes)
    if options.roles:
        record = role_names.renamed(record, options.roles)
    return record, notes


def _opened(record: dict[str, Any], mapped: Iterable[str], notes: dict[str, str]) -> dict[str, Any]:
    """The row with the lists that stand in it as text."""
    found = record
    for column in {*TALKS, *MAYBE_TALKS, *mapped} & record.keys():
        value = record[column]
        if not isinstance(value, str) or value.lstrip()[:1] != "[":
            continue
        try:
            turns, how = json_text.opened(value, column)
        except BadRow:
            if column in TALKS:
                raise
            continue
        if column in (*TALKS, "history") or (turns and isinstance(turns[0], dict) and set(turns[0]) & set(SPEAKERS)):
            notes["json-text"] = how
            found = {**found, column: turns}
    return found


def _known(record: dict[str, Any], mapped: frozenset[str], notes: dict[str, str]) -> dict[str, Any]:
    if chatgpt_export.is_one(record) and "mapping" not in mapped:
        notes["format"] = "ChatGPT's export"
        rest = {
            key: value for key, value in record.items() if key not in ("mapping", "current_node", "conversation_id")
        }
        name = record.get("conversation_id", record.get("id"))
        return {**rest, **({"id": name} if name is not None else {}), "messages": chatgpt_export.messages(record)}
    if isinstance(record.get("contents"), list) and "contents" not in mapped and "messages" not in record:
        notes["format"] = "Gemini's contents"
        turns = [_user_if_unsaid(turn) for turn in record["contents"]]
        record = {**{key: value for key, value in record.items() if key != "contents"}, "messages": turns}
    if _is_swift(record) and not {"query", "response"} & mapped:
        notes["format"] = "ms-swift's query and response"
        return _swift(record)
    for column in (*TALKS, *(ALONE if SHAPED.isdisjoint(record) else ())):
        talk = record.get(column)
        if isinstance(talk, list) and talk and column not in mapped:
            record = _with_turns(record, column, talk, notes)
    return _with_system(record, mapped)


def _user_if_unsaid(turn: Any) -> Any:
    return {"role": "user", **turn} if isinstance(turn, dict) else turn


def _is_swift(record: Mapping[str, Any]) -> bool:
    others = ("messages", "conversations", "prompt", "instruction", "completion", "output")
    return (
        isinstance(record.get("query"), str)
        and isinstance(record.get("response"), str)
        and not any(name in record for name in others)
        and not any(column_names.plain(name) in column_names.CONTEXTS for name in record)
    )


def _swift(record: dict[str, Any]) -> dict[str, Any]:
    turns: list[dict[str, Any]] = []
    for pair in record.get("history") or []:
        if not isinstance(pair, list) or len(pair) != 2:
            raise BadRow("column-type", "an item of `history` is not a pair [query, response]")
        turns += _exchange(*pair)
    turns += _exchange(record["query"], record["response"])
    return {**{key: value for key, value in record.items() if key not in ("query", "response", "history")},
            "messages": turns}  # fmt: skip


def _exchange(asked: Any, answered: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]


def _with_turns(record: dict[str, Any], column: str, turns: list[Any], notes: dict[str, str]) -> dict[str, Any]:
    first = turns[0]
    if turns[1:] and isinstance(first, dict) and first.get("role") == "system" and first.get("content", "") is None:
        notes["format"] = "a system's turn of null"  # how a table of turns writes that there is none
        turns = turns[1:]
        record, first = {**record, column: turns}, turns[0]
    if not isinstance(first, dict) or is_spelled(turns, OPENAI) or is_spelled(turns, SHAREGPT):
        return record
    speaker = next((key for key in SPEAKERS if key in first), None)
    saying = next((key for key in SAYINGS if key in first), None)
    if speaker and saying:
        notes["format"] = f"turns of `{speaker}` and `{saying}`"
        named = [_named(turn, speaker, saying) for turn in turns]
        if speaker == "author" and isinstance(record.get("context"), str) and "system" not in record:
            record = {**{key: value for key, value in record.items() if key != "context"}, "system": record["context"]}
    elif speaker is None and (keys := next((keys for keys in EXCHANGES if set(keys) <= first.keys()), None)):
        notes["format"] = f"exchanges of `{keys[0]}` and `{keys[1]}`"
        named = [turn for item in turns for turn in _of_exchange(item, keys, column)]
    else:
        return record
    if "messages" in record and column != "messages":
        return record
    return {**{key: value for key, value in record.items() if key != column}, "messages": named}


def _named(turn: Any, speaker: str, saying: str) -> Any:
    if not isinstance(turn, dict):
        return turn
    rest = {key: value for key, value in turn.items() if key not in (speaker, saying)}
    return {"role": turn.get(speaker), "content": turn.get(saying), **rest}


def _of_exchange(item: Any, keys: tuple[str, str], column: str) -> list[dict[str, Any]]:
    if not isinstance(item, dict):
        raise BadRow("message-type", f"an item of `{column}` is no object")
    first = [{"role": "system", "content": item["system"]}] if item.get("system") else []
    return [*first, *_exchange(item.get(keys[0]), item.get(keys[1]))]


def _with_system(record: dict[str, Any], mapped: frozenset[str]) -> dict[str, Any]:
    """A system's text that stands in parts, or under Gemini's name for it, in the column `system`."""
    name = next((name for name in SYSTEMS if record.get(name) and name not in mapped), None)
    if name is None:
        return record
    value = record[name]
    if isinstance(value, dict) and isinstance(value.get("parts"), list):
        value = value["parts"]
    if isinstance(value, list) and all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in value):
        value = "\n\n".join(part["text"] for part in value)
    if name == "system" and value is record[name]:
        return record
    return {**{key: kept for key, kept in record.items() if key not in SYSTEMS}, "system": value}
