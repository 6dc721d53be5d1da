"""What was found out about rows while they were made, so that measuring them need not find it out again.

Whether a row is clean, its keys and its form follow from its bytes and the options alone. A line with the digest of one
that was looked at in the same run is not looked at a second time; any other line is, and without `Known`, as when a
finished folder is measured anew, all are.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jobs.engines.rows import passes
from jobs.engines.rows.store import RowStore
from jobs.engines.rows.workers import Workers
from jobs.logic.form import departures
from jobs.logic.rows import keys as row_keys, near
from jobs.logic.rows.block import Checked
from jobs.logic.rows.clean import CleanOptions
from jobs.logic.rows.count import Counted


class Known(NamedTuple):
    """Rows that are clean; all but `common` have a place for each, in the order of the rows."""

    digests: NDArray[np.uint64]
    keys: row_keys.Keys
    forms: NDArray[np.void]
    counted: Counted
    common: near.Hashes
    """What the keys were made with."""
    stayed: NDArray[np.int64]
    """The places of the rows that were kept."""
    pairs: list[near.Pair]
    """Near each other, among those, by their places."""

    def places(self, digests: NDArray[np.uint64]) -> NDArray[np.int64]:
        """[digests] The place of a row with that digest, or -1."""
        if not len(self.digests):
            return np.full(len(digests), -1)
        order = np.argsort(self.digests, kind="stable")
        ranked = self.digests[order]
        found = order[np.minimum(np.searchsorted(ranked, digests), len(ranked) - 1)]
        return np.where(self.digests[found] == digests, found, -1)


def places_in(store: RowStore, known: Known | None, common: near.Hashes, workers: Workers) -> NDArray[np.int64]:
    """[rows] The place in `known` of each row of the store, or -1: of all, where other grams were left out for it."""
    if known is None or not np.array_equal(known.common, common):
        return np.full(len(store), -1)
    return known.places(passes.digests(store, workers))


def checked(
    store: RowStore,
    known: Known | None,
    places: NDArray[np.int64],
    options: CleanOptions,
    threshold: float,
    common: near.Hashes,
    workers: Workers,
) -> Checked:
    """What is found out about all rows of the store, [rows]; `places` are those of `places_in`."""
    counted: list[tuple[NDArray[np.int64], Counted]] = []
    new = np.arange(len(store))
    if known is not None and places.min(initial=0) >= 0:
        return Checked(known.keys[places], known.forms[places], known.counted.chosen(places), Counter())
    keys = np.zeros(len(store), row_keys.dtype(threshold))
    forms = np.zeros(len(store), departures.FORM)
    if known is not None:
        old, new = np.flatnonzero(places >= 0), np.flatnonzero(places < 0)
        keys[old], forms[old] = known.keys[places[old]], known.forms[places[old]]
        counted.append((old, known.counted.chosen(places[old])))
    unclean: Counter[str] = Counter()
    done = 0
    for part in passes.checked(store, new, options, threshold, common, workers):
        here = new[done : done + len(part.keys)]
        keys[here], forms[here] = part.keys, part.forms
        counted.append((here, part.counted))
        unclean += part.unclean
        done += len(here)
    return Checked(keys, forms, Counted.placed(len(store), counted), unclean)


def near_pairs(
    store: RowStore,
    known: Known | None,
    places: NDArray[np.int64],
    found: Checked,
    threshold: float,
    common: near.Hashes,
    workers: Workers,
) -> list[near.Pair]:
    """The rows of the store that are near each other; not searched again where they are just those that were kept."""
    if known is not None and np.array_equal(np.sort(places), known.stayed):
        here = dict(zip(places.tolist(), range(len(places)), strict=True))
        ends = [(*sorted((here[pair.first], here[pair.second])), pair.similarity) for pair in known.pairs]
        return [near.Pair(*pair) for pair in sorted(ends)]
    everything = np.arange(len(store))
    return passes.near_pairs(store, everything, found.keys["sketch"], threshold, common, workers).pairs
