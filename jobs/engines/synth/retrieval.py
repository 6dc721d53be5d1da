"""The passages that are nearest to a query: by BM25 over a text's terms, or by vectors of an embedding model.

Both are built once and answer the same query with the same passages: of equally near ones, the earlier come first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import EnvironmentProblem
from jobs.logic.synth.terms import terms

Vectors = NDArray[np.float32]
Embed = Callable[[list[str]], NDArray[np.floating]]
"""Texts to vectors, [texts, size]."""
BATCH = 64
"""Texts that are embedded in one call."""


class Hit(NamedTuple):
    """A passage by its number, and how near it is; scores of two retrievers have nothing in common."""

    number: int
    score: float


class Retriever(Protocol):
    """Finds passages."""

    def best(self, query: str, num: int) -> list[Hit]:
        """Up to `num` passages, the nearest first; fewer where others have nothing of the query."""
        ...


class Bm25:
    """By the terms that query and passage share (Robertson and Zaragoza 2009), as `bm25s` counts them."""

    def __init__(self, texts: Iterable[str]) -> None:
        import bm25s

        vocabulary: dict[str, int] = {}
        ids = [[vocabulary.setdefault(term, len(vocabulary)) for term in terms(text)] for text in texts]
        self._num, self._vocabulary, self._index = len(ids), vocabulary, None
        if vocabulary:
            self._index = bm25s.BM25()
            self._index.index((ids, vocabulary), create_empty_token=False, show_progress=False)

    def __len__(self) -> int:
        return self._num

    def best(self, query: str, num: int) -> list[Hit]:
        known = [self._vocabulary[term] for term in terms(query) if term in self._vocabulary]
        if not known or self._index is None:
            return []
        return _best(np.asarray(self._index.get_scores_from_ids(known), np.float64), num, 0.0)


class Embedded:
    """By the cosine of vectors that `embed` gives; query and passages may be told apart by a prefix each."""

    def __init__(self, texts: Iterable[str], embed: Embed, query_prefix: str = "", passage_prefix: str = "") -> None:
        self._embed, self._query_prefix = embed, query_prefix
        parts = [np.zeros((0, 0), np.float32)]
        for batch in _batches(texts):
            parts.append(_units(embed([passage_prefix + text for text in batch]), len(batch)))
            if len(parts) > 2 and parts[-1].shape[1] != parts[1].shape[1]:
                raise EnvironmentProblem(
                    f"the embedding server gave vectors of {parts[1].shape[1]} and of {parts[-1].shape[1]} numbers; "
                    "name one model"
                )
        self._vectors = np.concatenate(parts[1:]) if len(parts) > 1 else parts[0]

    def __len__(self) -> int:
        return len(self._vectors)

    def best(self, query: str, num: int) -> list[Hit]:
        if not len(self):
            return []
        own = _units(self._embed([self._query_prefix + query]), 1)
        if own.shape[1] != self._vectors.shape[1]:
            raise EnvironmentProblem(
                f"the embedding server gave vectors of {self._vectors.shape[1]} numbers for passages and of "
                f"{own.shape[1]} for a query; name one model"
            )
        return _best((self._vectors @ own[0]).astype(np.float64), num, -2.0)


def _best(scores: NDArray[np.float64], num: int, above: float) -> list[Hit]:
    """The `num` highest scores above one; of equal ones the earlier."""
    found = np.flatnonzero(scores > above)
    if len(found) > num > 0:
        least = np.partition(scores[found], len(found) - num)[len(found) - num]
        found = found[scores[found] >= least]
    order = np.lexsort((found, -scores[found]))[: max(num, 0)]
    return [Hit(int(found[place]), float(scores[found[place]])) for place in order]


def _units(vectors: NDArray[np.floating], expected: int) -> Vectors:
    """[expected, size] of length 1. Raises EnvironmentProblem where they are not that many finite vectors."""
    found = np.asarray(vectors, np.float32)
    lengths = np.linalg.norm(found, axis=-1, keepdims=True) if found.ndim == 2 else np.zeros(1)
    if found.ndim != 2 or len(found) != expected or not np.isfinite(found).all() or not (lengths > 0).all():
        raise EnvironmentProblem(
            f"the embedding server gave {found.shape} for {expected} texts, or vectors that are zero or not finite; "
            "name a server and a model that embed texts"
        )
    return np.asarray(found / lengths, np.float32)


def _batches(texts: Iterable[str]) -> Iterator[Sequence[str]]:
    rest = iter(texts)
    while batch := list(islice(rest, BATCH)):
        yield batch
