"""`make bench only=stats`: how often each interval covers what is so, and how often a look at nothing stops."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from jobs.logic.stats.means import clustered_mean, least_difference
from jobs.logic.stats.sequences import log_worth
from tests.bench_rows import Row
from tests.simulated import Covered, Prompts, Raters, controlled, covered, live_cases, mean_of, seconds_of

if TYPE_CHECKING:
    from tests.bench import Options

RUNS = 2000
NULLS, LOOKS = 10_000, 2000
CHANCES = (
    (0.6, 0.1, 0.3, 4.0), (0.3, 0.4, 0.3, 0.0), (0.1, 0.85, 0.05, 0.0), (0.95, 0.0, 0.05, 0.0),
)  # fmt: skip
"""Win, tie and loss, and how alike prompts of one source are."""


def measure(options: Options) -> list[Row]:
    """Coverage of 95 % intervals in 2,000 simulations each, power, and false stops of 10,000 nulls."""
    rows = []
    for win, tie, loss, alike in CHANCES:
        for sizes in ("one", "uneven", "large"):
            for num in (10, 20, 50):
                prompts = Prompts(win, tie, loss, num, sizes, alike)
                name = f"mean {win:g}/{tie:g}/{loss:g}{' alike' if alike else ''}, {num} {sizes}"
                rows.append(row(name, covered(mean_of(prompts), prompts.truth, RUNS)))
    for num in (10, 20, 50, 200):
        rows.append(row(f"mean of seconds, {num}", covered(seconds_of(num), math.exp(0.125), RUNS)))
    for num, equal, slope, shift, size in (
        (20, 0.4, 1.0, 0.5, 1), (60, 0.4, 1.0, 0.5, 1), (200, 0.0, 2.0, 1.0, 4), (200, 2.0, -1.0, 0.0, 1),
    ):  # fmt: skip
        truth = math.tanh(equal / 2) if size == 1 else mean_tanh(equal)
        found = covered(controlled(num, equal, slope, shift, size), truth, RUNS)
        rows.append(row(f"length: {num} prompts, {size} a source, shift {shift:g}", found))
    for raters in (
        Raters((0.5, 0.3, 0.2), 0.8, 2, 20), Raters((0.5, 0.3, 0.2), 0.8, 2, 40),
        Raters((0.4, 0.4, 0.2), 0.6, 3, 40, 0.1),
        Raters((0.5, 0.5), 0.95, 2, 40), Raters((0.5, 0.3, 0.2), 0.0, 2, 40), Raters((0.85, 0.15), 0.7, 2, 40),
    ):  # fmt: skip
        name = f"alpha {raters.truth:.2f}, {raters.num_raters} raters, {raters.num_units} units"
        rows.append(row(name, covered(raters.draw, raters.truth, RUNS)))
    rows += [power(num) for num in (20, 50, 200)]
    return [*rows, *looks()]


def row(name: str, found: Covered) -> Row:
    return Row(name, 100 * found.share, "%", None, f"mean width {found.width:.3f}, unsaid {100 * found.unsaid:.1f} %")


def mean_tanh(equal: float) -> float:
    """The net win rate at equal length over sources whose log odds vary by 0.5."""
    places, weights = np.polynomial.hermite_e.hermegauss(40)
    return float((weights * np.tanh((equal + 0.5 * places) / 2)).sum() / weights.sum())


def power(num: int) -> Row:
    """How often the least difference that is stated for 80 % power is shown."""
    least = least_difference(math.sqrt(0.5), num)
    win = (0.5 + least**2 + least) / 2  # so that a prompt's outcome has that deviation
    prompts = Prompts(win, 1 - 0.5 - least**2, win - least, num)
    rng = np.random.default_rng(0)
    shown = 0
    for _ in range(RUNS):
        values, names = prompts.draw(rng)
        shown += clustered_mean(values, names, num_resamples=200, seed=int(rng.integers(2**31))).excludes(0)
    return Row(f"power, {num} prompts", 100 * shown / RUNS, "%", None, f"80 % is stated, at {least:.3f}")


def looks() -> list[Row]:
    """False stops where there is no difference, looked at after every case; by betting, and by a plain z."""
    rng, stopped, plain = np.random.default_rng(0), 0, 0
    for _ in range(NULLS // 500):
        cases = live_cases(rng, 500, LOOKS)
        stopped += int((log_worth((1 + cases) / 2, 0.5).max(1) >= math.log(20)).sum())
        num = np.arange(1, LOOKS + 1)
        means = np.cumsum(cases, 1) / num
        errors = np.sqrt(np.maximum(np.cumsum(cases**2, 1) / num - means**2, 1e-12) / num)
        plain += int((np.abs(means / errors)[:, 29:] > 1.96).any(1).sum())
    told = f"{NULLS:,} experiments without a difference, each looked at after each of {LOOKS:,} cases"
    return [
        Row("false stops, always valid", 100 * stopped / NULLS, "%", None, told),
        Row("false stops, plain z from 30 on", 100 * plain / NULLS, "%", None, "the same, for comparison"),
    ]
