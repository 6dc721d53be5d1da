"""Which rows ask what evaluation rows ask. Whether one does depends on nothing but it and the evaluation rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from jobs.core.terminal import progress
from jobs.engines.rows.store import BLOCK_ROWS, Piece, RowStore
from jobs.engines.rows.workers import Workers
from jobs.logic.rows import conversation, near, questions
from jobs.logic.rows.questions import Questions

PAIRS = 256
"""Pairs compared in one piece of work."""


def overlaps(
    store: RowStore,
    chosen: NDArray[np.int64],
    asked: Iterable[RowStore],
    threshold: float,
    common: near.Hashes,
    workers: Workers,
) -> Iterator[list[int]]:
    """For each store of evaluation rows those of the rows `chosen` that ask the same, or nearly."""
    ours: Questions | None = None
    for judged in asked:
        ours = questions_of(store, chosen, False, threshold, common, workers) if ours is None else ours
        theirs = questions_of(judged, np.arange(len(judged)), True, threshold, common, workers)
        yield asking_the_same(store, ours, judged, theirs, threshold, common, workers)


def asking_the_same(
    store: RowStore,
    ours: Questions,
    judged: RowStore,
    theirs: Questions,
    threshold: float,
    common: near.Hashes,
    workers: Workers,
) -> list[int]:
    """The rows of `store` that ask what one of `judged` does, or nearly; the questions are those of both."""
    same = np.unique(ours.rows[np.isin(ours.hashes, theirs.hashes)])
    found = near.between(ours.sketches, theirs.sketches, threshold)
    pairs = np.stack((ours.rows[found[:, 0]], theirs.rows[found[:, 1]]), axis=1)
    pairs = np.unique(pairs[~np.isin(pairs[:, 0], same)], axis=0)
    tasks = (
        (store.piece(part[:, 0]), judged.piece(part[:, 1]))
        for part in (pairs[start : start + PAIRS] for start in range(0, len(pairs), PAIRS))
    )
    compare = partial(_near, threshold=threshold, common=common)
    is_near = [one for part in workers.map(compare, tasks) for one in part]
    return [int(row) for row in np.union1d(same, pairs[np.asarray(is_near, bool), 0])]


def questions_of(
    store: RowStore,
    chosen: NDArray[np.int64],
    is_judged: bool,
    threshold: float,
    common: near.Hashes,
    workers: Workers,
) -> Questions:
    """What rows of a store ask, by their numbers in it."""
    work = partial(_questions_of, is_judged=is_judged, threshold=threshold, common=common)
    found = [questions.of([], threshold, common)]
    with progress("questions compared", len(chosen)) as advance:
        for number, part in enumerate(workers.map(work, store.pieces(chosen))):
            done = number * BLOCK_ROWS
            found.append(part._replace(rows=chosen[done + part.rows]))
            advance(min(done + BLOCK_ROWS, len(chosen)))
    return Questions(*(np.concatenate(columns) for columns in zip(*found, strict=True)))


def _questions_of(piece: Piece, is_judged: bool, threshold: float, common: near.Hashes) -> Questions:
    return questions.of(_texts(piece, is_judged), threshold, common)


def _near(task: tuple[Piece, Piece], threshold: float, common: near.Hashes) -> list[bool]:
    ours, theirs = _texts(task[0], False), _texts(task[1], True)
    return [questions.overlap(one, other, threshold, common) for one, other in zip(ours, theirs, strict=True)]


def _texts(piece: Piece, is_judged: bool) -> list[list[str]]:
    """What each row asks."""
    texts = questions.judged if is_judged else questions.trained
    return [texts(conversation.stored(line, "", 0).messages) for line in piece.lines()]
