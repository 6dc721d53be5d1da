"""With which strength an update is in the weights, and which mistake gives that strength.

A merge adds s B A with s = alpha / rank, or alpha / sqrt(rank) with rsLoRA; a module that a pattern names has a rank
and an alpha of its own. Every usual mistake multiplies s by a factor that is known for each module, so a mistake is
named where its factors fit all modules that say anything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jobs.logic.diagnosing.model_seen import ModuleWeights

TOLERANCE = 0.02
"""Of a scale, besides what its error allows: a merge in bfloat16 moves it by less."""
MOST_ERROR = 0.15
"""A module whose scale is less certain than this says nothing."""
MOST_ROUNDED = 0.35
"""The same for what rounding takes."""
SIGMAS = 4


@dataclass(frozen=True)
class Mistake:
    """One way to get the strength wrong, in words, with the factor that it gives a module."""

    name: str
    words: str
    factor: Callable[[ModuleWeights], float]


def _asked(one: ModuleWeights) -> float:
    assert one.alpha is not None
    assert one.rank is not None
    return one.alpha / (math.sqrt(one.rank) if one.rslora else one.rank)


def _with(one: ModuleWeights, alpha: float | None, rank: int | None, root: bool) -> float:
    assert alpha is not None
    assert rank is not None
    return alpha / (math.sqrt(rank) if root else rank) / _asked(one)


MISTAKES = (
    Mistake(
        "rslora-ignored",
        "alpha / rank in place of alpha / sqrt(rank): use_rslora was not read",
        lambda one: _with(one, one.alpha, one.rank, root=False),
    ),
    Mistake(
        "rslora-assumed",
        "alpha / sqrt(rank) in place of alpha / rank: rsLoRA was taken for granted",
        lambda one: _with(one, one.alpha, one.rank, root=True),
    ),
    Mistake(
        "alpha-pattern-ignored",
        "the alpha of all modules, where alpha_pattern gives some another",
        lambda one: _with(one, one.plain_alpha, one.rank, one.rslora),
    ),
    Mistake(
        "patterns-ignored",
        "the alpha and rank of all modules, where alpha_pattern or rank_pattern give some another",
        lambda one: _with(one, one.plain_alpha, one.plain_rank, one.rslora),
    ),
    Mistake(
        "patterns-and-rslora-ignored",
        "alpha / rank with the alpha of all modules: neither use_rslora nor alpha_pattern was read",
        lambda one: _with(one, one.plain_alpha, one.rank, root=False),
    ),
    Mistake("without-scale", "1 in place of alpha / rank: B A was added as it is", lambda one: 1 / _asked(one)),
    Mistake("alpha-alone", "alpha in place of alpha / rank", lambda one: (one.alpha or 0.0) / _asked(one)),
)


def telling(modules: Sequence[ModuleWeights]) -> list[ModuleWeights]:
    """The modules whose scale is certain enough to say anything."""
    return [
        one
        for one in modules
        if one.error <= MOST_ERROR and allowed_by_rounding(one) <= MOST_ROUNDED and math.isfinite(one.scale)
    ]


def allowed_by_rounding(one: ModuleWeights) -> float:
    """How much of a scale rounding to the type of the weights takes back: little, unless it moves them as the update
    does."""
    return one.rounding * (0.5 if one.rounding > 0.2 else 0.1)


def fits(one: ModuleWeights, factor: float) -> bool:
    """Whether a module's scale is `factor`, as far as it is certain."""
    allowed = TOLERANCE * max(1.0, abs(factor)) + SIGMAS * one.error + allowed_by_rounding(one)
    return abs(one.scale - factor) <= allowed


def is_mistake(mistake: Mistake, modules: Sequence[ModuleWeights]) -> bool:
    """Whether it explains every telling module, and differs from a right merge in one of them at least."""
    found = telling(modules)
    if not found or any(one.alpha is None or one.rank is None for one in found):
        return False
    apart = any(not fits(one, mistake.factor(one)) or abs(mistake.factor(one) - 1) > 2 * TOLERANCE for one in found)
    return apart and all(fits(one, mistake.factor(one)) for one in found)
