"""File events, numbered: what Python does to files below a folder, in the order in which it does it.

An event is opening, making, renaming, linking, changing or removing a file or a folder, or syncing it. A process and
all that it starts (by `warm`) share one count, so that event 17 of a chain is the same moment each time.
"""

from __future__ import annotations

import mmap
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.torture import warm

AUDITED = {
    "open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod",
    "os.utime", "shutil.rmtree",
}  # fmt: skip
Whom = Literal["itself", "first", "all"]


@dataclass(frozen=True)
class Shot:
    """A signal right before event `number` (0: never): to the process that is about to do it, to the first process of
    the command, or to all of them."""

    number: int = 0
    whom: Whom = "all"
    signal: signal.Signals = signal.SIGKILL

    def fire(self) -> None:
        """Send it."""
        if self.whom == "all":
            os.killpg(os.getpgrp(), self.signal)
        elif self.whom == "first":
            os.kill(os.getpgrp(), self.signal)
        else:
            os.kill(os.getpid(), self.signal)


NEVER = Shot()


class Counter:
    """The number of events so far, in memory that forked processes share."""

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, 8)

    @property
    def value(self) -> int:
        return int.from_bytes(self.memory[:8], "little")

    def next(self) -> int:
        number = self.value + 1
        self.memory[:8] = number.to_bytes(8, "little")
        return number


def watch(folder: Path, counter: Counter, shot: Shot, trace: Path) -> Callable[[], None]:
    """For `warm.start`: count events below `folder`, and fire at one of them. `trace` gets a line an event."""
    below = str(folder)

    def install() -> None:
        log = os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        high = os.dup2(log, warm.TRACE)
        sync = os.fsync

        def happened(what: str, path: str) -> None:
            number = counter.next()
            os.write(high, f"{number} {what} {path.removeprefix(below)}\n".encode(errors="replace"))
            if number == shot.number:
                shot.fire()

        def hook(name: str, given: tuple[Any, ...]) -> None:
            if name in AUDITED and given and isinstance(given[0], (str, bytes, os.PathLike)):
                path = str(_folder(name, given) / os.fsdecode(given[0]))
                if path.startswith(below):
                    happened(name + (f"({given[1]})" if name == "open" else ""), path)

        def counted_sync(descriptor: Any) -> None:
            number = descriptor if isinstance(descriptor, int) else descriptor.fileno()
            path = str(Path(f"/proc/self/fd/{number}").readlink())
            if path.startswith(below):
                happened("fsync", path)
            sync(descriptor)

        os.fsync = counted_sync  # type: ignore[assignment]
        sys.addaudithook(hook)

    return install


def _folder(name: str, given: tuple[Any, ...]) -> Path:
    """What a relative path is relative to: `shutil.rmtree` removes by descriptor of the folder."""
    if name in ("os.remove", "os.rmdir") and isinstance(given[1], int) and given[1] >= 0:
        return Path(f"/proc/self/fd/{given[1]}").readlink()
    return Path.cwd()
