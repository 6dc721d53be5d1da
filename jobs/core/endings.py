"""Every way a command can end, with its exit code and a word."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Callable

from jobs.core import terminal
from jobs.core.errors import EnvironmentProblem, Exit, Interrupted, Refusal

DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM}


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
    except MemoryError:
        terminal.say(f"{name}: cannot run here: out of memory")
        return Exit.ENVIRONMENT
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            traceback.print_exc()
            return Exit.CRASHED
        terminal.say(
            f"{name}: cannot run here: {error.strerror}: {error.filename or 'the disk'}; nothing was published"
        )
        return Exit.ENVIRONMENT
    except Exception:
        traceback.print_exc()
        terminal.say(f"{name}: crashed; this is a bug in the stage, not a verdict on the model")
        return Exit.CRASHED
