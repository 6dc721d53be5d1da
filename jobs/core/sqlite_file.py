"""A SQLite file that one process at a time keeps things in, and SQLite's errors in words.

What is written is on disk for a process that is killed a moment later; of a machine that loses power the last seconds
may be missing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.core import room
from jobs.core.errors import Damaged, EnvironmentProblem

BUSY_SECONDS = 2.0


@contextmanager
def opened(path: Path, tables: str, layout: int) -> Iterator[sqlite3.Connection]:
    """The file with its tables, made where there is none; errors within are told too.

    Raises EnvironmentProblem where another process has it, or the disk is full; Damaged where it is no such file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    room.writes_to(path.parent)
    with _told(path):
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            # Held as long as it is open, so that a second process does not ask the same questions beside this one.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("COMMIT")
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            if found not in (0, layout):
                raise Damaged(f"{path}: has layout {found}, this version reads {layout}; move it away to ask anew")
            connection.executescript(tables)
            connection.execute(f"PRAGMA user_version = {layout}")
            yield connection
        finally:
            connection.close()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise EnvironmentProblem(f"{path}: another command asks with these answers; wait for it") from None
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise EnvironmentProblem(
                f"{path}: cannot be written to ({error}), as where the disk is full; make room, and the same command "
                "goes on"
            ) from None
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise Damaged(f"{path}: is no whole store of answers ({error}); move it away to ask anew") from None
        raise
