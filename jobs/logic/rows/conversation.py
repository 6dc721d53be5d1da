"""From the object of one row to one conversation, or the reason why not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Literal

import orjson

from jobs.logic.row import Message, Row
from jobs.logic.rows import out_of_scope, shapes
from jobs.logic.rows.strict_json import (
    BadRow as BadRow,
    kind_of,
    parse_line as parse_line,
    quoted_id as quoted_id,
    record as record,
)
from jobs.logic.rows.turns import ROLES as ROLES
from jobs.logic.text.markup import INVISIBLE

BAD_REASONS = (
    "too-large",
    "encoding",
    "bad-json",
    "bad-csv",
    "truncated-json",
    "control-character",
    "duplicate-key",
    "not-a-number",
    "lone-surrogate",
    "too-deep",
    "not-an-object",
    "other-shape",
    "two-shapes",
    "preference-pair",
    "column-missing",
    "column-type",
    "empty-conversation",
    "message-type",
    "role-missing",
    "unknown-role",
    "tool-call",
    "tool-role",
    "zero-weight",
    "content-null",
    "content-type",
    "no-answer",
    "role-order",
    "ends-without-answer",
    "id-type",
    "source-type",
    "label-type",
    "duplicate-id",
)
"""Every word for a row that is not a conversation."""
DUPLICATE, NEAR_DUPLICATE = "duplicate", "near-duplicate"
"""The words for rows that say what an earlier one says."""
BETWEEN_SIDES = "between-sides"
"""The word for rows that are like training rows and like held-out rows."""
IN_EVALUATION = "in-evaluation"
"""The word for rows that say what a row of an evaluation file says."""
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
CONTROL_BYTES = bytes(code for code in range(128) if CONTROL.match(chr(code)))
EXCHANGE = ["user", "assistant"]
TEXT_OR_NULL = {str, type(None)}


@dataclass(frozen=True, slots=True)
class RowOptions:
    """How the rows of one file are read."""

    shape: str
    """A name of `shapes.SHAPES`."""
    columns: Mapping[str, str]
    """Our names for columns to the file's, where they differ."""
    last_user: Literal["refuse", "trim"]
    """What is done about turns at the end that nobody answers."""
    same_role: Literal["refuse", "join"]
    """What is done about turns of one role in a row."""
    control_characters: Literal["refuse", "strip"]
    detected: bool = False
    """The shape was told from the file's first rows: a row that has two shapes is then refused."""


STRICT = RowOptions("messages", {}, "refuse", "refuse", "refuse")
"""For rows that this program wrote, and wherever nothing may be put right."""


def conversation(
    data: Mapping[str, Any], file: str, line: int, options: RowOptions = STRICT, place: str | None = None
) -> Row:
    """The row in a parsed object. Raises BadRow where it is not a conversation to learn from.

    A row without an id is called by its file and `place` there, its line where that is not given.
    """
    changes: dict[str, str] = {}
    columns = options.columns
    out_of_scope.check(data, columns.values(), options.shape if options.detected else None)
    messages = shapes.messages(data, options.shape, columns, changes)
    out_of_scope.check_texts(messages)
    if options.detected:
        shapes.check_single(data, options.shape, columns)
    for number, message in enumerate(messages):
        if _has_control(message.content):
            messages[number] = _without_control(message, number, options, changes)
    if not _alternate(messages):
        messages = _put_in_order(messages, options, changes)
    identity = _name(data, "id", columns) or f"{file}:{place or line}"
    return Row(identity, _name(data, "source", columns), messages, file, line, changes, _name(data, "label", columns))


def stored(data: bytes, file: str, line: int) -> Row:
    """The row in one line of what `Row.as_dict` gives. Raises BadRow where it is no such line."""
    try:
        found = orjson.loads(data)
        messages = [Message(turn["role"], turn["content"]) for turn in found["messages"]]
        row = Row(found["id"], found["source"], messages, file, line, {}, found.get("label"))
        texts = {type(row.id), *(type(message.content) for message in messages)}
        if texts == {str} and {type(row.source), type(row.label)} <= TEXT_OR_NULL and _alternate(messages):
            return row
    except (orjson.JSONDecodeError, LookupError, TypeError):
        pass
    return conversation(record(data, 0, False), file, line, STRICT)


def _has_control(text: str) -> bool:
    if text.isascii():
        return len(text.encode().translate(None, CONTROL_BYTES)) != len(text)
    return CONTROL.search(text) is not None


def _without_control(message: Message, number: int, options: RowOptions, changes: dict[str, str]) -> Message:
    found = CONTROL.search(message.content)
    assert found is not None
    sign = f"U+{ord(found[0]):04X}"
    if options.control_characters == "refuse":
        raise BadRow("control-character", f"message {number + 1} has {sign} at character {found.start()}")
    changes["control-character"] = sign
    return Message(message.role, CONTROL.sub("", message.content))


def _alternate(messages: list[Message]) -> bool:
    """Whether an optional system's turn is followed by exchanges of user and assistant, and by nothing else."""
    roles = [message[0] for message in messages]
    talk = roles[1:] if roles[:1] == ["system"] else roles
    return bool(talk) and talk == EXCHANGE * (len(talk) // 2)


def _put_in_order(messages: list[Message], options: RowOptions, changes: dict[str, str]) -> list[Message]:
    """The turns joined and trimmed as the options allow. Raises BadRow where that is not enough."""
    roles = [message.role for message in messages]
    if "assistant" not in roles:
        raise BadRow("no-answer", f"there is no assistant message, only {', '.join(dict.fromkeys(roles))}")
    if options.same_role == "join":
        messages = _joined(messages, changes)
    if options.last_user == "trim" and messages[-1].role == "user":
        last = max(number for number, (role, _) in enumerate(messages) if role != "user")
        messages = messages[: last + 1]
        changes["last-user"] = f"message {len(messages) + 1} and what followed"
    _check_order([message.role for message in messages])
    return messages


def _joined(messages: list[Message], changes: dict[str, str]) -> list[Message]:
    """Turns in a row of one role as one, with blank lines between them."""
    found, number = [], 0
    for role, turns in groupby(messages, key=itemgetter(0)):
        contents = [content for _, content in turns]
        number += len(contents)
        found.append(Message(role, "\n\n".join(contents)))
        if len(contents) > 1:
            changes["same-role"] = f"messages {number - 1} and {number} are the {role}'s"
    return found


def _check_order(roles: list[str]) -> None:
    talk = roles[1:] if roles[0] == "system" else roles
    for number, role in enumerate(talk):
        expected = "user" if number % 2 == 0 else "assistant"
        if role != expected:
            place = number + 1 + len(roles) - len(talk)
            raise BadRow("role-order", f"message {place} is the {role}'s, expected the {expected}'s")
    if talk[-1] != "assistant":
        raise BadRow("ends-without-answer", "the last message is the user's, expected the assistant's")


def _name(data: Mapping[str, Any], name: str, columns: Mapping[str, str]) -> str | None:
    """A text or a number that tells a row by name: `id`, `source` or `label`."""
    column = columns.get(name, name)
    value = data.get(column)
    if value is None:
        return None
    if not isinstance(value, str):
        liked = f"; {out_of_scope.LIKED}" if name == "label" and isinstance(value, bool) else ""
        raise BadRow(f"{name}-type", f"`{column}` is {kind_of(value)}, expected text or a number{liked}")
    if not value.isprintable() and (CONTROL.search(value) or "\n" in value or INVISIBLE.search(value)):
        raise BadRow(f"{name}-type", f"`{column}` has control characters")
    return str(value).strip() or None
