"""A child process that answers in lines of JSON, for work on what somebody else made: it may take long, need much, or
take its process down with it.

The worker is a module of this program. It gets the most bytes of its address space as its one word, sets that limit
itself, says that it is there, and answers until its stdin ends. How long an answer may take is its caller's to say.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
import weakref
from contextlib import suppress
from typing import Any

from jobs.core.process import end_at_once_with_parent, environment
from jobs.core.provenance import ROOT

START_SECONDS = 120.0
"""For Python and what a worker imports to be there: a fifth of a second on a machine that does nothing else."""
TICK_SECONDS = 1.0
"""A wait is counted in ticks, so that a command that was stopped with Ctrl-Z has not waited for all that time."""
READ_BYTES = 1 << 20


class WarmChild:
    """A running worker. The terminal's signals do not reach it, and it ends with this process."""

    def __init__(self, module: str, megabytes: int) -> None:
        paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        process = subprocess.Popen(
            [sys.executable, "-m", module, str(megabytes << 20)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(PYTHONPATH=paths),
            bufsize=0,
            start_new_session=True,
            preexec_fn=end_at_once_with_parent,
        )
        self.owner, self.pid = os.getpid(), process.pid
        self.waited = 0.0
        """Seconds that were spent in waiting for answers."""
        self._process, self._held = process, bytearray()
        self.end = weakref.finalize(self, _end, process)
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin, self._stdout, self._poll = process.stdin, process.stdout, select.poll()
        self._poll.register(self._stdout, select.POLLIN)

    def send(self, data: Any) -> None:
        """Send one line; that the child is gone is found out when its answer is read."""
        line = memoryview(json.dumps(data).encode() + b"\n")
        with suppress(BrokenPipeError):
            while line:
                line = line[self._stdin.write(line) or 0 :]

    def answer(self, seconds: float) -> dict[str, Any]:
        """The next line; raises TimeoutError after `seconds`, ChildProcessError where the child has ended."""
        start, waited = 0, 0.0
        while (end := self._held.find(b"\n", start)) < 0:
            start = len(self._held)
            if waited >= seconds:
                raise TimeoutError(f"nothing within {seconds:g} s")
            before = time.monotonic()
            readable = self._poll.poll(1000 * min(TICK_SECONDS, seconds - waited))
            waited += min(TICK_SECONDS, time.monotonic() - before)
            if readable:
                block = self._stdout.read(READ_BYTES)
                if not block:
                    raise ChildProcessError(_how_it_ended(self._process.wait()))
                self._held += block
        self.waited += waited
        found: dict[str, Any] = json.loads(self._held[:end])
        del self._held[: end + 1]
        return found


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def _how_it_ended(code: int) -> str:
    return f"ended by signal {-code}" if code < 0 else f"exit code {code}"
