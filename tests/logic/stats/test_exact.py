"""Exact tests, against values that were published and that can be counted by hand."""

from __future__ import annotations

import math

import pytest

from jobs.logic.stats.clusters import cluster_sums
from jobs.logic.stats.exact import binomial_p, position_bias, sign_test


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    [(150, 86, 3.716e-5), (1, 9, 22 / 1024), (0, 6, 2 / 64), (0, 5, 2 / 32), (4, 4, 1.0), (0, 1, 1.0)],
)
def test_mcnemar_is_exact_and_says_the_same_from_both_sides(only_first: int, only_second: int, p: float) -> None:
    """150 and 86 are the approval ratings of Agresti, Categorical Data Analysis, section 11.1."""
    alone = [1] * only_first + [-1] * only_second
    assert sign_test([*alone, 0, 0]) == pytest.approx(p, rel=1e-3)
    assert sign_test([-one for one in alone]) == sign_test(alone)


def test_nothing_to_tell_the_sides_apart_is_no_signal() -> None:
    assert math.isnan(binomial_p(0, 0))
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
