"""Length control: what equal lengths would give, or None where nobody can know."""

from __future__ import annotations

import math

import numpy as np
import pytest

from jobs.logic.stats.length import length_controlled
from jobs.logic.stats.means import clustered_mean
from tests.simulated import controlled, covered

HOW = {"num_resamples": 500, "seed": 1}


def test_an_interval_covers_the_truth_at_equal_length() -> None:
    found = covered(controlled(60, equal=0.4, slope=1.0, shift=0.5), math.tanh(0.2), 1500)
    assert 0.93 <= found.share <= 0.975, found


def judged_by_length(num: int, equal: float) -> tuple[list[float], list[float], list[None]]:
    """A judge who likes what is longer, and a model that writes longer answers."""
    rng = np.random.default_rng(5)
    longer = rng.normal(300, 300, num)
    wins = rng.random(num) < 1 / (1 + np.exp(-equal - longer / 200))
    return np.where(wins, 1.0, -1.0).tolist(), longer.tolist(), [None] * num


def test_a_win_by_length_alone_is_none_at_equal_length() -> None:
    outcomes, longer, names = judged_by_length(300, equal=0.0)
    assert clustered_mean(outcomes, names, **HOW).low > 0.3
    found = length_controlled(outcomes, longer, names, **HOW)
    assert found is not None
    assert not found.excludes(0)


def test_a_win_that_is_no_matter_of_length_stays() -> None:
    outcomes, longer, names = judged_by_length(300, equal=1.5)
    found = length_controlled(outcomes, longer, names, **HOW)
    assert found is not None
    assert found.low > 0.2


def test_the_unit_of_length_and_the_side_change_nothing() -> None:
    outcomes, longer, names = judged_by_length(100, equal=0.5)
    found = length_controlled(outcomes, longer, names, **HOW)
    tokens = length_controlled(outcomes, [value / 4 for value in longer], names, **HOW)
    turned = length_controlled([-value for value in outcomes], [-value for value in longer], names, **HOW)
    assert found is not None
    assert tokens is not None
    assert turned is not None
    assert (found.value, found.low) == pytest.approx((tokens.value, tokens.low))
    assert (found.value, found.low) == pytest.approx((-turned.value, -turned.high), abs=0.01)


def test_prompts_again_do_not_narrow_it() -> None:
    outcomes, longer, _ = judged_by_length(60, equal=0.5)
    names = [f"s{place}" for place in range(60)]
    once = length_controlled(outcomes, longer, names, **HOW)
    again = length_controlled(outcomes * 4, longer * 4, names * 4, **HOW)
    assert once is not None
    assert again is not None
    assert again.high - again.low == pytest.approx(once.high - once.low)


@pytest.mark.parametrize(
    "longer",
    [
        [100.0] * 60,  # all longer, equally
        [float(place + 1) for place in range(60)],  # all longer
        [-1.0] * 3 + [50.0] * 57,  # nearly all
    ],
)
def test_lengths_that_do_not_overlap_cannot_be_separated(longer: list[float]) -> None:
    outcomes = [1.0, -1.0, 1.0] * 20
    assert length_controlled(outcomes, longer, [None] * 60, **HOW) is None


def test_answers_that_are_all_as_long_have_the_interval_that_they_have_without_control() -> None:
    outcomes = [1.0, -1.0, 1.0] * 20
    assert length_controlled(outcomes, [0.0] * 60, [None] * 60, **HOW) == clustered_mean(outcomes, [None] * 60, **HOW)


def test_lengths_that_decide_alone_leave_nearly_all_open() -> None:
    longer = [float(place - 30) or 0.5 for place in range(60)]
    found = length_controlled([math.copysign(1.0, value) for value in longer], longer, [None] * 60, **HOW)
    assert found is not None
    assert found.low < -0.3
    assert found.high > 0.3


def test_too_few_clusters_cannot_say_and_uneven_lists_are_refused() -> None:
    found = length_controlled([1.0, -1.0] * 4, [1.0, -1.0] * 4, [None] * 8, **HOW)
    assert found is not None  # None is of lengths that do not overlap
    assert not found.can_say
    with pytest.raises(ValueError, match="2 outcomes, 1 length differences, 2 clusters"):
        length_controlled([1.0, 1.0], [1.0], ["a", "b"], **HOW)
