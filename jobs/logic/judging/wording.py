"""What a judge is asked with: files of words in one language, and what is not ours in fences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jobs.logic.endpoints.prompts import Prompts, fenced
from jobs.logic.row import Message

LETTERS = ("A", "B")
TIE = "tie"
SLOTS: dict[str, frozenset[str]] = {
    name: frozenset(slots)
    for name, slots in {
        "system": [],
        "pair": ["first", "prompt", "reference", "second"],
        "reference": ["reference"],
        "turn_system": ["text"],
        "turn_user": ["text"],
        "turn_assistant": ["text"],
        "injected": ["letter"],
        "padded": [],
    }.items()
}
"""The files of conf/judge/prompts/ja and en, and the slots of each."""


class JudgesWording:
    """The prompts of one language."""

    def __init__(self, prompts: Prompts, code: str) -> None:
        """`code`: `ja` or `en`."""
        self.prompts, self.code = prompts, code

    @property
    def schema(self) -> dict[str, Any]:
        """Of a verdict: grounds first, for what is written before it is what it is made of."""
        kinds = {"grounds": {"type": "string"}, "verdict": {"enum": [*LETTERS, TIE]}}
        return {"type": "object", "properties": kinds, "required": list(kinds), "additionalProperties": False}

    def pair(
        self, prompt: Sequence[Message], first: str, second: str, reference: str | None = None
    ) -> tuple[Message, ...]:
        """The question which of two answers is better; `first` is shown as A."""
        shown = self.prompts.text("reference", reference=fenced(reference)) + "\n\n" if reference is not None else ""
        asked = self.prompts.text(
            "pair", prompt=self.conversation(prompt), first=fenced(first), second=fenced(second), reference=shown
        )
        return Message("system", self.prompts.text("system")), Message("user", asked)

    def conversation(self, prompt: Sequence[Message]) -> str:
        """A prompt as a judge reads it: one request alone in its fence, else each turn in one."""
        if len(prompt) == 1:
            return fenced(prompt[0].content)
        return "\n".join(self.prompts.text(f"turn_{turn.role}", text=fenced(turn.content)) for turn in prompt)

    def injected(self, letter: str) -> str:
        """A text that tells a judge to choose the answer of that letter."""
        return self.prompts.text("injected", letter=letter)

    def padded(self) -> str:
        """Words that say nothing."""
        return self.prompts.text("padded")
