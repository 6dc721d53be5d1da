"""What a person sees while work goes on: bars with an ETA on a terminal, plain lines elsewhere, and small tables."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

PLAIN_SECONDS = 10.0
MAX_COLUMNS = 100
"""A drawing is no wider, and as wide where there is no terminal."""
STYLES = {
    "pass": "green",
    "fail": "bold red",
    "warn": "yellow",
    "skip": "dim",
    "waived": "magenta",
    "crashed": "bold red",
}


class Progress(Protocol):
    """`advance(done, note)`: `done` is the absolute count so far."""

    def __call__(self, done: int, note: str = "") -> None: ...


@contextmanager
def progress(label: str, total: int) -> Iterator[Progress]:
    """A bar with an ETA on a terminal; elsewhere a line every ten seconds and one at the end."""
    if sys.stderr.isatty():
        with _bar(label, total) as bar:
            yield bar
        return
    yield _Lines(label, total)


@contextmanager
def _bar(label: str, total: int) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress as RichProgress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("eta"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with RichProgress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=total, note="")

        def advance(done: int, note: str = "") -> None:
            bar.update(task, completed=done, note=note)

        yield advance


class _Lines:
    def __init__(self, label: str, total: int) -> None:
        self.label, self.total = label, total
        self.started = self.said = time.monotonic()

    def __call__(self, done: int, note: str = "") -> None:
        now = time.monotonic()
        if done < self.total and now - self.said < PLAIN_SECONDS:
            return
        self.said = now
        spent = now - self.started
        left = f", about {spent / done * (self.total - done):,.0f} s left" if 0 < done < self.total else ""
        say(f"{self.label}: {done:,}/{self.total:,} in {spent:,.0f} s{left}{' · ' + note if note else ''}")


def say(message: str) -> None:
    """One line on stderr, at once."""
    print(message, file=sys.stderr, flush=True)


def size(num_bytes: float) -> str:
    """Bytes of files, in words; the same ones as in `logic/pages/amounts.py`, which this floor cannot import."""
    for factor, unit, places in ((1e9, "GB", 2), (1e6, "MB", 1), (1e3, "kB", 1)):
        if round(num_bytes / factor * 1000, 1) >= 1000:
            return f"{num_bytes / factor:,.{places}f} {unit}"
    return f"{num_bytes:,.0f} byte{'' if num_bytes == 1 else 's'}"


def memory(num_bytes: float) -> str:
    """Bytes in memory, in words."""
    return f"{num_bytes / 2**20:,.0f} MiB"


def seconds(value: float) -> str:
    """How long something took."""
    return f"{value:,.1f} s"


def drawing(draw: Callable[[int, bool], list[str]]) -> None:
    """Lines made for the width of the terminal, and in ASCII where its encoding has no more, on stderr."""
    columns = min(shutil.get_terminal_size().columns, MAX_COLUMNS) if sys.stderr.isatty() else MAX_COLUMNS
    plain = (sys.stderr.encoding or "ascii").lower().replace("-", "") != "utf8"
    for line in draw(columns, plain):
        say(line)


def table(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A small table on stderr; cells equal to a status are coloured on a terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else 120)
    drawn = Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_header=bool(any(headers))
    )
    for header in headers:
        drawn.add_column(header, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    with console.capture() as text:  # rich itself would end the process where nobody reads
        console.print(drawn)
    print(text.get(), file=sys.stderr, end="", flush=True)
