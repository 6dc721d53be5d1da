"""Who speaks: the names that collections and exports have for system, user and assistant, in any case."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

MEANT = {
    **dict.fromkeys((
        "gpt", "chatgpt", "bing", "bard", "model", "bot", "chatbot", "ai", "claude", "gemini", "llm", "ai assistant",
        "アシスタント", "チャットボット", "ボット", "aiアシスタント", "助手", "机器人", "機器人", "客服", "어시스턴트",
    ), "assistant"),
    **dict.fromkeys((
        "human", "person", "prompter", "ユーザー", "ユーザ", "利用者", "人間", "用户", "用戶", "使用者", "人类",
        "사용자",
    ), "user"),
    **dict.fromkeys(("developer", "システム", "系统", "系統", "시스템"), "system"),
}  # fmt: skip
"""Names that mean one role wherever they stand; `customer`, `agent` or a person's name do not."""
SPEAKERS = ("role", "from")
"""Keys that a turn has its speaker under."""
PLAIN = re.compile(r"[\w-]{1,40}")
"""Names that need no quotes in an override."""


def renamed(record: Mapping[str, Any], roles: Mapping[str, str]) -> dict[str, Any]:
    """The row with the speakers of its lists called as `roles` says, theirs to ours."""
    known = {name.strip().lower(): role for name, role in roles.items()}
    return {column: _renamed(value, known) if isinstance(value, list) else value for column, value in record.items()}


def way_out(turns: Sequence[Any], known: Mapping[str, str]) -> dict[str, str] | None:
    """Which role each unknown speaker of a conversation has: who speaks first asks and who speaks last answers.

    None where that is not plain: one or two unknown names are, each of which then has one role.
    """
    said = [turn.get(key) for turn in turns if isinstance(turn, dict) for key in SPEAKERS if key in turn]
    names = [name for name in said if isinstance(name, str)]
    unknown = list(dict.fromkeys(name for name in names if name.strip().lower() not in known))
    roles = {known[name.strip().lower()] for name in names if name.strip().lower() in known}
    if not names or not 1 <= len(unknown) <= 2 or not all(PLAIN.fullmatch(name) for name in unknown):
        return None
    talk = [name for name in names if known.get(name.strip().lower()) != "system"]
    found = {name: "assistant" if name == talk[-1] else "user" for name in unknown}
    both = {*found.values(), *roles}
    return found if {"user", "assistant"} <= both and len(set(found.values())) == len(unknown) else None


def _renamed(turns: list[Any], known: Mapping[str, str]) -> list[Any]:
    return [_turn(turn, known) if isinstance(turn, dict) else turn for turn in turns]


def _turn(turn: dict[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    for key in SPEAKERS:
        name = turn.get(key)
        if isinstance(name, str) and name.strip().lower() in known:
            return {**turn, key: known[name.strip().lower()]}
    return turn
