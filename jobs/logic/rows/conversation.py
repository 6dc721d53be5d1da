"""From the object of one row to one conversation, or the reason why not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from types import MappingProxyType
from typing import Any

import orjson

from jobs.logic.row import Message, Row
from jobs.logic.rows import extras, out_of_scope, role_names, shapes, turns as row_turns
from jobs.logic.rows.options import RowOptions as RowOptions
from jobs.logic.rows.reasons import NOT_TO_LEARN
from jobs.logic.rows.strict_json import (
    BadRow as BadRow,
    kind_of,
    parse_line as parse_line,
    quoted_id as quoted_id,
    record as record,
)
from jobs.logic.rows.turns import ROLES as ROLES
from jobs.logic.text.markup import INVISIBLE

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
CONTROL_BYTES = bytes(code for code in range(128) if CONTROL.match(chr(code)))
LONGEST_LABEL = 40
"""Characters of a class that is the answer of its row."""
EXCHANGE = ["user", "assistant"]
MARKS = frozenset(extras.MARKS)
NOTHING: Mapping[str, str] = MappingProxyType({})
TEXT_OR_NULL = {str, type(None)}
WAYS_OUT: tuple[dict[str, Any], ...] = (
    {"same_role": "join"},
    {"last_user": "trim"},
    {"first_assistant": "keep"},
    {"same_role": "join", "last_user": "trim"},
    {"first_assistant": "keep", "last_user": "trim"},
    {"first_assistant": "keep", "same_role": "join"},
    {"first_assistant": "keep", "same_role": "join", "last_user": "trim"},
)
"""Settings that order the turns, the fewest first; named where they do."""


STRICT = RowOptions("messages", {}, "refuse", "refuse", "refuse")
"""For rows that this program wrote, and wherever nothing may be put right."""


def conversation(
    data: Mapping[str, Any],
    file: str,
    line: int,
    options: RowOptions = STRICT,
    place: str | None = None,
    notes: Mapping[str, str] = NOTHING,
) -> Row:
    """The row in a parsed object. Raises BadRow where it is not a conversation to learn from.

    A row without an id is called by its file and `place` there, its line where that is not given. `notes` say what was
    put right before.
    """
    changes = dict(notes)
    columns = options.columns
    out_of_scope.check(data, columns.values(), options.shape if options.detected else None)
    try:
        messages = shapes.messages(data, options.shape, columns, changes)
    except BadRow as bad:
        raise _with_roles(bad, data, options) from None
    extras.with_thoughts(data, columns, messages, changes)
    if not options.marks:
        messages = [Message(*message) for message in messages]
    elif not MARKS.isdisjoint(data):
        extras.with_marks(data, columns.values(), messages)
    out_of_scope.check_texts(messages)
    if options.detected:
        shapes.check_single(data, options.shape, columns)
    for number, message in enumerate(messages):
        if _has_control(message.content):
            messages[number] = _without_control(message, number, options, changes)
    if not _alternate(messages):
        messages = _put_in_order(messages, options, changes)
    unlearnt, thoughts = _extras(messages, changes)
    identity = _name(data, "id", columns) or f"{file}:{place or line}"
    source, label = _name(data, "source", columns), _name(data, "label", columns)
    return Row(identity, source, messages, file, line, changes, label, unlearnt, thoughts)


def stored(data: bytes, file: str, line: int) -> Row:
    """The row in one line of what `Row.as_dict` gives. Raises BadRow where it is no such line."""
    try:
        found = orjson.loads(data)
        turns = found["messages"]
        messages = [Message(turn["role"], turn["content"]) for turn in turns]
        row = Row(found["id"], found["source"], messages, file, line, {}, found.get("label"))
        texts = {type(row.id), *(type(message.content) for message in messages)}
        if (
            texts == {str}
            and {len(turn) for turn in turns} == {2}
            and {type(row.source), type(row.label)} <= TEXT_OR_NULL
            and _alternate(messages)
        ):
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
    return extras.like(message, CONTROL.sub("", message.content))


def _extras(messages: list[Message], changes: dict[str, str]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The places of answers that are not to be learnt, and of those with thoughts from a field; what stands behind the
    last answer to learn is taken off, for nothing of it is. Raises LeftOut where no answer is to be learnt."""
    if extras.Marked not in map(type, messages):
        return (), ()
    unlearnt = extras.unlearnt(messages)
    answers = [place for place, (role, _) in enumerate(messages) if role == "assistant"]
    learnt = [place for place in answers if place not in unlearnt]
    if not learnt:
        raise extras.LeftOut(NOT_TO_LEARN, f"{len(answers)} of {len(answers)} answers are marked not to be learnt")
    if learnt[-1] < answers[-1]:
        changes[NOT_TO_LEARN] = f"message {learnt[-1] + 2} and what followed"
        del messages[learnt[-1] + 1 :]
    thoughts = extras.with_field(messages)
    messages[:] = [Message(*message) for message in messages]
    return tuple(place for place in unlearnt if place < len(messages)), thoughts


def _alternate(messages: list[Message]) -> bool:
    """Whether an optional system's turn is followed by exchanges of user and assistant, and by nothing else."""
    roles = [message[0] for message in messages]
    talk = roles[1:] if roles[:1] == ["system"] else roles
    return bool(talk) and talk == EXCHANGE * (len(talk) // 2)


def _with_roles(bad: BadRow, data: Mapping[str, Any], options: RowOptions) -> BadRow:
    """Of a speaker that is not known also what to set, if the row can be read with it."""
    if bad.reason != "unknown-role":
        return bad
    for value in data.values():
        meant = role_names.way_out(value, row_turns.KNOWN) if isinstance(value, list) else None
        if meant is None:
            continue
        try:
            found = shapes.messages(role_names.renamed(data, meant), options.shape, options.columns, {})
            if not _alternate(found):
                _put_in_order(found, options, {})
        except BadRow:
            continue
        named = ",".join(f"{theirs}:{ours}" for theirs, ours in meant.items())
        return BadRow(bad.reason, f"{bad.evidence}; if they are meant so, set prepare.roles='{{{named}}}'")
    return BadRow(bad.reason, f"{bad.evidence}; say who is who with prepare.roles, theirs to ours")


def _put_in_order(messages: list[Message], options: RowOptions, changes: dict[str, str]) -> list[Message]:
    """The turns joined and trimmed as the options allow. Raises BadRow where that is not enough."""
    roles = [message.role for message in messages]
    if "assistant" not in roles:
        raise BadRow("no-answer", f"there is no assistant message, only {', '.join(dict.fromkeys(roles))}")
    try:
        return _ordered(messages, options, changes)
    except BadRow as bad:
        for ways in WAYS_OUT:
            try:
                _ordered(messages, replace(options, **ways), {})
            except BadRow:
                continue
            said = " ".join(f"prepare.turns.{name}={value}" for name, value in ways.items())
            choice = "it can be kept, be the system's or be cut: " if "first_assistant" in ways else ""
            raise BadRow(bad.reason, f"{bad.evidence}; {choice}set {said}") from None
        raise


def _ordered(messages: list[Message], options: RowOptions, changes: dict[str, str]) -> list[Message]:
    if options.same_role == "join":
        messages = _joined(messages, changes)
    if options.last_user == "trim" and messages[-1].role == "user":
        last = max(number for number, (role, _) in enumerate(messages) if role != "user")
        messages = messages[: last + 1]
        changes["last-user"] = f"message {len(messages) + 1} and what followed"
    begins = int(messages[0].role == "system")
    if options.first_assistant != "refuse" and [one.role for one in messages[begins:]][:1] == ["assistant"]:
        messages = _answered_first(messages, begins, options.first_assistant, changes)
    _check_order(messages)
    return messages


def _answered_first(messages: list[Message], begins: int, what: str, changes: dict[str, str]) -> list[Message]:
    """What an assistant says before anybody asked is read and not graded, or the system's, or taken off."""
    changes["first-assistant"] = what
    system, first, rest = messages[:begins], messages[begins], messages[begins + 1 :]
    if what == "keep":
        return [*system, extras.Marked.of("assistant", first.content, False, False), *rest]
    if what == "cut":
        return [*system, *rest]
    return [Message("system", "\n\n".join(message.content for message in (*system, first))), *rest]


def _joined(messages: list[Message], changes: dict[str, str]) -> list[Message]:
    """Turns in a row of one role as one, with blank lines between them."""
    found, number = [], 0
    for role, group in groupby(messages, key=itemgetter(0)):
        turns = list(group)
        number += len(turns)
        learn = {turn.learn if isinstance(turn, extras.Marked) else None for turn in turns}
        if role == "assistant" and False in learn and len(learn) > 1:
            raise BadRow("turn-mark", f"messages {number - 1} and {number} would be one, and one is not to be learnt")
        found.append(extras.like(turns[0], "\n\n".join(content for _, content in turns)))
        if len(turns) > 1:
            changes["same-role"] = f"messages {number - 1} and {number} are the {role}'s"
    return found


def _check_order(messages: list[Message]) -> None:
    """Raise BadRow where the turns do not alternate; an assistant may speak first where that is not to be learnt."""
    before = int(messages[0].role == "system")
    if messages[before:] and before in extras.unlearnt(messages):
        before += 1
    for number, message in enumerate(messages[before:]):
        expected = "user" if number % 2 == 0 else "assistant"
        if message.role != expected:
            raise BadRow(
                "role-order", f"message {before + number + 1} is the {message.role}'s, expected the {expected}'s"
            )
    if len(messages) <= before:
        raise BadRow("no-answer", "there is nothing behind the first assistant message")
    if messages[-1].role != "assistant":
        raise BadRow("ends-without-answer", "the last message is the user's, expected the assistant's")


def _name(data: Mapping[str, Any], name: str, columns: Mapping[str, str]) -> str | None:
    """A text or a number that tells a row by name: `id`, `source` or `label`."""
    column = columns.get(name, name)
    value = data.get(column)
    if value is None or (column == name and name not in columns and _is_taken(value, column, columns)):
        return None
    if not isinstance(value, str):
        liked = f"; {out_of_scope.LIKED}" if name == "label" and isinstance(value, bool) else ""
        raise BadRow(f"{name}-type", f"`{column}` is {kind_of(value)}, expected text or a number{liked}")
    if not value.isprintable() and (CONTROL.search(value) or "\n" in value or INVISIBLE.search(value)):
        raise BadRow(f"{name}-type", f"`{column}` has control characters")
    return str(value).strip() or None


def _is_taken(value: Any, column: str, columns: Mapping[str, str]) -> bool:
    """Whether a column is read as something else and says no name: `label` as the answer may still be a class."""
    is_name = column == "label" and isinstance(value, str) and len(value) <= LONGEST_LABEL and "\n" not in value
    return not is_name and column in columns.values()
