"""Which topics a reason took most rows of: words of prompts, sources and labels, counted over all rows of a set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import orjson
from numpy.typing import NDArray

from jobs.engines.rows import passes
from jobs.engines.rows.account import Account
from jobs.engines.rows.store import Piece, RowStore
from jobs.engines.rows.workers import Workers
from jobs.logic.form import departures, topics
from jobs.logic.form.topics import Taken, Term
from jobs.logic.rows import conversation

SAMPLE, GONE_SAMPLE = 300, 500
"""Rows from all over the set that topics are looked for in: of those that stay, and of those that go for one reason."""
Part = tuple[RowStore, NDArray[np.int64]]
"""Some rows of a store."""


def found(account: Account, workers: Workers) -> list[Taken]:
    """The topics that the reasons took, the largest first, with exact counts."""
    kept = (account.reading.store, account.alive)
    rows = {reason: parts for reason, parts in _gone(account).items() if _size(parts) >= topics.LEAST_ROWS}
    if not rows or not len(account.alive):
        return []
    some = _terms([kept], SAMPLE)
    times = len(account.alive) / len(some)
    wanted = {reason: topics.candidates(_terms(parts, GONE_SAMPLE), some, times) for reason, parts in rows.items()}
    every = sorted({term for terms in wanted.values() for term in terms})
    rest = _counts([kept], every, workers)
    taken: list[Taken] = []
    for reason, parts in rows.items():
        counts = _counts(parts, wanted[reason], workers)
        both = {term: (counts[term], rest[term]) for term in wanted[reason]}
        taken += topics.told(reason, both, _size(parts), len(account.alive))
    return sorted(taken, key=lambda one: (-one.dropped, one.reason, one.term))


def _gone(account: Account) -> dict[str, list[Part]]:
    """The rows that went for what they are, by reason."""
    reading = account.reading
    found: dict[str, list[Part]] = {}
    numbers: dict[str, list[int]] = {}
    for row, gone in account.gone.items():
        if gone.reason in departures.REASONS:
            numbers.setdefault(gone.reason, []).append(row)
    spoiled = np.asarray(reading.reasons)
    for reason in sorted({*numbers, *reading.reasons}):
        parts = [(reading.unfit, np.flatnonzero(spoiled == reason)), (reading.store, np.sort(numbers.get(reason, [])))]
        found[reason] = [(store, rows.astype(np.int64)) for store, rows in parts if len(rows)]
    return found


def _size(parts: Sequence[Part]) -> int:
    return sum(len(rows) for _, rows in parts)


def _terms(parts: Sequence[Part], most: int) -> list[set[Term]]:
    """The terms of up to `most` rows from all over the parts, or a few more."""
    step = max(1, _size(parts) // most)
    return [topics.terms(row) for store, rows in parts for row in passes.stored(store, rows[::step])]


def _counts(parts: Sequence[Part], terms: Sequence[Term], workers: Workers) -> Mapping[Term, int]:
    """Rows that have each term."""
    counts: Counter[Term] = Counter()
    if terms:
        for store, rows in parts:
            for part in workers.map(partial(_counted, terms=terms), store.pieces(rows)):
                counts.update(part)
    return counts


def _counted(piece: Piece, terms: Sequence[Term]) -> Counter[Term]:
    needles = [(term, orjson.dumps(term.text)[1:-1].lower()) for term in terms]
    return Counter(term for line in piece.lines() for term in _held(line, needles))


def _held(line: bytes, needles: Sequence[tuple[Term, bytes]]) -> Iterator[Term]:
    """The terms of a row; a line is only read where its bytes have one."""
    lower = line.lower()
    likely = [term for term, needle in needles if needle in lower]
    if likely:
        row = conversation.stored(line, "", 0)
        prompt = topics.prompt_of(row)
        yield from (term for term in likely if topics.has(row, prompt, term))
