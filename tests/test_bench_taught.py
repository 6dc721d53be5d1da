"""The intervals that the bench tells: of rows in clusters, and of differences row by row."""

from __future__ import annotations

import pytest

from tests.bench_taught import intervals

ROWS = {f"r{number}": (f"s{number // 3}", number % 4 / 4, float(number % 4 == 3)) for number in range(60)}


def test_a_mean_stands_within_its_interval_and_a_difference_of_rows_with_themselves_is_nothing() -> None:
    found = intervals(ROWS)
    for value, low, high in found.values():
        assert low < value < high
    assert intervals(ROWS, ROWS) == {"agreement": [0.0, 0.0, 0.0], "exact": [0.0, 0.0, 0.0]}


def test_a_gain_of_every_row_has_no_width_and_rows_that_are_one_source_have_a_wider_interval() -> None:
    better = {key: (source, score + 0.25, exact) for key, (source, score, exact) in ROWS.items()}
    assert intervals(better, ROWS)["agreement"] == [0.25, 0.25, 0.25]
    widths = []
    for size in (1, 10):
        alike = {f"r{n}": (f"s{n // size}", float(n // 10 % 2), 0.0) for n in range(60)}
        _, low, high = intervals(alike)["agreement"]
        widths.append(high - low)
    assert widths[1] > 2 * widths[0]


def test_answers_to_other_rows_are_not_paired() -> None:
    with pytest.raises(AssertionError, match="no others"):
        intervals(ROWS, dict(list(ROWS.items())[1:]))
