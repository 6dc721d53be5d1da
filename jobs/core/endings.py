"""Every way a command can end, with its exit code and a word."""

from __future__ import annotations

import traceback
from collections.abc import Callable

from jobs.core import room, terminal
from jobs.core.errors import EnvironmentProblem, Exit, Interrupted, Refusal


def ending(name: str, work: Callable[[], int]) -> int:
    """Do `work` and turn every way it can end into an exit code and a word."""
    try:
        return int(work())
    except Refusal as refusal:
        terminal.say(f"{name}: refused: {refusal}")
        return Exit.REFUSED
    except EnvironmentProblem as problem:
        terminal.say(f"{name}: cannot run here: {problem}")
        return Exit.ENVIRONMENT
    except (Interrupted, KeyboardInterrupt) as stop:
        terminal.say(f"{name}: interrupted ({stop or 'Ctrl-C'}); the same command goes on from what was saved")
        return Exit.INTERRUPTED
    except Exception as error:
        lacking = room.told(error)
        if lacking is not None:
            terminal.say(f"{name}: cannot run here: {lacking}; nothing was published")
            return Exit.ENVIRONMENT
        traceback.print_exc()
        terminal.say(f"{name}: crashed; this is a bug in the stage, not a verdict on the model")
        return Exit.CRASHED
