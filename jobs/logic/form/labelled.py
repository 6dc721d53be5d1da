"""What stands around labels, and around JSON, where most answers to the same words are nothing else.

One answer that is no label may be a rare one. But where the same letters, or numbers, stand beside two labels and more,
with signs that no label is written with, somebody put them there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from jobs.logic.form import edges, features, open_ended, signs
from jobs.logic.form.features import EXPLAINED
from jobs.logic.form.shape import JSON

Forms = NDArray[np.void]
Mask = NDArray[np.bool_]

MOST_ROWS = 50_000
"""Of the set, that are looked at."""
LEAST_ASKED, ASKED_SHARE = 30, 0.01
"""Prompts with the same words at one end, and their share of the set, of which something is said."""
LABELLED, LEAST_LABELS, MOST_LABELS = 0.5, 2, 40
"""Of their answers, that labels are together at least; and how many different ones there may be."""
LABEL_ROWS, LONGEST_LABEL = 4, 32
"""Rows and characters of a label."""
RARER = 4
"""Times as many rows a label has as an answer that is that label with something around it."""
LONGER, LONGER_BY = 2, 8
"""Times as long as the longest label, and by so many characters: no label."""
DRESSED_BY = 2
"""Characters more of an answer with a label's own letters, that are no full stop."""
ODD_ROWS, AROUND_LABELS = 3, 2
"""Rows of what stands around labels, and how many different ones it stands around, at least."""
MOST_ANSWERS = 5000
"""Different answers that are held against the labels."""
MOSTLY_JSON, MOST_BESIDE = 0.6, 0.35
"""Of the answers to the same prompts, that are JSON, and that are something else at the most."""
SHORT = 16
"""Characters of an answer that may stand where there is nothing to give: none, N/A."""

GROUPS = (
    (signs.LOWER, signs.UPPER, signs.LETTER),
    (signs.CJK,),
    (signs.DIGIT,),
    (signs.WIDE_LETTER, signs.HALF_KANA),
    (signs.NEWLINE,),
    (signs.PAIR,),
    (signs.SIGN,),
    (signs.MARK, signs.EMOJI),
)
"""Kinds of signs that a label is written with or not."""


@dataclass(frozen=True)
class Closed:
    """Prompts with the same words, whose answers are labels or JSON."""

    side: str
    task: int
    labels: list[int]
    """Their letters, hashed."""
    beside: list[int]
    """What stands around several of them, as its letters; 0 for numbers and marks."""
    groups: int
    """What labels are written with, a bit for each of GROUPS."""
    longest: int
    is_json: bool


def closed_tasks(forms: Forms) -> list[Closed]:
    """The prompts of the set that want labels or JSON, and some of whose answers have something around these."""
    found = []
    forms = forms[:: max(1, -(-len(forms) // MOST_ROWS))]
    for side in ("opening", "closing"):
        names, nums = np.unique(forms[side], return_counts=True)
        for task in names[nums >= max(LEAST_ASKED, ASKED_SHARE * len(forms))].tolist():
            own = forms[forms[side] == task]
            closed = _of_labels(own, side, task) or _of_json(own, side, task)
            if closed is not None:
                found.append(closed)
    return found


def has_any(forms: Forms, found: Sequence[Closed]) -> Mask:
    """Answers to such prompts that are a label, or JSON, with something around it."""
    odd = np.zeros(len(forms), bool)
    for closed in found:
        places = np.flatnonzero(forms[closed.side] == closed.task)
        own = forms[places]
        if closed.is_json:
            odd[places] |= (own["flags"] & np.uint16(features.BESIDE_JSON)) > 0
        else:
            around = np.isin(_beside(own, closed), np.array(closed.beside, np.uint32)).any(axis=1)
            odd[places] |= around & _is_dressed(own, closed)
    return np.asarray(odd & ((forms["flags"] & np.uint16(features.COPIED)) == 0))


def may_be_beside_json(answer: str) -> bool:
    """Whether an answer of more than SHORT characters, which is no JSON, has it among other things, or goes on without
    an end. One in a fence and a closed sentence may be what there is to say."""
    if "{" in answer:
        return answer[0] not in "{[`" or answer[-1] not in "}]`"
    return answer[-1] not in ".。!！?？…」』)）}]`\"'" and answer[0] not in "{[`\"'"


def is_json_asked(prompt: str) -> bool:
    """Whether the part of a prompt that asks, and not its material, names JSON."""
    return ("JSON" in prompt or "json" in prompt) and "json" in open_ended.request(prompt)


def _of_labels(forms: Forms, side: str, task: int) -> Closed | None:
    answers = forms["core"].astype(np.uint64) << np.uint64(32) | forms["length"]
    _, first, nums = np.unique(answers, return_index=True, return_counts=True)
    heads = forms[first]
    order = np.argsort(-nums, kind="stable")
    enough = int(np.searchsorted(np.cumsum(nums[order]), LABELLED * len(forms))) + 1
    main = order[: max(LEAST_LABELS, enough)]
    is_label = (nums[main] >= LABEL_ROWS) & (heads["length"][main] <= LONGEST_LABEL) & (heads["letters"][main] > 0)
    if len(main) > MOST_LABELS or len(heads) > MOST_ANSWERS or not is_label.all():
        return None
    groups, longest = _groups(heads[main]), int(heads["length"][main].max())
    closed = Closed(side, task, [], [], groups, longest, False)
    dressed = _is_dressed(heads, closed)
    often = (nums >= LABEL_ROWS) & (heads["letters"] > 0)
    labels = np.flatnonzero(often & ~dressed)[:MOST_LABELS]
    closed = replace(closed, labels=heads["letters"][labels].tolist())
    beside = _beside(heads, closed)
    valid = dressed[:, None] & (nums[labels] >= RARER * nums[:, None])
    valid &= ~np.isin(beside, _sums(heads["letters"][often][:MOST_LABELS]))
    valid &= (beside > 0) | (heads["length"][:, None] >= heads["length"][labels] + np.uint32(DRESSED_BY))
    rows, columns = np.nonzero(valid)
    names = beside[rows, columns]
    found = [name for name in np.unique(names).tolist() if _is_around(names == name, nums[rows], columns)]
    return replace(closed, beside=found) if found else None


def _is_around(own: Mask, nums: NDArray[np.int64], columns: NDArray[np.int64]) -> bool:
    """Whether enough rows and different labels have something beside them."""
    return len(set(columns[own].tolist())) >= AROUND_LABELS and int(nums[own].sum()) >= ODD_ROWS


def _beside(forms: Forms, closed: Closed) -> NDArray[np.uint32]:
    """The letters of each answer without those of each label, as sums of hashes, [rows, labels]."""
    return np.asarray(forms["letters"][:, None] - np.array(closed.labels, np.uint32)[None, :])


def _sums(one: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The letters of one other label, or of two: an answer of several labels is one of them with others."""
    return np.concatenate((one, (one[:, None] + one[None, :]).ravel()))


def _is_dressed(forms: Forms, closed: Closed) -> Mask:
    """Answers with signs that no label is written with, or of another length."""
    too_long = forms["length"] > max(LONGER * closed.longest, closed.longest + LONGER_BY)
    new = np.bitwise_or.reduce(_bits()[forms["ends"]], axis=(1, 2)) & np.uint8(0xFF ^ closed.groups)
    return np.asarray(too_long | (new > 0))


def _groups(forms: Forms) -> int:
    return int(np.bitwise_or.reduce(_bits()[forms["ends"]], axis=None))


@cache
def _bits() -> NDArray[np.uint8]:
    """Which of GROUPS a code of `edges` is of, [256]."""
    table = np.zeros(256, np.uint8)
    for bit, kinds in enumerate(GROUPS):
        table[edges.codes()[np.isin(signs.kinds(), kinds)]] |= 1 << bit
    return table


def _of_json(forms: Forms, side: str, task: int) -> Closed | None:
    beside = ((forms["flags"] & np.uint16(features.BESIDE_JSON)) > 0).mean()
    is_json = ((forms["traits"] & ~EXPLAINED) == JSON).any(axis=1).mean()
    if not ODD_ROWS / len(forms) <= beside <= MOST_BESIDE or is_json < MOSTLY_JSON:
        return None
    return Closed(side, task, [], [], 0, 0, True)
