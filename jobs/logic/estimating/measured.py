"""What was guessed against what was measured, and a guess that is better for it."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Seen:
    """One stage of a run that was made on this machine."""

    run: str
    stage: str
    guessed_seconds: float
    seconds: float
    guessed_ram: float
    """Bytes; 0 where nothing is guessed of the stage."""
    ram: float
    guessed_gpu: float = 0.0
    gpu: float = 0.0
    """0 where it was not on a GPU, or its memory was not noted."""


@dataclass(frozen=True)
class Fit:
    """Measured over guessed, the median of the runs that were seen; 1 where none was."""

    seconds: Mapping[str, float]
    ram: Mapping[str, float]
    gpu: Mapping[str, float]

    def corrected(self, found: Mapping[str, float], of: Mapping[str, float]) -> dict[str, float]:
        """Guesses, each times what its stage was seen to take of it."""
        return {stage: value * of.get(stage, 1.0) for stage, value in found.items()}


def fitted(seen: Sequence[Seen]) -> Fit:
    """From every stage that was seen."""
    return Fit(
        _medians((one.stage, one.guessed_seconds, one.seconds) for one in seen),
        _medians((one.stage, one.guessed_ram, one.ram) for one in seen),
        _medians((one.stage, one.guessed_gpu, one.gpu) for one in seen),
    )


def _medians(pairs: Iterable[tuple[str, float, float]]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for stage, guessed, measured in pairs:
        if guessed > 0 and measured > 0:
            found.setdefault(stage, []).append(measured / guessed)
    return {stage: statistics.median(ratios) for stage, ratios in found.items()}
