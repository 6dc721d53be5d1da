"""How long rows are: percentiles, a histogram, what a shorter limit would cost, and which limit to choose."""

from __future__ import annotations

from collections.abc import Sequence

BINS = 24
"""The most bars of a histogram."""
WIDTHS = (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)
"""Widths of a bar, in tokens."""
STEP = 64
"""Advised limits are multiples of it."""


def percentile(lengths: Sequence[int], share: float) -> int:
    """The smallest length that at least `share` of the rows do not exceed; 0 without rows."""
    if not lengths:
        return 0
    ordered = sorted(lengths)
    place = -(-len(ordered) * share // 1)
    return ordered[max(0, min(len(ordered), int(place)) - 1)]


def histogram(lengths: Sequence[int]) -> tuple[int, list[int]]:
    """(width, counts): bar `i` counts the rows of `i * width` to `(i + 1) * width - 1` tokens, from 0 on."""
    longest = max(lengths, default=0)
    width = next((width for width in WIDTHS if longest < width * BINS), -(-(longest + 1) // BINS))
    counts = [0] * (longest // width + 1)
    for length in lengths:
        counts[length // width] += 1
    return width, counts


def advised_limit(lengths: Sequence[int]) -> int:
    """The smallest multiple of 64 that cuts no row."""
    return max(STEP, -(-max(lengths, default=0) // STEP) * STEP)
