"""Which rows ask alike, by the words at either end of their prompts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST_ALIKE = 5
"""Prompts with the same words at one end, that are one kind."""


def groups(forms: NDArray[Any]) -> NDArray[np.uint32]:
    """For each row the words at an end of its prompt that some others share; 0 for free prompts."""
    found = np.zeros(len(forms), np.uint32)
    for side in ("closing", "opening"):
        tasks, back, nums = np.unique(forms[side], return_inverse=True, return_counts=True)
        found = np.where(nums[back] >= LEAST_ALIKE, tasks[back], found)
    return found
