"""Which rows are held out: whole groups, drawn by hash, so that grown data keeps its old held-out groups."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

from jobs.logic.dedup import Pair, prompt_key
from jobs.logic.rows import Row


class Groups:
    """Rows by index, joined into groups (union-find); the first row of a group stands for it."""

    def __init__(self, num_rows: int) -> None:
        self.parents = list(range(num_rows))

    def first(self, row: int) -> int:
        """The earliest row of the group that `row` is in."""
        while self.parents[row] != row:
            self.parents[row] = self.parents[self.parents[row]]
            row = self.parents[row]
        return row

    def join(self, a: int, b: int) -> None:
        """Put two rows, and what they were joined with, into one group."""
        low, high = sorted((self.first(a), self.first(b)))
        self.parents[high] = low

    def join_equal(self, keys: Iterable[Hashable]) -> None:
        """Put rows with the same key into one group; `keys` has one for each row, None for none."""
        seen: dict[Hashable, int] = {}
        for row, key in enumerate(keys):
            if key is not None:
                self.join(seen.setdefault(key, row), row)

    def firsts(self) -> list[int]:
        """The group of each row."""
        return [self.first(row) for row in range(len(self.parents))]


def by_group(rows: Sequence[Row], pairs: Iterable[Pair], fraction: float, seed: int) -> list[bool]:
    """Whether each row is held out. Rows of one source, of one prompt, or near each other go together.

    Raises ValueError where all rows belong together.
    """
    prompts = [prompt_key(row.messages) for row in rows]
    groups = Groups(len(rows))
    groups.join_equal(row.source for row in rows)
    groups.join_equal(prompts)
    for pair in pairs:
        groups.join(pair.first, pair.second)
    keys = [
        f"prompt {prompt.hex()}" if row.source is None else f"source {row.source}"
        for prompt, row in zip(prompts, rows, strict=True)
    ]
    return held_out(groups.firsts(), keys, fraction, seed)


def place(seed: int, key: str) -> float:
    """Where a group stands between 0 and 1: by its key alone, whatever other groups there are."""
    hashed = hashlib.blake2b(f"{seed}\n{key}".encode(), digest_size=8).digest()
    return int.from_bytes(hashed, "big") / 2**64


def held_out(groups: Sequence[int], keys: Sequence[str], fraction: float, seed: int) -> list[bool]:
    """Whether each row is held out: the rows of the groups whose place is below `fraction`.

    `groups` has the first row of each row's group, `keys` the text that a group is known by if the row is its first.
    A group with more than half of the rows is never held out. Where one side would be empty, the group nearest to
    the border changes sides. Raises ValueError where there is one group only.
    """
    sizes = Counter(groups)
    if len(sizes) < 2:
        raise ValueError(f"the {len(groups)} rows kept have one source, or one prompt, or are near duplicates")
    places = {group: place(seed, keys[group]) for group in sizes}
    largest, size = max(sizes.items(), key=lambda item: (item[1], -item[0]))
    if size * 2 > len(groups):
        places[largest] = 1.0
    ranked = sorted(places, key=lambda group: (places[group], group))
    chosen = [group for group in ranked if places[group] < fraction] or ranked[:1]
    if len(chosen) == len(ranked):
        chosen.pop()
    out = frozenset(chosen)
    return [group in out for group in groups]
