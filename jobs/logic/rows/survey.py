"""Rows counted: lengths, languages, answers, and what held-out rows share with training rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from jobs.logic.rows.keys import Keys
from jobs.logic.rows.near import Pair, distinct

QUANTILES = (0.0, 0.05, 0.5, 0.95, 1.0)
NUM_BINS = 24
Ints = NDArray[np.int64]


def quantiles(values: Ints) -> list[int]:
    """The values at QUANTILES: whole numbers that were really seen."""
    ranked = np.sort(values)
    return [int(ranked[round(share * (len(ranked) - 1))]) for share in QUANTILES]


def edges(values: Ints) -> list[int]:
    """Edges of up to NUM_BINS bins that grow by the same factor, from the shortest to beyond the longest."""
    if not len(values):
        return [0, 1]
    low, high = max(1, int(values.min())), int(values.max()) + 1
    found = np.unique(np.round(np.geomspace(low, max(high, low + 1), NUM_BINS + 1)).astype(np.int64))
    found[0] = min(int(values.min()), low)
    return [int(edge) for edge in found]


def histogram(values: Ints, edges: Sequence[int]) -> list[int]:
    """How many values are in each bin; a bin holds its lower edge and not its upper one."""
    places = np.searchsorted(np.asarray(edges, np.int64), values, side="right") - 1
    return [int(count) for count in np.bincount(places, minlength=len(edges) - 1)[: len(edges) - 1]]


def num_distinct_answers(keys: Keys) -> int:
    """Last answers that differ after normalisation."""
    return len(distinct(keys["answer"]))


def num_contradictory(keys: Keys) -> int:
    """Rows whose prompt other rows answer otherwise."""
    both = np.unique(np.stack((keys["prompt"], keys["answer"]), axis=1), axis=0)
    prompts, answers = np.unique(both[:, 0], return_counts=True)
    return int(np.isin(keys["prompt"], prompts[answers > 1]).sum())


def named(numbers: NDArray[np.uint8], names: Sequence[str]) -> dict[str, int]:
    """How often each name is meant, the most frequent first; a number without a name counts as `unknown`."""
    counts = enumerate(np.bincount(numbers, minlength=len(names)).tolist())
    found = {names[number] or "unknown": count for number, count in counts if count}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def leaks(train: Keys, val: Keys, pairs: Iterable[Pair]) -> dict[str, int]:
    """Held-out rows that training has seen, by what they share with a training row.

    `pairs` are the near duplicates among the rows of `train` followed by those of `val`, by index.
    """
    border = len(train)
    shared = {name: _shared(train, val, name) for name in ("id", "conversation", "prompt", "source")}
    return {**shared, "near": len({pair.second for pair in pairs if pair.first < border <= pair.second})}


def _shared(train: Keys, val: Keys, name: str) -> int:
    """Rows of `val` whose key, if they have one, a row of `train` has."""
    wanted, num_rows = np.unique(val[name][val[name] != 0], return_counts=True)
    if not len(wanted):
        return 0
    there = train[name]
    places = np.minimum(np.searchsorted(wanted, there), len(wanted) - 1)
    shared = np.unique(places[wanted[places] == there])
    return int(num_rows[shared].sum())
