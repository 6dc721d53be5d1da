"""What costs minutes and is kept in the cache: made once, by one process at a time, whole or not at all."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from jobs.core import terminal
from jobs.core.run_dir import remove


def once(kept: Path, make: Callable[[Path], None]) -> Path:
    """`kept`, a file or a folder. Where it is not there, `make` makes it at the path it is given, which is beside it.

    Another command that makes the same is waited for. In the end nothing is left of that path, nor of any that begins
    with its name: not of a `make` that failed, and not of an earlier one that was killed.
    """
    if kept.exists():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    with kept.with_name(f"{kept.name}.lock").open("w") as lock:
        _take(lock.fileno(), kept)
        making = kept.with_name(f"{kept.name}.making")
        try:
            _clear(making)
            if not kept.exists():
                make(making)
                os.sync()
                making.rename(kept)
        finally:
            _clear(making)
    return kept


def _take(lock: int, kept: Path) -> None:
    """The lock, which ends with the process that holds it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        terminal.say(f"{kept}: another command makes it; waiting for that")
        fcntl.flock(lock, fcntl.LOCK_EX)


def _clear(making: Path) -> None:
    for left in making.parent.glob(f"{making.name}*"):
        remove(left)
