"""What `prepare` leaves behind beside the rows: the account of those that were dropped and of those put right."""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from jobs.engines.rows import store as row_store
from jobs.engines.rows.account import Account, Explain
from jobs.logic.row import Dropped


def write_sides(account: Account, held_out: Any, train: Path, val: Path) -> None:
    """The rows that stay, in order, into two files; `held_out` are the numbers of those of the second."""
    store = account.reading.store
    side = np.zeros(len(store), np.int8)
    side[account.alive] = 1
    side[held_out] = 2
    row_store.copy_rows(store, side == 1, train)
    row_store.copy_rows(store, side == 2, val)


def write_dropped(account: Account, explain: Explain, path: Path) -> None:
    """Every dropped row, one JSON object a line, in the order of the files; `explain` as in `Account.dropped`."""
    order = {label: number for number, label in enumerate(account.labels)}

    def place(row: Dropped) -> tuple[int, int]:
        return order[row.file], row.line

    with path.open("wb") as file:
        for row in heapq.merge(account.reading.dropped, account.dropped(explain), key=place):
            file.write(json.dumps(row._asdict(), ensure_ascii=False).encode() + b"\n")


def dropped(path: Path, num_examples: int) -> tuple[dict[str, int], list[Dropped]]:
    """Rows by reason, the most frequent first, and the first few of each reason in that order."""
    counts: Counter[str] = Counter()
    examples: dict[str, list[Dropped]] = {}
    for row in _entries(path):
        counts[row["reason"]] += 1
        if counts[row["reason"]] <= num_examples:
            examples.setdefault(row["reason"], []).append(Dropped(**row))
    ranked = _ranked(counts)
    return ranked, [row for reason in ranked for row in examples[reason]]


def changed(path: Path) -> dict[str, int]:
    """Rows by what was put right, the most frequent first."""
    return _ranked(Counter(change for row in _entries(path) for change in row["changes"]))


def _entries(path: Path) -> Iterable[dict[str, Any]]:
    with path.open("rb") as file:
        yield from map(orjson.loads, file)


def _ranked(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
