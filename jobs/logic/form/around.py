"""Frames: what several answers of a set open or end with around different middles, in marks that the set does not have.

A mark alone tells nothing: code, formulas, ratings and versions have their own. So more is needed: the same signs from
the end of an answer on, in rows enough that differ in the letters between; pairs of signs in them that hardly any
answer has inside; and that neither the prompts nor one task among others explains them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from jobs.logic.form import as_asked, edges, features, tasks
from jobs.logic.form.edges import HELD, OUTSIDE, REACH
from jobs.logic.form.shape import JSON

Forms = NDArray[np.void]
Mask = NDArray[np.bool_]

LEAST_ROWS = 40
"""Answers under which nothing is said about frames."""
MOST_ROWS = 50_000
"""Of the set, that show what is familiar and what is shared."""
FAMILIAR_SHARE, LEAST_FAMILIAR = 0.01, 3
"""Of the answers, that have a pair inside, from which on it is familiar; and how many at least."""
OWN_SHARE = 0.5
"""Of the answers; what so many open or end with belongs to the set's form."""
LEAST_PAIRS, LEAST_MARKS = 2, 2
"""Unfamiliar pairs of a frame, and marks of one that touches the letters it stands around."""
LEAST_BETWEEN = 3
"""Signs of an answer beyond its frame."""
SHARED, LEAST_SHARED = 0.012, 3
"""Of the answers, that have a frame around different letters."""
OTHERS_SHARE = 0.1
"""Of the other answers, that have unfamiliar pairs, at most: else marks are the set's own."""
LARGEST_TASK, NEARLY_ALL, BOUND = 0.6, 0.95, 6.0
"""A frame that keeps to one task is its own: the task's share of the set, that of the frame's rows, and the logarithm
of how unlikely it is by chance."""


@dataclass(frozen=True)
class Frames:
    """Of a set, each as a number that stands for its signs."""

    heads: list[int]
    tails: list[int]


NONE = Frames([], [])


def frames(forms: Forms, max_share: float, min_rows: int) -> Frames:
    """The frames of a minority of the answers."""
    forms = forms[:: max(1, -(-len(forms) // MOST_ROWS))]
    if len(forms) < LEAST_ROWS:
        return NONE
    may, familiar, groups = may_have(forms), _familiar(forms), tasks.groups(forms)
    least = max(min_rows, LEAST_SHARED, SHARED * len(forms))
    sides: list[list[int]] = []
    for side in range(2):
        rows, names = _candidates(forms, side, may, familiar)
        sides.append(_shared(forms, rows, names, groups, least))
    found = Frames(*sides)
    held = has_any(forms, found)
    others = _is_marked(forms, familiar) & ~held
    is_own = others.sum() > OTHERS_SHARE * (~held).sum() or held.sum() > max_share * len(forms)
    return NONE if is_own else found


def has_any(forms: Forms, found: Frames) -> Mask:
    """Answers that stand in one of the frames."""
    held = np.zeros(len(forms), bool)
    for side, names in enumerate((found.heads, found.tails)):
        if names:
            places = np.flatnonzero(may_have(forms))
            known = np.isin(_names(forms["ends"][places, side]), np.array(names, np.uint64))
            known &= forms["length"][places, None] >= np.arange(REACH) + 1 + LEAST_BETWEEN
            held[places] |= known.any(axis=1)
    return held


def may_have(forms: Forms) -> Mask:
    """Answers with a mark at an end that nothing excuses; JSON has its own."""
    excused = (forms["flags"] & np.uint16(features.COPIED | features.MARKS_ASKED | as_asked.LAYOUT_ASKED)) > 0
    excused |= ((forms["traits"] & ~features.EXPLAINED) == JSON).any(axis=1)
    return np.asarray(((forms["flags"] & np.uint16(features.MARKED_END)) > 0) & ~excused)


def _candidates(forms: Forms, side: int, may: Mask, familiar: Mask) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Rows and names of what may be a frame on one side."""
    places = np.flatnonzero(may)
    here = forms["ends"][places, side]
    before = np.concatenate((np.full((len(here), 1), OUTSIDE, np.uint8), here[:, :-1]), axis=1)
    further = np.concatenate((np.full((len(here), 1), OUTSIDE, np.uint8), before[:, :-1]), axis=1)
    odd = ~familiar[_pairs(here, before, side)]
    marks = odd & edges.is_mark()[before]
    glued = edges.is_word()[here] & edges.is_word()[further]
    ends = (marks & ((np.cumsum(marks, axis=1) >= LEAST_MARKS) | ~glued)) | edges.is_space()[here]
    ends &= np.cumsum(odd, axis=1) >= LEAST_PAIRS
    ends &= forms["length"][places, None] >= np.arange(REACH) + 1 + LEAST_BETWEEN
    rows, columns = np.nonzero(ends)
    return places[rows], _names(here)[rows, columns]


def _shared(
    forms: Forms, rows: NDArray[np.int64], names: NDArray[np.uint64], groups: NDArray[np.uint32], least: float
) -> list[int]:
    """The names that enough rows have which differ in their letters, and that no task has for itself."""
    kept, which, nums = np.unique(names, return_inverse=True, return_counts=True)
    found = []
    for place in np.flatnonzero(nums >= least).tolist():
        own = rows[which == place]
        if len(np.unique(forms["letters"][own])) >= least and not _is_of_a_task(groups[own], groups):
            found.append(int(kept[place]))
    return found


def _is_of_a_task(own: NDArray[np.uint32], groups: NDArray[np.uint32]) -> bool:
    kinds, nums = np.unique(own, return_counts=True)
    most = int(nums.argmax())
    if not kinds[most]:
        return False
    share = float((groups == kinds[most]).mean())
    return bool(share <= LARGEST_TASK and nums[most] >= NEARLY_ALL * len(own) and nums[most] * -log(share) >= BOUND)


def _familiar(forms: Forms) -> Mask:
    """Pairs without a mark, those that the inside of answers has, and those of most answers, [65536]."""
    found = np.zeros(1 << 16, bool)
    plain = ~edges.is_mark()
    found[:] = (plain[:, None] & plain[None, :]).ravel()
    found.reshape(256, 256)[HELD] = found.reshape(256, 256)[:, HELD] = True
    inside = np.bincount(forms["inside"].ravel(), minlength=1 << 16)
    found |= inside >= max(LEAST_FAMILIAR, FAMILIAR_SHARE * len(forms))
    for side in range(2):
        here = forms["ends"][:, side]
        before = np.concatenate((np.full((len(here), 1), OUTSIDE, np.uint8), here[:, :-1]), axis=1)
        pairs = _pairs(here, before, side)
        rows, columns = np.nonzero(~found[pairs])
        once = np.unique(rows << 16 | pairs[rows, columns]) & 0xFFFF
        found |= np.bincount(once, minlength=1 << 16) >= OWN_SHARE * len(forms)
    return found


def _is_marked(forms: Forms, familiar: Mask) -> Mask:
    """Answers with unfamiliar pairs, wherever."""
    found = (~familiar[forms["inside"]]).any(axis=1)
    for side in range(2):
        here = forms["ends"][:, side]
        before = np.concatenate((np.full((len(here), 1), OUTSIDE, np.uint8), here[:, :-1]), axis=1)
        found |= (~familiar[_pairs(here, before, side)]).any(axis=1)
    return np.asarray(found)


def _pairs(here: NDArray[np.uint8], before: NDArray[np.uint8], side: int) -> NDArray[np.uint16]:
    """Neighbours in the order they are written in; `before` is nearer to the end of the answer."""
    left, right = (here, before) if side else (before, here)
    return np.asarray(left.astype(np.uint16) << 8 | right, np.uint16)


def _names(here: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """A number for all signs from the end of an answer on up to each, [rows, REACH]."""
    names = np.zeros(here.shape, np.uint64)
    name = np.zeros(len(here), np.uint64)
    for column in range(here.shape[1]):
        name = (name ^ (here[:, column] + np.uint64(1))) * np.uint64(0x9E3779B97F4A7C15)
        name ^= name >> np.uint64(29)
        names[:, column] = name >> np.uint64(11)  # whole in any JSON
    return names
