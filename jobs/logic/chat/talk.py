"""What a person types to a model: messages of one or of many lines, commands, and the conversation that comes of them.

An answer arrives as the events of an OpenAI-compatible endpoint; `piece` reads one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

QUOTES = '"""'
COMMANDS = {
    "/new": "forget the conversation; the system prompt stays",
    "/system": "TEXT: a system prompt, and a new conversation; without TEXT, none",
    "/help": "this list",
    "/bye": "the end, as Ctrl-D",
}
COMMAND = re.compile(r"(/[a-z]+)(?:[ \t]+(.*))?", re.DOTALL)
HIDDEN = {chr(code): f"\\x{code:02x}" for code in (*range(32), 127, *range(128, 160)) if chr(code) not in "\n\t"}
"""Control characters, which a terminal would obey, and what is shown in their place."""

NextLine = Callable[[bool], str]
"""The next line that was typed, without its end; told whether it goes on with a message. Raises EOFError."""


@dataclass(frozen=True)
class Entry:
    """What was typed: a command with its text, or a message, which has no command."""

    text: str
    command: str = ""


@dataclass(frozen=True)
class Piece:
    """What one event adds to an answer."""

    thought: str = ""
    text: str = ""
    ended: str = ""
    """Why it ended: `stop`, or `length` where there was no room for more."""
    tokens: int = 0
    """Of the whole conversation, answer included, where the event says so."""


@dataclass
class Conversation:
    """Turns as the template takes them."""

    system: str = ""
    turns: list[dict[str, str]] = field(default_factory=list)

    def asked(self, text: str) -> list[dict[str, str]]:
        """The messages that ask `text` now."""
        first = [{"role": "system", "content": self.system}] if self.system else []
        return [*first, *self.turns, {"role": "user", "content": text}]

    def answered(self, text: str, answer: str) -> None:
        """Keep a question and its answer; thoughts are no part of it, as in Qwen3's own template."""
        self.turns += [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]

    def begin(self, system: str | None = None) -> None:
        """Forget what was said; with `system`, under that system prompt."""
        self.turns = []
        self.system = self.system if system is None else system


def typed(next_line: NextLine, more_waits: Callable[[], bool]) -> str:
    """One message or command.

    A line is one, and so is a paste: what its first line brought with it, or what waits to be read before anybody could
    have typed it. A message that begins with three quotes goes on, over blank lines too, until three quotes end it.
    """
    lines = next_line(False).split("\n")
    while more_waits():
        lines += next_line(True).split("\n")
    if not lines[0].lstrip().startswith(QUOTES):
        return "\n".join(lines)
    lines[0] = lines[0].lstrip().removeprefix(QUOTES)
    try:
        while not lines[-1].rstrip().endswith(QUOTES):
            lines += next_line(True).split("\n")
    except EOFError:
        if not any(line.strip() for line in lines):
            raise
        return "\n".join(lines).strip("\n")
    lines[-1] = lines[-1].rstrip().removesuffix(QUOTES)
    return "\n".join(lines).strip("\n")


def understood(text: str) -> Entry:
    """A command, or else a message, as `/etc/hosts` is one, and text of several lines."""
    found = COMMAND.fullmatch(text.strip())
    if found is None or ("\n" in text.strip() and found[1] not in COMMANDS):
        return Entry(message(text))
    return Entry((found[2] or "").strip(), found[1])


def message(text: str) -> str:
    """A message as it is sent: in Unicode NFC, as the model was trained on it, without blank lines around it."""
    return unicodedata.normalize("NFC", text).strip("\r\n")


def piece(event: Mapping[str, Any]) -> Piece:
    """What an event of a streamed answer says."""
    usage = event.get("usage") or {}
    choices = event.get("choices") or [{}]
    delta = choices[0].get("delta") or {}
    return Piece(
        thought=delta.get("reasoning_content") or "",
        text=delta.get("content") or "",
        ended=choices[0].get("finish_reason") or "",
        tokens=int(usage.get("total_tokens") or 0),
    )


def shown(text: str) -> str:
    """Text for a terminal: what would command it is written out."""
    return "".join(HIDDEN.get(char, char) for char in text)


def heading(text: str, columns: int) -> str:
    """Text in a rule as wide as the terminal; a wide character, as in Japanese, takes two columns."""
    wide = sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
    return f"── {text} {'─' * max(2, columns - wide - 4)}"


def help_lines() -> Iterable[str]:
    """The commands, and how longer messages are typed."""
    yield f"{QUOTES}{' ' * 6}opens a message of several lines, and {QUOTES} closes it; a paste stays one message"
    yield "Ctrl-C   stops an answer; what was written of it stays in the conversation"
    yield from (f"{name:<8} {text}" for name, text in COMMANDS.items())
