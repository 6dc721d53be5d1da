"""What a fault of the gallery is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from tests.faults.peer import Ways

Rows = list[dict[str, Any]]
RowsFault = Callable[[Rows, Random], Rows]
SidesFault = Callable[[Rows, Rows, Random], tuple[Rows, Rows]]
Spoil = Callable[[Path], None]
"""Changes files of a folder as a buggy program would have written them."""


@dataclass(frozen=True)
class Ours:
    """How it gets into a run of ours: other rows, other words, or a stage's files changed before its gate looks."""

    gates: str
    """Codes of the rules any of which is the first that can stop it."""
    rows: RowsFault | None = None
    words: tuple[str, ...] = ()
    stage: str = "prepare"
    spoil: Spoil | None = None


@dataclass(frozen=True)
class Theirs:
    """How it gets into a stranger's folder: from the rows on, or into the finished folder from one step on."""

    rows: RowsFault | None = None
    sides: SidesFault | None = None
    """Training rows and held-out rows, where it is about both."""
    ways: Ways | None = None
    after: Spoil | None = None
    remake: str = ""
    """What is made anew after `after`: some of `merged`, `converted`, `quantized`, `answered`."""

    @property
    def trains(self) -> bool:
        return self.after is None or self.ways is not None


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong."""

    name: str
    causes: str
    """Names of causes any of which is the truth."""
    ours: Ours | None
    theirs: Theirs | None
