"""What was asked and answered, in one SQLite file beside the run, by call id.

A row is written when an answer has come, and is on disk for a process that is killed a moment later; of a machine that
loses power the last seconds may be missing. Only a model's own words are kept, whatever is wrong with them: a call
that failed is asked again by the next run.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.core import sqlite_file
from jobs.logic.endpoints.answers import Spoken
from jobs.logic.endpoints.calls import Call

NAME = "answers.sqlite"
LAYOUT = 1
TABLES = """
CREATE TABLE IF NOT EXISTS answers (call_id TEXT PRIMARY KEY, model TEXT, purpose TEXT, asked BLOB, spoken TEXT)
WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS vectors (text_id TEXT PRIMARY KEY, vector BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS readings (reading_id TEXT PRIMARY KEY, tokens INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS servers (place TEXT PRIMARY KEY, facts TEXT) WITHOUT ROWID;
"""


class Store:
    """The answers of a folder; one process at a time."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._sql, self.path = connection, path

    def answer(self, call_id: str) -> Spoken | None:
        row = self._sql.execute("SELECT spoken FROM answers WHERE call_id = ?", (call_id,)).fetchone()
        return None if row is None else Spoken(**json.loads(row[0]))

    def keep(self, call_id: str, model: str, call: Call, spoken: Spoken) -> None:
        """At once; what was asked is kept too, for a person to read (`asked`)."""
        asked = {"messages": [list(message) for message in call.messages], "sampling": vars(call.sampling)}
        if call.schema is not None:
            asked["schema"] = dict(call.schema)
        self._sql.execute(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)",
            # JSON's escapes hold halves of characters, which UTF-8 has no bytes for.
            (call_id, model, call.purpose, zlib.compress(json.dumps(asked).encode(), 1), json.dumps(spoken.as_dict())),
        )

    def asked(self, call_id: str) -> dict[str, Any] | None:
        """The messages, sampling and schema of a call."""
        row = self._sql.execute("SELECT asked FROM answers WHERE call_id = ?", (call_id,)).fetchone()
        return None if row is None else json.loads(zlib.decompress(row[0]))

    def count(self) -> int:
        return int(self._sql.execute("SELECT COUNT(*) FROM answers").fetchone()[0])

    def vector(self, text_id: str) -> NDArray[np.float32] | None:
        row = self._sql.execute("SELECT vector FROM vectors WHERE text_id = ?", (text_id,)).fetchone()
        return None if row is None else np.frombuffer(row[0], dtype="<f4")

    def reading(self, reading_id: str) -> tuple[int | None] | None:
        """The tokens of a request for vectors, as far as its server told; None where there was no such request."""
        found: tuple[int | None] | None = self._sql.execute(
            "SELECT tokens FROM readings WHERE reading_id = ?", (reading_id,)
        ).fetchone()
        return found

    def keep_vectors(self, vectors: Mapping[str, NDArray[np.float32]], reading_id: str, tokens: int | None) -> None:
        """What one request gave, and what it cost."""
        rows = [(text_id, vector.astype("<f4").tobytes()) for text_id, vector in vectors.items()]
        self._sql.execute("BEGIN")
        self._sql.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
        self._sql.execute("INSERT OR REPLACE INTO readings VALUES (?, ?)", (reading_id, tokens))
        self._sql.execute("COMMIT")

    def server(self, place: str) -> dict[str, Any] | None:
        """What a probe found out of the model behind `place`."""
        row = self._sql.execute("SELECT facts FROM servers WHERE place = ?", (place,)).fetchone()
        return None if row is None else json.loads(row[0])

    def keep_server(self, place: str, facts: Mapping[str, Any]) -> None:
        self._sql.execute("INSERT OR REPLACE INTO servers VALUES (?, ?)", (place, json.dumps(facts)))


@contextmanager
def open_store(folder: Path) -> Iterator[Store]:
    """The store of `folder`, made where there is none; raises as `sqlite_file.opened` does."""
    path = folder / NAME
    with sqlite_file.opened(path, TABLES, LAYOUT) as connection:
        yield Store(connection, path)
