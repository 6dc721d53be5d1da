"""A person at a terminal: lines with editing and history, pastes that stay whole, Ctrl-C that is ours alone."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from jobs.logic.chat import talk

PROMPTS = {False: "> ", True: "... "}
WAITS_SECONDS = 0.05
"""A pasted line is there at once; between two lines that are typed is more."""
SETTINGS = (
    "set enable-bracketed-paste on",  # Python switches it off
    r'"\e\C-m": "\C-v\C-j"',  # Alt-Enter: a line break
)


class Keyboard:
    """Reads messages. Without GNU readline the terminal edits lines, and a paste is known by its speed."""

    def __init__(self) -> None:
        self._history = None
        with contextlib.suppress(ImportError):  # a Python that was built without it
            import readline

            readline.set_auto_history(False)
            if "libedit" not in (readline.__doc__ or ""):
                for setting in SETTINGS:
                    readline.parse_and_bind(setting)
            self._history = readline

    def read(self) -> talk.Entry:
        """A message or a command. Raises EOFError for Ctrl-D, KeyboardInterrupt for Ctrl-C."""
        text = talk.typed(_line, _waits)
        if self._history is not None and text.strip():
            self._history.add_history(text)
        return talk.understood(text)


def _line(goes_on: bool) -> str:
    return input(PROMPTS[goes_on])


def _waits() -> bool:
    """Whether more was sent than the line that was read."""
    return bool(select.select([sys.stdin], [], [], WAITS_SECONDS)[0])


@contextmanager
def own_interrupts() -> Iterator[None]:
    """Within it Ctrl-C is a KeyboardInterrupt in this process and reaches nobody else, such as the `make` above it.

    `make` would end with the first one, whatever its recipe does about it. So the terminal is given to a process group
    of our own, as a shell does with a job, and given back.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with _own_group():
            yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _own_group() -> Iterator[None]:
    """The terminal's foreground, where this process is not the first of its group and stands in the foreground."""
    group = os.getpgrp()
    try:
        ours = group == os.getpid() or os.tcgetpgrp(0) != group
    except OSError:
        ours = True  # stdin is no terminal of this session
    if ours:
        yield
        return
    # Who suspends us could not be told of it: `make` goes on waiting. And whoever takes the terminal is sent SIGTTOU.
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGTSTP, signal.SIGTTOU)}
    os.setpgid(0, 0)
    try:
        os.tcsetpgrp(0, os.getpgrp())
        yield
    finally:
        with contextlib.suppress(OSError):  # the terminal is gone
            os.tcsetpgrp(0, group)
            os.setpgid(0, group)
        for number, handler in before.items():
            signal.signal(number, handler)
