"""Divergence and retention against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from jobs.logic.parity.divergence import label_nll, retention, token_kl

QUARTER, HALF = [0.0, math.log(3)], [0.0, 0.0]  # probabilities (1/4, 3/4) and (1/2, 1/2)
KL_QUARTER_HALF = 0.25 * math.log(0.5) + 0.75 * math.log(1.5)


def f32(*rows: list[float]) -> np.ndarray:
    return np.array(rows, np.float32)


@pytest.mark.parametrize(
    ("ref", "this", "kl", "same_top"),
    [
        (QUARTER, QUARTER, 0.0, True),
        (QUARTER, HALF, KL_QUARTER_HALF, False),
        (HALF, QUARTER, 0.5 * math.log(2) + 0.5 * math.log(2 / 3), False),
        ([x + 7 for x in QUARTER], HALF, KL_QUARTER_HALF, False),  # a constant changes nothing
        ([0.0, 1e4], [0.0, 1e4], 0.0, True),  # exp(1e4) is no float64
        ([0.0, 2000.0], [2000.0, 0.0], 2000.0, False),
    ],
)
def test_token_kl(ref: list[float], this: list[float], kl: float, same_top: bool) -> None:
    values, tops = token_kl(f32(ref), f32(this))
    assert values.dtype == np.float64
    assert values[0] == pytest.approx(kl, rel=1e-6, abs=1e-12)
    assert tops[0] == same_top


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("side", ["reference", "other"])
def test_what_is_not_finite_is_nan_in_its_own_row_only(bad: float, side: str) -> None:
    good, spoiled = f32(QUARTER, HALF), f32(QUARTER, [0.0, bad])
    kl, same_top = token_kl(spoiled, good) if side == "reference" else token_kl(good, spoiled)
    assert kl[0] == 0.0
    assert math.isnan(kl[1])
    assert same_top.tolist() == [True, False]
    assert np.isnan(label_nll(spoiled, np.array([0, 0]))).tolist() == [False, True]


def test_tiny_differences_are_resolved() -> None:
    """The F32 gate is 1e-6 and float32 noise gives 1e-11, so rounding must stay far below that."""
    ref = np.random.default_rng(0).normal(size=(1, 151_936)).astype(np.float32) * 3
    assert token_kl(ref, ref)[0][0] == 0.0
    assert token_kl(ref, ref + np.float32(1.0))[0][0] < 1e-13


def test_no_rows() -> None:
    kl, same_top = token_kl(np.empty((0, 5), np.float32), np.empty((0, 5), np.float32))
    assert (kl.shape, same_top.shape) == ((0,), (0,))


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match=r"\(1, 2\), the others \(1, 3\)"):
        token_kl(f32([0, 1]), f32([0, 1, 2]))
    with pytest.raises(ValueError, match="labels"):
        label_nll(f32([0, 1]), np.array([0, 1]))


def test_label_nll() -> None:
    nll = label_nll(f32(QUARTER, HALF), np.array([0, 1]))
    assert nll.tolist() == pytest.approx([math.log(4), math.log(2)])


PROMPTS = np.array([0, 0, 1, 1, 2])
BASE = np.array([1.0, 2.0, 3.0, 1.0, 3.0])  # 10 in all


@pytest.mark.parametrize(
    ("artifact", "value"),
    [
        (BASE * 0, 1.0),
        (BASE * 0.02, 0.98),
        (BASE, 0.0),
        (BASE * 1.5, -0.5),
        (np.array([0.0, 0.0, 0.0, 0.0, 1.0]), 0.9),
    ],
)
def test_retention(artifact: np.ndarray, value: float) -> None:
    seen, low, high = retention(BASE, artifact, PROMPTS, num_resamples=500, seed=1)
    assert seen == pytest.approx(value)
    assert low <= seen + 1e-12
    assert high >= seen - 1e-12


def test_retention_resamples_prompts_not_tokens() -> None:
    """One prompt of the three lost all its effect: resampling prompts reaches all of them and none of them."""
    base, artifact = np.ones(300), np.repeat([1.0, 0.0, 0.0], 100)
    value, low, high = retention(base, artifact, np.repeat([7, 8, 9], 100), num_resamples=2000, seed=0)
    assert (value, low, high) == (pytest.approx(2 / 3), pytest.approx(0.0), pytest.approx(1.0))


def test_retention_is_reproducible() -> None:
    artifact = BASE * [0.1, 0.2, 0.0, 0.3, 0.1]
    first = retention(BASE, artifact, PROMPTS, num_resamples=200, seed=3)
    assert first == retention(BASE, artifact, PROMPTS, num_resamples=200, seed=3)


@pytest.mark.parametrize(
    ("base", "artifact"),
    [
        (BASE * np.nan, BASE),
        (BASE, np.where(BASE == 2, np.nan, BASE)),
        (BASE, BASE * np.inf),
        (BASE * 0, BASE * 0),  # the fine-tune did nothing: there is no effect to retain
    ],
)
def test_retention_of_nothing_or_nan_is_nan(base: np.ndarray, artifact: np.ndarray) -> None:
    assert np.isnan(retention(base, artifact, PROMPTS, num_resamples=50, seed=0)).all()


def test_retention_needs_one_prompt_per_token() -> None:
    with pytest.raises(ValueError, match="5, 5 and 3"):
        retention(BASE, BASE, PROMPTS[:3], num_resamples=10, seed=0)
