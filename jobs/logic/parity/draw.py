"""Choosing rows at random, the same ones every time for the same seed."""

from __future__ import annotations

import random
from collections.abc import Sequence


def draw_rows(num_available: int, num_rows: int, seed: int) -> list[int]:
    """`num_rows` row numbers, ascending; all of them where there are no more."""
    if num_rows >= num_available:
        return list(range(num_available))
    return sorted(random.Random(seed).sample(range(num_available), num_rows))


def draw_tokens(num_tokens: Sequence[int], max_tokens: int, seed: int) -> list[int]:
    """Row numbers, ascending, whose tokens add up to at most `max_tokens`; rows without tokens are left out.

    Rows are taken in random order and one that does not fit is passed over, so that a long row does not end the draw.
    """
    order = [number for number, count in enumerate(num_tokens) if count]
    random.Random(seed).shuffle(order)
    chosen, total = [], 0
    for number in order:
        if total + num_tokens[number] <= max_tokens:
            chosen.append(number)
            total += num_tokens[number]
    return sorted(chosen)


def answer_budget(num_tokens: Sequence[int], factor: float, least: int, most: int) -> int:
    """How many tokens an answer may take: `factor` times the longest true answer, within `least` and `most`."""
    return min(most, max(least, int(factor * max(num_tokens, default=0))))
