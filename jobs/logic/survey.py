"""Rows counted: lengths, scripts, answers, and what held-out rows share with training rows."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence

from jobs.logic.dedup import Pair, conversation_key, normalised, prompt_key
from jobs.logic.rows import ROLES, Row

QUANTILES = (0.0, 0.05, 0.5, 0.95, 1.0)
SCRIPT_SAMPLE = 400
"""Characters at the end of a conversation that its script is read from: the answer and what stands before it."""
SCRIPTS = (
    ("Japanese", re.compile("[\u3041-\u30ff\uff66-\uff9f]"), 0.05),
    ("Korean", re.compile("[\uac00-\ud7a3]"), 0.05),
    ("Han", re.compile("[\u3400-\u9fff]"), 0.2),
    ("Cyrillic", re.compile("[\u0400-\u04ff]"), 0.2),
    ("Arabic", re.compile("[\u0600-\u06ff]"), 0.2),
    ("Latin", re.compile("[A-Za-z\u00c0-\u024f]"), 0.2),
)
"""(name, its characters, share of the text from which on a text counts as such), the first that fits."""


def lengths(rows: Sequence[Row]) -> dict[str, list[int]]:
    """Characters a turn by role, at QUANTILES: whole numbers that were really seen."""
    found: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        for role, content in row.messages:
            found[role].append(len(content))
    return {role: _quantiles(sorted(found[role])) for role in ROLES if found[role]}


def script(row: Row) -> str:
    """The script that a conversation is written in, as a word."""
    text = "".join(content for _, content in row.messages[-2:])[-SCRIPT_SAMPLE:]
    for name, characters, share in SCRIPTS:
        if len(characters.findall(text)) >= share * len(text):
            return name
    return "other"


def scripts(rows: Sequence[Row]) -> dict[str, int]:
    """Rows by script, the most frequent first."""
    counts = Counter(script(row) for row in rows)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def num_distinct_answers(rows: Sequence[Row]) -> int:
    """Last answers that differ after normalisation."""
    return len({normalised(row.answer) for row in rows})


def num_contradictory(rows: Sequence[Row]) -> int:
    """Rows whose prompt other rows answer otherwise."""
    answers: dict[bytes, set[str]] = defaultdict(set)
    keys = [prompt_key(row.messages) for row in rows]
    for key, row in zip(keys, rows, strict=True):
        answers[key].add(normalised(row.answer))
    return sum(len(answers[key]) > 1 for key in keys)


def shared(train: Iterable[Row], val: Iterable[Row], of: Callable[[Row], Hashable]) -> int:
    """Held-out rows whose `of` is also that of a training row; None is nobody's."""
    known = {of(row) for row in train} - {None}
    return sum(of(row) in known for row in val)


def leaks(train: Sequence[Row], val: Sequence[Row], pairs: Iterable[Pair]) -> dict[str, int]:
    """Held-out rows that training has seen, by what they share with a training row.

    `pairs` are the near duplicates among the rows of `train` followed by those of `val`, by index.
    """
    border = len(train)
    return {
        "id": shared(train, val, lambda row: row.id),
        "conversation": shared(train, val, lambda row: conversation_key(row.messages)),
        "prompt": shared(train, val, lambda row: prompt_key(row.messages)),
        "near": len({pair.second for pair in pairs if pair.first < border <= pair.second}),
        "source": shared(train, val, lambda row: row.source),
    }


def _quantiles(values: Sequence[int]) -> list[int]:
    return [values[round(share * (len(values) - 1))] for share in QUANTILES]
