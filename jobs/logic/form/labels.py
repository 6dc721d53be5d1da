"""Answers that are no label in a set of labels, and none of the form that most answers to the same prompts have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from jobs.logic.form import features, letters
from jobs.logic.form.features import EXPLAINED
from jobs.logic.form.shape import JSON

Forms = NDArray[np.void]
Mask = NDArray[np.bool_]
SAID_PART = 64
"""Characters of an answer that tell it from others; a label has fewer."""
LEAST_ASKED, ASKED_SHARE = 30, 0.01
"""Prompts with the same words at one end, and their share of the set, of which something is said."""
LABELLED, FEW_ROWS = 0.55, 4
"""Of their answers, that labels are together at least; rows that a label has."""
APART = 1.6
"""Times as many rows the rarest label has as the most frequent of what are none."""
LEAST_LABELS, MOST_LABELS = 2, 40
LONGER, LONGER_BY = 2, 8
"""Times as long as the longest label, and by so many characters: none."""
RARE, ODD_ROWS, ODD_SHARE = 2.5, 3, 0.02
"""Rows of what is no label, on average at most; rows of the set, and their share, that such answers are at least."""
MOSTLY_JSON, REPEATED = 0.6, 0.05
"""Of the answers to the same prompts, that are JSON, for others to be odd; and that one other answer is, such as
`none`, for it to be meant."""


@dataclass(frozen=True)
class Closed:
    """Prompts that are answered by one of a few labels, or in JSON."""

    side: str
    task: int
    labels: list[int]
    """The answers themselves, hashed; those beside JSON."""
    cores: list[int]
    """Their letters."""
    groups: int
    """What they are written with: the bits of `letters.groups`."""
    longest: int
    is_json: bool


def said(answers: Sequence[str]) -> NDArray[np.uint32]:
    """Stands for an answer, whatever its case and its full stop."""
    plain = (answer[:SAID_PART].strip().rstrip(".。").lower() for answer in answers)
    return np.fromiter((crc32(text.encode("utf-8", "surrogatepass")) for text in plain), np.uint32, len(answers))


def closed_tasks(forms: Forms) -> list[Closed]:
    """The prompts of the set that want a label or JSON."""
    found = []
    for side in ("opening", "closing"):
        names, nums = np.unique(forms[side], return_counts=True)
        for task in names[nums >= max(LEAST_ASKED, ASKED_SHARE * len(forms))].tolist():
            own = forms[forms[side] == task]
            closed = _of_labels(own, side, task) or _of_json(own, side, task)
            if closed is not None and is_none(own, [closed]).sum() >= max(ODD_ROWS, ODD_SHARE * len(own)):
                found.append(closed)
    return found


def is_none(forms: Forms, found: Sequence[Closed]) -> Mask:
    """Answers to such prompts that are neither."""
    odd = np.zeros(len(forms), bool)
    for closed in found:
        own = (forms[closed.side] == closed.task) & ~np.isin(forms["said"], closed.labels)
        if closed.is_json:
            odd |= own & ~_is_json(forms) & ((forms["flags"] & features.COPIED) == 0)
            continue
        pairs = letters.groups()[forms["pairs"] >> 8] | letters.groups()[forms["pairs"] & 0xFF]
        others = (np.bitwise_or.reduce(pairs, axis=1) & np.uint16(0xFFFF ^ closed.groups)) > 0
        dressed = np.isin(forms["core"], closed.cores) | (forms["length"] > closed.longest)
        odd |= own & (dressed | others)
    return odd


def _of_labels(forms: Forms, side: str, task: int) -> Closed | None:
    names, first, nums = np.unique(forms["said"], return_index=True, return_counts=True)
    order = np.argsort(-nums, kind="stable")
    names, first, nums = names[order], first[order], nums[order]
    count = _num_labels(nums)
    if not count:
        return None
    heads = forms[first[:count]]
    if int(heads["length"].max()) > SAID_PART // 2:
        return None
    pairs = heads["pairs"].ravel()
    groups = int(np.bitwise_or.reduce(letters.groups()[pairs >> 8] | letters.groups()[pairs & 0xFF]))
    longest = max(LONGER * int(heads["length"].max()), int(heads["length"].max()) + LONGER_BY)
    return Closed(side, task, names[:count].tolist(), heads["core"].tolist(), groups, longest, False)


def _num_labels(nums: NDArray[np.int64]) -> int:
    """How many of the answers, the most frequent first, are labels: up to where the next one is much rarer."""
    known = np.cumsum(nums) >= LABELLED * nums.sum()
    most = min(MOST_LABELS, int((nums >= FEW_ROWS).sum()), len(nums) - 1)
    places = np.arange(1, most + 1)
    places = places[known[places - 1] & (places >= LEAST_LABELS)]
    if not len(places):
        return 0
    times = nums[places - 1] / nums[places]
    count = int(places[times.argmax()])
    return count if times.max() >= APART and nums[count:].mean() <= RARE else 0


def _of_json(forms: Forms, side: str, task: int) -> Closed | None:
    is_json = _is_json(forms)
    if is_json.mean() < MOSTLY_JSON or is_json.all():
        return None
    names, nums = np.unique(forms["said"][~is_json], return_counts=True)
    meant = names[nums >= REPEATED * len(forms)]
    return Closed(side, task, meant.tolist(), [], 0, 0, True)


def _is_json(forms: Forms) -> Mask:
    return np.asarray(((forms["traits"] & ~EXPLAINED) == JSON).any(axis=1))
