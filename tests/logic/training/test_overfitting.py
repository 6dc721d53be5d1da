"""Verdicts on validation losses whose truth is known: false alarms, power, and what cannot be judged."""

from collections.abc import Callable

import numpy as np
import pytest

from jobs.logic.training.overfitting import Evaluation, HeldOut, Judgement, Verdict, jitter, judge

Curve = Callable[[np.ndarray, np.random.Generator], np.ndarray]
CANNOT, NONE, OVER, UNDER = Verdict.CANNOT_JUDGE, Verdict.NONE_SHOWN, Verdict.OVERFITS, Verdict.UNDER_TRAINED


def healthy(part: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Falls and stays."""
    return 1 + draw.uniform(0.5, 3) * np.exp(-draw.uniform(6, 12) * part)


def turned(part: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Rises by 4 to 15 % of itself behind the middle."""
    turn = draw.uniform(0.3, 0.6)
    return healthy(part, draw) + draw.uniform(0.04, 0.15) * np.clip((part - turn) / (1 - turn), 0, None)


def falling(part: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Far from its floor at the end."""
    return 1 + draw.uniform(1, 2) * np.exp(-draw.uniform(0.5, 1.2) * part)


def by_rows(course: Curve, draw: np.random.Generator) -> Judgement:
    """Rows of uneven cost and length, several of a source, each with a way of its own between evaluations."""
    num, rows = int(draw.integers(5, 25)), int(draw.integers(20, 200))
    curve = course(np.linspace(0, 1, num), draw)
    tokens = draw.integers(5, 200, rows)
    sources = [int(one) for one in draw.integers(0, max(12, rows // 2), rows)]
    walk = np.cumsum(draw.normal(0, 0.03, (num, rows)) * np.linspace(1, 0.2, num)[:, None], axis=0)
    own = draw.lognormal(0, 0.5, rows) * np.exp(walk) + draw.normal(0, 0.02, (num, rows))
    nll = curve[:, None] * own * tokens
    return judge(evaluations(nll.sum(axis=1) / tokens.sum()), HeldOut(nll.tolist(), tokens.tolist(), sources))


def by_curve(course: Curve, noise: float, draw: np.random.Generator) -> Judgement:
    num = int(draw.integers(5, 40))
    return judge(evaluations(course(np.linspace(0, 1, num), draw) * (1 + noise * draw.normal(0, 1, num))), None)


def evaluations(losses: np.ndarray | list[float]) -> list[Evaluation]:
    return [Evaluation(10 * place, float(one)) for place, one in enumerate(losses, 1)]


def share(verdict: Verdict, found: list[Judgement]) -> float:
    can = [one for one in found if one.verdict is not CANNOT]
    return sum(one.verdict is verdict for one in can) / len(can)


@pytest.mark.parametrize(("course", "verdict", "least", "most"), [
    (healthy, OVER, 0.0, 0.05),
    (healthy, UNDER, 0.0, 0.05),
    (turned, OVER, 0.75, 1.0),
    (falling, UNDER, 0.75, 1.0),
    (falling, OVER, 0.0, 0.0),
])  # fmt: skip
def test_by_rows(course: Curve, verdict: Verdict, least: float, most: float) -> None:
    draw = np.random.default_rng(14)
    assert least <= share(verdict, [by_rows(course, draw) for _ in range(60)]) <= most


@pytest.mark.parametrize(("course", "noise", "verdict", "least", "most"), [
    (healthy, 0.0, OVER, 0.0, 0.0),
    (healthy, 0.01, OVER, 0.0, 0.005),
    (healthy, 0.03, OVER, 0.0, 0.005),
    (healthy, 0.03, UNDER, 0.0, 0.01),
    (turned, 0.0, OVER, 0.7, 1.0),
    (turned, 0.01, OVER, 0.35, 1.0),
    (falling, 0.002, UNDER, 0.5, 1.0),
    (falling, 0.03, OVER, 0.0, 0.005),
])  # fmt: skip
def test_by_the_curve_alone(course: Curve, noise: float, verdict: Verdict, least: float, most: float) -> None:
    draw = np.random.default_rng(14)
    assert least <= share(verdict, [by_curve(course, noise, draw) for _ in range(600)]) <= most


def test_the_best_of_many_equal_evaluations_is_no_turning_point() -> None:
    """Thirty evaluations that differ by the rows' chance alone: the least is below the last, which is no rise."""
    draw, rises = np.random.default_rng(3), 0
    for _ in range(100):
        nll = 1 + 0.2 * draw.normal(0, 1, (30, 40))
        found = judge(evaluations(nll.mean(axis=1)), HeldOut(nll.tolist(), [1.0] * 40, [None] * 40))
        rises += found.rise is not None and found.rise.low > 0
        assert found.rise is not None
        assert found.rise.value >= 0
    assert rises <= 5


def test_a_rise_of_four_percent_over_ten_evaluations_is_seen() -> None:
    draw = np.random.default_rng(5)
    curve = np.concatenate([[3.0, 1.5, 1.0], np.linspace(1.004, 1.04, 10)])
    nll = curve[:, None] * (0.5 + draw.random(80)) * (1 + 0.03 * draw.normal(0, 1, (13, 80)))
    found = judge(evaluations(nll.mean(axis=1)), HeldOut(nll.tolist(), [1.0] * 80, [None] * 80), saved=[30, 130])
    assert (found.verdict, found.best_step, found.saved_step) == (OVER, 30, 30)
    assert found.since_step is not None
    assert 40 <= found.since_step <= 80
    assert found.rise is not None
    assert 0 < found.rise.low < found.rise.value


def test_a_cosine_makes_the_last_step_the_best_and_says_nothing() -> None:
    """At half of the steps the loss is within 2 % of its end; the rest buys nothing worth having."""
    part = np.arange(1, 13) / 12
    found = judge(evaluations(0.9 + np.exp(-8 * part)), None)
    assert (found.verdict, found.best_step) == (NONE, 120)
    assert found.enough_step == 60


def test_what_cannot_be_judged_says_why() -> None:
    few = HeldOut([[1.0] * 9] * 5, [1.0] * 9, list(range(9)))
    assert judge([], None).why == "no-validation"
    assert judge(evaluations([float("nan")] * 8), None).why == "no-validation"
    assert judge(evaluations([3, 2, 1, 2]), None).why == "few-evaluations"
    found = judge(evaluations([3, 2, 1, 2, 3]), few)
    assert (found.verdict, found.why, found.num_sources) == (CANNOT, "few-rows", 9)


def test_twenty_rows_of_one_source_are_one() -> None:
    nll = [[1.0 + place / 10] * 20 for place in range(6)]
    assert judge(evaluations([1.0 + place / 10 for place in range(6)]), HeldOut(nll, [1.0] * 20, ["a"] * 20)).why == (
        "few-rows"
    )


def test_only_what_is_on_disk_is_recommended() -> None:
    curve = [3.0, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0]
    assert judge(evaluations(curve), None, saved=[50, 70]).saved_step == 50
    assert judge(evaluations(curve), None, saved=[]).saved_step is None
    assert judge(evaluations(curve), None).best_step == 20


def test_rows_that_never_change_are_no_rise() -> None:
    nll = [[1.0] * 12] * 6
    found = judge(evaluations([1.0] * 6), HeldOut(nll, [1.0] * 12, [None] * 12))
    assert (found.verdict, found.best_step) == (NONE, 10)


def test_rows_known_by_heart_cost_nothing_and_are_judged_all_the_same() -> None:
    nll = [[9.0] * 12, [3.0] * 12, [0.0] * 12, [0.0] * 12, [0.0] * 12, [0.0] * 12]
    losses = [9.0, 3.0, 0.0, 0.0, 0.0, 0.0]
    for held_out in (HeldOut(nll, [1.0] * 12, [None] * 12), None):
        found = judge(evaluations(losses), held_out)
        assert found.verdict is not OVER
        assert found.best_step == 30


def test_jitter_is_not_the_slope() -> None:
    draw = np.random.default_rng(0)
    line = np.linspace(5, 1, 200)
    assert jitter(list(line)) < 1e-9
    assert 0.015 < jitter(list(line + 0.02 * draw.normal(0, 1, 200))) < 0.025
