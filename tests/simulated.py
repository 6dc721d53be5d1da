"""Outcomes of which the truth is known, and how often an interval covers it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from jobs.logic.stats.agreement import agreement
from jobs.logic.stats.interval import Interval
from jobs.logic.stats.length import length_controlled
from jobs.logic.stats.means import clustered_mean

RESAMPLES = 200


@dataclass(frozen=True)
class Covered:
    """Of so many simulations."""

    share: float
    width: float
    """Mean, of those with an interval."""
    unsaid: float
    """Share without an interval."""


@dataclass(frozen=True)
class Prompts:
    """win, tie, loss: how likely. alike: 0, prompts of a source are independent; else the more, the less alike they are
    (the concentration of the Dirichlet distribution that a source's own chances come from)."""

    win: float
    tie: float
    loss: float
    num_clusters: int
    sizes: str = "one"
    alike: float = 0.0

    @property
    def truth(self) -> float:
        return self.win - self.loss

    def draw(self, rng: np.random.Generator) -> tuple[list[float], list[str]]:
        """Outcomes and their sources; `sizes`: one, five, uneven, or one source with a fifth of all."""
        many = {
            "one": lambda: np.ones(self.num_clusters, int),
            "five": lambda: np.full(self.num_clusters, 5),
            "uneven": lambda: np.maximum(1, np.round(rng.lognormal(1, 1, self.num_clusters))).astype(int),
            "large": lambda: np.where(np.arange(self.num_clusters), 2, self.num_clusters // 2),
        }[self.sizes]()
        own = np.tile([self.win, self.tie], (self.num_clusters, 1))
        if self.alike:
            parts = rng.gamma(
                np.array([self.win, self.tie, self.loss]) * self.alike + 1e-9, size=(self.num_clusters, 3)
            )
            own = parts[:, :2] / parts.sum(1, keepdims=True)
        of = np.repeat(np.arange(self.num_clusters), many)
        drawn, win = rng.random(len(of)), own[of, 0]
        values = np.where(drawn < win, 1.0, np.where(drawn < win + own[of, 1], 0.0, -1.0))
        return values.tolist(), [f"s{place}" for place in of]


def covered(draw: Callable[[np.random.Generator], Interval | None], truth: float, runs: int, seed: int = 0) -> Covered:
    """How often the interval of what is drawn has `truth` in it, where there is one."""
    rng = np.random.default_rng(seed)
    found = [interval for _ in range(runs) if (interval := draw(rng)) is not None and interval.can_say]
    inside = [found_one.low <= truth <= found_one.high for found_one in found]
    widths = [found_one.high - found_one.low for found_one in found]
    return Covered(float(np.mean(inside)), float(np.mean(widths)), 1 - len(found) / runs)


def mean_of(prompts: Prompts) -> Callable[[np.random.Generator], Interval | None]:
    """The interval of a mean."""

    def draw(rng: np.random.Generator) -> Interval:
        values, names = prompts.draw(rng)
        return clustered_mean(values, names, num_resamples=RESAMPLES, seed=int(rng.integers(2**31)))

    return draw


def seconds_of(num_clusters: int) -> Callable[[np.random.Generator], Interval | None]:
    """The interval of a mean of skewed values without bounds, whose true mean is exp(1/8)."""

    def draw(rng: np.random.Generator) -> Interval:
        values = rng.lognormal(0, 0.5, num_clusters)
        seed = int(rng.integers(2**31))
        return clustered_mean(values, [None] * num_clusters, num_resamples=RESAMPLES, seed=seed, bounds=None)

    return draw


def controlled(num: int, equal: float, slope: float, shift: float, size: int = 1
               ) -> Callable[[np.random.Generator], Interval | None]:  # fmt: skip
    """The interval of a net win rate at equal length: log odds `equal` there, and `slope` more for a typical length
    more, where answers are `shift` typical lengths longer; sources of `size` prompts that are partly alike."""

    def draw(rng: np.random.Generator) -> Interval | None:
        of = np.arange(num) // size
        longer = rng.normal(shift, 1, num)
        effect = rng.normal(0, 0.5, num)[of] if size > 1 else 0.0
        odds = equal + slope * np.tanh(longer / np.sqrt(1 + shift**2)) + effect
        wins = rng.random(num) < 1 / (1 + np.exp(-odds))
        names = [f"s{place}" for place in of]
        seed = int(rng.integers(2**31))
        return length_controlled(np.where(wins, 1.0, -1.0), longer, names, num_resamples=RESAMPLES, seed=seed)

    return draw


@dataclass(frozen=True)
class Raters:
    """Each says what is so with chance `right`, and otherwise one of the categories at random, by `shares`."""

    shares: Sequence[float]
    right: float
    num_raters: int
    num_units: int
    silent: float = 0.0

    @property
    def truth(self) -> float:
        """Two raters agree beyond chance where both say what is so."""
        return self.right**2

    def draw(self, rng: np.random.Generator) -> Interval:
        kinds = len(self.shares)
        shape = (self.num_units, self.num_raters)
        so = rng.choice(kinds, (self.num_units, 1), p=self.shares)
        said = np.where(rng.random(shape) < self.right, so, rng.choice(kinds, shape, p=self.shares))
        speaks = rng.random(shape) >= self.silent
        ratings = [
            [int(one) if heard else None for one, heard in zip(row, own, strict=True)]
            for row, own in zip(said, speaks, strict=True)
        ]
        return agreement(ratings, num_resamples=RESAMPLES, seed=int(rng.integers(2**31)))


def live_cases(rng: np.random.Generator, runs: int, cases: int, lift: float = 0.0) -> np.ndarray:
    """[runs, cases]: differences of two users, one of each arm, who vote one to six times, alike in what they like."""

    def users(mean: float) -> np.ndarray:
        liking = rng.beta(2 * mean, 2 * (1 - mean), (runs, cases))
        times = rng.integers(1, 7, (runs, cases))
        return rng.binomial(times, liking) / times

    return users(0.6 + lift) - users(0.6)
