"""Intervals that may be looked at after every value."""

from __future__ import annotations

import math

import numpy as np
import pytest

from jobs.logic.stats.sequences import always_valid_mean, log_worth
from tests.simulated import live_cases

VALUES = (np.arange(1, 201) ** 2 % 17) / 16
LIMIT = math.log(20)


def test_it_is_that_of_the_authors() -> None:
    """hedged_cs of gostevehoward/confseq, which is by the paper's first author, with the paper's bets at alpha / 2, on
    these values: what the richer bettor has against 0.3 and 0.6, and the interval on a grid of 0.001."""
    looks = [0, 9, 49, 199]
    assert log_worth(VALUES, 0.3)[looks] == pytest.approx([-0.536449, 2.477582, 6.602745, 15.495921], abs=1e-6)
    assert log_worth(VALUES, 0.6)[looks] == pytest.approx([-0.179201, -1.145276, 0.709699, 4.559272], abs=1e-6)
    for num, low, high in ((10, 0.273, 0.831), (50, 0.376, 0.653), (200, 0.426, 0.581)):
        found = always_valid_mean(VALUES[:num])
        assert low <= found.low <= low + 0.001
        assert high - 0.001 <= found.high <= high


def test_the_bets_are_those_of_the_paper_step_by_step() -> None:
    """Equations 26 and 27, one value after the other."""
    mean, money, total, squares = 0.4, [0.5, 0.5], 0.5, 0.25
    for num, value in enumerate(VALUES[:40], start=1):
        bet = math.sqrt(2 * math.log(40) / (squares / num * num * math.log(num + 1)))
        money[0] *= 1 + min(bet, 0.5 / mean) * (value - mean)
        money[1] *= 1 - min(bet, 0.5 / (1 - mean)) * (value - mean)
        total += value
        squares += (value - total / (num + 1)) ** 2
        assert log_worth(VALUES[:num], mean)[-1] == pytest.approx(math.log(max(money)))


def test_ten_thousand_experiments_without_a_difference_looked_at_after_every_case() -> None:
    rng, stopped = np.random.default_rng(11), 0
    for _ in range(20):
        cases = live_cases(rng, 500, 300)
        stopped += int((log_worth((1 + cases) / 2, 0.5).max(1) >= LIMIT).sum())
    assert stopped / 10_000 <= 0.05


def test_a_difference_is_seen() -> None:
    cases = live_cases(np.random.default_rng(12), 200, 1200, lift=0.15)
    seen = (log_worth((1 + cases) / 2, 0.5) >= LIMIT).any(1).mean()
    assert seen >= 0.9


def test_what_is_excluded_at_a_look_stays_excluded() -> None:
    values = np.random.default_rng(13).random(300)
    before = always_valid_mean(values[:1])
    for num in range(2, 301, 7):
        found = always_valid_mean(values[:num])
        assert found.low >= before.low
        assert found.high <= before.high
        before = found


def test_a_value_is_outside_just_where_a_bettor_is_rich() -> None:
    found = always_valid_mean(VALUES)
    for mean in (found.low - 1e-6, found.high + 1e-6):
        assert log_worth(VALUES, mean).max() >= LIMIT
    for mean in (found.low + 1e-6, found.value, found.high - 1e-6):
        assert log_worth(VALUES, mean).max() < LIMIT


def test_bounds_scale_it() -> None:
    plain, wide = always_valid_mean(VALUES), always_valid_mean(VALUES * 2 - 1, bounds=(-1, 1))
    assert (wide.value, wide.low, wide.high) == pytest.approx(
        (2 * plain.value - 1, 2 * plain.low - 1, 2 * plain.high - 1)
    )


def test_all_alike_none_and_out_of_bounds() -> None:
    ones = always_valid_mean([1.0] * 100)
    assert ones.high == 1.0
    assert 0.8 < ones.low < 1
    assert always_valid_mean([0.0] * 100).low == 0.0
    nothing = always_valid_mean([])
    assert (nothing.low, nothing.high) == (0.0, 1.0)
    assert math.isnan(nothing.value)
    with pytest.raises(ValueError, match="out of 0 to 1"):
        always_valid_mean([0.5, 1.2])
    with pytest.raises(ValueError, match="out of 0 to 1"):
        always_valid_mean([math.nan])


def test_a_mean_that_moves_leaves_nothing() -> None:
    assert not always_valid_mean([0.0] * 300 + [1.0] * 3000).can_say
