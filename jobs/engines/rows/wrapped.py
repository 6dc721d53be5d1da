"""Rows inside one JSON object: {"data": [...]}, {"train": [...], "test": [...]}, and pandas' forms of a table.

The object is gone through once, in bounded memory, for where its members begin and end; rows are then cut out of one of
them as they are cut out of an array.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import orjson

from jobs.core.errors import Refusal
from jobs.engines.rows import streams
from jobs.engines.rows.cuts import Broken, JsonCuts
from jobs.engines.rows.paths import printable
from jobs.engines.rows.streams import Chunk
from jobs.logic.rows.raw_bytes import BOM, Packing

HEAD, SHORT, TAIL = 1 << 16, 256, 256
"""Bytes of a member: those kept while it is read, of its value's beginning when it was, and of its end."""
MOST_MEMBERS = 1000
"""Members that are kept: an object with rows in it has few."""
SHOWN = 8
KEY = re.compile(rb'\s*("[^"\\]*(?:\\.[^"\\]*)*")\s*:\s*')
OF_A_ROW = (
    *("messages", "conversations", "conversation", "contents", "history", "tools", "functions", "instances"),
    *("annotations", "predictions", "responses", "suggestions", "preferred_output", "non_preferred_output"),
)
"""Keys with lists of objects that belong to one row."""
ONE_ROW = {"messages", "conversations", "prompt", "completion", "instruction", "output", "question", "answer", "text"}
"""Keys of an object that is a row itself."""
TURN = re.compile(rb'\[\s*\{\s*"(?:role|from|content|value|speaker|author)"\s*:')
ROW_OF_A_VIEWER = re.compile(rb'\[\s*\{\s*"(?:row_idx|row)"\s*:')
NUMBERED = re.compile(rb'\{\s*"[0-9]+"\s*:')
RECORDS = "[print(json.dumps(row, ensure_ascii=False)) for row in table.values()]"
COLUMNS = (
    "[print(json.dumps({name: table[name][row] for name in table}, ensure_ascii=False)) "
    "for row in next(iter(table.values()))]"
)


class Member(NamedTuple):
    """A key of the object and its value."""

    key: str
    start: int
    """The byte of the unpacked text that the value begins at."""
    end: int
    head: bytes
    """The beginning of the value."""

    @property
    def is_rows(self) -> bool:
        """Whether it is a list of objects, none of them a turn of one row."""
        return bool(re.match(rb"\[\s*\{", self.head)) and self.key not in OF_A_ROW and not TURN.match(self.head)


class Rows(NamedTuple):
    """Where the rows of a file stand in it."""

    key: str
    span: tuple[int, int]
    """From behind the `[` to behind the `]`."""
    columns: tuple[str, ...]
    """Of rows that are lists of values."""
    others: tuple[str, ...]
    """Keys that are not read."""


def rows(
    path: Path, label: str, packing: Packing | None, encoding: str, field: str | None, max_bytes: int | None
) -> Rows | None:
    """Where the rows stand; None for a file that is not one object with rows in it.

    Raises Refusal where several keys may be meant, or the one that was said has none.
    """
    found = path.stat()
    state = found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
    members = _members(path, label, packing, encoding, max_bytes, *state)
    return None if members is None else _chosen(members, path, label, field)


def within(chunks: Iterator[Chunk], span: tuple[int, int], line_end: bytes) -> tuple[int, Iterator[Chunk]]:
    """The lines that end before a part of a text, and the part."""
    place = lines = 0
    for chunk in chunks:
        skipped = min(span[0] - place, len(chunk.data))
        lines += chunk.data.count(line_end, 0, skipped)
        place += skipped
        if place == span[0]:
            rest = chunk._replace(data=chunk.data[skipped:])
            return lines, _first(chain([rest], chunks), span[1] - span[0])
    return lines, iter(())


def _first(chunks: Iterator[Chunk], num_bytes: int) -> Iterator[Chunk]:
    for chunk in chunks:
        yield chunk._replace(data=chunk.data[:num_bytes])
        num_bytes -= len(chunk.data)
        if num_bytes <= 0:
            break


def as_object(row: bytes, columns: Sequence[str]) -> bytes | None:
    """A list of values as an object, each byte of a value as it is; None where there are not as many as columns."""
    body = row.strip()
    if body[:1] != b"[":
        return None
    try:
        ends = JsonCuts(in_array=True).ends(body[1:])
    except Broken:
        return None
    values = [body[1 + start : end].strip() for start, end in zip([0, *ends[:-1]], ends, strict=False)]
    if len(values) != len(columns):
        return None
    pairs = zip(columns, values, strict=True)
    return b"{" + b",".join(orjson.dumps(name) + b":" + value for name, value in pairs) + b"}"


@cache
def _members(
    path: Path, label: str, packing: Packing | None, encoding: str, max_bytes: int | None, *state: int
) -> tuple[Member, ...] | None:
    """The first members of the object that is the whole file; None for any other file."""
    cuts, found = JsonCuts(in_array=True, closing=b"}"), list[Member]()
    pair: _Pair | None = None
    place = 0
    for chunk in streams.chunks(path, label, packing, encoding, max_bytes):
        data = chunk.data
        if pair is None:
            before = len(data) - len(data.removeprefix(BOM).lstrip())
            if data[before : before + 1] != b"{":
                return None
            place, data = before + 1, data[before + 1 :]
            pair = _Pair(place)
        try:
            ends = cuts.ends(data)
        except Broken:  # a second row, or a damaged one: read as rows, and refused where it cannot be
            return None
        begun = 0
        for end in ends:
            pair.add(data[begun:end])
            found += pair.members() if len(found) < MOST_MEMBERS else []
            pair, begun = _Pair(place + end), end
        pair.add(data[begun:])
        place += len(data)
    return tuple(found) if pair is not None and cuts.unfinished() is None else None


class _Pair:
    """A key and its value, of which only the beginning and the end are kept."""

    def __init__(self, start: int) -> None:
        self._start, self._num_bytes = start, 0
        self._head, self._tail = b"", b""

    def add(self, data: bytes) -> None:
        self._num_bytes += len(data)
        self._head += data[: max(HEAD - len(self._head), 0)]
        self._tail = (self._tail + data[-TAIL:])[-TAIL:]

    def members(self) -> list[Member]:
        """The member, if it is one: what stands before a `}` may be nothing."""
        key = KEY.match(self._head)
        tail = self._tail[:-1].rstrip()
        if key is None or not tail:
            return []
        head = self._head[key.end() :]
        end = self._start + self._num_bytes - len(self._tail) + len(tail)
        name = str(orjson.loads(key[1]))
        return [Member(name, self._start + key.end(), end, head if name == "columns" else head[:SHORT])]


def _chosen(members: Sequence[Member], path: Path, label: str, field: str | None) -> Rows | None:
    lists = [member for member in members if member.is_rows]
    viewer = [member for member in lists if member.key == "rows" and ROW_OF_A_VIEWER.match(member.head)]
    named = {member.key: member for member in members}
    table = named.get("data") if {"columns", "data"} <= named.keys() else None
    if field is not None:
        lists = [named[field]] if field in named and named[field].head.startswith(b"[") else []
        if not lists:
            keys = ", ".join(f"`{name}`" for name in list(named)[:SHOWN])
            raise Refusal(f"{label}: prepare.field={field}: no list of rows has that key; its keys are {keys}")
    elif table is not None and re.match(rb"\[\s*\[", table.head):
        lists = [table]
    elif viewer:
        lists = viewer
    elif lists and not ONE_ROW.isdisjoint(named):
        return None
    elif len(lists) > 1:
        ways = " or ".join(f"prepare.field={_word(member.key)}" for member in lists[:SHOWN])
        raise Refusal(f"{label}: is one object with rows under several keys: say which are meant with {ways}")
    elif not lists:
        _require_no_table(members, path, label)
        return None
    chosen = lists[0]
    others = tuple(printable(name) for name in list(named)[:SHOWN] if name != chosen.key)
    names = _names(named["columns"]) if chosen is table and re.match(rb"\[\s*\[", chosen.head) else ()
    return Rows(printable(chosen.key), (chosen.start + 1, chosen.end), names, others)


def _names(columns: Member) -> tuple[str, ...]:
    try:
        found = orjson.loads(columns.head[: columns.end - columns.start])
    except orjson.JSONDecodeError:
        return ()
    return tuple(map(str, found)) if isinstance(found, list) else ()


def _require_no_table(members: Sequence[Member], path: Path, label: str) -> None:
    """Raises Refusal for a table of pandas that is written by columns or by the numbers of its rows."""
    if len(members) < 2 or not all(member.head.startswith(b"{") for member in members):
        return
    by_column = all(NUMBERED.match(member.head) for member in members)
    if not by_column and not all(member.key.isdecimal() for member in members):
        return
    written = COLUMNS if by_column else RECORDS
    code = f'import json, sys; table = json.load(open(sys.argv[1], encoding="utf-8")); {written}'
    what = "column by column" if by_column else "as an object of numbered rows"
    command = f"python3 -c {shlex.quote(code)} {shlex.quote(str(path))} > rows.jsonl"
    raise Refusal(f"{label}: is a table that pandas wrote {what}; write its rows as JSON Lines: {command}")


def _word(key: str) -> str:
    """A key as a person can type it."""
    return key if re.fullmatch(r"[\w.\-]+", key) else shlex.quote(key)
