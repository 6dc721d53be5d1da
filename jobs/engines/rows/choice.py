"""Which rows stay, decided on the set as a whole: what departs from it, what says the same, and which are held out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from jobs.engines.rows import overlap, passes, store as row_store
from jobs.engines.rows.account import Account
from jobs.engines.rows.store import RowStore
from jobs.engines.rows.workers import Workers
from jobs.logic.form import departures
from jobs.logic.rows import keys as row_keys, near, split
from jobs.logic.rows.near import Pair
from jobs.logic.rows.reasons import DUPLICATE, IN_EVALUATION
from jobs.logic.rows.split import SplitOptions

LABEL_ROWS = 10
"""Rows with one short answer from which on it is a label: that two rows share it does not make them copies."""


@dataclass(frozen=True)
class NearOptions:
    """What counts as nearly the same, and what becomes of it."""

    drop: bool
    threshold: float
    """Of two conversations."""
    answer_threshold: float
    """Of their last answers; below it two near conversations are two questions on one passage."""
    boilerplate_share: float
    """Of the rows; what more of them say makes no two alike."""
    previous: frozenset[int] = frozenset()
    """Keys of prompts that were held out before: of near copies, the one with such a prompt stays."""

    @classmethod
    def of(cls, duplicates: Mapping[str, Any], previous: frozenset[int] = frozenset()) -> Self:
        """From `prepare.duplicates`, as plain data."""
        return cls(
            duplicates["near"] == "drop",
            duplicates["threshold"],
            duplicates["answer_threshold"],
            duplicates["boilerplate_share"],
            previous,
        )


class Chosen(NamedTuple):
    """What was decided beside who stays."""

    profile: departures.Profile
    common: near.Hashes
    """Grams that make no two rows alike."""
    keys: row_keys.Keys
    """Of all rows of the store."""
    pairs: list[Pair]
    """Near each other, among the rows that stay."""
    compared: passes.Compared
    """All pairs that were compared, so that none is compared twice."""


def choose(
    account: Account, asked: Iterable[RowStore], departing: departures.FormOptions, alike: NearOptions, workers: Workers
) -> Chosen:
    """Rows go that depart from the rest, that overlap with the evaluation rows `asked`, or that say the same."""
    store = account.reading.store
    profile = drop_departures(account, departing)
    common = near.boilerplate(passes.sample(store, account.alive), alike.boilerplate_share)
    keys = passes.keys(store, alike.threshold, common, workers)
    for rows in overlap.overlaps(store, account.alive, asked, alike.threshold, common, workers):
        account.drop(rows, IN_EVALUATION)
    account.drop_copies(keys["conversation"], DUPLICATE)
    compared = passes.Compared()
    pairs = drop_near(account, keys, alike, common, workers, compared)
    return Chosen(profile, common, keys, pairs, compared)


def drop_departures(account: Account, options: departures.FormOptions) -> departures.Profile:
    """Rows go whose answers depart from the rest. Returns what the rest is like."""
    alive = account.alive
    forms = account.reading.forms[alive]
    profile = departures.profile(forms, options)
    faults = departures.faults(forms, profile)
    for number in np.unique(faults[faults > 0]).tolist():
        account.drop(alive[faults == number].tolist(), departures.REASONS[number])
    return profile


def drop_near(
    account: Account,
    keys: row_keys.Keys,
    options: NearOptions,
    common: near.Hashes,
    workers: Workers,
    compared: passes.Compared,
) -> list[Pair]:
    """Near duplicates go, with `options.drop`. Returns the pairs that are near among the rows that stay.

    `compared` has the pairs that were compared, and gets those that are. Of a crowd not all are: where some of it have
    gone, pairs are found that were not before, so that the search goes on until none goes. What stays is then what a
    search in it finds, and no more.
    """
    labels = _labels(keys["answer"], account.alive)
    while True:
        alive = account.alive
        sketches = keys["sketch"][alive]
        found = passes.near_pairs(account.reading.store, alive, sketches, options.threshold, common, workers, compared)
        alike = [
            pair
            for pair, answers, reworded in zip(*found, strict=True)
            if is_copy(answers, reworded, bool(labels[pair.first] or labels[pair.second]), options.answer_threshold)
        ]
        if options.drop:
            favoured = alive[np.isin(keys["prompt"][alive], list(options.previous))]
            account.drop_near(near.copies(alike, frozenset(favoured.tolist())))
        if not alike or not options.drop or not near.is_crowded(sketches):
            gone = account.gone
            return [pair for pair in found.pairs if pair.first not in gone and pair.second not in gone]


def is_copy(answers: float, is_reworded: bool, has_label: bool, answer_threshold: float) -> bool:
    """Whether of two near rows one is a copy, and not another question.

    `answers` and `is_reworded` are those of `passes.Similarity`; `has_label`: the answer of one of them is a label.
    """
    return answers >= answer_threshold and not (is_reworded and has_label)


def _labels(answers: NDArray[np.uint64], alive: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether so many rows of `alive` have a row's answer that it may be a label, [rows]."""
    names, counts = np.unique(answers[alive], return_counts=True)
    return np.isin(answers, names[counts >= LABEL_ROWS])


class HeldOut(NamedTuple):
    """Rows by their numbers in the store."""

    rows: NDArray[np.int64]
    """Those that are held out."""
    pairs: list[Pair]
    """Near each other, among the rows that stay."""


def held_out(
    account: Account,
    chosen: Chosen,
    previous: frozenset[int],
    options: SplitOptions,
    threshold: float,
    workers: Workers,
) -> HeldOut:
    """The rows that are held out; rows go that are like rows of both sides.

    Of a crowd not all are compared: it is searched again without those that went, until none goes. Raises ValueError
    where all rows belong together.
    """
    store, keys, alive, pairs = account.reading.store, chosen.keys, account.alive, chosen.pairs
    found = split.held_out(keys[alive], _among(pairs, alive), previous, options)
    sides, between = np.zeros(len(store), bool), found.between
    sides[alive] = found.is_out
    while between:
        account.drop_between({int(alive[row]): (int(alive[other]), same) for row, (other, same) in between.items()})
        gone, alive = account.gone, account.alive
        pairs = [pair for pair in pairs if pair.first not in gone and pair.second not in gone]
        if not near.is_crowded(keys["sketch"][alive]):
            break
        sketches = keys["sketch"][alive]
        pairs = passes.near_pairs(store, alive, sketches, threshold, chosen.common, workers, chosen.compared).pairs
        between = split.between(keys[alive], _among(pairs, alive), previous, sides[alive])
    return HeldOut(alive[sides[alive]], pairs)


def _among(pairs: Iterable[Pair], alive: NDArray[np.int64]) -> list[Pair]:
    """Pairs by their places among the rows that stay."""
    places = {row: place for place, row in enumerate(alive.tolist())}
    return [Pair(places[pair.first], places[pair.second], pair.similarity) for pair in pairs]


def prompts(path: Path | None, threshold: float) -> frozenset[int]:
    """The prompt keys of the rows in a file that an earlier run made; none without one."""
    if path is None:
        return frozenset()
    with Workers(1) as workers:
        keys = passes.keys(row_store.opened(path), threshold, np.zeros(0, np.uint64), workers)
    return frozenset(keys["prompt"].tolist())
