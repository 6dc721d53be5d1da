"""How the learning rate goes through a training run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

Kind = Literal["cosine", "linear", "constant"]
IN_TRANSFORMERS = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}
"""Its names, of which each rises over the warm-up; plain `constant` does not."""


def share(kind: str, steps_done: int, num_warmup: int, num_steps: int) -> float:
    """The share of the highest rate after so many optimiser steps.

    It rises in a line over the warm-up, then stays (constant), or falls to 0 in a line (linear) or as half a cosine
    does: transformers/optimization.py.
    """
    if steps_done < num_warmup:
        return steps_done / max(1, num_warmup)
    if kind == "constant":
        return 1.0
    progress = (steps_done - num_warmup) / max(1, num_steps - num_warmup)
    fallen = progress if kind == "linear" else 0.5 * (1.0 - math.cos(math.pi * progress))
    return max(0.0, 1.0 - fallen)


def largest_difference(
    log: Sequence[dict[str, Any]], kind: str, learning_rate: float, warmup_fraction: float, num_steps: int
) -> float:
    """The largest distance of a logged step's rate from the schedule's, relative to the highest rate.

    `num_steps` are those planned; NaN where no step was logged with its rate.
    """
    warmup = math.ceil(num_steps * warmup_fraction)
    rates = [(entry["step"], entry["learning_rate"]) for entry in log if "learning_rate" in entry]
    apart = [abs(rate / learning_rate - share(kind, step - 1, warmup, num_steps)) for step, rate in rates]
    return max(apart, default=math.nan)


def steps_per_epoch(num_rows: int, batch_size: int, accumulation: int) -> int:
    """Optimiser steps in one pass over `num_rows`; the last batch may be smaller."""
    batches = -(-num_rows // batch_size)
    return max(1, -(-batches // accumulation))
