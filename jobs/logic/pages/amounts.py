"""Amounts in words that a person reads: shares, sizes, the most first."""

from __future__ import annotations

import math
from collections.abc import Mapping


def percent(value: float, digits: int = 1) -> str:
    """A share as a percentage; only what is exactly all or nothing is shown as 100% or 0%."""
    if not math.isfinite(value):
        return "not a number"
    if value in (0, 1):
        return f"{value:.0%}"
    step = 10.0**-digits
    shown = min(100 - step, value * 100) if value < 1 else value * 100
    return f"{max(step, shown) if value > 0 else shown:.{digits}f}%"


def part(count: int, whole: int) -> str:
    """`count` as a percentage of `whole`; nothing where there is no whole."""
    if not whole:
        return ""
    return "<0.1%" if 0 < count / whole < 0.0005 else percent(count / whole)


def size(num_bytes: int) -> str:
    """Bytes for people."""
    if num_bytes >= 1e9:
        return f"{num_bytes / 1e9:.2f} GB"
    if num_bytes >= 1e6:
        return f"{num_bytes / 1e6:.{0 if num_bytes >= 1e7 else 1}f} MB"
    return f"{num_bytes / 1e3:.1f} kB"


def by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """What there is any of, the most first, equal ones by name."""
    return sorted(((name, count) for name, count in counts.items() if count), key=lambda item: (-item[1], item[0]))
