"""A value and how sure it is."""

from __future__ import annotations

import math
from dataclasses import dataclass

LEVEL = 0.95
"""Of an interval, unless something else is said."""


@dataclass(frozen=True)
class Interval:
    """`low` and `high` are NaN where the value is known and its interval cannot be said; all are where neither can."""

    value: float
    low: float
    high: float
    level: float

    @property
    def can_say(self) -> bool:
        """Whether there is an interval."""
        return not (math.isnan(self.low) or math.isnan(self.high))

    def excludes(self, value: float) -> bool:
        """Whether there is an interval, and `value` lies outside of it."""
        return self.can_say and not self.low <= value <= self.high
