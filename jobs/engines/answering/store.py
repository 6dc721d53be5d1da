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

from jobs.core import sqlite_file

NAME = "gguf.sqlite"
LAYOUT = 1
TABLES = """
CREATE TABLE IF NOT EXISTS found (key TEXT PRIMARY KEY, what TEXT, asked BLOB, value TEXT) WITHOUT ROWID;
"""


class AnswerStore:
    """The answers of a folder, and what else was found out of a GGUF by asking it; one process at a time."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.sql, self.path = connection, path

    def get(self, key: str) -> Any:
        """What is kept by that key, None where nothing is."""
        row = self.sql.execute("SELECT value FROM found WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(row[0])

    def keep(self, key: str, what: str, asked: Mapping[str, Any], value: Any) -> None:
        """At once; `asked` is kept too, for a person to read (`asked`)."""
        # JSON's escapes hold halves of characters, which UTF-8 has no bytes for.
        question = zlib.compress(json.dumps(asked).encode(), 1)
        self.sql.execute("INSERT OR REPLACE INTO found VALUES (?, ?, ?, ?)", (key, what, question, json.dumps(value)))

    def asked(self, key: str) -> dict[str, Any] | None:
        """The question that was kept by that key."""
        row = self.sql.execute("SELECT asked FROM found WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(zlib.decompress(row[0]))

    def keys(self, what: str) -> list[str]:
        """Of everything of a kind, in order."""
        return [row[0] for row in self.sql.execute("SELECT key FROM found WHERE what = ? ORDER BY key", (what,))]


@contextmanager
def open_answers(folder: Path) -> Iterator[AnswerStore]:
    """The store of `folder`, made where there is none; raises as `sqlite_file.opened` does."""
    path = folder / NAME
    with sqlite_file.opened(path, TABLES, LAYOUT) as connection:
        yield AnswerStore(connection, path)
