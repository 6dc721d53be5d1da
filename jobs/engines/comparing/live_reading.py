"""Rows of real use from a JSONL or CSV file: all of them, or the lines that say what is wrong with which."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from jobs.core import terminal
from jobs.core.errors import Refusal
from jobs.logic.comparing.live import Vote, shown
from jobs.logic.comparing.live_outcomes import COLUMNS, BadVote, Kind, Scale, vote

MOST_TOLD = 20
"""Rows of which each is told what is wrong; the others are counted."""
MOST_IN_A_CELL = 10_000_000

Row = tuple[int, dict[str, object] | BadVote]
"""The line in the file, and what stands there."""


def read(path: Path, scale: Scale) -> list[Vote]:
    """Every row. Raises Refusal where one cannot be counted, after a line for each: nothing is left out silently."""
    name = shown(path.name)
    readers: dict[str, Callable[[Path], Iterator[Row]]] = {".csv": _csv, ".jsonl": _jsonl, ".ndjson": _jsonl}
    if path.suffix.lower() not in readers:
        raise Refusal(f"compare.use: {name}: expected a .jsonl or .csv file with {', '.join(COLUMNS)}")
    votes: list[Vote] = []
    kinds: dict[Kind, int] = {}
    places: dict[tuple[object, ...], int] = {}
    wrong: list[tuple[int, str]] = []
    try:
        for row, fields in readers[path.suffix.lower()](path):
            try:
                if isinstance(fields, BadVote):
                    raise fields
                found, kind = vote(row, fields, scale)
            except BadVote as bad:
                wrong.append((row, str(bad)))
                continue
            what = (found.time, found.user, found.arm, found.value, found.prompt, str(fields.get("id", "")))
            same = places.setdefault(what, row)
            if same != row:
                wrong.append((row, f"says the same as row {same}; take one out, or give each vote an id"))
            elif kinds and kind not in kinds:
                other, first = next(iter(kinds.items()))
                wrong.append((row, f"outcome is of another kind ({kind}) than in row {first} ({other})"))
            else:
                kinds.setdefault(kind, row)
                votes.append(found)
    except UnicodeDecodeError as error:
        raise Refusal(f"compare.use: {name}: {error.reason} at byte {error.start}; save it as UTF-8") from None
    except OSError as error:
        raise Refusal(f"compare.use: {name}: {error.strerror}") from None
    if wrong:
        _tell(name, wrong, len(votes) + len(wrong))
    if not votes:
        raise Refusal(f"compare.use: {name}: has no rows; a row has {', '.join(COLUMNS)}")
    return votes


def _tell(name: str, wrong: list[tuple[int, str]], total: int) -> None:
    """Raises Refusal after a line for each row that cannot be counted."""
    wrong.sort()
    for row, why in wrong[:MOST_TOLD]:
        terminal.say(f"{name}, row {row:,}: {why}")
    if len(wrong) > MOST_TOLD:
        terminal.say(f"{name}: and {len(wrong) - MOST_TOLD:,} more")
    row, why = wrong[0]
    raise Refusal(
        f"compare.use: {name}: {len(wrong):,} of {total:,} rows cannot be counted, the first in row {row:,}: {why}; "
        "nothing was counted, mend the file or take them out"
    )


def _jsonl(path: Path) -> Iterator[Row]:
    """An object a line; empty lines are none."""
    with path.open(encoding="utf-8-sig") as file:
        for row, line in enumerate(file, start=1):
            if line.strip():
                yield row, _object(line)


def _object(line: str) -> dict[str, object] | BadVote:
    try:
        found = json.loads(line, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        return BadVote(f"is no JSON: {error}")
    return found if isinstance(found, dict) else BadVote("expected an object with " + ", ".join(COLUMNS))


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _no_number(text: str) -> object:
    raise ValueError(f"{text} is no number of JSON")


def _csv(path: Path) -> Iterator[Row]:
    """The rows below the line of names, each with the number of its last line. Raises Refusal for names that lack."""
    before = csv.field_size_limit(MOST_IN_A_CELL)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, strict=True)
            names = [cell.strip() for cell in _next(lines, path) or []]
            missing = [name for name in COLUMNS if name not in names]
            twice = [name for name in (*COLUMNS, "prompt") if names.count(name) > 1]
            if missing or twice:
                what = f"has no column {', '.join(missing)}" if missing else f"has the column {twice[0]} twice"
                raise Refusal(
                    f"compare.use: {shown(path.name)}: {what}; the first line names the columns: {', '.join(COLUMNS)}"
                )
            while (cells := _next(lines, path)) is not None:
                if len(cells) == len(names):
                    yield lines.line_num, dict(zip(names, cells, strict=True))
                elif cells:
                    told = f"has {len(cells)} cells and the first line {len(names)}"
                    yield lines.line_num, BadVote(f"{told}; a comma in a text wants quotes around it")
    finally:
        csv.field_size_limit(before)


def _next(lines: Iterator[list[str]], path: Path) -> list[str] | None:
    """The next row, None at the end. After what is no CSV nothing can be told apart, so the file is refused."""
    try:
        return next(lines, None)
    except csv.Error as error:
        row = getattr(lines, "line_num", 0)
        raise Refusal(f"compare.use: {shown(path.name)}, row {row:,}: is no CSV: {error}") from None
