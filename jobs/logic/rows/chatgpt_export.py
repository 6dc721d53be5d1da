"""A conversation in ChatGPT's own export, `conversations.json`: a tree of messages, one branch of which was read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jobs.logic.rows.strict_json import BadRow
from jobs.logic.rows.turns import TOOL_SCOPE

TEXTS = ("text", "multimodal_text", "code")
ASIDE = ("reasoning_recap", "user_editable_context", "model_editable_context")
"""What the page shows and nobody said."""


def is_one(record: Mapping[str, Any]) -> bool:
    return isinstance(record.get("mapping"), dict) and "current_node" in record


def messages(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The turns of the branch that ends in `current_node`, those that are hidden too; empty ones are left out.

    Raises BadRow where the branch is broken, or a turn of it calls a tool.
    """
    found: list[dict[str, Any]] = []
    thoughts = ""
    for message in reversed(list(_branch(record))):
        role, content = _speaker(message), message.get("content")
        content = content if isinstance(content, dict) else {}
        if role == "tool" or message.get("recipient") not in (None, "all"):
            raise BadRow("tool-call", f"a message of `mapping` calls a tool or is its answer; {TOOL_SCOPE}")
        if content.get("content_type") == "thoughts":
            thoughts = "\n\n".join(_thoughts(content))
        elif content.get("content_type") not in ASIDE:
            parts = [part for part in content.get("parts") or [content.get("text")] if part not in (None, "")]
            if parts:
                own = {"reasoning_content": thoughts} if thoughts and role == "assistant" else {}
                found.append({"role": role, "content": parts, **own})
                thoughts = ""
    return found


def _branch(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The messages from the last one to the first."""
    nodes, name, seen = record["mapping"], record["current_node"], set[str]()
    while isinstance(name, str):
        node = nodes.get(name)
        if not isinstance(node, dict) or name in seen:
            raise BadRow("column-type", f"`mapping` has no way from `current_node` to its first message: {name[:40]!r}")
        seen.add(name)
        if isinstance(node.get("message"), dict):
            yield node["message"]
        name = node.get("parent")


def _speaker(message: Mapping[str, Any]) -> Any:
    author = message.get("author")
    return author.get("role") if isinstance(author, dict) else None


def _thoughts(content: Mapping[str, Any]) -> Iterator[str]:
    for thought in content.get("thoughts") or []:
        said = thought.get("content") if isinstance(thought, dict) else thought
        if isinstance(said, str) and said:
            yield said
