"""Means by cluster: their intervals cover what is so, and know what a cluster is."""

from __future__ import annotations

import math

import numpy as np
import pytest

from jobs.logic.stats.interval import Interval
from jobs.logic.stats.means import clustered_mean, least_difference
from tests.simulated import Prompts, covered, mean_of

HOW = {"num_resamples": 500, "seed": 1}


def outcomes(num: int, seed: int = 0) -> list[float]:
    return [float(value) for value in np.random.default_rng(seed).choice([1, 0, -1], num, p=[0.4, 0.4, 0.2])]


@pytest.mark.parametrize(
    ("prompts", "least", "most"),
    [
        (Prompts(0.6, 0.1, 0.3, 30, "uneven", alike=4.0), 0.93, 0.975),
        (Prompts(0.05, 0.9, 0.05, 20), 0.93, 1.0),  # mostly ties: wide rather than false
    ],
)
def test_an_interval_covers_the_truth(prompts: Prompts, least: float, most: float) -> None:
    found = covered(mean_of(prompts), prompts.truth, 2000)
    assert least <= found.share <= most, found
    assert found.unsaid < 0.05


def test_the_same_prompts_again_do_not_narrow_it() -> None:
    values, names = outcomes(60), [f"s{place // 3}" for place in range(60)]
    once = clustered_mean(values, names, **HOW)
    again = clustered_mean(values * 5, names * 5, **HOW)
    apart = clustered_mean(values * 5, [None] * 300, **HOW)
    assert (again.low, again.high) == pytest.approx((once.low, once.high))
    assert apart.high - apart.low < 0.6 * (once.high - once.low)
    assert once.value == again.value == pytest.approx(float(np.mean(values)))


def test_the_order_of_rows_and_the_same_seed_change_nothing() -> None:
    values, names = outcomes(60), [f"s{place // 3}" for place in range(60)]
    assert clustered_mean(values, names, **HOW) == clustered_mean(values, names, **HOW)
    assert clustered_mean(values, names, num_resamples=500, seed=-7).can_say


def test_clusters_that_are_all_alike_are_not_sure() -> None:
    ties = clustered_mean([0.0] * 100, [None] * 100, **HOW)
    assert (ties.value, ties.low) == (0.0, -ties.high)
    assert ties.high == pytest.approx(1 - 0.025 ** (1 / 100))
    wins = clustered_mean([1.0] * 50, [None] * 50, **HOW)
    assert (wins.value, wins.high) == (1.0, 1.0)
    assert 0.8 < wins.low < 0.9


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([1.0, -1.0] * 4 + [1.0], [None] * 9),  # fewer than ten
        ([1.0, -1.0] * 50, ["one"] * 91 + [f"s{place}" for place in range(9)]),  # one that decides alone
    ],
)
def test_too_few_clusters_cannot_say(values: list[float], names: list[str | None]) -> None:
    found = clustered_mean(values, names, **HOW)
    assert not found.can_say
    assert not math.isnan(found.value)
    assert not found.excludes(0)


def test_nothing_at_all_says_nothing() -> None:
    assert math.isnan(clustered_mean([], [], **HOW).value)


def test_what_has_no_bounds_says_so() -> None:
    seconds = [1.0, 2.0, 3.0, 9.0] * 5
    with pytest.raises(ValueError, match="bounds=None"):
        clustered_mean(seconds, [None] * 20, **HOW)
    found = clustered_mean(seconds, [None] * 20, **HOW, bounds=None)
    assert found.low < 3.75 < found.high
    assert not clustered_mean([3.0] * 20, [None] * 20, **HOW, bounds=None).can_say
    shares = clustered_mean([0.0, 1.0] * 10, [None] * 20, **HOW, bounds=(0, 1))
    assert 0.2 < shares.low < 0.5 < shares.high < 0.8


def test_least_difference_is_shown_as_often_as_it_says() -> None:
    least = least_difference(math.sqrt(0.5), 60)
    win = (0.5 + least**2 + least) / 2
    rng, shown = np.random.default_rng(3), 0
    for _ in range(600):
        values, names = Prompts(win, 0.5 - least**2, win - least, 60).draw(rng)
        shown += clustered_mean(values, names, num_resamples=200, seed=0).excludes(0)
    assert 0.75 <= shown / 600 <= 0.85


def test_least_difference_follows_clusters() -> None:
    values = outcomes(60)
    names = [f"s{place // 3}" for place in range(60)]
    assert least_difference(values * 5, 20, clusters=names * 5) == pytest.approx(
        least_difference(values, 20, clusters=names)
    )
    assert least_difference(values, 200) < least_difference(values, 50)
    assert least_difference(values, 50, power=0.9) > least_difference(values, 50)


def test_least_difference_of_nothing_but_ties_is_that_of_the_sign_test() -> None:
    """Six wins and no loss are seen at 0.05; so many of 100 come in 80 % of samples where 7.8 % are won."""
    assert least_difference([0.0] * 100, 100) == pytest.approx(0.0779, abs=5e-5)
    assert math.isnan(least_difference([1.0], 9))
    assert math.isnan(least_difference([1.0], 50))


def test_an_interval_knows_what_it_excludes() -> None:
    assert Interval(0.2, 0.1, 0.3, 0.95).excludes(0)
    assert not Interval(0.2, -0.1, 0.3, 0.95).excludes(0)
    assert not Interval(0.2, math.nan, math.nan, 0.95).excludes(0)
