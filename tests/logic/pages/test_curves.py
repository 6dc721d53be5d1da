"""What is read out of a training log."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from jobs.logic.pages.curves import gap, read_log, summary

LOG: list[dict[str, Any]] = [
    {"step": 0, "epoch": 0.0, "eval_loss": 2.0, "eval_content_loss": 2.5, "eval_template_loss": 1.0},
    *({"step": step, "epoch": step / 20, "loss": 3 - 0.1 * step, "grad_norm": step % 7} for step in range(1, 11)),
    {"step": 10, "epoch": 0.5, "eval_loss": 1.0, "eval_content_loss": 1.5, "eval_template_loss": 0.5},
    *({"step": step, "epoch": step / 20, "loss": 3 - 0.1 * step, "grad_norm": 0.5} for step in range(11, 21)),
    {"step": 20, "epoch": 1.0, "eval_loss": 1.25, "eval_content_loss": 1.75, "eval_template_loss": 0.75},
]


def test_summary() -> None:
    assert summary(LOG, 10) == {
        "first_eval_loss": 2.0,
        "last_eval_loss": 1.25,
        "first_train_loss": pytest.approx(2.9),
        "last_train_loss": pytest.approx((1.1 + 1.0) / 2),
        "best_content_loss": 1.5,
        "best_template_loss": 0.5,
        "max_grad_norm": 6.0,
    }


def test_an_evaluation_after_the_first_step_is_not_the_base_models() -> None:
    assert math.isnan(summary(LOG[1:], 10)["first_eval_loss"])


@pytest.mark.parametrize("log", [[], [{"step": 0, "epoch": 0.0, "eval_loss": 2.0}]])
def test_what_is_not_in_the_log_is_nan(log: list[dict[str, Any]]) -> None:
    found = summary(log, 10)
    assert found["best_content_loss"] is None
    assert all(math.isnan(found[name]) for name in ("first_train_loss", "last_train_loss", "max_grad_norm"))


@pytest.mark.parametrize("place", [1, 5, 10])
def test_one_gradient_that_is_nan_is_not_lost(place: int) -> None:
    log = [dict(entry) for entry in LOG]
    log[place]["grad_norm"] = math.nan
    assert math.isnan(summary(log, 10)["max_grad_norm"])


def test_numbers_that_json_has_no_word_for_are_read_back() -> None:
    text = '{"step": 3, "epoch": 0.5, "loss": "nan", "grad_norm": "inf"}\n{"step": 4, "loss": "-inf"}\n'
    first, second = read_log(text)
    assert math.isnan(first["loss"])
    assert (first["step"], first["grad_norm"], second["loss"]) == (3, math.inf, -math.inf)
    assert read_log("") == []
    assert read_log(json.dumps(LOG[0])) == LOG[:1]


def test_gap_weighs_rows_by_their_tokens() -> None:
    found = gap([(1.0, 1), (9.0, 9)], [(4.0, 2), (0.0, 0), (6.0, 3)], seed=1)
    assert found == {"train_content_loss": 1.0, "val_content_loss": 2.0, "gap": 1.0, "gap_low": 1.0, "gap_high": 1.0}


@pytest.mark.parametrize("seed", range(5))
def test_the_interval_holds_the_gap(seed: int) -> None:
    draw = np.random.default_rng(seed)
    sides = [[(float(draw.gamma(2, mean) * 10), 10) for _ in range(40)] for mean in (0.4, 0.6)]
    found = gap(sides[0], sides[1], seed=seed)
    assert found["gap_low"] < found["gap"] < found["gap_high"]
    assert found["gap_high"] - found["gap_low"] < 1.5
    assert found == gap(sides[0], sides[1], seed=seed)


@pytest.mark.parametrize(("train", "val"), [([], [(1.0, 1)]), ([(1.0, 1)], [(0.0, 0)]), ([], [])])
def test_a_side_without_content_has_no_gap(train: list[tuple[float, int]], val: list[tuple[float, int]]) -> None:
    assert all(math.isnan(value) for value in gap(train, val, seed=0).values())


def test_a_row_that_is_nan_makes_the_gap_nan() -> None:
    found = gap([(1.0, 1), (math.nan, 4)], [(1.0, 1)], seed=0)
    assert math.isnan(found["gap"])
    assert math.isnan(found["gap_low"])
