"""Krippendorff's alpha, against what was published, and how sure it is."""

from __future__ import annotations

import math

import pytest

from jobs.logic.stats.agreement import agreement
from tests.simulated import Raters, covered

HOW = {"num_resamples": 500, "seed": 1}
PUBLISHED = (
    "1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3", ". 3 3 3 2 3 4 2 2 5 1 .", "1 2 3 3 2 4 4 1 2 5 1 .",
)  # fmt: skip
"""Four observers of twelve units: Krippendorff 2011, Computing Krippendorff's alpha-reliability, section C."""


def units(observers: tuple[str, ...]) -> list[list[str | None]]:
    return [
        [None if one == "." else one for one in unit] for unit in zip(*(row.split() for row in observers), strict=True)
    ]


def test_alpha_is_as_published() -> None:
    assert agreement(units(PUBLISHED), **HOW).value == pytest.approx(0.743, abs=5e-4)


def test_two_observers_of_two_categories_are_as_published() -> None:
    """Section A of the same: ten units, alpha 0.095."""
    found = agreement(units(("0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0")), **HOW)
    assert found.value == pytest.approx(0.095, abs=5e-4)


def test_names_and_the_order_of_raters_change_nothing() -> None:
    plain = agreement(units(PUBLISHED), **HOW)
    named = agreement([[one and f"kind {one}" for one in reversed(unit)] for unit in units(PUBLISHED)], **HOW)
    assert named == plain
    assert plain.low < plain.value < plain.high


def test_raters_who_agreed_on_all_of_a_few_units_are_not_sure_to() -> None:
    few = agreement([["a", "a"], ["b", "b"]] * 10, **HOW)
    many = agreement([["a", "a"], ["b", "b"]] * 100, **HOW)
    assert (few.value, few.high) == (1.0, 1.0)
    assert few.low < many.low < 1
    assert few.low < 0.8


@pytest.mark.parametrize(
    "ratings",
    [
        [],
        [["a", None], ["b", None]] * 10,  # nobody to agree with
        [["a", "a"]] * 20,  # no second category that chance could have given
    ],
)
def test_alpha_that_is_not_defined_is_no_number(ratings: list[list[str | None]]) -> None:
    found = agreement(ratings, **HOW)
    assert math.isnan(found.value)
    assert not found.can_say


def test_too_few_units_have_a_value_and_no_interval() -> None:
    found = agreement([["a", "a"], ["b", "a"], ["b", "b"]], **HOW)
    assert 0 < found.value < 1
    assert not found.can_say


def test_raters_by_chance_agree_by_chance() -> None:
    found = agreement([["a", "b"], ["b", "a"], ["a", "a"], ["b", "b"]] * 20, **HOW)
    assert abs(found.value) < 0.02
    assert not found.excludes(0)


def test_an_interval_covers_the_truth() -> None:
    raters = Raters((0.5, 0.3, 0.2), right=0.8, num_raters=2, num_units=40)
    found = covered(raters.draw, raters.truth, 1500)
    assert 0.93 <= found.share <= 0.97, found


def test_prompts_of_one_source_are_one_case() -> None:
    """Ten copies of each unit are not ten times as much: the interval is near that of one copy of each."""
    some = [["a", "a"], ["b", "b"], ["a", "b"], ["a", "a"], ["b", "b"]] * 6
    copied = [unit for unit in some for _ in range(10)]
    sources = [f"s{number}" for number in range(len(some)) for _ in range(10)]
    plain, alone, clustered = agreement(some, **HOW), agreement(copied, **HOW), agreement(copied, sources, **HOW)
    assert clustered.value == alone.value
    assert alone.high - alone.low < 0.5 * (plain.high - plain.low)
    assert clustered.high - clustered.low == pytest.approx(plain.high - plain.low, rel=0.1)
    assert agreement(some, [None] * len(some), **HOW) == plain


def test_of_few_sources_no_interval_is_said() -> None:
    found = agreement([["a", "a"], ["b", "a"], ["b", "b"]] * 10, ["one", "two", "three"] * 10, **HOW)
    assert math.isfinite(found.value)
    assert math.isnan(found.low)
