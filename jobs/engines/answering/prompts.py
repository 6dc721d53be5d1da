"""What a GGUF is asked, and what it said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from jobs.logic.row import Message

Outcome = Literal["stopped", "cut", "no room"]
"""How an answer ended: by itself; at `max_tokens` or the end of the context; or before it began, since the prompt is
longer than the context."""


@dataclass(frozen=True)
class Prompt:
    """One question: exact tokens, or messages for the chat endpoint and the GGUF's own template. One of the two."""

    id: str
    ids: tuple[int, ...] | None = None
    messages: tuple[Message, ...] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What goes into the request beside them, as `{"chat_template_kwargs": {"enable_thinking": False}}`."""

    def __post_init__(self) -> None:
        if bool(self.ids) == bool(self.messages):
            raise ValueError(f"prompt {self.id}: expected either ids or messages, and not none of either")


@dataclass(frozen=True)
class Said:
    """The answer to the prompt of that id."""

    id: str
    text: str
    """Without thoughts where the chat endpoint took them out; as it was written where ids were asked."""
    outcome: Outcome
    num_prompt_tokens: int
    num_tokens: int
    """Of the answer, thoughts and the token that stopped it among them, as llama-server counts."""
    thoughts: str = ""
    ids: tuple[int, ...] = ()
    """The answer's tokens without the one that stopped it, where ids were asked; the chat endpoint tells none."""
    seconds: float | None = None
    """From the question to its answer, where this command asked; None where the store had it. Never a fact."""

    @property
    def stopped(self) -> bool:
        """Whether it ended by itself."""
        return self.outcome == "stopped"
