"""What stands at the two ends of an answer, sign by sign, and the marks inside of it: what frames are found by.

Latin letters, kana and ASCII marks are told apart; all digits are one sign, so that `8/10` and `7/10` are alike, and so
are all Han, katakana and letters of other scripts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from jobs.logic.form import signs
from jobs.logic.form.features import PADDING, Block
from jobs.logic.form.signs import among
from jobs.logic.text.wanted import Asked

REACH = 16
"""Signs that are kept of each end."""
MARKS_INSIDE = 4
"""Marks between the ends that are kept, each with what stands before and behind it."""
OUTSIDE, HELD = 0, 255
"""The code of what is beyond an answer, and of a mark that its prompt has, or that anybody may write there."""
SENTENCE_MARKS = "。、「」『』！？（）・…：；．，／％〜～“”‘’—–"
"""Beyond ASCII, that are told apart."""
USUAL = ".,:;!?'\"%&*`–—―£€¥￥。、：；％「」『』！？・…〜～“”‘’"
"""Marks that any sentence may have."""
JOINTS = "-/&＝"
"""Usual between two letters."""
ORNAMENTS = "♪♫☆★♡♥"
WITH_MARKS = ("code", "markup", "hashtags", "dialogue", "drawing", "chant", "extract", "cheerful", "identifier", "data")
"""Kinds of `cues.KINDS` that are written with marks."""
WORDS = re.compile(r"[^\W\d_]{3,}|\d+(?:\.\d+)+|\d{4,}")
"""Of a part in lower case; a number of one or two digits stands in any prompt."""


@cache
def codes() -> NDArray[np.uint8]:
    """Code by code point, [signs.LAST + 1]."""
    table = (1 + signs.kinds()).astype(np.uint8)
    told = [chr(point) for point in range(33, 127) if not chr(point).isdigit()]
    told += [chr(point) for point in range(0x3041, 0x3097)] + list(SENTENCE_MARKS)
    first = 1 + signs.NUM_KINDS
    table[signs.points("".join(told))] = np.arange(first, first + len(told))
    table[signs.points(ORNAMENTS)] = first + len(told)
    return table


@cache
def is_mark() -> NDArray[np.bool_]:
    """Codes of marks that not every sentence may have, [256]."""
    return _held_by(signs.kinds() >= signs.PLAIN) & ~_held_by(among(USUAL))


@cache
def is_word() -> NDArray[np.bool_]:
    """Codes of letters and digits, [256]."""
    return _held_by(signs.is_word(signs.kinds()))


@cache
def is_space() -> NDArray[np.bool_]:
    """Codes of spaces and line ends, [256]."""
    return _held_by(signs.kinds() <= signs.NEWLINE)


def _held_by(chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    table = np.zeros(256, bool)
    table[codes()[chosen]] = True
    return table


def letters(block: Block, wanted: NDArray[np.bool_]) -> NDArray[np.uint32]:
    """As `features.cores`, of the letters of the answers `wanted` alone: equal for `a 1` and `(A) 27`; 0 for none."""
    found = np.zeros(len(block.starts), np.uint32)
    if wanted.any():
        sizes = (block.ends - block.starts + 1)[wanted]
        held = block.codes[1 : 1 + len(block.rows) - 1 - PADDING][np.repeat(wanted, block.ends - block.starts + 1)]
        starts = np.cumsum(sizes) - sizes
        found[wanted] = np.add.reduceat(signs.letter_hashes()[held], starts, dtype=np.uint32)
    return found


def ends(block: Block, prompts: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.uint16], NDArray[np.bool_]]:
    """(signs at the beginning and, backwards, at the end of answers, [rows, 2, REACH]; pairs with a mark between,
    [rows, 2 * MARKS_INSIDE]; which answers have a mark at an end). Signs are kept of these and of short answers."""
    marks = np.flatnonzero(block.kinds[: len(block.kinds) - PADDING] >= signs.PLAIN)
    marks = marks[is_mark()[codes()[block.codes[marks]]]]
    held = np.zeros(len(block.codes), bool)
    held[marks] = _explained(block, marks, prompts)
    marks = marks[~held[marks]]
    rows = block.rows[marks]
    near = (marks < block.starts[rows] + REACH) | (marks >= block.ends[rows] - REACH)
    marked = np.zeros(len(prompts), bool)
    marked[rows[near]] = True
    both = np.zeros((len(prompts), 2, REACH), np.uint8)
    kept = np.flatnonzero(marked | (block.ends - block.starts <= 2 * REACH))
    first, last, steps = block.starts[kept, None], block.ends[kept, None] - 1, np.arange(REACH)
    for side, places in enumerate((first + steps, last - steps)):
        there = (places >= first) & (places <= last)
        places = np.where(there, places, first)
        both[kept, side] = np.where(there, np.where(held[places], HELD, codes()[block.codes[places]]), OUTSIDE)
    return both, _inside(block, held, marks[~near]), marked


def _inside(block: Block, held: NDArray[np.bool_], marks: NDArray[np.int64]) -> NDArray[np.uint16]:
    table = np.zeros((len(block.starts), 2 * MARKS_INSIDE), np.uint16)
    rows = block.rows[marks]
    ranks = np.arange(len(rows)) - np.searchsorted(rows, rows)
    few = ranks < MARKS_INSIDE
    marks, rows, ranks = marks[few], rows[few], ranks[few]
    before, here, behind = (
        np.where(held[places], HELD, codes()[block.codes[places]]).astype(np.uint16)
        for places in (marks - 1, marks, marks + 1)
    )
    table[rows, 2 * ranks] = before << 8 | here
    table[rows, 2 * ranks + 1] = here << 8 | behind
    return table


def _explained(block: Block, marks: NDArray[np.int64], prompts: Sequence[str]) -> NDArray[np.bool_]:
    """Which of the marks the prompt has as well, or stand where anybody may put them."""
    kinds, found = block.kinds, block.codes
    keys, which = np.unique(block.rows[marks].astype(np.int64) << 21 | found[marks], return_inverse=True)
    told = np.fromiter((chr(key & 0x1FFFFF) in prompts[key >> 21] for key in keys.tolist()), bool, len(keys))
    held = told[which]
    before, behind = kinds[marks - 1], kinds[marks + 1]
    held |= among(JOINTS)[found[marks]] & signs.is_letter(before) & signs.is_letter(behind)
    opened, closed = among("(（")[found[marks]], among(")）")[found[marks]]
    far = np.minimum(marks + 4, len(kinds) - 1), np.maximum(marks - 4, 0)
    held |= opened & (signs.is_letter(behind) | (among("12")[found[marks + 1]] & (kinds[far[0]] == signs.DIGIT)))
    held |= closed & (signs.is_letter(before) | (among("12")[found[far[1]]] & (kinds[marks - 1] == signs.DIGIT)))
    return np.asarray(held)


def is_asked(answer: str, both: NDArray[np.uint8], prompt: str) -> bool:
    """Whether a prompt asks for what is written with marks, or says what the marks at the ends of its answer are put
    to. `both`: as `ends` has it, [2, REACH]."""
    lower = prompt.lower()
    for side, signs_there in enumerate(both):
        places = np.flatnonzero(is_mark()[signs_there])
        if len(places):
            reach = int(places[-1]) + 1
            words = WORDS.findall((answer[-reach:] if side else answer[:reach]).lower())
            if words and all(word in lower for word in words):
                return True
    asked = Asked(prompt)
    return any(map(asked.wants, WITH_MARKS)) and not asked.wants("plain")
