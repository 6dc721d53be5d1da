"""A row of a data set: one conversation and where it came from, as every subject of this floor knows it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

EVIDENCE = 60
"""Characters."""
THINK_OPEN, THINK_CLOSE = "<think>", "</think>"


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
    label: str | None = None
    """What the row is an example of; both sides of the split get their share of each."""
    unlearnt: tuple[int, ...] = ()
    """Places of answers that are marked not to be learnt: they are read, and never graded."""
    thoughts: tuple[int, ...] = ()
    """Places of answers whose thoughts stood in a field of their own, and stand in a block before the answer now."""

    @property
    def answer(self) -> str:
        return self.messages[-1].content

    def as_dict(self) -> dict[str, Any]:
        """The row as training reads it."""
        messages: list[dict[str, Any]] = [{"role": role, "content": content} for role, content in self.messages]
        for place in self.thoughts:
            thoughts, answer = parted(self.messages[place].content)
            messages[place] = {"role": "assistant", "reasoning_content": thoughts, "content": answer}
        for place in self.unlearnt:
            messages[place]["weight"] = 0
        label = {} if self.label is None else {"label": self.label}
        return {"id": self.id, "source": self.source, **label, "messages": messages}

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


def block(thoughts: str, answer: str) -> str:
    """An answer behind its thoughts, as Qwen3's template writes them; the answer alone where there are none."""
    inner = thoughts.strip()
    return f"{THINK_OPEN}\n{inner}\n{THINK_CLOSE}\n\n{answer.strip()}" if inner else answer.strip()


def parted(content: str) -> tuple[str, str]:
    """The thoughts and the answer of what `block` made."""
    thoughts, _, answer = content.removeprefix(THINK_OPEN).partition(THINK_CLOSE)
    return thoughts.strip(), answer.strip()


def shown(text: str) -> str:
    """One short line to show a person."""
    line = re.sub(r"\s+", " ", text[: EVIDENCE * 4])
    return line if len(line) <= EVIDENCE else f"{line[: EVIDENCE - 1]}…"
