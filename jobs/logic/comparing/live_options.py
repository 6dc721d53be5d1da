"""What `compare-live` is told: `checks/compare_live.py` makes it of a config."""

from __future__ import annotations

from dataclasses import dataclass

from jobs.logic.comparing.live import Design


@dataclass(frozen=True)
class LiveOptions:
    """`conf/compare/default.yaml` says what each means."""

    use: str | None
    arms: tuple[str, str] | None
    range: tuple[float, float] | None
    edited: float
    difference: float
    randomised: Design
    share: float
    window_hours: float
    power: float
    level: float
    seed: int
    runs: str
    """The folder of the runs, where comparisons lie too."""
