"""A terminal of 100 columns with a program at it: what is typed, and what is seen."""

from __future__ import annotations

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence

from jobs.core.provenance import ROOT

PATIENCE_SECONDS = 300.0
PROMPT = "> "
ENTER, ALT_ENTER, UP, CTRL_C, CTRL_D = "\r", "\x1b\r", "\x1b[A", "\x03", "\x04"
BRACKETS_ON = b"\x1b[?2004h"
MARKS = re.compile(r"\x1b\[[?0-9;]*[a-zA-Z]|\x1b(\[[?0-9;]*)?$|\r(?!\n)")
"""Colours and moves of the cursor, which are not seen as text."""


def as_seen(data: bytes) -> str:
    return MARKS.sub("", data.decode(errors="ignore")).replace("\r\n", "\n")


class Terminal:
    """One program at a pseudo terminal, in a session of its own as a shell's job is."""

    def __init__(self) -> None:
        self._ours, self._theirs = os.openpty()
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        self.program: subprocess.Popen[bytes] | None = None
        self._brackets = False

    def start(self, words: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        def own() -> None:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.program = subprocess.Popen(
            list(words), stdin=self._theirs, stdout=self._theirs, stderr=self._theirs, cwd=ROOT, preexec_fn=own,
            start_new_session=True, env={**os.environ, "TERM": "xterm", "INPUTRC": "/dev/null", **(environment or {})},
        )  # fmt: skip

    def chat(self, *words: str, **environment: str) -> None:
        self.start([sys.executable, "-m", "jobs", "chat", *words], environment)

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def paste(self, text: str) -> None:
        """As a terminal sends it: a line's end as Enter, in brackets where the program has asked for them."""
        lines = text.replace("\n", ENTER)
        self.type(f"\x1b[200~{lines}\x1b[201~" if self._brackets else lines)

    def until(self, text: str = "") -> str:
        """What is seen up to and with `text`, or with the first sign at all; AssertionError where it does not come."""
        seen, end = b"", time.monotonic() + PATIENCE_SECONDS
        while text not in (shown := as_seen(seen)) or not shown.strip():
            assert time.monotonic() < end, f"{text!r} did not come; seen was {shown!r}"
            if select.select([self._ours], [], [], 0.1)[0]:
                seen += os.read(self._ours, 1)  # what comes after it is for the next time
                self._brackets = self._brackets or BRACKETS_ON in seen
            elif self.program is not None and self.program.poll() is not None:
                raise AssertionError(f"the program ended with {self.program.returncode}; seen was {shown!r}")
        return shown

    def rest(self) -> str:
        """What is still to be seen once the program has ended."""
        assert self.program is not None
        seen = b""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            if select.select([self._ours], [], [], 0.1)[0]:
                seen += os.read(self._ours, 4096)
            elif self.program.poll() is not None:
                return as_seen(seen)
        raise AssertionError(f"the program goes on; seen was {as_seen(seen)!r}")

    def close(self) -> None:
        if self.program is not None:
            self.program.kill()
            self.program.wait()
        os.close(self._theirs)
        os.close(self._ours)
