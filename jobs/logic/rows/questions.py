"""What a conversation asks: training and evaluation rows overlap where they ask the same, whatever the answers are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jobs.logic.row import Message
from jobs.logic.rows import column_names, guessing, keys, near
from jobs.logic.rows.shape_hints import is_seed
from jobs.logic.rows.turns import KNOWN, OPENAI, SHAREGPT

TELLING = 20
"""Characters of a later turn from which on it asks something by itself; `go on` does not."""
ANSWERS = (("prompt", "completion"), ("instruction", "output"))
ASKING = ("prompt", "instruction", "messages", "conversations", "text")
TURNS = (("messages", OPENAI, "assistant"), ("conversations", SHAREGPT, "gpt"))


class Questions(NamedTuple):
    """What rows ask, one place for each text."""

    rows: NDArray[np.int64]
    """Whose text it is."""
    hashes: NDArray[np.uint64]
    sketches: near.Sketches


def trained(messages: Sequence[Message]) -> list[str]:
    """What a training row asks: each turn of the user's, and all of them together."""
    turns = _asked(messages)
    return turns if len(turns) < 2 else [*turns, "\n".join(turns)]


def judged(messages: Sequence[Message]) -> list[str]:
    """What an evaluation row asks: the user's last turn, or all turns together where that one says little."""
    turns = _asked(messages)
    if len(turns) < 2:
        return turns
    last = turns[-1:] if len(turns[-1]) >= TELLING else []
    return [*last, "\n".join(turns)]


def of(texts: Sequence[Sequence[str]], threshold: float, common: near.Hashes) -> Questions:
    """The questions of rows, whose numbers are their places."""
    each = [text for some in texts for text in some]
    rows = np.repeat(np.arange(len(texts)), [len(some) for some in texts])
    hashes = np.fromiter(map(keys.hashed, each), np.uint64, len(each))
    return Questions(rows, hashes, near.sketches(each, threshold, common))


def overlap(ours: Sequence[str], theirs: Sequence[str], threshold: float, common: near.Hashes) -> bool:
    """Whether a text of the one row asks nearly what one of the other does, with the same numbers."""
    grams = [near.grams_of(texts) for texts in (ours, theirs)]
    return any(
        near.same_numbers(one, other) and near.similarity(of_one, of_other, common) >= threshold
        for one, of_one in zip(ours, grams[0], strict=True)
        for other, of_other in zip(theirs, grams[1], strict=True)
    )


def columns_of(records: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> Mapping[str, str]:
    """The column map, with what is found of evaluation rows that have no answer: which column asks."""
    names = list(dict.fromkeys(name for record in records for name in record))
    if columns or any(name in names for name in ASKING):
        return columns
    found = column_names.roles(names)
    asking = found.questions or found.inputs
    is_plain = len(asking) == 1 and not found.answers and not found.contexts
    return guessing.differing({"prompt": asking[0]}) if is_plain else columns


def answered(record: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """An evaluation row with an answer, whatever it is, where it has none: only what is asked counts."""
    found = dict(record)
    for question, answer in () if is_seed(record) else ANSWERS:
        column = columns.get(answer, answer)
        if record.get(columns.get(question, question)) is not None and record.get(column) is None:
            found[column] = "-"
    for name, spelling, answerer in TURNS:
        column = columns.get(name, name)
        turns = record.get(column)
        if not isinstance(turns, list) or not turns or not isinstance(turns[-1], dict):
            continue
        role = turns[-1].get(spelling.role)
        if isinstance(role, str) and KNOWN.get(role.strip().lower()) == "user":
            found[column] = [*turns, {spelling.role: answerer, spelling.content: "-"}]
    return found


def _asked(messages: Sequence[Message]) -> list[str]:
    return [keys.normalised(content) for role, content in messages if role == "user"]
