"""From the turns of a dialogue, as a row spells them, to messages, or the reason why not."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from jobs.logic.row import Message, shown
from jobs.logic.rows import extras
from jobs.logic.rows.strict_json import BadRow, Number, kind_of

ROLES = ("system", "user", "assistant")
ASSISTANTS = ("gpt", "assistant", "chatgpt", "bing", "bard")
"""Names that collections of shared dialogues give the one who answers."""
MEANT = {
    **dict.fromkeys(("gpt", "chatgpt", "bing", "bard", "model", "bot", "ai", "claude"), "assistant"),
    **dict.fromkeys(("human", "person", "prompter"), "user"),
    "developer": "system",
}
"""Names that a shape does not have to what is meant by them."""
TOOL_CALLS = ("function_call", "function-call", "tool_call", "tool-call", "tool_calls")
TOOLS = ("tool", "function", "observation", "ipython", "tool_response", "tool_result", "function_response")


TOOL_SCOPE = "tool calls are out of scope: take such rows out"
MEDIA_PARTS = ("image", "video", "audio")
"""Words that the types of such parts have in them: image_url, input_audio."""


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
    {"human": "user", "user": "user", "system": "system", **dict.fromkeys(ASSISTANTS, "assistant")},
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
    content = _content(turn.get(spelling.content), f"`{spelling.content}` of {where}", changes)
    if len(turn) == 2 or extras.TURN_KEYS.isdisjoint(turn):
        return Message(role, content)
    return extras.turn(role, content, turn, "", where, changes)


def _role(name: str, where: str, spelling: Spelling) -> str:
    known = name.strip().lower()
    if known in spelling.roles:
        return spelling.roles[known]
    if known in TOOL_CALLS:
        raise BadRow("tool-call", f"{where} calls tools by its role {known!r}; {TOOL_SCOPE}")
    if known in TOOLS:
        raise BadRow("tool-role", f"{where} is a tool's answer by its role {known!r}; {TOOL_SCOPE}")
    names = tuple(spelling.roles)
    hint = _did_you_mean(known[:40], names)
    raise BadRow("unknown-role", f"{where} has the role {name[:40]!r}, expected one of {', '.join(names)}{hint}")


@lru_cache(maxsize=1024)
def _did_you_mean(name: str, names: tuple[str, ...]) -> str:
    close = [MEANT[name]] if name in MEANT else difflib.get_close_matches(name, names, 1)
    return f"; did you mean {close[0]}?" if close else ""


def _others(turn: dict[str, Any], spelling: Spelling) -> str:
    """The roles to choose from, or the other shape that the turn is spelled in."""
    if spelling is OPENAI and "from" in turn:
        return "`role` and `content`; `from` and `value` are of prepare.shape=sharegpt"
    if spelling is SHAREGPT and "role" in turn:
        return "`from` and `value`; `role` and `content` are of prepare.shape=messages"
    return f"one of {', '.join(spelling.roles)}"


def _content(content: Any, where: str, changes: dict[str, str]) -> str:
    if isinstance(content, list):
        changes["parts"] = "a list of parts"
        return "".join(_part(part, where) for part in content)
    return text(content, where)


def _part(part: Any, where: str) -> str:
    said = part.get("text") if isinstance(part, dict) and part.get("type", "text") == "text" else part
    if not isinstance(said, str) or isinstance(said, Number):
        kind = str(part.get("type")) if isinstance(part, dict) else ""
        scope = ", which is out of scope: Qwen3 reads text; take such rows out"
        named = f": {kind[:20]}{scope}" if any(word in kind for word in MEDIA_PARTS) else ""
        raise BadRow("content-type", f"{where} has a part that is not text{named}")
    return said
