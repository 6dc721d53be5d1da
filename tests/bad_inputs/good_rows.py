"""Rows with nothing wrong with them, and one of them spoiled at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DEMO = Path(__file__).resolve().parents[2] / "data/demo"
NUM_ROWS = 40
Row = dict[str, Any]


def _good_rows() -> list[Row]:
    spoiled = json.loads((DEMO / "spoiled.json").read_text(encoding="utf-8"))
    lines = (DEMO / "articles.jsonl").read_text(encoding="utf-8").splitlines()
    japanese = [json.loads(line) for line in lines if re.search("[ぁ-ん]", line)]
    return [row for row in japanese if row["id"] not in spoiled][:NUM_ROWS]


ROWS = _good_rows()


def line(row: Any) -> bytes:
    """One row as JSON, without a line end."""
    return json.dumps(row, ensure_ascii=False).encode()


def lines(rows: Sequence[Any]) -> bytes:
    """A file of rows."""
    return b"".join(line(row) + b"\n" for row in rows)


TEXT = lines(ROWS)


def with_line(number: int, data: bytes) -> bytes:
    """The file with another line in the place of the one with this number, from 1."""
    found = TEXT.split(b"\n")
    found[number - 1] = data
    return b"\n".join(found)


def with_row(number: int, **columns: Any) -> bytes:
    """The file with columns of one row replaced."""
    return with_line(number, line(ROWS[number - 1] | columns))


def with_messages(number: int, *messages: Any) -> bytes:
    """The file with other messages in one row."""
    return with_row(number, messages=list(messages))


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def assistant(content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


def system(content: Any) -> dict[str, Any]:
    return {"role": "system", "content": content}


def prompt(number: int) -> str:
    """What the row asks."""
    return str(ROWS[number - 1]["messages"][0]["content"])


def answer(number: int) -> str:
    """What the row answers."""
    return str(ROWS[number - 1]["messages"][-1]["content"])


def with_prompt(number: int, text: Any) -> bytes:
    """The file with another prompt in one row."""
    return with_messages(number, user(text), assistant(answer(number)))


def with_answer(number: int, text: Any) -> bytes:
    """The file with another answer in one row."""
    return with_messages(number, user(prompt(number)), assistant(text))
