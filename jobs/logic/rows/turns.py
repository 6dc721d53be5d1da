"""From the turns of a dialogue, as a row spells them, to messages, or the reason why not."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from jobs.logic.row import Message, shown
from jobs.logic.rows import extras
from jobs.logic.rows.role_names import MEANT
from jobs.logic.rows.strict_json import BadRow, Number, kind_of

ROLES = ("system", "user", "assistant")
KNOWN = {**MEANT, **{role: role for role in ROLES}}
"""Every name of a speaker that needs no map, in small letters."""
TOOL_CALLS = ("function_call", "function-call", "tool_call", "tool-call", "tool_calls")
TOOLS = ("tool", "function", "observation", "ipython", "tool_response", "tool_result", "function_response")


TOOL_SCOPE = "tool calls are out of scope: take such rows out"
MEDIA_PARTS = ("image", "video", "audio")
"""Words that the types of such parts have in them: image_url, input_audio."""
DATA_KEYS = ("inlinedata", "inline_data", "filedata", "file_data", "document", "file")
"""Words of the keys and types that files have."""
TEXT_PARTS = ("", "text", "input_text", "output_text")
THOUGHT_PARTS = ("thinking", "reasoning", "thought")


class Spelling(NamedTuple):
    """How a shape spells a turn."""

    role: str
    """The key with the role."""
    content: str
    roles: Mapping[str, str]
    """Its names for roles to ours."""


OPENAI = Spelling("role", "content", {role: role for role in ROLES})
SHAREGPT = Spelling(
    "from",
    "value",
    {"human": "user", "gpt": "assistant", **{role: role for role in ROLES}},
)
SPELLINGS = (OPENAI, SHAREGPT)


def read(turns: Any, column: str, spelling: Spelling, changes: dict[str, str]) -> list[Message]:
    """The turns in `column`; what is put right in them is noted in `changes`. Raises BadRow."""
    if not isinstance(turns, list):
        way_out = "; a table cannot hold one: write JSON Lines" if str(turns)[:1] == "[" else ""
        raise BadRow("column-type", f"`{column}` is {kind_of(turns)}, expected a list of messages{way_out}")
    if not turns:
        raise BadRow("empty-conversation", f"`{column}` is an empty list")
    role_key, content_key, roles = spelling
    found = []
    for turn in turns:
        if type(turn) is dict and len(turn) == 2:
            role, content = turn.get(role_key), turn.get(content_key)
            if type(content) is str and type(role) is str and role in roles:
                found.append(Message(roles[role], content))
                continue
        found.append(_message(turn, f"message {len(found) + 1} of `{column}`", spelling, changes))
    return found


def is_spelled(value: Any, spelling: Spelling) -> bool:
    """Whether the value is a list whose first item is a turn."""
    first = value[0] if isinstance(value, list) and value else None
    return isinstance(first, dict) and spelling.role in first and spelling.content in first


def text(value: Any, where: str) -> str:
    """A value that must be text. Raises BadRow."""
    if value is None:
        raise BadRow("content-null", f"{where} is null or missing, expected text")
    if not isinstance(value, str) or isinstance(value, Number):
        raise BadRow("content-type", f"{where} is {kind_of(value)}, expected text")
    return value


def _message(turn: Any, where: str, spelling: Spelling, changes: dict[str, str]) -> Message:
    if not isinstance(turn, dict):
        raise BadRow("message-type", f"{where} is {kind_of(turn)}, expected an object")
    name = turn.get(spelling.role)
    if not isinstance(name, str) or isinstance(name, Number):
        raise BadRow("role-missing", f"{where} has no `{spelling.role}`, expected {_others(turn, spelling)}")
    role = _role(name, where, spelling)
    if name not in spelling.roles:
        changes["role"] = shown(name)
    if turn.get("tool_calls") or turn.get("function_call"):
        raise BadRow("tool-call", f"{where} calls tools; {TOOL_SCOPE}")
    content, thoughts = _content(turn.get(spelling.content), f"`{spelling.content}` of {where}", changes)
    if not thoughts and extras.TURN_KEYS.isdisjoint(turn):
        return Message(role, content)
    return extras.turn(role, content, turn, thoughts, where, changes)


def _role(name: str, where: str, spelling: Spelling) -> str:
    known = name.strip().lower()
    if known in KNOWN:
        return KNOWN[known]
    if known in TOOL_CALLS:
        raise BadRow("tool-call", f"{where} calls tools by its role {known!r}; {TOOL_SCOPE}")
    if known in TOOLS:
        raise BadRow("tool-role", f"{where} is a tool's answer by its role {known!r}; {TOOL_SCOPE}")
    names = tuple(spelling.roles)
    hint = _did_you_mean(known[:40], names)
    raise BadRow("unknown-role", f"{where} has the role {name[:40]!r}, expected one of {', '.join(names)}{hint}")


@lru_cache(maxsize=1024)
def _did_you_mean(name: str, names: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(name, names, 1)
    return f"; did you mean {close[0]}?" if close else ""


def _others(turn: dict[str, Any], spelling: Spelling) -> str:
    """The roles to choose from, or the other shape that the turn is spelled in."""
    if spelling is OPENAI and "from" in turn:
        return "`role` and `content`; `from` and `value` are of prepare.shape=sharegpt"
    if spelling is SHAREGPT and "role" in turn:
        return "`from` and `value`; `role` and `content` are of prepare.shape=messages"
    return f"one of {', '.join(spelling.roles)}"


def _content(content: Any, where: str, changes: dict[str, str]) -> tuple[str, str]:
    """What is said, and the thoughts that stand among its parts."""
    if not isinstance(content, list):
        return text(content, where), ""
    changes["parts"] = "a list of parts"
    parts = [_part(part, where) for part in content]
    said = "".join(text for text, is_thought in parts if not is_thought)
    return said, "\n\n".join(text for text, is_thought in parts if is_thought)


def _part(part: Any, where: str) -> tuple[str, bool]:
    """The text of a part, and whether it is thought and not said: OpenAI's, Anthropic's and Gemini's parts."""
    if not isinstance(part, dict):
        return _plain(part, "", where), False
    kind = str(part.get("type") or part.get("content_type") or "")
    if kind in THOUGHT_PARTS or part.get("thought") is True:
        said = next((part[key] for key in ("thinking", "reasoning", "text", "content") if part.get(key)), "")
        return _plain(said, kind, where), True
    _refuse_other(kind, part, where)
    if kind not in TEXT_PARTS:
        return _plain(None, kind, where), False
    said = part.get("text", part.get("value"))
    return _plain(said.get("value") if isinstance(said, dict) else said, kind, where), False


def _refuse_other(kind: str, part: Mapping[str, Any], where: str) -> None:
    """Raise BadRow for a part that is a picture, a file or a tool's."""
    keys = " ".join(key.lower() for key in part if part[key])
    if "tool" in kind or "function" in kind or "functioncall" in keys or "functionresponse" in keys:
        raise BadRow("tool-call", f"{where} has a part of a tool; {TOOL_SCOPE}")
    if kind in TEXT_PARTS and isinstance(part.get("text", part.get("value")), str | dict):
        return
    named = kind or next((key for key in part if any(word in key.lower() for word in DATA_KEYS)), "")
    if any(word in named.lower() for word in (*MEDIA_PARTS, *DATA_KEYS)):
        raise BadRow("content-type", f"{where} has a part that is not text: {named[:20]}, which is out of scope: "
                     "Qwen3 reads text; take such rows out")  # fmt: skip


def _plain(said: Any, kind: str, where: str) -> str:
    if not isinstance(said, str) or isinstance(said, Number):
        raise BadRow("content-type", f"{where} has a part that is not text{f': {kind[:20]}' if kind else ''}")
    return said
