"""A conversation at a terminal, or one question of a script, with one model or with the base beside it."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from jobs.core.errors import Refusal
from jobs.engines.chat.keyboard import Keyboard
from jobs.engines.gguf.server import Server, ServerRefused
from jobs.logic.chat import talk

PATH = "/v1/chat/completions"
DIM, BOLD, PLAIN = "\033[2m", "\033[1m", "\033[0m"
Show = Callable[[talk.Piece], None]


@dataclass
class Speaker:
    """A model that answers, and what was said with it."""

    name: str
    server: Server
    conversation: talk.Conversation = field(default_factory=talk.Conversation)

    @cached_property
    def context(self) -> int:
        """Tokens that a conversation has room for; llama.cpp rounds what it was asked for up to 256s."""
        return int(self.server.get("/props")["default_generation_settings"]["n_ctx"])


@dataclass(frozen=True)
class Settings:
    """How answers are asked for."""

    request: Mapping[str, Any]
    """What goes into every request beside the messages."""
    longest_row: int
    """Tokens of the longest row that was trained or measured; 0 where it is not known."""
    colour: bool


def answer(speaker: Speaker, text: str, settings: Settings, show: Show) -> talk.Piece:
    """Ask, `show` every piece as it comes, and keep both in the conversation; how it ended.

    What was written before a KeyboardInterrupt is kept too.
    """
    written, ended, tokens = "", "", 0
    body = {
        "messages": speaker.conversation.asked(text),
        "stream": True,
        "stream_options": {"include_usage": True},
        **settings.request,
    }
    with contextlib.closing(speaker.server.stream(PATH, body)) as events:
        try:
            for event in events:
                piece = talk.piece(event)
                written, ended, tokens = written + piece.text, piece.ended or ended, piece.tokens or tokens
                show(piece)
        finally:
            if written.strip():
                speaker.conversation.answered(text, written)
    return talk.Piece(ended=ended, tokens=tokens)


def ask_once(speakers: list[Speaker], text: str, settings: Settings) -> None:
    """The answers alone on stdout, for a script; two of them under their names.

    Raises Refusal for a question that the context has no room for.
    """
    for speaker in speakers:
        if len(speakers) > 1:
            print(f"## {speaker.name}")
        last = "\n"

        def write(piece: talk.Piece) -> None:
            nonlocal last
            sys.stdout.write(piece.text)
            sys.stdout.flush()
            last = piece.text[-1:] or last

        try:
            found = answer(speaker, text, settings, write)
        except ServerRefused as refused:
            raise Refusal(said_of(refused, speaker)) from None
        sys.stdout.write("" if last == "\n" else "\n")
        for note in notes(found, speaker, settings):
            print(note, file=sys.stderr)


def converse(speakers: list[Speaker], settings: Settings) -> None:
    """Read and answer until Ctrl-D."""
    keyboard = Keyboard()
    while True:
        try:
            entry = keyboard.read()
        except KeyboardInterrupt:
            print("\n(Ctrl-D ends)")
            continue
        except EOFError:
            print()
            return
        if entry.command == "/bye":
            return
        if entry.command:
            for line in obeyed(entry, speakers):
                print(line)
        elif entry.text.strip():
            with contextlib.suppress(KeyboardInterrupt):
                for speaker in speakers:
                    converse_once(speaker, entry.text, settings, with_name=len(speakers) > 1)


def converse_once(speaker: Speaker, text: str, settings: Settings, with_name: bool) -> None:
    """One answer on the terminal; Ctrl-C stops it and rises, so that nobody else is asked either."""
    if with_name:
        print(talk.heading(speaker.name, min(shutil.get_terminal_size().columns, 100)))
    screen = Screen(settings.colour)
    try:
        found = answer(speaker, text, settings, screen.show)
    except ServerRefused as refused:
        print(said_of(refused, speaker))
        return
    except KeyboardInterrupt:
        screen.end()
        print("(stopped)\n")
        raise
    screen.end()
    for note in notes(found, speaker, settings):
        print(f"{DIM}{note}{PLAIN}" if settings.colour else note)
    print()


class Screen:
    """An answer as it is written; thoughts, where there are any, come first and dim."""

    def __init__(self, colour: bool) -> None:
        self._colour, self._thinking, self._last = colour, False, ""

    def show(self, piece: talk.Piece) -> None:
        thought = piece.thought if self._thinking else piece.thought.lstrip()
        if thought and not self._thinking:
            self._thinking = True
            self._write(DIM if self._colour else "<think>\n")
        self._write(talk.shown(thought))
        text = piece.text if self._last or self._thinking else piece.text.lstrip("\n")
        if text and self._thinking:
            self._close()
        self._write(talk.shown(text))

    def end(self) -> None:
        """On a line of its own whatever comes next."""
        if self._thinking:
            self._close()
        if self._last != "\n":
            self._write("\n")

    def _close(self) -> None:
        self._thinking = False
        self._write(f"{PLAIN}\n\n" if self._colour else "\n</think>\n\n")

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
        self._last = text[-1:] or self._last


def notes(found: talk.Piece, speaker: Speaker, settings: Settings) -> Iterator[str]:
    """What a person should know of an answer beside its words."""
    if found.ended == "length":
        yield f"(cut: the conversation fills the context of {speaker.context:,} tokens; context=... gives more)"
    elif 0 < settings.longest_row < found.tokens:
        longest = f"the longest row that was trained has {settings.longest_row:,}"
        yield f"({found.tokens:,} tokens so far, {longest}; /new forgets them)"


def obeyed(entry: talk.Entry, speakers: list[Speaker]) -> Iterator[str]:
    """Do what a command says; what to answer."""
    if entry.command == "/help":
        yield from talk.help_lines()
    elif entry.command in ("/new", "/system"):
        for speaker in speakers:
            speaker.conversation.begin(entry.text if entry.command == "/system" else None)
        system = speakers[0].conversation.system
        yield "a new conversation" + (f", under the system prompt {talk.shown(system)!r}" if system else "")
    else:
        yield f"{entry.command}: no such command; /help has the list"


def said_of(refused: ServerRefused, speaker: Speaker) -> str:
    """An error of llama-server in words with a way out."""
    if "context" in refused.said:
        return (
            f"too long: the conversation has more than the {speaker.context:,} tokens of the context; /new forgets it, "
            "context=... gives more"
        )
    return f"{speaker.name}: {refused.said}"
