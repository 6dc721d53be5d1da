"""Rows on their way to disk and back: JSON lines, one row each."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.logic.chat.chatml import Message, TokenRow, Turn

ROLES = ("system", "user", "assistant")
KEYS = ("role", "content", "reasoning_content", "weight")
LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Conversation:
    """A row as `prepare` wrote it."""

    id: str
    messages: Sequence[Message]
    source: str = ""
    """Rows of one source are no independent evidence; empty: nobody knows of one."""


def json_line(data: Mapping[str, Any]) -> str:
    """One line of JSON lines."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n"


def conversation(data: dict[str, Any]) -> Conversation:
    """A checked row; raises ValueError, naming the row, where it is not a conversation that ends with an answer."""
    name, messages = data.get("id"), data.get("messages")
    if not isinstance(name, str) or not isinstance(messages, list) or not messages:
        raise ValueError(f"row {name!r}: expected `id` as text and `messages` as a list that is not empty")
    for message in messages:
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            raise ValueError(f"row {name!r}: expected messages with the roles {', '.join(ROLES)}")
        content = message.get("content")
        thoughts = message.get("reasoning_content", "")
        if not all(isinstance(text, str) and not LONE_SURROGATE.search(text) for text in (content, thoughts)):
            raise ValueError(f"row {name!r}: expected `content` as text without lone surrogates")
        if message.get("weight", 1) not in (0, 1):
            raise ValueError(f"row {name!r}: expected a `weight` of 0 or 1")
    if messages[-1]["role"] != "assistant" or len(messages) < 2 or messages[-1].get("weight") == 0:
        raise ValueError(f"row {name!r}: expected a conversation that ends with the assistant's answer to learn")
    source = data.get("source")
    kept = [{key: one[key] for key in KEYS if key in one} for one in messages]
    return Conversation(name, kept, source if isinstance(source, str) else "")


def to_data(name: str, row: TokenRow, source: str = "") -> dict[str, Any]:
    """A token row as it is written; with its source where held-out rows are told apart by it."""
    from_where = {"source": source} if source else {}
    return {"id": name, **from_where, "input_ids": row.ids, "labels": row.labels, "kinds": row.kinds}


def from_data(data: dict[str, Any]) -> tuple[str, TokenRow]:
    """A token row as it was written, with its id."""
    return data["id"], TokenRow(data["input_ids"], data["labels"], data["kinds"])


def answer_line(name: str, turns: Sequence[Turn]) -> dict[str, Any]:
    """A line of `answers.jsonl`: the last answer, without thoughts."""
    return {"id": name, "answer": turns[-1].content}


def prompt_line(
    name: str, turns: Sequence[Turn], prompts: Sequence[Sequence[int]], openings: Sequence[str]
) -> dict[str, Any]:
    """A line of `prompts.jsonl`: what is asked in both ways, and the answer that was held out.

    `openings` are what the prompts already have of the answer.
    """
    return {
        "id": name,
        "prompt_ids": list(prompts[0]),
        "prompt_ids_no_thinking": list(prompts[1]) if len(prompts) > 1 else None,
        "opening": openings[0],
        "opening_no_thinking": openings[1] if len(prompts) > 1 else None,
        "reference": turns[-1].content,
        "messages": [{"role": turn.role, "content": turn.content} for turn in turns[:-1]],
    }
