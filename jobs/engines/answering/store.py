"""What was asked of GGUFs and answered, in one SQLite file beside the run, by the digest of the question.

A row is written when an answer has come, and is on disk for a process that is killed a moment later; of a machine that
loses power the last seconds may be missing. A prompt that the context had no room for is an answer like any other.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jobs.core import room
from jobs.core.errors import Damaged, EnvironmentProblem

NAME = "gguf.sqlite"
LAYOUT = 1
BUSY_SECONDS = 2.0
TABLES = """
CREATE TABLE IF NOT EXISTS found (key TEXT PRIMARY KEY, what TEXT, asked BLOB, value TEXT) WITHOUT ROWID;
"""


class AnswerStore:
    """The answers of a folder, and what else was found out of a GGUF by asking it; one process at a time."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.sql, self.path = connection, path

    def get(self, key: str) -> Any:
        """What is kept by that key, None where nothing is."""
        with told(self.path):
            row = self.sql.execute("SELECT value FROM found WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(row[0])

    def keep(self, key: str, what: str, asked: Mapping[str, Any], value: Any) -> None:
        """At once; `asked` is kept too, for a person to read (`asked`)."""
        # JSON's escapes hold halves of characters, which UTF-8 has no bytes for.
        question = zlib.compress(json.dumps(asked).encode(), 1)
        with told(self.path):
            self.sql.execute(
                "INSERT OR REPLACE INTO found VALUES (?, ?, ?, ?)", (key, what, question, json.dumps(value))
            )

    def asked(self, key: str) -> dict[str, Any] | None:
        """The question that was kept by that key."""
        row = self.sql.execute("SELECT asked FROM found WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(zlib.decompress(row[0]))

    def keys(self, what: str) -> list[str]:
        """Of everything of a kind, in order."""
        return [row[0] for row in self.sql.execute("SELECT key FROM found WHERE what = ? ORDER BY key", (what,))]


@contextmanager
def open_answers(folder: Path) -> Iterator[AnswerStore]:
    """The store of `folder`, made where there is none.

    Raises EnvironmentProblem where another process has it, or the disk is full; Damaged where the file is no store.
    """
    folder.mkdir(parents=True, exist_ok=True)
    room.writes_to(folder)
    path = folder / NAME
    with told(path):
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        with told(path):
            # Held as long as it is open, so that a second process does not ask the same questions beside this one.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("COMMIT")
            layout = connection.execute("PRAGMA user_version").fetchone()[0]
            if layout not in (0, LAYOUT):
                raise Damaged(f"{path}: has layout {layout}, this version reads {LAYOUT}; move it away to ask anew")
            connection.executescript(TABLES)
            connection.execute(f"PRAGMA user_version = {LAYOUT}")
        yield AnswerStore(connection, path)
    finally:
        connection.close()


@contextmanager
def told(path: Path) -> Iterator[None]:
    """SQLite's errors in words."""
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
