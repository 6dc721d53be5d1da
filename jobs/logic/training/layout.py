"""Rows laid end to end: no padding, and what rows begin with in common once.

A run of rows is a list of segments. A segment is a piece of one row, or a beginning that several rows share; what it
stands on is its parent's tokens, its parent's parent's and so on. A token attends to what stands before it in its
segment and to all of the segments that its own stands on, so that every row is computed as if it were alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

LEAST_SAVED = 32
"""Tokens that sharing a beginning must spare: a segment more costs an attention call in every layer."""

MOST_ON_A_CPU = 2560
"""Tokens of a forward pass: more do not fit the caches, and take longer in one piece than in several."""


@dataclass(frozen=True)
class Segment:
    """Tokens `start` to `end` of row `row`, and of the others that begin alike."""

    row: int
    start: int
    end: int
    parent: int | None
    """Number of the segment that it stands on."""
    num_rows: int

    @property
    def num_tokens(self) -> int:
        return self.end - self.start


def segments(rows: Sequence[Sequence[int]], shareable: Sequence[int], least_saved: int = LEAST_SAVED) -> list[Segment]:
    """How `rows` are laid out: each token of each row once, but for beginnings that rows share.

    `shareable`: how many of a row's first tokens may be shared. It has to leave out the token that the first one which
    counts is predicted from, or one place would have to predict several. A parent comes before what stands on it.
    """
    keys = [tuple(row[:most]) for row, most in zip(rows, shareable, strict=True)]
    order = sorted(range(len(rows)), key=lambda number: keys[number])
    common = [_common(keys[a], keys[b]) for a, b in pairwise(order)]
    found: list[Segment] = []
    waiting: list[tuple[int, int, int, int | None]] = [(0, len(order), 0, None)]
    while waiting:
        first, last, depth, parent = waiting.pop()
        for begin, end in _runs(common, first, last, depth):
            number, alike = order[begin], min(common[begin : end - 1], default=0)
            if end - begin > 1 and (end - begin - 1) * (alike - depth) >= least_saved:
                found.append(Segment(number, depth, alike, parent, end - begin))
                waiting.append((begin, end, alike, len(found) - 1))
            elif end - begin > 1 and (inner := _cut(common, begin, end, alike)):
                waiting += [(a, b, depth, parent) for a, b in inner]
            else:
                found += [Segment(order[at], depth, len(rows[order[at]]), parent, 1) for at in range(begin, end)]
    return found


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    """How many first tokens are the same."""
    shorter = min(len(a), len(b))
    return next((place for place in range(shorter) if a[place] != b[place]), shorter)


def _runs(common: Sequence[int], first: int, last: int, depth: int) -> list[tuple[int, int]]:
    """Rows from `first` to `last` in groups that have more than `depth` tokens in common with their neighbours."""
    cuts = [at + 1 for at in range(first, last - 1) if common[at] <= depth]
    edges = [first, *cuts, last]
    return [(a, b) for a, b in pairwise(edges) if a < b]


def _cut(common: Sequence[int], first: int, last: int, alike: int) -> list[tuple[int, int]]:
    """A group parted where its rows have the least in common, as `alike` says; empty where that parts nothing."""
    found = _runs(common, first, last, alike)
    return found if len(found) > 1 else []


def parted(sizes: Sequence[int], num_parts: int) -> list[list[int]]:
    """Numbers of the rows, in their order, in `num_parts` parts of about as many tokens; none empty where it can be."""
    whole, taken, done = sum(sizes), 0, 0
    found: list[list[int]] = [[] for _ in range(num_parts)]
    for number, size in enumerate(sizes):
        left_rows, left_parts = len(sizes) - number, num_parts - done - 1
        if (
            found[done]
            and left_parts
            and (taken + size / 2 > whole * (done + 1) / num_parts or left_rows <= left_parts)
        ):
            done += 1
        found[done].append(number)
        taken += size
    return found


def num_parts(sizes: Sequence[int], most: int) -> int:
    """In how many parts rows have to be laid out so that none has more than `most` tokens, as far as a row lets it."""
    parts, most = 1, max([most, *sizes])
    while parts < len(sizes) and max(sum(sizes[i] for i in part) for part in parted(sizes, parts)) > most:
        parts += 1
    return parts


def most_tokens(batch_size: int, longest: int, asked: int | None, on_cpu: bool) -> int:
    """Of a forward pass: those asked for, or of `batch_size` rows as long as the longest, on a CPU no more than go well
    there."""
    if asked is not None:
        return asked
    return min(batch_size * longest, MOST_ON_A_CPU) if on_cpu else batch_size * longest
