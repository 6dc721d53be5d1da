"""Whether an answer comes to an end: closed by a mark, left open, or broken off before a word that must follow.

No list can say of a last word that it ends a sentence, but some cannot: `the`, `を`. Of texts that were cut at a random
place 14 % or more end on one of those, of texts that are merely written without a full stop under 2 %.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

NOT_COMPARED, CLOSED, OPEN, DANGLING, STRAY = range(5)
"""Short or laid out; with a closing mark; on a word; on a word that something must follow; on another sign."""
SEVERAL = 8
"""Added where earlier sentences of the same answer are closed: it is known to use full stops."""
CLOSING = frozenset(".!?。！？…‥．｡؟।")
AFTER_CLOSING = "\"'”’」』)）］】]*_ \u3000"
"""May stand behind the closing mark."""
LEAST, LEAST_WIDE = 40, 20
"""Characters of an answer that is compared, in letters and in Han or kana."""
WORDS = (
    "a an the of to in on at by for from with and or but as is are was were be been has have had his her their its "
    "this that these those which who whose when where than then if so not into about over under between he she they "
    "we you i my your our per each der das dem den und mit von zu im ein eine einer nicht le la les de des du et un "
    "une que qui dans pour par sur el los las y en para con del il lo gli di che o da"
)
FUNCTION_WORDS = frozenset(WORDS.split())
"""English, German, French, Spanish and Italian words that something must follow."""
PARTICLES = frozenset("をはがにとへのもっ、,")
UNFINISHED = frozenset(";:(-–—=+*/<&・：；（「『【[{")
INNER, INNER_WIDE = (". ", ".\n", "! ", "? "), ("。", "！", "？", ". ", "! ", "? ")
LAID_OUT = re.compile(r"\s*(?:[-*+•#>|・`]|\d+[.)）])|\s|.*(?:[_{}\\]|[a-z]\(|==)")
"""A last line that is an item, a heading, a row of a table or code."""
WORD_LENGTH = 24
Cut = Literal["none", "dangling", "all"]

LEAST_COMPARED = 20
"""Answers under which nothing is said about how a set's answers end."""
NEARLY_ALL = 0.98
CUT_SHARE = 0.1
"""Of the open answers; where so many dangle, they were cut at random."""
STYLE_SHARE, STYLE_ROWS = 0.03, 50
"""So many open answers of which so few dangle are a way of writing."""
MOSTLY, USUALLY = 0.5, 0.8
"""Of the compared answers: with fewer closed, none is taken for cut off; with more, a dangling one is in any case."""


def endings(answers: Sequence[str]) -> NDArray[np.uint8]:
    """How each answer ends."""
    return np.fromiter(map(_ending, answers), np.uint8, len(answers))


def cuts(found: NDArray[np.uint8]) -> tuple[list[Cut], list[float]]:
    """What counts as cut off among answers of one sentence and of several, and the share of each that is closed."""
    counts = np.bincount(found, minlength=2 * SEVERAL).reshape(2, SEVERAL)[:, CLOSED : STRAY + 1]
    together = counts.sum(axis=0)
    is_usual = bool(together[0] >= NEARLY_ALL * together.sum())
    modes = [_cut(kinds if kinds[0] >= LEAST_COMPARED else together, is_usual) for kinds in counts]
    return modes, [kinds[0] / sum(kinds) if sum(kinds) else 0.0 for kinds in counts.tolist()]


def is_cut(found: NDArray[np.uint8], modes: Sequence[Cut]) -> NDArray[np.bool_]:
    """Answers that break off, in a set that ends its answers as `modes` says."""
    cut = np.zeros(len(found), bool)
    for several, mode in zip((0, SEVERAL), modes, strict=True):
        kinds = {"none": (), "dangling": (DANGLING,), "all": (OPEN, DANGLING, STRAY)}[mode]
        cut |= np.isin(found, [kind + several for kind in kinds])
    return cut


def _cut(counts: NDArray[np.int64], is_usual: bool) -> Cut:
    closed, left, dangling, stray = counts.tolist()
    total = closed + left + dangling + stray
    if total < LEAST_COMPARED or closed < MOSTLY * total:
        return "none"
    share = dangling / max(1, left + dangling)
    is_style = left + dangling >= STYLE_ROWS and share < STYLE_SHARE
    if (is_usual and closed >= NEARLY_ALL * total and not is_style) or (share >= CUT_SHARE and dangling > 2):
        return "all"
    return "dangling" if closed >= USUALLY * total else "none"


def _ending(text: str) -> int:
    is_narrow = text.isascii()
    if len(text) < (LEAST if is_narrow else LEAST_WIDE):
        return NOT_COMPARED
    several = 0
    for mark in INNER if is_narrow else INNER_WIDE:
        if text.find(mark, 0, -1) >= 0:
            several = SEVERAL
            break
    if text[-1] in CLOSING:
        return CLOSED + several
    said = text.rstrip(AFTER_CLOSING)
    if said and said[-1] in CLOSING:
        return CLOSED + several
    last_line = text[text.rfind("\n") + 1 :]
    if not said or said != text or LAID_OUT.match(last_line) or "://" in last_line or _has_open_line(text):
        return NOT_COMPARED
    kind = _open_ending(said)
    return kind + several if kind else NOT_COMPARED


def _has_open_line(text: str) -> bool:
    """Whether the answer leaves other lines without a mark as well."""
    return "\n" in text and any(line[-1:].isalnum() for line in text.split("\n")[:-1])


def _open_ending(said: str) -> int:
    last = said[-1]
    if last in PARTICLES:
        return DANGLING
    if not last.isalpha():
        return STRAY if last.isdigit() or last in UNFINISHED else NOT_COMPARED
    word = said[-WORD_LENGTH:].split()[-1].lower()
    return DANGLING if word in FUNCTION_WORDS else OPEN
