"""Literal facts of longer prompts."""

from __future__ import annotations

from typing import Any

from jobs.checks.lengths import AtLength, LengthFacts, LengthLimits

LENGTH_LIMITS = LengthLimits(min_stop_rate=0.9, max_agreement_loss=0.1)


def at(times: int, artifact: str = "Q4_K_M", **changes: Any) -> AtLength:
    values: dict[str, Any] = {
        "artifact": artifact,
        "times": times,
        "num_rows": 16,
        "shortest": 100 * times,
        "longest": 100 * times + 10,
        "stop_rate": 1.0,
        "agreement": 0.8,
        "exact_rate": 0.5,
    }
    return AtLength(**(values | changes))


def length_facts(*found: AtLength, **changes: Any) -> LengthFacts:
    """Three lengths that hold where nothing else is given."""
    values: dict[str, Any] = {
        "longest_row": 143,
        "longest_prompt": 110,
        "most": 2048,
        "budget": 64,
        "times": [2, 4],
        "too_long": [],
        "num_rows": 16,
        "found": list(found) or [at(1), at(2), at(4)],
    }
    return LengthFacts(**(values | changes))
