"""The form of an answer in numbers: which marks stand where, what it opens and closes with, how it is laid out.

What is looked at is marks, digits and layout, not what is said: `traits` are codes that answers of one make share.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from jobs.logic.form import frames, layouts, signs
from jobs.logic.form.signs import CJK, DIGIT, EMOJI, LOWER, NEWLINE, PAIR, PLAIN, SIGN, SPACE, among

LAYOUT, HEAD, TAIL, WRAP, OPENING, ENDING, DOUBLE, MANY, ONCE = range(1, 10)
"""Families of traits: a layout; an unusual first and last mark; the whole answer in quotes; literal words that open and
end it; a doubled mark inside; a separator that stands several times and once. The first ones are kept first."""
FAMILY_BITS = 26
PAYLOAD = (1 << FAMILY_BITS) - 1
DOUBLED = 1 << 21
"""In the payload of a mark, above its code point: it stands twice."""
ASSIGNED = 1 << 25
"""In the payload of literal words: an equals sign follows."""
EXPLAINED = np.uint32(1 << 31)
"""On a trait: the prompt has this mark, or asks for this layout."""
NUM_TRAITS = 7
COPIED, ASKED, RICH, SURE, NOTED, CERTAIN, BRIEF_ASKED, OF_PROMPT = 1, 2, 4, 8, 16, 32, 64, 128
"""Flags of an answer: it stands in its prompt; the prompt asks for a language; it is laid out in Markdown or code; its
language is sure; the marks of its prompt were noted; its language is certain whatever the others are in; it is short,
and the prompt asks for that; it was noted, and shares a word with its prompt."""
NOTED_MARKS = ":-/=#*|;<>@_+{[~"
"""Marks that prompts often have by themselves, so that having them explains little."""
NOTED_EVERY = 8
"""One prompt in so many is looked at for that, chosen by the answer's letters."""

HEAD_PART, TAIL_PART = 256, 64
"""Characters of a long answer that are looked at; of one that is no longer than both, all are."""
DENSE = 24
"""Characters for each separator of prose that stands several times, at the most: then it divides the answer."""
SHORT = 120
"""Characters of an answer in which a single separator of prose is noted."""
PADDING = 3
"""Characters that may be looked at behind any other."""
ANY_EMOJI = 0x1F600
DIGITS = re.compile(r"\d+")


class Block(NamedTuple):
    """Answers side by side, each between two line ends, and PADDING more at the end."""

    answers: Sequence[str]
    codes: NDArray[np.uint32]
    kinds: NDArray[np.uint8]
    rows: NDArray[np.int32]
    """Which answer each character is of."""
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    """Where its line end stands."""
    counts: NDArray[np.int64]
    """Characters by kind, [len(answers), NUM_KINDS]."""


Found = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Rows, and the trait of each."""
Literal = tuple[int, int, str]
"""A row, OPENING or ENDING, and its words."""


def sampled(answers: Sequence[str]) -> Block:
    """The head and the tail of each answer as arrays."""
    whole = HEAD_PART + TAIL_PART
    samples = [a if len(a) <= whole else f"{a[:HEAD_PART]} {a[-TAIL_PART:]}" for a in answers]
    text = "\n".join(("", *samples, "\n" * PADDING))
    codes = np.minimum(signs.points(text), signs.LAST)
    lengths = np.fromiter(map(len, samples), np.int64, len(samples)) + 1
    ends = np.cumsum(lengths)
    kinds = signs.kinds()[codes]
    rows = np.repeat(np.arange(len(samples), dtype=np.int32), lengths)
    cells = len(samples) * signs.NUM_KINDS
    counts = np.bincount(rows * np.int64(signs.NUM_KINDS) + kinds[1:-PADDING], minlength=cells)
    rows = np.concatenate((rows[:1], rows, np.repeat(rows[-1:], PADDING)))
    return Block(answers, codes, kinds, rows, ends - lengths + 1, ends, counts.reshape(-1, signs.NUM_KINDS))


def cores(block: Block) -> NDArray[np.uint32]:
    """Hash of the letters and digits of each answer, whatever stands between them: equal for `a`, `(A)` and `@a@`."""
    hashes = np.asarray(np.add.reduceat(signs.hashes()[block.codes], block.starts, dtype=np.uint32), np.uint32)
    for row in np.flatnonzero(hashes == 0).tolist():
        hashes[row] = crc32(block.answers[row].encode("utf-8", "surrogatepass"))
    return hashes


def inner_cores(block: Block, whole: NDArray[np.uint32], words: Sequence[Literal]) -> NDArray[np.uint32]:
    """The core of each answer without the literal words that open and end it."""
    inner = whole.copy()
    if words:
        points = signs.points("".join(literal for _, _, literal in words))
        ends = np.cumsum([len(literal) for _, _, literal in words])
        hashes = signs.hashes()[np.minimum(points, signs.LAST)]
        sums = np.add.reduceat(hashes, np.concatenate(([0], ends[:-1])), dtype=np.uint32)
        np.subtract.at(inner, [row for row, _, _ in words], sums)
    return inner


def noted_marks(prompt: str) -> int:
    """Which of NOTED_MARKS a prompt has, a bit for each."""
    return sum(1 << place for place, mark in enumerate(NOTED_MARKS) if mark in prompt)


def is_rich(block: Block) -> NDArray[np.bool_]:
    """Answers that are laid out: several items, headings or table lines, a code block, code, TeX, HTML, *emphasis*."""
    codes, kinds, rows = block.codes, block.kinds, block.rows
    rich = _structured_lines(block) > 1
    places = np.flatnonzero(among("\n\\<`*")[codes[:-1]])
    first, second = codes[places], codes[places + 1]
    is_letter = signs.is_letter(kinds[places + 1])
    indented = (first == ord("\n")) & (kinds[places + 1] == SPACE)
    ended = (first == ord("\n")) & among(";{}")[codes[places - 1]] & (block.counts[:, NEWLINE] > 1)[rows[places]]
    command = (first == ord("\\")) & is_letter
    closed = ((first == ord("<")) & (second == ord("/"))) | ((first == ord("`")) & (second == ord("`")))
    rich[rows[places[indented | ended | command | closed]]] = True
    calls = np.flatnonzero(codes[:-1] == ord("("))
    called = (kinds[calls - 1] == LOWER) & (among("\"'_)")[codes[calls + 1]] | (kinds[calls + 1] == LOWER))
    rich[rows[calls[called]]] = True
    stars = first == ord("*")
    opened, shut = np.zeros(len(rich), bool), np.zeros(len(rich), bool)
    opened[rows[places[stars & is_letter]]] = True
    shut[rows[places[stars & signs.is_letter(kinds[places - 1])]]] = True
    return rich | (opened & shut)


def signed_heads(block: Block) -> NDArray[np.uint8]:
    """The sign before a number that each answer opens with, from 1 on in `signs.SIGNS`; 0 for none."""
    firsts = block.codes[block.starts]
    found = np.zeros(len(firsts), np.uint8)
    before = np.flatnonzero((block.kinds[block.starts] == SIGN) & ~_unusual_heads(block, block.starts))
    found[before] = [signs.SIGNS.find(chr(point)) + 1 for point in firsts[before].tolist()]
    return found


def traits(block: Block, words: Sequence[Literal], prompts: Sequence[str]) -> NDArray[np.uint32]:
    """Up to NUM_TRAITS different traits of each answer, [len(answers), NUM_TRAITS], 0 for none."""
    found = [find(block) for find in FINDERS]
    found.append(_pairs([(row, code(family, _hash(literal))) for row, family, literal in words]))
    found.append(_frames(block, prompts))
    rows, codes = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((codes & ~int(EXPLAINED), rows))
    rows, of_prompt = rows[order], (codes[order] & int(EXPLAINED)) > 0
    codes = codes[order] & ~int(EXPLAINED)
    is_new = np.ones(len(rows), bool)
    is_new[1:] = (rows[1:] != rows[:-1]) | (codes[1:] != codes[:-1])
    rows, codes, of_prompt = rows[is_new], codes[is_new], of_prompt[is_new]
    places = np.arange(len(rows)) - np.searchsorted(rows, rows)
    kept = places < NUM_TRAITS
    rows, codes, places, of_prompt = rows[kept], codes[kept], places[kept], of_prompt[kept]
    table = np.zeros((len(block.answers), NUM_TRAITS), np.uint32)
    told = {(row, code(family, _hash(literal))) for row, family, literal in words if _is_told(literal, prompts[row])}
    is_told = [pair in told for pair in zip(rows.tolist(), codes.tolist(), strict=True)] if told else False
    explained = np.where(of_prompt | _explained(rows, codes, prompts) | is_told, EXPLAINED, np.uint32(0))
    table[rows, places] = codes.astype(np.uint32) | explained
    return table


def code(family: int, payload: int) -> int:
    """The code of a trait."""
    return family << FAMILY_BITS | payload & PAYLOAD


def layout_code(name: str) -> int:
    """The code of a layout."""
    return code(LAYOUT, layouts.NUMBERS[name])


def mark_of(payload: int) -> str:
    """The mark in the payload of a trait."""
    return chr(payload & (DOUBLED - 1)) * (2 if payload & DOUBLED else 1)


def described(trait: int, answer: str = "") -> str:
    """What answers with a trait do, for a person; literal words are read from `answer`."""
    family, payload = trait >> FAMILY_BITS, trait & PAYLOAD
    if family == LAYOUT:
        return list(layouts.LAYOUTS.values())[payload - 1]
    if family in (OPENING, ENDING):
        words = layouts.opening(answer) if family == OPENING else layouts.ending(answer)
        return f"{'opens' if family == OPENING else 'ends'} with {f'`{words}`' if words else 'the same words'}"
    mark = mark_of(payload).replace("\t", "tabs")
    if family == WRAP:
        return f"stands in {mark} {signs.PAIRS.get(mark, mark)}"
    return f"{ {HEAD: 'opens with', TAIL: 'ends with', DOUBLE: 'holds'}.get(family, 'is divided by') } {mark}"


def _is_told(words: str, prompt: str) -> bool:
    """Whether the prompt has the words that an answer begins or ends with: what it is about, and no form."""
    return words.strip(f" {layouts.KEY_MARKS}{layouts.ENDING_MARKS}").lower() in prompt.lower()


def _explained(rows: NDArray[np.int64], codes: NDArray[np.int64], prompts: Sequence[str]) -> NDArray[np.bool_]:
    """Traits whose mark the prompt has, or whose layout, or that which the mark is part of, it asks for."""
    found = np.zeros(len(rows), bool)
    families, marks = codes >> FAMILY_BITS, codes & (DOUBLED - 1)
    asked = np.isin(families, (LAYOUT, HEAD, TAIL, DOUBLE))
    asked |= np.isin(families, (MANY, ONCE)) & ~among(signs.PROSE_SEPARATORS)[np.minimum(marks, signs.LAST)]
    for place in np.flatnonzero(asked).tolist():
        prompt, payload = prompts[rows[place]], int(codes[place]) & PAYLOAD
        if families[place] == LAYOUT:
            words = ASKING.get(payload, ())
        else:
            words = (mark := mark_of(payload), *layouts.MARKS_ASKED.get(mark[0], ()))
        found[place] = any(word in prompt for word in words)
    return found


FRAMES = tuple(layout_code(name) for name in frames.LAYOUTS)
"""Layouts of what stands around answers."""
ASKING = {layouts.NUMBERS[name]: words for name, words in layouts.ASKING.items()}


def _edges(block: Block) -> Found:
    """Answers that open or close with a mark that is not usual there."""
    heads = np.flatnonzero(_unusual_heads(block, block.starts))
    tails = np.flatnonzero(_unusual_tails(block, block.ends - 1))
    at_head, at_tail = _mark_at(block, block.starts[heads], 1), _mark_at(block, block.ends[tails] - 1, -1)
    families = np.repeat((HEAD, TAIL), (len(heads), len(tails)))
    return np.concatenate((heads, tails)), families << FAMILY_BITS | np.concatenate((at_head, at_tail))


def _unusual_heads(block: Block, first: NDArray[np.int64]) -> NDArray[np.bool_]:
    kinds, codes = block.kinds, block.codes
    here, after = kinds[first], kinds[first + 1]
    behind_space = np.where(after == SPACE, kinds[first + 2], after)
    usual = (here < PLAIN) | (here == PAIR) | among(signs.OPENERS)[codes[first]]
    usual |= (here == SIGN) & (behind_space == DIGIT)
    odd: NDArray[np.bool_] = ~usual | ((codes[first] == codes[first + 1]) & (here == PAIR))
    return odd


def _unusual_tails(block: Block, last: NDArray[np.int64]) -> NDArray[np.bool_]:
    kinds, codes = block.kinds, block.codes
    here, marks = kinds[last], codes[last]
    usual = (here <= PAIR) | (here == EMOJI) | among(signs.CLOSERS)[marks]
    usual |= (here == SIGN) & (kinds[last - 1] == DIGIT)
    twice = (marks == codes[last - 1]) & (here >= PLAIN) & (here != EMOJI) & ~among(signs.OFTEN_DOUBLED)[marks]
    odd: NDArray[np.bool_] = ~usual | twice | among(";；")[marks]
    return odd


def _mark_at(block: Block, places: NDArray[np.int64], step: int) -> NDArray[np.int64]:
    """The mark at each place, with DOUBLED where the next inwards is the same; emoji are one mark."""
    marks, emoji = block.codes[places].astype(np.int64), block.kinds[places] == EMOJI
    twice = (block.codes[places] == block.codes[places + step]) & ~emoji
    marks[emoji] = ANY_EMOJI
    marks[twice] |= DOUBLED
    return marks


def _separators(block: Block) -> Found:
    """Separators by how often they stand in an answer, but for those of numbers, sums and foreign names."""
    codes, kinds = block.codes, block.kinds
    places = np.flatnonzero(among(signs.SEPARATORS)[codes])
    before, after = kinds[places - 1], kinds[places + 1]
    own = (before == NEWLINE) | (after == NEWLINE) | (codes[places] == codes[places - 1])
    own |= (before == DIGIT) & (after == DIGIT) & ~among(signs.NEVER_IN_NUMBERS)[codes[places]]
    own |= among("=＝")[codes[places]] & (before == CJK) & (after == CJK)
    outer = signs.is_letter(kinds[np.maximum(places - 2, 0)]) & signs.is_letter(kinds[places + 2])
    spaced = outer & (before == SPACE) & (after == SPACE)
    between_words = (signs.is_letter(before) & signs.is_letter(after)) | (spaced & among("/>")[codes[places]])
    places = places[~own & ((kinds[places] != SIGN) | between_words)]
    keys, counts = np.unique(block.rows[places].astype(np.int64) << 21 | codes[places], return_counts=True)
    rows, marks = keys >> 21, keys & (DOUBLED - 1)
    is_prose, lengths = among(signs.PROSE_SEPARATORS)[marks], (block.ends - block.starts)[rows]
    for place in np.flatnonzero((counts == 1) & ~is_prose & (lengths > HEAD_PART + TAIL_PART)).tolist():
        counts[place] = block.answers[rows[place]].count(chr(marks[place]))
    wanted = ~is_prose | (np.where(counts > 1, (counts + 1) * DENSE, SHORT) >= lengths)
    return rows[wanted], (np.where(counts > 1, MANY, ONCE) << FAMILY_BITS | marks)[wanted]


def _doubles(block: Block) -> Found:
    """Marks that stand twice inside an answer, but not inside a word or an address."""
    codes, kinds = block.codes, block.kinds
    twice = np.flatnonzero(among(signs.DOUBLING)[codes[:-1]] & (codes[:-1] == codes[1:]))
    before, after = kinds[twice - 1], kinds[twice + 2]
    inside = (before != NEWLINE) & (after != NEWLINE) & ~(signs.is_word(before) & signs.is_word(after))
    twice = twice[inside & (codes[twice - 1] != ord(":"))]
    return block.rows[twice].astype(np.int64), DOUBLE << FAMILY_BITS | DOUBLED | codes[twice].astype(np.int64)


def literals(block: Block) -> list[Literal]:
    """Words that a mark sets apart at the start and at the end."""
    codes, kinds, rows = block.codes, block.kinds, block.rows
    marks = np.flatnonzero(among(layouts.KEY_MARKS)[codes])
    marks = marks[(codes[marks] != ord(".")) | (kinds[marks + 1] == DIGIT)]
    at_start = np.unique(rows[marks[marks - block.starts[rows[marks]] <= layouts.LITERAL_PART + 4]])
    marks = np.flatnonzero(among(layouts.ENDING_MARKS)[codes])
    marks = marks[~among("/->")[codes[marks]] | among("/-=")[codes[marks - 1]]]
    marks = marks[(codes[marks] != ord(".")) | (kinds[marks + 1] == LOWER)]
    at_end = np.unique(rows[marks[block.ends[rows[marks]] - marks <= layouts.LITERAL_PART]])
    words = [(row, OPENING, layouts.opening(block.answers[row])) for row in at_start.tolist()]
    words += [(row, ENDING, layouts.ending(block.answers[row])) for row in at_end.tolist()]
    return [word for word in words if word[2]]


def _hash(literal: str) -> int:
    """Stands for literal words, whatever their case and numbers."""
    value = crc32(DIGITS.sub("0", literal.lower()).encode("utf-8", "surrogatepass")) & (PAYLOAD >> 1)
    return value | (ASSIGNED if literal.endswith("=") else 0)


def _pairs(found: Sequence[tuple[int, int]]) -> Found:
    table = np.array(found, np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _layouts(block: Block) -> Found:
    """Layouts that are read from the text of those answers whose characters give a reason to."""
    codes, kinds, counts, starts = block.codes, block.kinds, block.counts, block.starts
    looked = (kinds[starts] >= DIGIT) | (kinds[block.ends - 1] == PAIR)
    looked |= (counts[:, SPACE] == 0) & (counts[:, CJK] * 4 <= counts.sum(axis=1))
    looked |= (kinds[block.ends - 1] == DIGIT) & ~signs.is_word(kinds[np.maximum(block.ends - 3, 0)])
    looked |= (kinds[starts + 1] == SPACE) & (kinds[starts + 3] == SPACE)
    looked |= among(".)）")[codes[starts + 1]] | among(".)）")[codes[starts + 2]]
    looked[block.rows[codes == ord("_")]] = True
    ruled = np.flatnonzero((codes[:-3] == ord("\n")) & among("=-")[codes[1:-2]])
    looked[block.rows[ruled[(codes[ruled + 2] == codes[ruled + 1]) & (codes[ruled + 3] == codes[ruled + 1])]]] = True
    colons = np.flatnonzero(codes == ord(":"))
    looked[block.rows[colons[(kinds[colons - 1] == DIGIT) & (kinds[colons + 1] == DIGIT)]]] = True
    found = []
    for row in np.flatnonzero(looked).tolist():
        text = block.answers[row]
        found += [(row, layout_code(layout)) for layout in layouts.layouts_of(text)]
        if mark := layouts.wrapping(text):
            found.append((row, code(WRAP, ord(mark))))
    return _pairs(found)


def _frames(block: Block, prompts: Sequence[str]) -> Found:
    """What stands around short answers and has nothing of their prompts; where these hold what answers are about."""
    codes, starts, ends = block.codes, block.starts, block.ends
    marks = np.flatnonzero(among(frames.SIGNS)[codes])
    looked = np.zeros(len(starts), bool)
    looked[block.rows[marks]] = True
    looked |= block.counts[:, CJK] == 0
    lengths = ends - starts
    looked &= (lengths <= frames.LONGEST) & ((lengths <= frames.SENTENCE_LENGTH) | ~among(".。")[codes[ends - 1]])
    looked &= np.fromiter(map(len, prompts), np.int64, len(prompts)) >= frames.MATERIAL * lengths
    found = []
    for row in np.flatnonzero(looked).tolist():
        told = frames.frames_of(block.answers[row], prompts[row].lower())
        found += [(row, layout_code(name) | int(EXPLAINED) * is_told) for name, is_told in told]
    return _pairs(found)


def _counted_layouts(block: Block) -> Found:
    """Layouts that the kinds of characters tell."""
    counts = block.counts
    letters = counts[:, signs.LETTER : DIGIT].sum(axis=1)
    upper, wide, half = (counts[:, kind] for kind in (signs.UPPER, signs.WIDE_LETTER, signs.HALF_KANA))
    found = {
        "capitals": (upper > 11) & (counts[:, LOWER] == 0) & (upper * 10 > letters * 9) & (counts[:, SPACE] > 1),
        "emoji": counts[:, EMOJI] - _num_joined(block) > 2,
        "wide": (wide > 4) & (wide * 2 > letters),
        "half-width": (half > 4) & (half * 2 > letters),
        "list": _structured_lines(block) > 1,
    }
    rows = [np.flatnonzero(mask) for mask in found.values()]
    return np.concatenate(rows), np.repeat([layout_code(name) for name in found], [len(each) for each in rows])


def _num_joined(block: Block) -> NDArray[np.int64]:
    """Emoji of each answer that go with the one before: joined to it, its skin tone, the second letter of a flag."""
    places = np.flatnonzero(block.kinds == EMOJI)
    codes, before = block.codes[places], block.codes[places - 1]
    rows = block.rows[places]
    parts = (before == signs.JOINER) | ((codes >= signs.TONES[0]) & (codes <= signs.TONES[1]))
    letters = (codes >= signs.FLAG_LETTERS[0]) & (codes <= signs.FLAG_LETTERS[1])
    num_rows = len(block.answers)
    return np.bincount(rows[parts], minlength=num_rows) + np.bincount(rows[letters], minlength=num_rows) // 2


def _structured_lines(block: Block) -> NDArray[np.int64]:
    """Lines of each answer that open like an item, a heading, a table or code."""
    codes, kinds = block.codes, block.kinds
    firsts = np.flatnonzero(kinds[:-PADDING] == NEWLINE) + 1
    item = among("-*+•#>|`・‣◦")[codes[firsts]] & ((kinds[firsts + 1] == SPACE) | (codes[firsts] == codes[firsts + 1]))
    second = np.where(kinds[firsts + 1] == DIGIT, codes[firsts + 2], codes[firsts + 1])
    item |= (kinds[firsts] == DIGIT) & among(".)．）")[second] & (kinds[firsts + 2] != DIGIT)
    return np.bincount(block.rows[firsts[item]], minlength=len(block.answers))


FINDERS: tuple[Callable[[Block], Found], ...] = (_edges, _separators, _doubles, _layouts, _counted_layouts)
