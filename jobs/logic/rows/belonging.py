"""Do answers belong to their prompts: looked for in the letters that they share.

Pieces of three letters (Japanese and English alike: of 2, 3 and 4 letters they told five real sets of 50 to 2,000 rows
from the same sets shuffled best, z from 14 to 390 against -2 to 2). That an answer shares nothing with its prompt is no
fault: labels, translations and numbers do not. It is one where the letters stand in the prompts of *other* rows.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jobs.logic.rows.shifted import LEAST_SHIFTED
from jobs.logic.text import pairing

PIECE = 3
"""Letters."""
BLOCK = 32
"""Neighbouring rows that are drawn together, so that answers that moved by a row or two are found with their prompt."""
MOST_LETTERS = 5000
"""Of an answer's start and of a prompt's end, so that 512 long rows take a few seconds and some hundred MB."""
OFFSETS = (-3, -2, -1, 1, 2, 3)
MUCH = 0.3
"""Share of an answer's letters in another prompt, three times that in its own, that makes it look displaced. Of answers
of those sets under the prompts of another set 0 to 5 % do, in one case of 16 that share no articles 21 %; of the same
sets shuffled 36 to 83 %."""
TIMES = 3.0
FREQUENT = 3
"""An answer that so many looked-at rows have is a label or a phrase, and tells nothing of its prompt."""
LEAST_PIECES = {"latin": 24, "wide": 3}
"""Of an answer that is looked for in other prompts: numbers, and the pieces of a short name, are found anywhere."""
SHIFTED_Z = 8.0
"""Six offsets are tried, and neighbours may be about one thing."""
CLEAR_Z = 6.0
"""Below it a p-value may be that of a few rows that a shuffle left where they were (at most 4 was seen); the least of
170 draws of 50 to 500 rows of the real sets was 11."""
STANDS_OUT = 1.5
"""Times the second best, that a best match is alone."""
ALONE_SHARE = 0.05
"""Of rows whose answer matches one other prompt, and hardly any third: 0 to 1 % under the prompts of another set, 2 to
78 % shuffled; 11 to 16 % where a quarter of a shuffled set is looked at, so that most right prompts are not there."""
SHIFTED_SHARE = 0.25
"""Of answers that match alone, at one offset: from the middle on moved by a row 45 to 65 %."""

Word = Literal["belong", "do not belong", "cannot say"]


class Belonging(NamedTuple):
    """What was found out about rows that were looked at."""

    num_rows: int
    own: float
    """Mean share of an answer's rare letters that stand in its own prompt."""
    other: float
    """The same with answers in another order."""
    z: float
    p: float
    num_displaced: int
    """Rows whose answer looks like that of another prompt, and not of its own."""
    num_alone: int
    """Rows whose answer matches one other prompt, which matches no other answer as well, and hardly any third."""
    shift: int
    """How many rows further the prompts are that answers match instead of their own; 0 for none."""


def drawn(num_rows: int, most: int, seed: int) -> list[int]:
    """At most `most` row numbers, ascending: all, or blocks of neighbours from all over the set."""
    if num_rows <= most:
        return list(range(num_rows))
    blocks = random.Random(seed).sample(range(num_rows // BLOCK), max(1, most // BLOCK))
    return [block * BLOCK + place for block in sorted(blocks) for place in range(BLOCK)]


def measured(
    numbers: Sequence[int], prompts: Sequence[str], answers: Sequence[str], num_permutations: int, seed: int
) -> Belonging:
    """Of rows with these numbers in the set, ascending."""
    if len(numbers) < 2:
        return Belonging(len(numbers), 0.0, 0.0, 0.0, 1.0, 0, 0, 0)
    said = [pairing.grams(answer[:MOST_LETTERS], (PIECE,)) for answer in answers]
    asked = [pairing.grams(prompt[-MOST_LETTERS:], (PIECE,)) for prompt in prompts]
    matrix = pairing.shared(said, asked)
    same = _equal(prompts) | _equal(answers)
    groups = [pairing.script(answer) for answer in answers]
    found = pairing.compared(matrix, pairing.orders(groups, num_permutations, seed))
    rare = _tells(answers, groups, [len(pieces) for pieces in said])
    others = np.where(same, 0.0, matrix).max(axis=0, initial=0.0)
    displaced = rare & (others >= MUCH) & (np.diagonal(matrix) * TIMES <= others)
    offsets = _offsets(matrix, np.asarray(numbers), rare)
    (shift, num_shifted), *_ = Counter(one for one in offsets if one in OFFSETS).most_common(1) or [(0, 0)]
    if num_shifted < max(LEAST_SHIFTED, SHIFTED_SHARE * len(offsets)):
        shift = 0
    shift = _whole_shift(matrix, np.asarray(numbers), found) or shift
    num_alone = sum(offset != 0 for offset in offsets)
    return Belonging(len(numbers), found.own, found.other, found.z, found.p, int(displaced.sum()), num_alone, shift)


def _equal(texts: Sequence[str]) -> NDArray[np.bool_]:
    """[rows, rows] Whether two rows have the same text."""
    numbers = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    found = np.array([numbers[text] for text in texts], np.int64)
    return np.equal.outer(found, found)


def _tells(answers: Sequence[str], scripts: Sequence[str], num_pieces: Sequence[int]) -> NDArray[np.bool_]:
    """[rows] Whether an answer is a row's own, and long enough to be looked for in other prompts."""
    counts = Counter(answers)
    least = [LEAST_PIECES.get(script) for script in scripts]
    return np.array(
        [
            counts[answer] < FREQUENT and few is not None and number >= few
            for answer, few, number in zip(answers, least, num_pieces, strict=True)
        ],
        bool,
    )


def _offsets(matrix: pairing.Matrix, numbers: NDArray[np.int64], rare: NDArray[np.bool_]) -> list[int]:
    """How many rows on the prompt is that an answer matches best, where it is that prompt's best answer too and
    hardly any other prompt comes near it."""
    places = np.arange(len(matrix))
    best = matrix.argmax(axis=0)
    top = matrix[best, places]
    rest = matrix.copy()
    rest[best, places] = 0.0
    alone = rare & (matrix.argmax(axis=1)[best] == places) & (top >= STANDS_OUT * rest.max(axis=0)) & (top >= MUCH)
    return [int(offset) for offset in (numbers[best] - numbers)[alone]]


def _whole_shift(matrix: pairing.Matrix, numbers: NDArray[np.int64], found: pairing.Pairing) -> int:
    """The offset at which all answers match, far better than at random and than in their own place; 0 for none."""
    spread = (found.own - found.other) / found.z if found.z else 0.0
    where = {int(number): place for place, number in enumerate(numbers)}
    best = (0, max(found.own, found.other + SHIFTED_Z * spread))
    for offset in OFFSETS:
        pairs = [(where[number + offset], place) for number, place in where.items() if number + offset in where]
        mean = float(np.mean([matrix[pair] for pair in pairs])) if len(pairs) > len(matrix) / 2 else 0.0
        if spread and mean > best[1]:
            best = (offset, mean)
    return best[0]


def word(found: Belonging, max_p: float, min_displaced: float) -> Word:
    """`do not belong` where answers do no better in their own place, and evidently would in another."""
    if found.shift:
        return "do not belong"
    mostly_displaced = found.num_displaced >= max(2 * min_displaced * found.num_rows, LEAST_SHIFTED)
    if found.p <= max_p and (found.z >= CLEAR_Z or not mostly_displaced):
        return "belong"
    displaced = found.num_displaced >= max(min_displaced * found.num_rows, LEAST_SHIFTED)
    alone = found.num_alone >= max(ALONE_SHARE * found.num_rows, LEAST_SHIFTED)
    return "do not belong" if displaced or alone else "cannot say"
