"""What the parts of the benchmark share: a row of the table, a child process for every heavy part, the machine."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.core import terminal

ROOT = Path(__file__).resolve().parents[1]
MIB = 2**20


class PartFailed(Exception):
    """A child process of the benchmark did not end well; its own words are on stderr."""


@dataclass(frozen=True)
class Row:
    """One line of the table. `ratio` is ours over the stock tool's, or what `note` says."""

    what: str
    value: float
    unit: str
    ratio: float | None = None
    note: str = ""


def child(module: str, *words: str) -> dict[str, Any]:
    """Run `python -m tests.<module>`; the object on the last line of its stdout.

    Everything that imports torch runs like this: Linux counts the parent's memory as the child's peak, so the parent
    stays small.
    """
    command = [sys.executable, "-m", f"tests.{module}", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, cwd=ROOT, text=True, check=False)
    if done.returncode:
        raise PartFailed(f"{module} {' '.join(words[:1])} ended with {done.returncode}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def show(title: str, rows: Sequence[Row]) -> None:
    """The rows as a table, numbers aligned on the right."""
    values, ratios = [number(row.value) for row in rows], ["" if r.ratio is None else f"{r.ratio:.3f}" for r in rows]
    wide, narrow = max(map(len, values), default=0), max(map(len, ratios), default=0)
    cells = [
        (row.what, value.rjust(wide), row.unit, ratio.rjust(narrow), row.note)
        for row, value, ratio in zip(rows, values, ratios, strict=True)
    ]
    terminal.table(title, ("", "value", "unit", "ratio", ""), cells)


def number(value: float) -> str:
    """Three digits, or all of a large number."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}" if abs(value) >= 1 else f"{value:.3g}"


def machine() -> str:
    """The machine in general terms, and how busy it is."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return (
        f"{os.cpu_count()} CPU, {memory:.0f} GiB memory, {platform.machine()}, {platform.system()}; "
        f"load average {os.getloadavg()[0]:.1f} at the start"
    )
