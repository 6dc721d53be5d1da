"""What a row of real use says, as a value from 0 to 1, or why it says nothing."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from jobs.logic.comparing.live import Vote, shown

Kind = Literal["thumbs", "kept", "number"]
THUMBS = {"up": 1.0, "down": 0.0, "thumbs_up": 1.0, "thumbs_down": 0.0, "👍": 1.0, "👎": 0.0}
KEPT = ("kept", "edited", "discarded")
COLUMNS = ("time", "user", "arm", "outcome")
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
EXPECTED = "up or down, kept, edited or discarded, or a number"
FIRST_EPOCH, FIRST_MILLISECOND = 1e8, 1e11
"""Seconds since 1970 are above the one (1973), milliseconds above the other."""


class BadVote(Exception):
    """Why a row cannot be counted; without file and row, which the reader knows."""


@dataclass(frozen=True)
class Scale:
    """What outcomes mean. `range`: of numbers, None where words are meant. `edited`: what an edited answer is worth."""

    range: tuple[float, float] | None
    edited: float


def vote(row: int, fields: Mapping[str, object], scale: Scale) -> tuple[Vote, Kind]:
    """Raises BadVote, with what was expected."""
    missing = [name for name in COLUMNS if fields.get(name) in (None, "")]
    if missing:
        raise BadVote(f"has no {' and no '.join(missing)}")
    value, kind = outcome(fields["outcome"], scale)
    prompt = fields.get("prompt")
    found = Vote(
        row, time(fields["time"]), name(fields["user"], "user"), name(fields["arm"], "arm"), value,
        "" if prompt in (None, "") else name(prompt, "prompt"),
    )  # fmt: skip
    return found, kind


def name(said: object, column: str) -> str:
    """A text or a whole number, as a text."""
    if isinstance(said, bool) or not isinstance(said, str | int) or not str(said).strip():
        raise BadVote(f"{column}: expected a text, got {shown(str(said))!r}")
    try:
        str(said).encode()
    except UnicodeEncodeError:
        raise BadVote(f"{column}: {shown(str(said))!r} is half a character; write it whole") from None
    return str(said).strip()


def time(said: object) -> float:
    """Seconds since 1970, of a date and a time as in ISO 8601, UTC where nothing else is said, or milliseconds."""
    text = str(said).strip()
    if isinstance(said, int | float | str) and not isinstance(said, bool) and NUMBER.fullmatch(text):
        number = float(text)
        seconds = number / 1000 if abs(number) >= FIRST_MILLISECOND else number
        if FIRST_EPOCH <= seconds < FIRST_MILLISECOND:
            return seconds
    elif isinstance(said, str):
        try:
            found = datetime.datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            return (found if found.tzinfo else found.replace(tzinfo=datetime.UTC)).timestamp()
    raise BadVote(f"time: expected one as in 2026-01-31T08:30:00Z, or seconds since 1970, got {shown(text)!r}")


def outcome(said: object, scale: Scale) -> tuple[float, Kind]:
    """The value, from 0 to 1, and of which kind it is."""
    text = str(said).strip().lower()
    if isinstance(said, bool) or not isinstance(said, str | int | float):
        raise BadVote(f"outcome: expected {EXPECTED}, got {shown(str(said))!r}")
    if text in THUMBS:
        return THUMBS[text], "thumbs"
    if text in KEPT:
        return {"kept": 1.0, "edited": scale.edited, "discarded": 0.0}[text], "kept"
    if not NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        raise BadVote(f"outcome: expected {EXPECTED}, got {shown(str(said))!r}")
    if scale.range is None:
        raise BadVote(f"outcome: {shown(text)} is a number; say between which it lies: compare.live.range=[0,10]")
    low, high = scale.range
    if not low <= float(text) <= high:
        raise BadVote(f"outcome: {shown(text)} is out of compare.live.range, {low:g} to {high:g}")
    return (float(text) - low) / (high - low), "number"
