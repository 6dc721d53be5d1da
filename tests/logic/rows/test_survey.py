"""Rows counted."""

from itertools import pairwise

import numpy as np
import pytest

from jobs.logic.rows import keys as row_keys, survey
from jobs.logic.rows.keys import Keys
from jobs.logic.rows.near import Pair


def keys(*rows: dict[str, int]) -> Keys:
    found = np.zeros(len(rows), row_keys.dtype(1.0))
    for number, row in enumerate(rows):
        for name, value in row.items():
            found[name][number] = value
    return found


def test_quantiles_are_values_that_were_seen() -> None:
    assert survey.quantiles(np.arange(101)[::-1]) == [0, 5, 50, 95, 100]
    assert survey.quantiles(np.asarray([7])) == [7] * 5


@pytest.mark.parametrize("values", [[0], [1], [5, 5, 5], [0, 1, 2, 3, 100], list(range(1, 5000, 7)), [10**6, 3]])
def test_every_value_is_in_one_bin(values: list[int]) -> None:
    found = np.asarray(values, np.int64)
    edges = survey.edges(found)
    assert edges == sorted(set(edges))
    assert edges[0] <= min(values) <= max(values) < edges[-1]
    assert len(edges) <= survey.NUM_BINS + 1
    counts = survey.histogram(found, edges)
    assert sum(counts) == len(values)
    assert counts == [sum(low <= value < high for value in values) for low, high in pairwise(edges)]


def test_nothing_has_no_bins() -> None:
    assert survey.edges(np.zeros(0, np.int64)) == [0, 1]
    assert survey.histogram(np.zeros(0, np.int64), [0, 1]) == [0]


def test_named() -> None:
    assert survey.named(np.asarray([2, 0, 2, 1], np.uint8), ("", "en", "ja")) == {"ja": 2, "en": 1, "unknown": 1}


def test_contradictory_rows() -> None:
    found = keys(
        {"prompt": 1, "answer": 10},
        {"prompt": 1, "answer": 11},
        {"prompt": 2, "answer": 10},
        {"prompt": 2, "answer": 10},
    )
    assert survey.num_contradictory(found) == 2
    assert survey.num_distinct_answers(found) == 2
    assert survey.num_contradictory(keys()) == 0


def test_leaks_name_what_is_shared() -> None:
    train = keys(
        {"id": 1, "conversation": 5, "prompt": 7, "source": 0}, {"id": 2, "conversation": 6, "prompt": 8, "source": 3}
    )
    val = keys(
        {"id": 1, "conversation": 9, "prompt": 8, "source": 3}, {"id": 4, "conversation": 6, "prompt": 9, "source": 0}
    )
    pairs = [Pair(0, 1, 0.9), Pair(1, 2, 0.9), Pair(0, 2, 0.8), Pair(2, 3, 0.8)]
    assert survey.leaks(train, val, pairs) == {"id": 1, "conversation": 1, "prompt": 1, "source": 1, "near": 1}
