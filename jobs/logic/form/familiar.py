"""Which pairs of letters and marks are familiar in a set, and which answers are written in others.

A pair is as familiar as it is frequent in the prompts; what half of the answers have is the set's own form, and what
other answers have counts a little. So an answer is held against the letters its set is written in, whatever they are:
a cipher, text without spaces or with too many, an error message in another alphabet are told by no list. Marks are
held against the inside of all answers too: `8/10` before one answer in ten stands inside of none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jobs.logic.form import features, letters
from jobs.logic.form.letters import HEADS, TAILS

Forms = NDArray[np.void]
Pairs = NDArray[np.uint16]
Mask = NDArray[np.bool_]

LEAST_ROWS = 40
"""Answers under which nothing is said about their letters."""
LEAST_KNOWN = 200
"""Pairs that the prompts have between them: fewer show no language."""
MOST_ROWS = 50_000
"""Of the set, that show what is familiar."""
UNIT = 16
"""Parts of a bit that are counted in."""
MOST_BITS, COUNTED = 13 * UNIT, 1 << 16
"""Of a pair that stands nowhere; and what is added to count the pairs beside their bits."""
ANSWERS = 0.12
"""Weight of a pair's share in answers beside that in prompts."""
OWN_SHARE = 0.5
"""Of the answers; a pair that so many have belongs to the set's form."""
SMOOTHING, NUM_KNOWN = 0.25, 4000
PARTS = (slice(None), slice(0, HEADS), slice(HEADS, HEADS + TAILS))
"""Of the pairs of an answer: all of them, those at its start and at its end."""
LEAST_PAIRS = (12, 10, 10)
"""Of each part, under which it is not judged."""
MOSTLY, SCRIPT_ASKED = 9, 0.05
"""Pairs at one end of an answer that are in letters which the prompts have so small a share of."""
LEAST_DISTINCT = 9
"""Different pairs of an answer that is judged; one sign over and over is looked for elsewhere."""
SPREADS, LEAST_ABOVE, MOST_MEAN = (4.5, 3.5, 3.5), (36, 56, 56), (196, 202, 202)
"""Above the median, how far a part may be: so many times as far as the 16th percentile is below, and at least so much;
but a part whose mean is higher than the last is written in what is nowhere else."""
WIDEST = (24, 20, 20)
"""How far that percentile may be below the median: in a set of many tasks no letters are strange."""
ABOVE_ASKED = 32
"""The same above the mean of the prompts."""
SMALLEST_SHARES = (0.0, 0.02, 0.02)
"""Of the answers, whose part is above that; what fewer quote is no contamination."""
FAMILIAR_ASKED, FAMILIAR_INSIDE = 2e-4, 0.01
"""Share of the prompts' pairs, and of the answers that have it inside, from which on a pair with a mark is familiar."""
LEAST_SEEN, LEAST_INSIDE = 2, 3
LEAST_MARKS = 2
"""Unfamiliar pairs with a mark at one end of an answer that make it odd."""
SHARED = 0.012
"""Of the answers, that have a pair: fewer are chance."""
LEAST_POOLED, SMALLEST_POOL = 3, 0.04
"""The same where no other answer has them, if so large a share of the set has such answers."""
REPEATED = 0.04
"""Of the answers, that say the same: a label or a fixed phrase, whatever its letters."""
ALL_ASKED = 0.6
"""Of the prompts; what so many ask for is the set's task."""
PLAIN_SHARE = 0.1
"""Of the other answers, that have a pair that is not familiar, at most: else marks are the set's own."""
OTHERS = features.COPIED | features.DEEP | features.MARKS_ASKED
"""Flags of answers that may be written in any letters."""


@dataclass(frozen=True)
class Writing:
    """The letters a set is written in."""

    codes: list[int]
    """Pairs that are known, and how rare each is, in sixteenths of a bit."""
    bits: list[int]
    most: list[int]
    """Of each of PARTS: the mean from which on it is written in other letters; -1 where it is not judged."""
    scripts: list[int]
    """Bits of `letters.groups`: letters that neither the prompts nor most answers are written in."""
    marks: list[int]
    """Pairs with a mark that several answers open or end with, and that stand nowhere else."""
    usual_marks: list[int]
    """The pairs with a mark that are familiar; none where it is not asked for others."""
    excuses: int
    """Flags of answers that are not compared."""
    repeated: list[int]
    """Answers that so many rows have that they are meant."""


NONE = Writing([], [], [-1] * len(PARTS), [], [], [], OTHERS, [])


def writing(forms: Forms, max_share: float, min_rows: int) -> Writing:
    """What the prompts and answers of a set are written in."""
    forms = forms[:: max(1, -(-len(forms) // MOST_ROWS))]
    asked = forms["asked_pairs"]
    if len(forms) < LEAST_ROWS or np.unique(asked[asked > 0]).size < LEAST_KNOWN:
        return NONE
    codes, bits = _bits(forms)
    known = Writing(codes, bits, [-1] * len(PARTS), [], [], [], OTHERS, [])
    answers, nums = np.unique(forms["said"], return_counts=True)
    repeated = answers[nums >= REPEATED * len(forms)]
    excuses = _excuses(forms)
    free = forms[may_depart(forms, excuses)]
    least = _asked_mean(forms, known) + ABOVE_ASKED
    most = [
        _most(means, part, (len(forms), max_share), least) for part, means in enumerate(_means(free["pairs"], known))
    ]
    size = len(forms), max_share
    scripts, marks = _scripts(free, forms, *size), _odd_marks(free, forms, size, min_rows)
    return Writing(codes, bits, most, scripts, *marks, excuses, repeated.tolist())


def is_strange(forms: Forms, found: Writing) -> Mask:
    """Answers that are written in other letters than the set, or have marks at their ends that it does not have."""
    if not found.codes:
        return np.zeros(len(forms), bool)
    places = np.flatnonzero(may_depart(forms, found.excuses) & ~np.isin(forms["said"], found.repeated))
    strange = np.zeros(len(forms), bool)
    for start in range(0, len(places), MOST_ROWS):
        here = places[start : start + MOST_ROWS]
        strange[here] = _is_strange(forms["pairs"][here], found)
    return strange


def _is_strange(pairs: Pairs, found: Writing) -> Mask:
    strange = np.zeros(len(pairs), bool)
    for means, most in zip(_means(pairs, found), found.most, strict=True):
        if most >= 0:
            strange |= means > most
    for row in np.flatnonzero(strange).tolist():
        strange[row] = len(np.unique(pairs[row])) >= LEAST_DISTINCT
    for bit in found.scripts:
        strange |= num_marks(pairs, letters.within(bit)) >= MOSTLY
    if found.marks:
        strange |= num_marks(pairs, _among(found.marks)) >= LEAST_MARKS
    if found.usual_marks:
        strange |= num_marks(pairs, letters.has_mark() & ~_among(found.usual_marks)) >= LEAST_POOLED
    return strange


def may_depart(forms: Forms, excuses: int) -> Mask:
    """Answers that are compared: without any of the flags `excuses`, and in their prompt's language, or in none."""
    spoken, asked = forms["language"], forms["asked_in"]
    return np.asarray(((forms["flags"] & np.uint16(excuses)) == 0) & ((spoken == asked) | (spoken == 0)))


def _excuses(forms: Forms) -> int:
    """The flags that excuse an answer; what nearly all prompts ask for is no excuse for one of them."""
    asked = (forms["flags"] & features.MARKS_ASKED) > 0
    return OTHERS & ~features.MARKS_ASKED if asked.mean() >= ALL_ASKED else OTHERS


def num_marks(pairs: Pairs, marks: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many of these pairs an answer has at the one of its ends that has more; `marks`: [65536]."""
    held = marks[pairs[:, : HEADS + TAILS]]
    return np.asarray(np.maximum(held[:, :HEADS].sum(axis=1), held[:, HEADS:].sum(axis=1)))


def _among(codes: list[int]) -> NDArray[np.bool_]:
    table = np.zeros(1 << 16, bool)
    table[codes] = True
    return table


def _bits(forms: Forms) -> tuple[list[int], list[int]]:
    asked, said = (np.bincount(forms[name].ravel(), minlength=1 << 16) for name in ("asked_pairs", "pairs"))
    asked[0] = said[0] = 0
    own = _own(forms)
    shares = said / max(1, said.sum())
    odds = (asked + SMOOTHING) / (asked.sum() + SMOOTHING * NUM_KNOWN)
    odds = np.maximum(odds, shares * np.where(own, 1, ANSWERS))
    bits = np.minimum(np.round(-np.log2(odds) * UNIT), MOST_BITS).astype(np.int64)
    known = np.flatnonzero(bits < MOST_BITS)
    return known.tolist(), bits[known].tolist()


def _means(pairs: Pairs, found: Writing) -> list[NDArray[np.int64]]:
    """How unfamiliar the pairs of each part are, on average; -1 for a part of few pairs."""
    codes = np.arange(1 << 16)
    counted = (codes >> 8 != letters.EDGE) & (codes & 0xFF != letters.EDGE)
    both = np.where(counted, _table(found) | COUNTED, 0).astype(np.int32)[pairs]
    means = []
    for part, least in zip(PARTS, LEAST_PAIRS, strict=True):
        sums = both[:, part].sum(axis=1, dtype=np.int64)
        nums = sums // COUNTED
        means.append(np.where(nums >= least, sums % COUNTED // np.maximum(nums, 1), -1))
    return means


def _most(means: NDArray[np.int64], part: int, size: tuple[int, float], least: int) -> int:
    """The mean from which on the part of an answer is written in other letters; -1 where that cannot be said."""
    known = means[means >= 0]
    if len(known) < LEAST_ROWS:
        return -1
    low, middle = np.quantile(known, (0.16, 0.5), method="lower")
    if middle - low > WIDEST[part]:
        return -1
    fence = max(least, int(middle + max(SPREADS[part] * (middle - low), LEAST_ABOVE[part])))
    fence, (num_rows, max_share) = min(fence, MOST_MEAN[part]), size
    return fence if SMALLEST_SHARES[part] <= (known > fence).sum() / num_rows <= max_share else -1


def _scripts(free: Forms, shown: Forms, num_rows: int, max_share: float) -> list[int]:
    """Letters that hardly any prompt has, and that a part of the answers open or end in."""
    asked = shown["asked_pairs"][shown["asked_pairs"] > 0]
    found = []
    for bit in letters.SCRIPTS:
        table = letters.within(bit)
        share = float((num_marks(free["pairs"], table) >= MOSTLY).sum()) / num_rows
        if len(asked) and table[asked].mean() < SCRIPT_ASKED and SMALLEST_SHARES[-1] <= share <= max_share:
            found.append(bit)
    return found


def _asked_mean(forms: Forms, found: Writing) -> int:
    """How unfamiliar the pairs of the prompts are, on average."""
    asked = forms["asked_pairs"][forms["asked_pairs"] > 0]
    return int(_table(found)[asked].mean()) if len(asked) else 0


def _table(found: Writing) -> NDArray[np.int32]:
    """How rare each pair is, [65536]."""
    table = np.full(1 << 16, MOST_BITS, np.int32)
    table[found.codes] = found.bits
    return table


def _odd_marks(free: Forms, shown: Forms, size: tuple[int, float], min_rows: int) -> tuple[list[int], list[int]]:
    """(pairs with a mark that several of the answers `free` share and that are not familiar, those that are, where
    others are asked for); none where the inside of other answers has such pairs. `size`: rows of the set, and the share
    that may be odd."""
    familiar, (num_rows, max_share) = _familiar(shown), size
    held = ~familiar[free["pairs"]]
    rows, places = np.nonzero(held[:, : HEADS + TAILS])
    nums = np.bincount(np.unique(rows << 16 | free["pairs"][rows, places]) & 0xFFFF, minlength=1 << 16)
    shared = nums >= max(min_rows, SHARED * num_rows)
    found, pooled = (
        num_marks(free["pairs"], shared & ~familiar) >= LEAST_MARKS,
        num_marks(free["pairs"], ~familiar) >= LEAST_POOLED,
    )
    is_pooled = (found | pooled).sum() >= SMALLEST_POOL * num_rows
    found |= pooled & is_pooled
    num_others = int((held[:, HEADS + TAILS :].any(axis=1) & ~found).sum()) + num_rows - len(free)
    if num_others > PLAIN_SHARE * (num_rows - int(found.sum())) or found.sum() > max_share * num_rows:
        return [], []
    usual = np.flatnonzero(familiar & letters.has_mark()).tolist() if is_pooled else []
    return np.flatnonzero(shared & ~familiar).tolist(), [0, *usual] if is_pooled else []


def _familiar(forms: Forms) -> NDArray[np.bool_]:
    """Pairs without a mark, those that prompts or the inside of answers have, and those of most answers, [65536]."""
    asked = np.bincount(forms["asked_pairs"].ravel(), minlength=1 << 16)
    inside = np.bincount(forms["pairs"][:, HEADS + TAILS :].ravel(), minlength=1 << 16)
    found: NDArray[np.bool_] = (asked >= max(LEAST_SEEN, FAMILIAR_ASKED * asked.sum())) | ~letters.has_mark()
    found |= inside >= max(LEAST_INSIDE, FAMILIAR_INSIDE * len(forms))
    return found | _own(forms)


def _own(forms: Forms) -> NDArray[np.bool_]:
    """Pairs that so many answers have that they belong to their form, [65536]."""
    nums = np.bincount(forms["pairs"].ravel(), minlength=1 << 16)
    own = np.zeros(1 << 16, bool)
    own[0] = True
    for code in np.flatnonzero(nums >= OWN_SHARE * len(forms))[1:].tolist():
        own[code] = (forms["pairs"] == code).any(axis=1).mean() >= OWN_SHARE
    return own
