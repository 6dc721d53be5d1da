"""Every way a command can end, with its exit code and a word."""

from __future__ import annotations

import os
import select
import sys
import traceback
from collections.abc import Callable, Sequence

from jobs.core import room, terminal, way_out
from jobs.core.errors import EnvironmentProblem, Exit, Interrupted, No, Refusal


def ending(name: str, work: Callable[[], int], words: Sequence[str] | None = None) -> int:
    """Do `work` and turn every way it can end into an exit code and a word; none where nobody reads any more.

    `words` are those that were typed after `name`: a "no" then ends in the line to paste.
    """
    try:
        code = _ending(name, work, words)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        if not _unread():
            raise
        for descriptor in _unread():  # what is still in a buffer goes nowhere, without another word
            os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
        return Exit.NOBODY_READS


def _unread() -> list[int]:
    """Which of stdout and stderr are pipes whose reader is gone."""
    found = []
    for stream in (sys.stdout, sys.stderr):
        try:
            descriptor = stream.fileno()
        except (AttributeError, OSError):  # none there, or not a file: a test's
            continue
        poll = select.poll()
        poll.register(descriptor, 0)  # a pipe's end is told unasked
        found += [descriptor for _, event in poll.poll(0) if event & select.POLLERR]
    return found


def _ending(name: str, work: Callable[[], int], words: Sequence[str] | None) -> int:
    def way_on(problem: No | None = None) -> None:
        if words is not None:
            terminal.say(way_out.line(way_out.typed(name, words), problem))

    try:
        return int(work())
    except Refusal as refusal:
        terminal.say(f"{name}: refused: {refusal}")
        way_on(refusal)
        return Exit.REFUSED
    except EnvironmentProblem as problem:
        terminal.say(f"{name}: cannot run here: {problem}")
        way_on(problem)
        return Exit.ENVIRONMENT
    except (Interrupted, KeyboardInterrupt) as stop:
        terminal.say(f"{name}: interrupted ({stop or 'Ctrl-C'}); the same command goes on from what was saved")
        way_on()
        return Exit.INTERRUPTED
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _unread():
            raise
        lacking = room.told(error)
        if lacking is not None:
            terminal.say(f"{name}: cannot run here: {lacking}; nothing was published")
            way_on()
            return Exit.ENVIRONMENT
        traceback.print_exc()
        terminal.say(f"{name}: crashed; this is a bug in the stage, not a verdict on the model")
        return Exit.CRASHED
