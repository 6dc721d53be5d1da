"""What rows bring beside questions and answers: thoughts, and answers that are marked not to be learnt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from jobs.logic.chat.chatml import Turn, is_learnt, own_thoughts
from jobs.logic.chat.token_rows import Conversation


class Brought(NamedTuple):
    """Rows, but for the last."""

    thoughts: int
    """With thoughts before their last answer, in a field or in a block."""
    kept: int
    """Whose last answer has them in the row that is trained on."""
    earlier: int
    """With thoughts before an earlier answer, which the rows leave out as Qwen3's template does."""
    unlearnt: int
    """Answers that are marked not to be learnt."""


def counted(rows: Iterable[tuple[Conversation, Sequence[Turn]]]) -> Brought:
    """Of conversations, each with its turns as they are laid out."""
    found = [_of(conversation, turns) for conversation, turns in rows]
    return Brought(*(sum(column) for column in zip(*found, strict=True))) if found else Brought(0, 0, 0, 0)


def _of(conversation: Conversation, turns: Sequence[Turn]) -> tuple[bool, bool, bool, int]:
    *before, last = (message for message in conversation.messages if message["role"] == "assistant")
    thoughts = [bool(own_thoughts(message, message["content"])[0]) for message in (*before, last)]
    unlearnt = sum(not is_learnt(message) for message in before)
    return thoughts[-1], bool(turns[-1].thoughts), any(thoughts[:-1]), unlearnt
