"""What an answer is like because its prompt asks for it, and that so tells nothing of the set: code, a list, emoji."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.logic.form import features
from jobs.logic.text import asked_code, asked_list
from jobs.logic.text.wanted import Asked

LIST_HEADS = "・-*•·◦‣|□☐①⑴(（【"
"""Marks that the first item of a list, or the heading above it, opens with."""
STARS = "★☆♪♡♥"
OF_LISTS = np.array(
    [
        *(features.layout_code(name) for name in ("list", "bullet", "numbered")),
        *(features.code(features.HEAD, ord(mark)) for mark in LIST_HEADS),
        *(features.code(family, ord(mark)) for family in (features.MANY, features.ONCE) for mark in "|・→>⇒/;：:,、"),
        features.code(features.TAIL, ord("|")),
    ],
    np.uint32,
)
"""Traits that a list has as a list."""
OF_EMOJI = np.array(
    [
        features.layout_code("emoji"),
        *(
            features.code(family, mark | doubled)
            for family in (features.HEAD, features.TAIL)
            for mark in (features.ANY_EMOJI, *map(ord, STARS))
            for doubled in (0, features.DOUBLED)
        ),
    ],
    np.uint32,
)
"""Traits of a text with emoji."""


OF_NAMES = np.array(
    [
        features.layout_code("snake"),
        *(features.code(family, ord(mark)) for family in (features.MANY, features.ONCE) for mark in "_-."),
    ],
    np.uint32,
)
"""Traits of a name in one word."""
OF_ANY = np.concatenate((OF_LISTS, OF_EMOJI, OF_NAMES))
LAYOUT_ASKED = 1 << 10
"""Flag of an answer: the prompt asks for its list, its emoji or a name."""


def excuse(forms: NDArray[Any], answers: Sequence[str], prompts: Sequence[str]) -> None:
    """Flag answers, in place, that are code, lists, names or full of emoji because their prompts ask for that."""
    is_odd = forms["traits"].any(axis=1)
    for place in np.flatnonzero(is_odd | (forms["language"] != forms["asked_in"])).tolist():
        if asked_code.is_all(answers[place], prompts[place]):
            forms["flags"][place] |= features.COPIED
    for traits, is_given in WAYS:
        is_of = np.isin(forms["traits"] & ~features.EXPLAINED, traits).any(axis=1)
        for place in np.flatnonzero(is_of).tolist():
            if is_given(answers[place], prompts[place]):
                forms["flags"][place] |= LAYOUT_ASKED


def holds(forms: NDArray[Any]) -> NDArray[np.bool_]:
    """[rows, traits] Traits of lists, emoji and names in answers that were to have them."""
    is_asked = (forms["flags"] & LAYOUT_ASKED) > 0
    return np.asarray(np.isin(forms["traits"] & ~features.EXPLAINED, OF_ANY) & is_asked[:, None])


def _is_cheerful(_: str, prompt: str) -> bool:
    """Whether the prompt wants emoji, or a text in which people like them: a post, a message to friends, a sign."""
    asked = Asked(prompt)
    return asked.wants("cheerful") and not asked.wants("plain")


def _is_name(_: str, prompt: str) -> bool:
    """Whether the prompt wants a name in one word: of a user, a file, a variable."""
    asked = Asked(prompt)
    return asked.wants("identifier") and not asked.wants("plain")


WAYS = ((OF_LISTS, asked_list.is_given), (OF_EMOJI, _is_cheerful), (OF_NAMES, _is_name))
