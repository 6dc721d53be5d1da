"""Rows as they were trained on, `input_ids` and `labels`, held against how a row of ChatML is made.

A file is read as a stream. What a row should have had is told by its own ids and, where they are there, by the
conversations that it was made from.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs.engines.diagnosing.boundary import Unreadable
from jobs.engines.diagnosing.tokenizer_files import Vocabulary
from jobs.logic.diagnosing import labels
from jobs.logic.diagnosing.labels import Alphabet
from jobs.logic.diagnosing.texts_seen import TextsSeen, TextTally
from jobs.logic.diagnosing.tokens_seen import LabelsSeen

MOST_ROWS = 20_000
"""Of all files together."""
MOST_LINE, MOST_READ = 16 << 20, 512 << 20
"""Bytes."""


def alphabet(vocabulary: Vocabulary) -> Alphabet:
    """The ids that rows of ChatML are made of; raises Unreadable for a tokenizer that has none of them."""
    ids = vocabulary.ids
    missing = [one for one in (labels.IM_START, labels.IM_END) if one not in vocabulary.added]
    if missing:
        raise Unreadable(f"their tokenizer has no {' and no '.join(missing)}")
    roles = {role: ids[role] for role in labels.ROLES if role in ids}
    newlines = {number for token, number in ids.items() if token and not token.strip("ĊčĠ") and "Ċ" in token}
    return Alphabet(
        start=ids[labels.IM_START],
        end=ids[labels.IM_END],
        newline=ids.get("Ċ", -1),
        newlines=frozenset(newlines),
        roles=roles,
        think=ids.get(labels.THINK_OPEN, -1),
        special=frozenset(vocabulary.added.values()),
    )


def read(paths: Sequence[Path], alphabet: Alphabet, conversations: Mapping[str, labels.Shape]) -> LabelsSeen:
    """What the rows of some files are like; raises Unreadable where none of them is a row."""
    tally = labels.Tally(alphabet)
    for path in paths:
        for line in _rows(path):
            if tally.num_rows >= MOST_ROWS:
                break
            ids, targets = _whole(line.get("input_ids")), _whole(line.get("labels"))
            if ids and len(ids) == len(targets):
                tally.add(ids, targets, conversations.get(str(line.get("id"))))
    if not tally.num_rows:
        raise Unreadable("holds no row with input_ids and labels of one length")
    return tally.seen(str(paths[0]), bool(conversations))


def texts(paths: Sequence[Path]) -> TextsSeen | None:
    """What rows of whole texts are like; None where there are none."""
    tally = TextTally()
    for path in paths:
        for data in _rows(path) if path.suffix in (".jsonl", ".ndjson") else ():
            if isinstance(data.get("text"), str) and "messages" not in data and tally.num_rows < MOST_ROWS:
                tally.add(data["text"])
    return tally.seen(str(paths[0])) if tally.num_rows else None


def shapes(paths: Sequence[Path]) -> dict[str, labels.Shape]:
    """Of each conversation by its id: its roles, and whether it spells out a control token."""
    found: dict[str, labels.Shape] = {}
    for path in paths:
        if path.suffix not in (".jsonl", ".ndjson"):
            continue
        for data in _rows(path):
            messages, name = data.get("messages"), data.get("id")
            if len(found) >= MOST_ROWS:
                return found
            if not isinstance(messages, list) or not isinstance(name, str):
                continue
            parts = [one for one in messages if isinstance(one, dict)]
            texts = [str(one.get("content", "")) for one in parts]
            found[name] = labels.Shape(
                tuple(str(one.get("role")) for one in parts), any(labels.IM_START in text for text in texts)
            )
    return found


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """The objects at the beginning of a file of JSON lines; what is none is left out."""
    with path.open("rb") as file:
        while file.tell() < MOST_READ and (raw := file.readline(MOST_LINE)):
            try:
                data = json.loads(raw)
            except (ValueError, RecursionError):
                continue
            if isinstance(data, dict):
                yield data


def _whole(values: Any) -> list[int]:
    """A list of whole numbers; an empty one for anything else."""
    return values if isinstance(values, list) and all(isinstance(one, int) for one in values) else []
