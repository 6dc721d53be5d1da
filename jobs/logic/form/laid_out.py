"""Answers that are laid out over several lines: lists, tables, code, as people write them.

One line with a mark before it, or two, may be what a mark was put before.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jobs.logic.form.features import PADDING, Block, structured_lines
from jobs.logic.form.signs import DIGIT, LETTER, NEWLINE, SPACE, among

LEAST_ITEMS, ITEMS, LEAST_ALIKE = 3, "-*•・‣◦|", 2
"""Lines that open like an item, a heading, a table's row or code; and marks of items, of which two lines are a list."""


def is_deep(block: Block) -> NDArray[np.bool_]:
    """Answers of several such lines, of indented lines, of lines that end as code does, or with a fence inside."""
    codes, kinds, rows = block.codes, block.kinds, block.rows
    deep = structured_lines(block) >= LEAST_ITEMS
    breaks = np.flatnonzero(kinds[:-2] == NEWLINE)
    deep |= _alike(block) >= LEAST_ALIKE
    lines = block.counts[:, NEWLINE] > 0
    breaks = breaks[lines[rows[breaks]]]
    is_inside = (breaks >= block.starts[rows[breaks]]) & (breaks < block.ends[rows[breaks]])
    breaks = breaks[is_inside]
    indented = (kinds[breaks + 1] == SPACE) & (kinds[breaks + 2] >= LETTER)
    ended = among(";{}>")[codes[breaks - 1]] & (block.counts[:, NEWLINE] > 1)[rows[breaks]]
    fenced = (codes[breaks + 1] == ord("`")) & (codes[breaks + 2] == ord("`"))
    deep[rows[breaks[indented | ended | fenced]]] = True
    fences = np.flatnonzero((codes[:-2] == ord("`")) & (codes[1:-1] == ord("`")) & (codes[2:] == ord("`")))
    deep[rows[fences[lines[rows[fences]]]]] = True
    return deep


def _alike(block: Block) -> NDArray[np.int64]:
    """How many lines of each answer open with the same mark of an item, or with a number and a dot."""
    codes, kinds = block.codes, block.kinds
    firsts = np.flatnonzero(kinds[:-PADDING] == NEWLINE) + 1
    numbered = (kinds[firsts] == DIGIT) & (among(".)．）")[codes[firsts + 1]] | among(".)．）")[codes[firsts + 2]])
    marked = among(ITEMS)[codes[firsts]] & (kinds[firsts + 1] == SPACE)
    most = np.bincount(block.rows[firsts[numbered]], minlength=len(block.answers))
    for mark in ITEMS:
        places = firsts[marked & (codes[firsts] == ord(mark))]
        most = np.maximum(most, np.bincount(block.rows[places], minlength=len(block.answers)))
    return most
