"""Which letters, digits and marks stand side by side in answers, and in their prompts: pairs, as numbers.

Letters of scripts with an alphabet are told apart, Han and katakana are one class each: their pairs are too many to be
seen twice. What is stored of a text is a few pairs of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from jobs.logic.form import signs
from jobs.logic.form.features import PADDING, Block
from jobs.logic.form.signs import among

HEADS = TAILS = MIDDLES = ASKED = 16
"""Pairs that are kept of an answer, at its start, at its end and between, and of its prompt."""
NUM_PAIRS = HEADS + TAILS + MIDDLES
ASKED_PART = 3 * ASKED
"""Characters in the middle of a prompt that its pairs are of."""
EDGE = 0
"""The class of what stands before and behind a text."""
CLASSES = 256
HIRAGANA, KATAKANA = range(0x3041, 0x3097), (*range(0x30A1, 0x30FB), 0x30FC)
SENTENCE_MARKS = "。、「」『』！？（）・…：；．，／％〜～“”‘’—–"
"""Beyond ASCII, that are told apart."""
USUAL = ".,:;!?'\"%&*`–—―£€¥￥。、：；％「」『』！？・…〜～“”‘’"
"""Marks that a prompt need not have for its answer to have them."""
JOINTS = "-/&＝"
"""Usual between two letters."""
ORNAMENTS = "♪♫☆★♡♥"

GROUPS = (
    (signs.LOWER, signs.UPPER),
    (signs.CJK,),
    (signs.DIGIT,),
    (signs.WIDE_LETTER, signs.HALF_KANA),
    (signs.NEWLINE,),
    (signs.PAIR,),
    (signs.SIGN,),
    (signs.MARK, signs.EMOJI),
)


@cache
def classes() -> NDArray[np.uint8]:
    """Class by code point, [signs.LAST + 1]."""
    table = (1 + signs.kinds()).astype(np.uint8)
    told = [chr(point) for point in range(33, 127) if not chr(point).isdigit()]
    told += [chr(point) for point in HIRAGANA] + list(SENTENCE_MARKS)
    first = 1 + signs.NUM_KINDS
    table[signs.points("".join(told))] = np.arange(first, first + len(told))
    table[np.array(KATAKANA)] = first + len(told)
    table[signs.points(ORNAMENTS)] = first + len(told) + 1
    return table


@cache
def groups() -> NDArray[np.uint16]:
    """What a class is of, a bit each: Latin, kana and Han, digits, other letters, marks; none for spaces, [CLASSES]."""
    table = np.zeros(CLASSES, np.uint16)
    for bit, kinds in enumerate(GROUPS):
        told = np.isin(signs.kinds(), kinds)
        table[classes()[told]] |= 1 << bit
    return table


SCRIPTS = (1, 2)
"""Bits of `groups`: Latin, and kana and Han."""


@cache
def within(bit: int) -> NDArray[np.bool_]:
    """Whether both of a pair are letters of a group, [65536]."""
    codes = np.arange(1 << 16)
    return np.asarray((groups()[codes >> 8] & groups()[codes & 0xFF] & bit) > 0)


@cache
def has_mark() -> NDArray[np.bool_]:
    """Whether a pair has a mark that is not usual in any sentence, [65536]."""
    marks = np.zeros(signs.LAST + 1, bool)
    marks[signs.kinds() >= signs.PLAIN] = True
    marks[signs.points(USUAL)] = False
    table = np.zeros(CLASSES, bool)
    table[classes()[marks]] = True
    table[1 + signs.PLAIN] = table[classes()[signs.points(USUAL)]] = False
    codes = np.arange(1 << 16)
    return np.asarray(table[codes >> 8] | table[codes & 0xFF])


def pairs(block: Block, prompts: Sequence[str]) -> NDArray[np.uint16]:
    """Pairs of each answer, [len(answers), NUM_PAIRS], 0 for none; without those of a mark that its prompt has too."""
    found = classes()[block.codes].astype(np.uint16)
    found[block.starts - 1] = found[block.ends] = EDGE
    codes = found.copy()
    codes[1:] |= found[:-1] << 8
    codes[_of_prompts(block, prompts)] = 0
    first, last = block.starts[:, None], block.ends[:, None]
    rest = last + 1 - first - HEADS - TAILS
    steps = np.arange(HEADS), np.arange(TAILS)[::-1], np.arange(MIDDLES)
    places = (
        first + steps[0],
        last - steps[1],
        first + HEADS + np.where(rest > MIDDLES, steps[2] * rest // MIDDLES, steps[2]),
    )
    is_one = places[0] <= last, places[1] >= first + HEADS, steps[2] < rest
    table = [np.where(there, codes[np.where(there, at, 0)], 0) for at, there in zip(places, is_one, strict=True)]
    return np.concatenate(table, axis=1).astype(np.uint16)


def asked_pairs(prompts: Sequence[str]) -> NDArray[np.uint16]:
    """Pairs of each prompt, [len(prompts), ASKED], 0 for none."""
    parts = [prompt[max(0, (len(prompt) - ASKED_PART) // 2) :][:ASKED_PART] for prompt in prompts]
    lengths = np.fromiter(map(len, parts), np.int64, len(parts)) + 1
    ends = np.cumsum(lengths)
    found = classes()[np.minimum(signs.points("\n".join((*parts, ""))), signs.LAST)].astype(np.uint16)
    codes = found.copy()
    codes[1:] |= found[:-1] << 8
    places = np.arange(1, ASKED_PART, 3) + (ends - lengths)[:, None]
    there = places < (ends - 1)[:, None]
    return np.where(there, codes[np.where(there, places, 0)], 0).astype(np.uint16)


def _of_prompts(block: Block, prompts: Sequence[str]) -> NDArray[np.int64]:
    """The places of pairs that have a mark which the prompt has as well."""
    marks = np.flatnonzero((block.kinds >= signs.PLAIN) & ~among(USUAL)[block.codes])
    marks = marks[marks < len(block.codes) - PADDING]
    keys, which = np.unique(block.rows[marks].astype(np.int64) << 21 | block.codes[marks], return_inverse=True)
    told = np.array([chr(key & 0x1FFFFF) in prompts[key >> 21] for key in keys.tolist()], bool)
    held = marks[told[which]] if len(keys) else marks
    notes = _plain_notes(block, marks)
    joints = marks[among(JOINTS)[block.codes[marks]]]
    is_inside = signs.is_letter(block.kinds[joints - 1]) & signs.is_letter(block.kinds[joints + 1])
    held = np.concatenate((held, joints[is_inside], notes))
    return np.concatenate((held, held + 1))


def _plain_notes(block: Block, marks: NDArray[np.int64]) -> NDArray[np.int64]:
    """The brackets among `marks` that have a word or a year inside: anybody writes so (in 1987, or not)."""
    codes, kinds = block.codes, block.kinds
    opened, closed = marks[among("(（")[codes[marks]]], marks[among(")）")[codes[marks]]]
    years = among("12")[codes[opened + 1]] & (kinds[np.minimum(opened + 4, len(kinds) - 1)] == signs.DIGIT)
    ended = among("12")[codes[np.maximum(closed - 4, 0)]] & (kinds[closed - 1] == signs.DIGIT)
    opened = opened[years | signs.is_letter(kinds[opened + 1])]
    return np.concatenate((opened, closed[ended | signs.is_letter(kinds[closed - 1])]))
