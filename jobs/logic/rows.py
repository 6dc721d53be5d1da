"""From one line of JSON to one conversation, or the reason why not."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

BAD_REASONS = (
    "too-large",
    "encoding",
    "bad-json",
    "truncated-json",
    "control-character",
    "duplicate-key",
    "not-a-number",
    "lone-surrogate",
    "too-deep",
    "not-an-object",
    "messages-missing",
    "messages-type",
    "empty-conversation",
    "message-type",
    "role-missing",
    "unknown-role",
    "tool-call",
    "content-null",
    "content-type",
    "no-answer",
    "role-order",
    "ends-without-answer",
    "id-type",
    "source-type",
    "duplicate-id",
)
"""Every word for a line that is not a conversation."""
DUPLICATE, NEAR_DUPLICATE = "duplicate", "near-duplicate"
"""The words for rows that say what an earlier one says."""
ROLES = ("system", "user", "assistant")
MAX_DEPTH = 32
"""A conversation is four levels deep; parsers and printers give up near a thousand."""
EVIDENCE = 60
"""Characters."""
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
OTHER_SHAPES = {
    "conversations": "ShareGPT",
    "instruction": "Alpaca",
    "prompt": "prompt and completion",
    "text": "plain text",
}


class Message(NamedTuple):
    """One turn."""

    role: str
    content: str


@dataclass(slots=True)
class Row:
    """One conversation and where it came from."""

    id: str
    source: str | None
    messages: list[Message]
    file: str
    line: int
    changes: dict[str, str]
    """What was put right (`nfc`, `line-ends` ...) to a short piece of what stood there."""

    @property
    def answer(self) -> str:
        return self.messages[-1].content

    def as_dict(self) -> dict[str, Any]:
        """The row as training reads it."""
        messages = [{"role": role, "content": content} for role, content in self.messages]
        return {"id": self.id, "source": self.source, "messages": messages}

    def change_note(self) -> dict[str, Any]:
        """What was put right, for a person to look up."""
        return {"id": self.id, "file": self.file, "line": self.line, "changes": self.changes}


class Dropped(NamedTuple):
    """A row that training will not see."""

    id: str
    file: str
    line: int
    reason: str
    evidence: str


class BadRow(Exception):
    """A row that is not a conversation: `reason` is a word of the reason list, `evidence` what was seen."""

    def __init__(self, reason: str, evidence: str) -> None:
        super().__init__(f"{reason}: {evidence}")
        self.reason, self.evidence = reason, evidence


class Number(str):
    """A number kept as the text it was written in: an id of 30 digits must stay what it was."""


def parse_line(text: str, last: bool) -> dict[str, Any]:
    """The JSON object on one line. `last`: nothing follows it, so that a cut is told from a typo.

    Raises BadRow for anything that JSON forbids, that parsers disagree on, or that is not an object.
    """
    if "\0" in text:
        raise BadRow("control-character", f"raw U+0000 at column {text.index(chr(0)) + 1}")
    try:
        data = DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise BadRow(*_syntax(error, text, last)) from None
    except RecursionError:
        raise BadRow("too-deep", f"nested more than {MAX_DEPTH} levels") from None
    if not isinstance(data, dict):
        raise BadRow("not-an-object", f"a row is a JSON object, this is {_kind(data)}")
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(data) > MAX_DEPTH:
        raise BadRow("too-deep", f"nested more than {MAX_DEPTH} levels")
    if "\\u" in text:
        _refuse_surrogates(data)
    return data


def conversation(data: Mapping[str, Any], file: str, line: int) -> Row:
    """The row in a parsed object. Raises BadRow where the messages are not a conversation to learn from."""
    if "messages" not in data:
        raise BadRow("messages-missing", _shape_hint(data))
    turns = data["messages"]
    if not isinstance(turns, list):
        raise BadRow("messages-type", f"`messages` is {_kind(turns)}, expected a list")
    if not turns:
        raise BadRow("empty-conversation", "`messages` is an empty list")
    changes: dict[str, str] = {}
    messages = [_message(turn, number, changes) for number, turn in enumerate(turns, 1)]
    _check_order([message.role for message in messages])
    identity, source = _label(data, "id"), _label(data, "source")
    return Row(identity or f"{file}:{line}", source, messages, file, line, changes)


def quoted_id(text: str) -> str | None:
    """The id of a line that could not be parsed, as far as it can be seen."""
    found = re.search(r'"id"\s*:\s*(?:"([^"\\]{1,80})"|(-?[0-9]{1,40}))', text)
    return (found[1] or found[2]) if found else None


def shown(text: str) -> str:
    """One short line to show a person."""
    line = re.sub(r"\s+", " ", text[: EVIDENCE * 4])
    return line if len(line) <= EVIDENCE else f"{line[: EVIDENCE - 1]}…"


def _message(turn: Any, number: int, changes: dict[str, str]) -> Message:
    where = f"message {number}"
    if not isinstance(turn, dict):
        raise BadRow("message-type", f"{where} is {_kind(turn)}, expected an object")
    role = turn.get("role")
    if not isinstance(role, str) or isinstance(role, Number):
        raise BadRow("role-missing", f"{where} has no `role`, expected one of {', '.join(ROLES)}")
    known = role.strip().lower()
    if known not in ROLES:
        raise BadRow("unknown-role", f"{where} has the role {role[:40]!r}, expected one of {', '.join(ROLES)}")
    if known != role:
        changes["role"] = shown(role)
    if turn.get("tool_calls"):
        raise BadRow("tool-call", f"{where} calls tools, which no stage trains on")
    return Message(known, _content(turn.get("content"), where, changes))


def _content(content: Any, where: str, changes: dict[str, str]) -> str:
    if content is None:
        raise BadRow("content-null", f"{where} has no `content`")
    if isinstance(content, list):
        content = _joined_parts(content, where)
        changes["parts"] = "a list of parts"
    if not isinstance(content, str) or isinstance(content, Number):
        raise BadRow("content-type", f"{where}: `content` is {_kind(content)}, expected text")
    found = CONTROL.search(content)
    if found:
        raise BadRow("control-character", f"{where} has U+{ord(found[0]):04X} at character {found.start()}")
    return str(content)


def _joined_parts(parts: Sequence[Any], where: str) -> str:
    texts = []
    for part in parts:
        text = part.get("text") if isinstance(part, dict) and part.get("type", "text") == "text" else part
        if not isinstance(text, str) or isinstance(text, Number):
            raise BadRow("content-type", f"{where} has a content part that is not text")
        texts.append(text)
    return "".join(texts)


def _check_order(roles: list[str]) -> None:
    if "assistant" not in roles:
        raise BadRow("no-answer", f"there is no assistant message, only {', '.join(dict.fromkeys(roles))}")
    talk = roles[1:] if roles[0] == "system" else roles
    for number, role in enumerate(talk):
        expected = "user" if number % 2 == 0 else "assistant"
        if role != expected:
            place = number + 1 + len(roles) - len(talk)
            raise BadRow("role-order", f"message {place} is the {role}'s, expected the {expected}'s")
    if talk[-1] != "assistant":
        raise BadRow("ends-without-answer", "the last message is the user's, expected the assistant's")


def _label(data: Mapping[str, Any], name: str) -> str | None:
    value = data.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadRow(f"{name}-type", f"`{name}` is {_kind(value)}, expected text or a number")
    if CONTROL.search(value) or "\n" in value:
        raise BadRow(f"{name}-type", f"`{name}` has control characters")
    return str(value).strip() or None


def _shape_hint(data: Mapping[str, Any]) -> str:
    for column, shape in OTHER_SHAPES.items():
        if column in data:
            return f"there is no `messages`; with `{column}` it looks like the {shape} shape"
    return f"there is no `messages`, only {', '.join(list(data)[:6]) or 'nothing'}"


def _syntax(error: json.JSONDecodeError, text: str, last: bool) -> tuple[str, str]:
    at_end = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
    if error.msg.startswith("Invalid control character"):
        return "control-character", f"raw U+{ord(text[error.pos]):04X} at column {error.pos + 1}"
    if at_end and last:
        return "truncated-json", f"the file ends inside the row, column {error.pos + 1}: an unfinished download?"
    return "bad-json", f"column {error.pos + 1}: {error.msg}"


def _refuse_surrogates(data: dict[str, Any]) -> None:
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        code = ord(error.object[error.start])
        raise BadRow("lone-surrogate", f"U+{code:04X} is half a character and cannot be written as UTF-8") from None


def _depth(value: Any) -> int:
    """Levels below `value`, walked without recursion."""
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        item, level = waiting.pop()
        deepest = max(deepest, level)
        children = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        waiting.extend((child, level + 1) for child in children)
    return deepest


def _kind(value: Any) -> str:
    if isinstance(value, Number):
        return "a number"
    return {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}[type(value)]


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadRow("duplicate-key", f"the key {twice[:40]!r} stands twice in one object")
    return found


def _no_constant(word: str) -> NoReturn:
    raise BadRow("not-a-number", f"{word} is not JSON")


def _finite(text: str) -> Number:
    if float(text) in (float("inf"), float("-inf")):
        raise BadRow("not-a-number", f"{text[:20]} is too large for a number")
    return Number(text)


DECODER = json.JSONDecoder(
    object_pairs_hook=_unique_keys, parse_constant=_no_constant, parse_float=_finite, parse_int=Number
)
