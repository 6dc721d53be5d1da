"""What an answer is like because its prompt asks for it, and that so tells nothing of the set: code, a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.logic.form import features
from jobs.logic.text import asked_code, asked_list

LIST_HEADS = "・-*•·◦‣|□☐①⑴(（【"
"""Marks that the first item of a list, or the heading above it, opens with."""
OF_LISTS = np.array(
    [
        *(features.layout_code(name) for name in ("list", "bullet", "numbered")),
        *(features.code(features.HEAD, ord(mark)) for mark in LIST_HEADS),
        *(features.code(family, ord(mark)) for family in (features.MANY, features.ONCE) for mark in "|・"),
        features.code(features.TAIL, ord("|")),
    ],
    np.uint32,
)
"""Traits that a list has as a list."""


def excuse(forms: NDArray[Any], answers: Sequence[str], prompts: Sequence[str]) -> None:
    """Take off what the prompts ask for, in place: the traits of lists, and by a flag all that code may look like."""
    is_odd = forms["traits"].any(axis=1)
    for place in np.flatnonzero(is_odd | (forms["language"] != forms["asked_in"])).tolist():
        if asked_code.is_all(answers[place], prompts[place]):
            forms["flags"][place] |= features.COPIED
    is_list = np.isin(forms["traits"] & ~features.EXPLAINED, OF_LISTS)
    for place in np.flatnonzero(is_list.any(axis=1)).tolist():
        if asked_list.is_given(answers[place], prompts[place]):
            forms["traits"][place][is_list[place]] = 0
