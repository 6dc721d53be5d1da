"""What stands for a conversation where a million of them are compared: hashes of its parts, a few numbers a row."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jobs.logic.row import Message, Row
from jobs.logic.rows import near
from jobs.logic.text.markup import INVISIBLE

Keys = NDArray[np.void]
"""Rows of `dtype`: 64-bit hashes, 0 for what a row has not. Of a million texts two collide with a chance of 3e-8."""
BREAKS = b"\n\t\r\x0b\x0c\x1c\x1d\x1e\x1f"
"""White space of ASCII that is no blank."""


NAMES = ("id", "source", "label", "conversation", "prompt", "answer")


def dtype(threshold: float) -> np.dtype[np.void]:
    """The fields of one row, for a near-duplicate search at `threshold`."""
    return np.dtype([*((name, np.uint64) for name in NAMES), ("sketch", near.sketch_type(threshold))])


def keyed(rows: Sequence[Row], threshold: float, common: near.Hashes) -> Keys:
    """The keys of rows, with sketches for a near-duplicate search at `threshold` that ignores the grams in `common`."""
    keys = np.zeros(len(rows), dtype(threshold))
    said = [[(role, normalised(content)) for role, content in row.messages] for row in rows]
    names = np.asarray([_hashes(row, turns) for row, turns in zip(rows, said, strict=True)], np.uint64)
    for name, column in zip(NAMES, names.reshape(-1, len(NAMES)).T, strict=True):
        keys[name] = column
    keys["sketch"] = near.sketches([_joined(turns) for turns in said], threshold, common)
    return keys


def comparable(messages: Sequence[Message]) -> str:
    """The text that near duplicates are looked for in: what was said, without the system message."""
    return _joined([(role, normalised(content)) for role, content in messages])


def normalised(text: str) -> str:
    """NFKC, case folded, white space collapsed, invisible characters out: equal for texts that read the same."""
    if text.isascii():
        return _spaced(text.lower())
    folded = unicodedata.normalize("NFKC", INVISIBLE.sub("", text)).casefold()
    return _spaced(unicodedata.normalize("NFKC", folded))


def hashed(*texts: str) -> int:
    """Stands for a list of texts; 64 bits."""
    parts = [text.encode() for text in texts]
    framed = b"".join([b"%d:%b" % (len(part), part) for part in parts])
    return int.from_bytes(hashlib.blake2b(framed, digest_size=8).digest(), "little")


def firsts(keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """For each row the first row with the same key, [rows]."""
    _, first, back = np.unique(keys, return_index=True, return_inverse=True)
    return np.asarray(first[back], np.int64)


def _hashes(row: Row, turns: Sequence[tuple[str, str]]) -> tuple[int, ...]:
    """Those of NAMES, in their order."""
    prompt, answer = hashed(*(part for turn in turns[:-1] for part in turn)), hashed(turns[-1][1])
    source, label = (hashed(name) if name else 0 for name in (row.source, row.label))
    return hashed(row.id), source, label, hashed(f"{prompt} {answer}"), prompt, answer


def _joined(turns: Sequence[tuple[str, str]]) -> str:
    return "\n".join(content for role, content in turns if role != "system")


def _spaced(text: str) -> str:
    if not text.isascii() or "  " in text or len(text) != len(text.encode().translate(None, BREAKS)):
        return " ".join(text.split())
    return text.strip()
