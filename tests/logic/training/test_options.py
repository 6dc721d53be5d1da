"""Prompts, targets and schedules of a training run."""

from __future__ import annotations

import math
from typing import Any

import pytest

from jobs.logic.training.prompts import prompt_places
from jobs.logic.training.schedules import largest_difference, share
from jobs.logic.training.targets import LINEAR_LAYERS, resolved


@pytest.mark.parametrize(
    ("kinds", "places"),
    [
        ("ppppcctp", [1, 2, 3]),
        ("pppccpppcctp", [1, 2, 5, 6, 7]),
        ("pptttccp", [1]),
        ("pp", []),
        ("", []),
        ("c", []),
        ("pc", []),
    ],
)
def test_prompts_end_where_the_last_graded_stretch_begins(kinds: str, places: list[int]) -> None:
    assert prompt_places(kinds) == places


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("all-linear", list(LINEAR_LAYERS)),
        (["all-linear"], list(LINEAR_LAYERS)),
        (["q_proj"], ["q_proj"]),
        ("q_proj", "q_proj"),
        (3, 3),
    ],
)
def test_all_linear_is_the_seven_layers(said: Any, expected: Any) -> None:
    assert resolved(said) == expected


@pytest.mark.parametrize(
    ("kind", "shares"),
    [
        ("constant", [0.0, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0]),
        ("linear", [0.0, 0.5, 1.0, 0.75, 0.5, 0.25, 0.0]),
        ("cosine", [0.0, 0.5, 1.0, 0.853553390593, 0.5, 0.146446609407, 0.0]),
    ],
)
def test_shares_of_the_highest_rate(kind: str, shares: list[float]) -> None:
    assert [share(kind, done, 2, 6) for done in range(7)] == pytest.approx(shares, abs=1e-12)
    log = [{"step": step + 1, "learning_rate": 3e-4 * one} for step, one in enumerate(shares[:6])]
    assert largest_difference(log, kind, 3e-4, 0.3, 6) == pytest.approx(0, abs=1e-11)
    assert largest_difference(log, kind, 6e-4, 0.3, 6) == pytest.approx(0.5)


def test_without_a_logged_rate_nothing_is_known() -> None:
    assert math.isnan(largest_difference([{"step": 0, "eval_loss": 1.0}], "cosine", 1e-4, 0.0, 3))
