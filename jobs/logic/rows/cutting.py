"""Where a split goes through rows that are alike: which of them are left out, and where a large group is cut."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray

from jobs.logic.rows.links import Links, Mask, members

MANY = 4
"""Later rows on the other side that one row goes for: fewer of them go themselves."""
NEARLY, BORDER = 0.2, 0.1
"""How far from the rows asked for a cut may be, and the share of them that may be left out along it."""


def between(links: Links, sides: Mask, stays: Mask, least_out: int) -> dict[int, tuple[int, float]]:
    """Rows that are like rows of the other side, as few as leave none; for each one such row and how alike they are.

    Of two rows the later one goes, but one goes for MANY, and the training row where fewer than `least_out` would be
    held out. Those of `stays`, [rows], never go.
    """
    found = _between(links, sides, stays, np.zeros(len(sides), bool))
    if np.count_nonzero(np.delete(sides, list(found))) >= least_out:
        return found
    return _between(links, sides, stays, sides)


def _between(links: Links, sides: Mask, stays: Mask, favoured: Mask) -> dict[int, tuple[int, float]]:
    gone: dict[int, tuple[int, float]] = {}
    for group in [*members(links.prompts).values(), *members(_crowds(links)).values()]:
        _drop_smaller(group, sides, stays, gone)
    across = [pair for pair in links.pairs if sides[pair.first] != sides[pair.second]]
    others: dict[int, dict[int, float]] = defaultdict(dict)
    for first, second, similarity in across:
        if first not in gone and second not in gone:
            others[first][second] = others[second][first] = similarity
    for row in _fewest({row: set(found) for row, found in others.items()}, stays, favoured):
        other, similarity = max(others[row].items(), key=lambda item: (item[1], -item[0]))
        gone[row] = (other, similarity)
    return gone


def tail(links: Links, rows: Sequence[int], num_rows: int) -> list[int]:
    """Blocks of a group, `rows`, with about `num_rows` rows, that the fewest links tie to the others; or none.

    The group is grown from its first block along its strongest links; what is reached last hangs on the weakest. None
    where more than BORDER of `num_rows` links would be cut, or where not all of them are known.
    """
    if links.crowded[list(rows)].any():
        return []
    order = list(_grown(_ties(links, set(rows)), int(links.blocks[rows[0]])))
    sizes = {block: len(found) for block, found in members(links.blocks).items()}
    ties = _ties(links, set(rows))
    best, place, inside, crossing, left = (BORDER * num_rows, 0.0), 0, set[int](), 0, len(rows)
    for number, block in enumerate(order[:-1], 1):
        inside.add(block)
        crossing += sum(count if other not in inside else -count for other, (_, count) in ties[block].items())
        left -= sizes.get(block, 1)
        away = abs(left - num_rows)
        if away <= NEARLY * num_rows and (crossing, away) <= best:
            best, place = (crossing, away), number
    return order[place:] if place else []


def _crowds(links: Links) -> NDArray[np.int64]:
    """[rows] The first row of the crowd that a row is in; a row of none stands for itself."""
    alone = links._replace(blocks=np.arange(len(links.blocks)))
    return alone.groups(links.crowded)


def _drop_smaller(group: Sequence[int], sides: Mask, stays: Mask, gone: dict[int, tuple[int, float]]) -> None:
    """Of rows that are all alike those go that are on the side of the fewer; of as many, the later."""
    here = [row for row in group if row not in gone]
    parted = [[row for row in here if bool(sides[row]) == side] for side in (False, True)]
    if all(parted):
        less, more = sorted(parted, key=lambda rows: (any(stays[rows]), len(rows), -rows[0]))
        gone.update((row, (more[0], 1.0)) for row in less)


def _fewest(others: dict[int, set[int]], stays: Mask, favoured: Mask) -> Iterator[int]:
    """Rows whose leaving parts all rows from their `others`, the one with the most first, the favoured last."""

    def turn(row: int) -> tuple[bool, int, bool, int]:
        num = len(others[row])
        return bool(stays[row]), -num if num >= MANY else 0, bool(favoured[row]), -row

    queue = [(turn(row), row) for row in others]
    heapify(queue)
    while queue:
        then, row = heappop(queue)
        if not others[row]:
            continue
        if then != turn(row):
            heappush(queue, (turn(row), row))
            continue
        for other in others.pop(row):
            others[other].discard(row)
        others[row] = set()
        yield row


def _ties(links: Links, rows: set[int]) -> dict[int, dict[int, tuple[float, int]]]:
    """Of each block with a row of `rows` the blocks it is linked with: the strongest link, and how many there are."""
    found: dict[int, dict[int, tuple[float, int]]] = defaultdict(dict)
    for first, second, similarity in links.pairs:
        if first in rows and second in rows:
            a, b = int(links.blocks[first]), int(links.blocks[second])
            strongest, count = found[a].get(b, (0.0, 0))
            found[a][b] = found[b][a] = (max(strongest, similarity), count + 1)
    return found


def _grown(ties: dict[int, dict[int, tuple[float, int]]], start: int) -> Iterator[int]:
    """The blocks of a group as they are reached along the strongest links."""
    reached, queue = set[int](), [(0.0, start)]
    while queue:
        _, block = heappop(queue)
        if block in reached:
            continue
        reached.add(block)
        yield block
        for other, (similarity, _) in ties[block].items():
            if other not in reached:
                heappush(queue, (-similarity, other))
