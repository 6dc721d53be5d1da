"""Signals and child processes: a stop is asked for once, answered in order, and never orphans a child."""

from __future__ import annotations

import atexit
import ctypes
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from jobs.core.errors import Interrupted

PR_SET_PDEATHSIG = 1
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
SAME_STOP_SECONDS = 5.0
"""One stop may come as several signals, Ctrl-C from the terminal and SIGTERM from the parent: for so long it is not
answered again. A later one is asked anew."""


Waiting = Callable[[], str]
"""What is waited for after a stop, as one line; asked in a signal handler, so it only looks."""


class _Stop:
    requested = False
    deferred: Waiting | None = None
    answered = float("-inf")
    """When the last one was, by the monotonic clock."""
    said = float("-inf")
    """When a person was last told what is waited for."""


def install_stop_handlers() -> None:
    """SIGTERM, SIGINT and SIGHUP raise Interrupted; inside `deferred_stop()` they say what is waited for and set
    `stop_requested()`.

    While the interpreter shuts down they do nothing: the work is over, and its exit code stands.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        _Stop.requested = True
        if _Stop.deferred is not None:
            _say(_Stop.deferred)
        elif time.monotonic() - _Stop.answered > SAME_STOP_SECONDS:
            _Stop.answered = time.monotonic()
            raise Interrupted(signal.Signals(number).name)

    for number in STOPS:
        signal.signal(number, handle)
    atexit.register(_ignore_stops)


def _ignore_stops() -> None:
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)


def stop_requested() -> bool:
    """Whether a stop was asked for; work that can save its state looks at this between steps."""
    return _Stop.requested


@contextmanager
def deferred_stop(
    waiting: Waiting = lambda: "stop asked for; what was made is being put in its place ...",
) -> Iterator[None]:
    """Within it a stop does not raise: the work looks at `stop_requested()`, saves, and raises Interrupted itself."""
    _Stop.deferred = waiting
    try:
        yield
    finally:
        _Stop.deferred = None
        _answered()


@contextmanager
def held_stop() -> Iterator[None]:
    """Within it a stop waits for the end: for work of a moment in libraries that take one for an error of their own."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _say(waiting: Waiting) -> None:
    """One line on stderr for one stop, past Python's buffers, which the signal may have come in the middle of."""
    if time.monotonic() - _Stop.said > SAME_STOP_SECONDS:
        _Stop.said = time.monotonic()
        with suppress(OSError):  # nobody reads it
            os.write(2, f"{waiting()}\n".encode())


def _answered() -> None:
    """A stop that came before now is in good hands."""
    if _Stop.requested:
        _Stop.answered = time.monotonic()


def run_child(
    words: Sequence[str],
    environment: Mapping[str, str],
    pass_fds: tuple[int, ...] = (),
    asked: Callable[[], None] | None = None,
    waiting: Waiting | None = None,
) -> int:
    """Run a command to its end and return its exit code (negative: ended by that signal).

    A stop is passed on once and the child's own ending waited for; a child outlives no parent. With `asked`, that is
    called instead of sending a signal, and the terminal's signals do not reach the child either. `waiting` is said
    where the child cannot say itself what it does after a stop.
    """
    child = subprocess.Popen(
        list(words),
        env=dict(environment),
        pass_fds=pass_fds,
        preexec_fn=end_with_parent,
        start_new_session=asked is not None,
    )

    passed_on = float("-inf")

    def forward(number: int, frame: FrameType | None) -> None:
        nonlocal passed_on
        _Stop.requested = True
        if waiting is not None:
            _say(waiting)
        if asked is not None:
            try:
                asked()
            except OSError:  # a disk without room for the question
                child.send_signal(signal.SIGTERM)
        elif time.monotonic() - passed_on > SAME_STOP_SECONDS and child.poll() is None:
            passed_on = time.monotonic()
            child.send_signal(signal.SIGTERM)

    before = {number: signal.signal(number, forward) for number in STOPS}
    try:
        return child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _answered()


def end_with_parent(at_once: bool = False) -> None:
    """For `preexec_fn`: the kernel sends SIGTERM, or SIGKILL, to this process when its parent is gone (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL if at_once else signal.SIGTERM)


def end_at_once_with_parent() -> None:
    """For `preexec_fn` of a program that has nothing to save."""
    end_with_parent(at_once=True)


def limit_memory(num_bytes: int) -> None:
    """This process has no more address space than that from now on, and leaves no core file."""
    resource.setrlimit(resource.RLIMIT_AS, (num_bytes, num_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def environment(**changes: str) -> dict[str, str]:
    """This process's environment with `changes`."""
    return {**os.environ, **changes}
