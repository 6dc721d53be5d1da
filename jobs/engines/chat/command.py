"""`python -m jobs chat key=value ...`: a run's GGUF through llama-server, with the settings that were measured.

Greedy, without penalties or the sampler settings that travel in a GGUF; template and stops are the file's own.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from jobs.core import room, terminal
from jobs.core.errors import Exit, Interrupted, Refusal
from jobs.engines.chat import keyboard, talking, words
from jobs.engines.chat.choice import Choice, choose
from jobs.engines.chat.words import Words
from jobs.engines.gguf import base_gguf, file as gguf_file, server
from jobs.engines.gguf.llama import LlamaFailed
from jobs.engines.gguf.server import Server
from jobs.logic.chat import talk

MOST_CONTEXT = 8192
"""Tokens of a conversation where nothing else is said: 40,960, which Qwen3 can, take 4.7 GB even with 0.6B."""
HINT = (
    f"Enter sends, a paste stays one message, {talk.QUOTES} opens and closes a longer one; Ctrl-D ends, /help has more."
)


def chat(given: Sequence[str]) -> int:
    """A conversation at a terminal; elsewhere stdin is one message, and its answer alone goes to stdout.

    Raises Refusal where run or GGUF are not there, EnvironmentProblem where llama-server is not.
    """
    asked = words.read("chat", given)
    choice = choose(asked.run_dir, asked.file)
    try:
        base = base_beside(asked, choice) if asked.against_base else None
        if sys.stdin.isatty() and sys.stdout.isatty():
            at_terminal(asked, choice, base)
        else:
            for_script(asked, choice, base)
    except (KeyboardInterrupt, Interrupted):  # there is nothing to save, and nothing to go on with
        return Exit.INTERRUPTED
    return Exit.PASSED


def at_terminal(asked: Words, choice: Choice, base: Path | None) -> None:
    """Until Ctrl-D."""
    with keyboard.own_interrupts():
        print(f"{opening(asked, choice)}\nloading ...", end="\r", flush=True)
        with speakers(asked, choice, base) as (found, settings):
            print(f"{HINT}\n")
            talking.converse(found, settings)


def for_script(asked: Words, choice: Choice, base: Path | None) -> None:
    """One question. A reader of the answer that goes away, as `head` does, is no fault."""
    text = piped()
    if choice.why_not:
        terminal.say(opening(asked, choice))
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    try:
        with speakers(asked, choice, base) as (found, settings):
            talking.ask_once(found, text, settings)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def opening(asked: Words, choice: Choice) -> str:
    """Who talks, and by which right."""
    stands = f"NOT CERTIFIED: {choice.why_not}" if choice.why_not else "certified"
    how = "temperature 0, as measured" if not asked.temperature else f"temperature {asked.temperature:g}, not measured"
    return f"{asked.name} · {choice.type} · {stands} · {how}"


@contextmanager
def speakers(
    asked: Words, choice: Choice, base: Path | None
) -> Iterator[tuple[list[talking.Speaker], talking.Settings]]:
    """Who answers, the fine-tune first, each with a server of its own that ends with the block.

    The base is asked with the fine-tune's template, as it was measured.
    """
    header = described(choice.gguf)
    template = (header.chat_template or b"").decode("utf-8", "surrogateescape")
    request: dict[str, object] = {"temperature": asked.temperature}
    if asked.think is not None:
        if "enable_thinking" not in template:
            raise Refusal("think: this run's template has no such switch; leave the word out", without=["think"])
        request["chat_template_kwargs"] = {"enable_thinking": asked.think}
    context = room_for(asked, header.context_length)
    settings = talking.Settings(request, choice.longest_row, colour="NO_COLOR" not in os.environ)
    with ExitStack() as stack:
        found = [talking.Speaker(f"{asked.name}, {choice.type}", started(stack, choice.gguf, asked, context))]
        if base is not None:
            file = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "chat_template.jinja"
            file.write_bytes(header.chat_template or b"")
            same = started(stack, base, asked, context, "--chat-template-file", str(file))
            found.append(talking.Speaker(f"base, {choice.type}", same))
        yield found, settings


def base_beside(asked: Words, choice: Choice) -> Path:
    """The base model's GGUF, of the type that is talked to."""
    fetch = asked.run_dir.artifact("fetch")
    if fetch is None:
        raise Refusal(
            f"against=base: {asked.run_dir.root / 'fetch'} is not there; make it, or leave the word out",
            without=["against"],
        )
    return base_gguf.made(fetch, choice.type, room.cache_folder() / "base", "against=base")


def started(stack: ExitStack, gguf: Path, asked: Words, context: int, *more: str) -> Server:
    """A server of `gguf` that ends with `stack`; Refusal where llama.cpp cannot load the file."""
    try:
        return stack.enter_context(
            server.serve(
                gguf,
                context=context,
                num_threads=os.cpu_count() or 1,
                gpu_layers=asked.gpu_layers,
                more=(*server.MEASURED, *more),
            )
        )
    except LlamaFailed as failed:
        raise Refusal(str(failed)) from None


def described(gguf: Path) -> gguf_file.Description:
    """What the header says; Refusal where it cannot be read."""
    try:
        return gguf_file.describe(gguf_file.read(gguf))
    except gguf_file.BrokenGguf as broken:
        raise Refusal(str(broken)) from None


def room_for(asked: Words, positions: int | None) -> int:
    """Tokens of context: what was asked for, else what is usual, and never more than the model has positions."""
    if asked.context and positions and asked.context > positions:
        raise Refusal(
            f"context={asked.context}: the model has {positions:,} positions; say context={positions} or less",
            words=[f"context={positions}"],
        )
    return asked.context or min(MOST_CONTEXT, positions or MOST_CONTEXT)


def piped() -> str:
    """What stdin holds, as one message; Refusal where that is nothing, or no text."""
    data = sys.stdin.buffer.read()
    try:
        text = talk.message(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Refusal(f"stdin: {error.reason} at byte {error.start}; send it as UTF-8") from None
    if not text.strip():
        raise Refusal("stdin: holds no message; type at a terminal, or send a text: echo Hello | ...")
    return text
