"""Exact tests and intervals, against values that were published and that can be counted by hand."""

from __future__ import annotations

import math

import pytest

from jobs.logic.stats.clusters import cluster_sums
from jobs.logic.stats.exact import exact_share, mcnemar, position_bias, sign_test


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684), (1, 29, 0.0009, 0.1776)],
)
def test_clopper_pearson_is_as_published(k: int, n: int, low: float, high: float) -> None:
    """Newcombe 1998, Two-sided confidence intervals for the single proportion, Stat. Med. 17, table I, method 5."""
    found = exact_share(k, n)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)
    assert found.value == k / n


def test_a_share_of_nothing_says_nothing_and_all_is_no_certainty() -> None:
    assert not exact_share(0, 0).can_say
    assert exact_share(20, 20).low == pytest.approx(0.025 ** (1 / 20))
    with pytest.raises(ValueError, match="5 of 4"):
        exact_share(5, 4)


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    [(150, 86, 3.716e-5), (1, 9, 22 / 1024), (0, 6, 2 / 64), (0, 5, 2 / 32), (4, 4, 1.0), (0, 1, 1.0)],
)
def test_mcnemar_is_exact_and_says_the_same_from_both_sides(only_first: int, only_second: int, p: float) -> None:
    """150 and 86 are the approval ratings of Agresti, Categorical Data Analysis, section 11.1."""
    assert mcnemar(only_first, only_second) == pytest.approx(p, rel=1e-3)
    assert mcnemar(only_second, only_first) == mcnemar(only_first, only_second)


def test_nothing_to_tell_the_sides_apart_is_no_signal() -> None:
    assert math.isnan(mcnemar(0, 0))
    assert math.isnan(position_bias(0, 0))
    assert math.isnan(sign_test([0, 0, 0]))
    assert math.isnan(sign_test([1, -1], ["a", "a"]))


def test_the_side_that_is_always_chosen_shows() -> None:
    assert position_bias(20, 0) == pytest.approx(2 / 2**20)
    assert position_bias(11, 9) > 0.8


def test_ties_are_dropped_and_a_cluster_has_one_sign() -> None:
    assert sign_test([1] * 6 + [0] * 100) == pytest.approx(2 / 64)
    values, names = [1.0] * 12, [f"s{place // 2}" for place in range(12)]
    assert sign_test(values, names) == pytest.approx(2 / 64)
    assert sign_test(values, [None] * 12) == pytest.approx(2 / 2**12)


def test_clusters_are_summed_and_none_is_one_of_its_own() -> None:
    found = cluster_sums([1, 0, -1, 1, 1], ["a", None, "a", None, "b"])
    assert found.sums.tolist() == [0, 0, 1, 1]
    assert found.sizes.tolist() == [2, 1, 1, 1]


@pytest.mark.parametrize(
    ("values", "names", "why"),
    [([1.0], [], "1 values and 0"), ([math.nan], ["a"], "finite"), ([math.inf], ["a"], "finite")],
)
def test_what_is_no_outcome_is_refused(values: list[float], names: list[str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        cluster_sums(values, names)
