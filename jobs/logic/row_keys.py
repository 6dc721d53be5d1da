"""What stands for a conversation where a million of them are compared: hashes of its parts, a few numbers a row."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jobs.logic import near
from jobs.logic.markup import INVISIBLE
from jobs.logic.rows import Message, Row

Keys = NDArray[np.void]
"""Rows of `dtype`: 64-bit hashes, 0 for what a row has not. Of a million texts two collide with a chance of 3e-8."""
SPACES = ("  ", "\n", "\t", "\r", "\x0b", "\x0c")


def dtype(num_bands: int) -> np.dtype[np.void]:
    """The fields of one row."""
    names = ("id", "source", "label", "conversation", "prompt", "answer")
    return np.dtype([*((name, np.uint64) for name in names), ("bands", np.uint64, (num_bands,))])


def keyed(rows: Sequence[Row], threshold: float, common: near.Hashes) -> Keys:
    """The keys of rows, with the bands of a near-duplicate search at `threshold` that ignores the grams in `common`."""
    keys = np.zeros(len(rows), dtype(near.band_shape(threshold)[0]))
    said = [[(role, normalised(content)) for role, content in row.messages] for row in rows]
    for number, (row, turns) in enumerate(zip(rows, said, strict=True)):
        prompt, answer = hashed(*(part for turn in turns[:-1] for part in turn)), hashed(turns[-1][1])
        keys[number] = (
            hashed(row.id),
            hashed(row.source) if row.source else 0,
            hashed(row.label) if row.label else 0,
            hashed(f"{prompt} {answer}"),
            prompt,
            answer,
            0,
        )
    keys["bands"] = near.bands([_joined(turns) for turns in said], threshold, common)
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
    state = hashlib.blake2b(digest_size=8)
    for text in texts:
        data = text.encode()
        state.update(b"%d:" % len(data))
        state.update(data)
    return int.from_bytes(state.digest(), "little")


def firsts(keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """For each row the first row with the same key, [rows]."""
    _, first, back = np.unique(keys, return_index=True, return_inverse=True)
    return np.asarray(first[back], np.int64)


def _joined(turns: Sequence[tuple[str, str]]) -> str:
    return "\n".join(content for role, content in turns if role != "system")


def _spaced(text: str) -> str:
    plain = text.isascii() and not any(space in text for space in SPACES)
    return text.strip() if plain else " ".join(text.split())
