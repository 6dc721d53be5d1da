"""All code points as one text, and what the Unicode database says of those that most texts are made of."""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np

NUM_BASIC = 0x10000
"""Code points of the basic multilingual plane."""


@cache
def first(num: int) -> str:
    """The first `num` code points in order, surrogates included."""
    return np.arange(num, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")


@cache
def categories() -> list[str]:
    """[NUM_BASIC] The general category of each, such as `Lu`."""
    return list(map(unicodedata.category, first(NUM_BASIC)))
