"""How it was trained, from whatever says it: the adapter's own config before settings, settings before a log."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from jobs.logic.diagnosing.cause import Place
from jobs.logic.diagnosing.evidence import Evidence


@dataclass(frozen=True)
class Recipe:
    """None where nothing says it."""

    file: str
    """Of the settings; empty where there are none."""
    keys: Mapping[str, str]
    rank: int | None
    alpha: float | None
    rslora: bool
    scale: float | None
    """What the adapter's update is multiplied with."""
    scale_as: str
    """The scale as its formula, for people."""
    rate: float | None
    """The highest learning rate."""
    num_epochs: float | None
    epochs_run: float | None
    """That the log went through."""

    @property
    def heat(self) -> float | None:
        """Effective scale x learning rate."""
        return None if self.scale is None or self.rate is None else self.scale * self.rate

    def place(self, field: str) -> tuple[Place, ...]:
        """Where the settings say the value of a field."""
        return (Place(self.file, key=self.keys[field]),) if field in self.keys else ()


def recipe(evidence: Evidence) -> Recipe:
    """The recipe that the evidence shows."""
    settings, adapter, log = evidence.settings, evidence.adapter, evidence.log
    rank = adapter.rank if adapter and adapter.rank else settings.rank if settings else None
    alpha = adapter.alpha if adapter and adapter.alpha else settings.alpha if settings else None
    rslora = adapter.rslora if adapter else bool(settings and settings.rslora)
    scale = None
    if rank and alpha is not None:
        scale = alpha / math.sqrt(rank) if rslora else alpha / rank
    logged = [step.learning_rate for step in log.steps if step.learning_rate is not None] if log else []
    rate = settings.learning_rate if settings and "learning_rate" not in settings.by_default else None
    if rate is None:
        rate = max((one for one in logged if math.isfinite(one)), default=None)
    if rate is None and settings:
        rate = settings.learning_rate
    epochs = [step.epoch for step in log.steps if step.epoch is not None] if log else []
    return Recipe(
        file=settings.file if settings else "",
        keys=settings.keys or {} if settings else {},
        rank=rank,
        alpha=alpha,
        rslora=rslora,
        scale=scale,
        scale_as=f"alpha {alpha:g} / {'sqrt of rank' if rslora else 'rank'} {rank}" if scale is not None else "",
        rate=rate or None,
        num_epochs=settings.num_epochs if settings and settings.max_steps is None else None,
        epochs_run=max(epochs, default=None),
    )
