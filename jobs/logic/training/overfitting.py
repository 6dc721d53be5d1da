"""Whether a training went on too long, not long enough, or neither shows: from validation losses, with their noise.

Losses of the same held-out rows at several evaluations are paired: what differs is what was learnt in between, and how
sure that is the rows tell. The best evaluation is the least of many, so it lies below the others by luck alone; every
rise is therefore judged against the largest that chance makes among all pairs of evaluations. A curve without the
losses of its rows has only its own jitter to be judged by.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from jobs.logic.stats.clusters import cluster_ids
from jobs.logic.training.paired import Differences, differences

LEAST_EVALUATIONS = 5
"""With the base model's, where it was evaluated."""
LEAST_SOURCES = 10
"""Of held-out rows; of fewer no interval is said (`stats.means`)."""
EQUAL = 0.01
"""Relative: losses that lie closer are equal for what a model does, however sure the difference is."""
SMALLEST = 1e-6
"""Nats: rows that are known by heart cost nothing, and a rise is of something."""
EQUAL_BY_CURVE = 0.02
"""The same where no row's own loss is there."""
JITTERS = 5.0
"""A rise of a smoothed curve in standard deviations of its jitter that jitter does not make (tests simulate it)."""
MEDIAN_OF_A_SQUARE, MANY = 0.455, 8
"""Of a standard normal number; second differences whose median alone is their noise."""
MATERIAL_GAIN = 0.05
"""Relative fall that as much training again promises, from which on it is worth having."""


class Verdict(Enum):
    """Of one training."""

    NONE_SHOWN = "none shown"
    OVERFITS = "overfits"
    MEMORISED = "memorised"
    UNDER_TRAINED = "under-trained"
    CANNOT_JUDGE = "cannot judge"


@dataclass(frozen=True)
class Evaluation:
    """One evaluation of the held-out rows, in nats a token."""

    step: int
    loss: float


@dataclass(frozen=True)
class HeldOut:
    """What each held-out row cost at each evaluation."""

    nll: Sequence[Sequence[float]]
    """[evaluations, rows]: summed nats of the row's content tokens."""
    num_tokens: Sequence[float]
    """[rows]"""
    sources: Sequence[Hashable | None]
    """[rows]: where each comes from; None is a source of its own."""


@dataclass(frozen=True)
class Rise:
    """From the best evaluation to the last, relative to the best."""

    value: float
    low: float
    """Lower end that holds for all pairs of evaluations at once (95 %); NaN where no row's own loss is there."""


@dataclass(frozen=True)
class Judgement:
    """What the evaluations say, and by what."""

    verdict: Verdict
    why: str
    """In a word or two where nothing can be judged: `no-validation`, `few-evaluations`, `few-rows`; else empty."""
    by_rows: bool
    """Judged by the losses of rows; else by the curve's own jitter."""
    num_evaluations: int
    num_sources: int
    since_step: int | None = None
    """Of an overfit: the first evaluation from which on all are worse than the best."""
    best_step: int | None = None
    best_loss: float = math.nan
    last_step: int | None = None
    last_loss: float = math.nan
    rise: Rise | None = None
    enough_step: int | None = None
    """The first evaluation that is within `EQUAL` of the best one; by a curve, within its jitter too."""
    saved_step: int | None = None
    """The best one that is on disk; None where none is, or nobody knows."""
    gain_of_more: float | None = None
    """Relative fall that as many steps again promise, by the curve's own course."""


def judge(
    evaluations: Sequence[Evaluation], held_out: HeldOut | None, saved: Sequence[int] | None = None, seed: int = 0
) -> Judgement:
    """`evaluations` in the order of steps, `held_out` beside them; `saved`: steps whose weights are on disk."""
    order = [place for place, one in enumerate(evaluations) if math.isfinite(one.loss)]
    found = [evaluations[place] for place in order]
    sources = 0 if held_out is None else int(cluster_ids(held_out.sources).max(initial=-1)) + 1
    if not found:
        return Judgement(Verdict.CANNOT_JUDGE, "no-validation", False, 0, sources)
    best = min(range(len(found)), key=lambda place: (found[place].loss, place))
    known = Judgement(
        Verdict.CANNOT_JUDGE, "few-evaluations", held_out is not None, len(found), sources,
        best_step=found[best].step, best_loss=found[best].loss, last_step=found[-1].step, last_loss=found[-1].loss,
    )  # fmt: skip
    if len(found) < LEAST_EVALUATIONS:
        return known
    if held_out is None:
        return _by_curve(found, known, saved)
    if sources < LEAST_SOURCES:
        return replace(known, why="few-rows")
    nll = np.asarray(held_out.nll, float)[order]
    apart = differences(nll, np.asarray(held_out.num_tokens, float), cluster_ids(held_out.sources), seed)
    return _by_rows(found, known, apart, saved)


def _by_rows(
    found: Sequence[Evaluation], known: Judgement, apart: Differences, saved: Sequence[int] | None
) -> Judgement:
    """By differences of the rows' content losses, which need not have their least where the loss of all tokens has."""
    least = int(np.argmin(apart.losses))
    best = float(apart.losses[least])
    surely_worse = [
        apart.low(least, place) > 0 and apart.losses[place] > best * (1 + EQUAL) for place in range(len(found))
    ]
    since = _from_here_on(surely_worse, least)
    enough = next((place for place in range(least) if apart.losses[place] <= best * (1 + EQUAL)), least)
    gain = _gain([one.step for one in found], list(apart.losses), lambda one, other: -apart.high(one, other))
    verdict = _verdict(since, least == len(found) - 1 and enough == least, gain)
    return replace(
        known, why="", verdict=verdict, since_step=None if since is None else found[since].step,
        best_step=found[least].step, best_loss=best, last_loss=float(apart.losses[-1]), gain_of_more=gain,
        rise=Rise(_rise(float(apart.losses[-1]), best), apart.low(least, len(found) - 1) / max(best, SMALLEST)),
        enough_step=found[enough].step,
        saved_step=_least_saved([one.step for one in found], list(apart.losses), saved),
    )  # fmt: skip


def _by_curve(found: Sequence[Evaluation], known: Judgement, saved: Sequence[int] | None) -> Judgement:
    """By the curve alone: smoothed over three evaluations, against its own jitter."""
    losses = [one.loss for one in found]
    smooth = _smoothed(losses)
    least = min(range(len(smooth)), key=lambda place: (smooth[place], place))
    equal = max(JITTERS * jitter(losses), EQUAL_BY_CURVE * smooth[least])
    since = _from_here_on([one > smooth[least] + equal for one in smooth], least)
    best = next(place for place, one in enumerate(found) if one.step == known.best_step)
    if since is not None and found[since].step <= found[best].step:
        since = None
    enough = next(place for place, one in enumerate(smooth) if one <= smooth[least] + equal)
    gain = _gain([one.step for one in found], smooth, lambda one, other: smooth[one] - smooth[other] - equal)
    verdict = _verdict(since, best >= len(found) - 2 and enough >= len(found) - 2, gain)
    return replace(
        known, why="", verdict=verdict, since_step=None if since is None else found[since].step,
        rise=Rise(_rise(losses[-1], known.best_loss), math.nan), gain_of_more=gain,
        enough_step=min(found[enough].step, known.best_step or 0),
        saved_step=_least_saved([one.step for one in found], losses, saved),
    )  # fmt: skip


def _rise(last: float, best: float) -> float:
    """Relative, from the best loss to the last one."""
    return (last - best) / max(best, SMALLEST)


def _verdict(since: int | None, ends_best: bool, gain: float | None) -> Verdict:
    if since is not None:
        return Verdict.OVERFITS
    return Verdict.UNDER_TRAINED if ends_best and (gain or 0.0) >= MATERIAL_GAIN else Verdict.NONE_SHOWN


def _from_here_on(worse: Sequence[bool], best: int) -> int | None:
    """The first place behind the best from which on all are worse; None where the last is not."""
    since = None
    for place in range(len(worse) - 1, best, -1):
        if not worse[place]:
            break
        since = place
    return since


def _gain(steps: Sequence[int], losses: Sequence[float], surely: Callable[[int, int], float]) -> float | None:
    """Relative fall that as many steps again promise: what the second half brought, shrunk as it was to the first.

    `surely(one, other)` is above 0 where `other` is lower than `one` beyond noise; 0 where that is not so.
    """
    middle = min(range(len(steps)), key=lambda place: abs(steps[place] - (steps[0] + steps[-1]) / 2))
    first, second = losses[0] - losses[middle], losses[middle] - losses[-1]
    if not 0 < middle < len(steps) - 1 or not surely(middle, len(steps) - 1) > 0 or not losses[-1] > 0:
        return 0.0
    return second * min(1.0, second / first if first > 0 else 1.0) / losses[-1]


def _least_saved(steps: Sequence[int], losses: Sequence[float], saved: Sequence[int] | None) -> int | None:
    """The step of the least loss among those that are on disk."""
    there = [(one, step) for step, one in zip(steps, losses, strict=True) if step in (saved or ())]
    return min(there)[1] if there else None


def jitter(losses: Sequence[float]) -> float:
    """Standard deviation of what an evaluation adds to a smooth curve: by second differences, which a line has not.

    Of the second half alone, and by the median of as many as there are: the steep beginning is no noise.
    """
    second = np.diff(np.asarray(losses, float), n=2)[-max(3, len(losses) // 2) :] ** 2 / 6
    usual = float(np.median(second)) / MEDIAN_OF_A_SQUARE
    return math.sqrt(max(usual, float(second.mean()) / 2 if len(second) < MANY else 0.0))


def _smoothed(losses: Sequence[float]) -> list[float]:
    """Medians of three, of two at the ends."""
    return [float(np.median(losses[max(0, place - 1) : place + 2])) for place in range(len(losses))]
