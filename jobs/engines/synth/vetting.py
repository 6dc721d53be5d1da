"""Whether a made row may join: the very same checks that `prepare` makes of any row, block after block.

A row is read and cleaned as a file's is, held against what the set as a whole is like (`profile.json`), and compared
with the training side, with made rows that were accepted, and with every row that is held out. Whatever the blocks are,
the outcome is that of all rows one after the other, and that of `prepare` on the training side with the made rows
behind it. But whether an answer is a label is told by the rows that stay: a model that says one thing ten times makes
no class.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import orjson

from jobs.engines.rows import choice, files as row_files, overlap, passes, sources as row_sources, store as row_store
from jobs.engines.rows.account import DUPLICATE_ID, likeness
from jobs.engines.rows.choice import LABEL_ROWS, NearOptions
from jobs.engines.rows.passes import FileOptions, Similarity
from jobs.engines.rows.sources import Inside
from jobs.engines.rows.store import RowStore, RowWriter
from jobs.engines.rows.workers import Workers
from jobs.engines.synth.compared import Compared, Fresh, Sides
from jobs.logic.form import departures
from jobs.logic.rows import block as row_block, conversation
from jobs.logic.rows.block import ReadOptions
from jobs.logic.rows.questions import Questions
from jobs.logic.rows.reasons import DUPLICATE, IN_EVALUATION, NEAR_DUPLICATE
from jobs.logic.text import private

NEAR_HELD_OUT = "near-held-out"
"""The word for made rows that say or ask what a held-out row does."""
SHARED = (
    ("conversation", "says what is said in"),
    ("prompt", "asks what is asked in"),
    ("source", "has the source of"),
)
"""Keys that no row of the training side may have in common with a held-out one."""
NOT_TIDY = "not-tidy"
"""The word for rows of a finished file that are not as they were accepted."""
LABEL = "synth"
"""What stands for a file's name where a made row is named by its place."""
MOST_COMPARED = 64
"""Rows that a new one is compared with exactly, those that agree most first: so many as `near.MAX_BUCKET`."""
EVALUATION_KEY = "prepare.evaluation.files"
COLUMNS = ("id", "source", "label", "messages")
NUM_EXAMPLES = 3
"""Of faulty rows in a finished file, for each reason."""


@dataclass(frozen=True)
class VettingOptions:
    """What `prepare` was told."""

    files: FileOptions
    near: NearOptions
    evaluation: tuple[str, ...]
    """Files of evaluation rows; none where overlap with them is no reason to go."""
    inside: Inside

    @classmethod
    def of(cls, prepare: Mapping[str, Any]) -> Self:
        """From `prepare`'s slice of the config, as plain data."""
        files = prepare["evaluation"]["files"] if prepare["evaluation"]["overlap"] == "drop" else ()
        near = NearOptions.of(prepare["duplicates"])
        return cls(FileOptions.of(prepare), near, tuple(files), Inside.of(prepare))


class Vetted(NamedTuple):
    """What became of a row: `row` as `prepare` writes it, or the reason why it goes."""

    row: dict[str, Any] | None
    reason: str | None
    evidence: str
    """Without secrets."""
    nearest_id: str | None
    """The row that it is like, where that is the reason."""


class Fault(NamedTuple):
    """Why a row goes, as in `Vetted`."""

    reason: str
    evidence: str
    nearest_id: str | None = None


class Vetter:
    """Judges made rows against what `prepare` left in the folder `prepared`; keeps accepted rows below `scratch`."""

    def __init__(self, prepared: Path, options: VettingOptions, scratch: Path) -> None:
        profile = orjson.loads((prepared / "profile.json").read_bytes())
        self._profile = departures.Profile.from_dict(profile["form"])
        self._common = np.asarray(profile["boilerplate"], np.uint64)
        self._near, self._threshold = options.near, options.near.threshold
        self._most_bytes = options.files.max_row_bytes
        rows = replace(conversation.STRICT, control_characters=options.files.rows.control_characters)
        self._reading = ReadOptions(LABEL, rows, options.files.clean, frozenset())
        self._scratch, self._num_read = scratch, 0
        scratch.mkdir(parents=True, exist_ok=True)
        (scratch / "accepted.jsonl").write_bytes(b"")
        self._train, self._held_out, self._accepted = (
            Compared(path, self._threshold, self._common)
            for path in (prepared / "train.jsonl", prepared / "val.jsonl", scratch / "accepted.jsonl")
        )
        self._judged = [*self._evaluation(options)]

    def judge(self, rows: Sequence[Mapping[str, Any]]) -> list[Vetted]:
        """What becomes of each row, in order; a row is compared with earlier ones of the call that may join, too."""
        return self.judge_lines([json.dumps(row).encode() for row in rows])

    def accept(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Rows as `judge` gave them join: later ones are compared with them."""
        lines = [orjson.dumps(row) for row in rows]
        self._accepted.add(lines, row_block.keyed(lines, self._threshold, self._common))

    def judge_lines(self, lines: Sequence[bytes]) -> list[Vetted]:
        """The same of rows as lines of JSON, none of them blank."""
        first, size = self._num_read + 1, sum(len(line) + 1 for line in lines)
        self._num_read += len(lines)
        data = b"".join(line + b"\n" for line in lines)
        block = row_files.Block(
            "jsonl", b"\n", ",", [], False, self._most_bytes, 0, first, 0, data, [], 0, True, num_read=size
        )
        read = row_block.read(row_files.split_block(block), self._reading)
        found = {row.line: Vetted(None, row.reason, private.masked(row.evidence), None) for row in read.dropped}
        for number, vetted in zip(read.numbers.tolist(), self._vetted(read.stored, read.forms), strict=True):
            found[number] = vetted
        return [found[number] for number in range(first, first + len(lines))]

    def _vetted(self, lines: Sequence[bytes], forms: departures.Forms) -> Iterator[Vetted]:
        """Of clean rows, as stored lines."""
        fresh = Fresh(lines, row_block.keyed(lines, self._threshold, self._common), self._threshold)
        departing = departures.faults(forms, self._profile).tolist()
        asking = self._asking(lines)
        sides = Sides(self._held_out, (self._train, self._accepted, fresh), fresh.keys)
        for place, line in enumerate(lines):
            fault = (
                self._has_known_id(sides, place)
                or self._departs(line, departing[place])
                or self._is_held_out(sides, place, line)
                or (Fault(IN_EVALUATION, "an evaluation row asks it as well") if place in asking else None)
                or self._is_copy(sides, place, line)
            )
            if fault is None:
                fresh.keep(place)
                yield Vetted(orjson.loads(line), None, "", None)
            else:
                yield Vetted(None, fault.reason, private.masked(fault.evidence), fault.nearest_id)

    def _has_known_id(self, sides: Sides, place: int) -> Fault | None:
        key = int(sides.keys["id"][place])
        if all(rows.first("id", key) < 0 for rows in (sides.held_out, *sides.stay)):
            return None
        return Fault(DUPLICATE_ID, "a row has this id already")

    def _departs(self, line: bytes, number: int) -> Fault | None:
        reason = departures.REASONS[number]
        row = conversation.stored(line, "", 0) if reason else None
        return Fault(reason, departures.evidence(row, reason, self._profile)) if row else None

    def _is_held_out(self, sides: Sides, place: int, line: bytes) -> Fault | None:
        """Whether a held-out row would be on both sides with it: as a whole, by its prompt, or by its source."""
        rows = sides.held_out
        for name, said in SHARED:
            number = rows.first(name, int(sides.keys[name][place]))
            if number >= 0:
                identity = rows.id(number)
                return Fault(NEAR_HELD_OUT, f"{said} {identity}, which is held out", identity)
        numbers = sides.like_held_out(place)
        for some in (numbers[:1], numbers[1:]):
            for number, same in zip(some, self._compared(line, rows.lines(some)), strict=True):
                if same.whole >= self._threshold:
                    identity = rows.id(number)
                    return Fault(NEAR_HELD_OUT, f"{likeness(same.whole, identity)}, which is held out", identity)
        return None

    def _is_copy(self, sides: Sides, place: int, line: bytes) -> Fault | None:
        """Whether an earlier row that stays says the same, or nearly."""
        for rows in sides.stay:
            number = rows.first("conversation", int(sides.keys["conversation"][place]))
            if number >= 0:
                return Fault(DUPLICATE, likeness(1.0, rows.id(number), is_same=True), rows.id(number))
        others = sides.likely(place) if self._near.drop else []
        for some in (others[:1], others[1:MOST_COMPARED]):
            theirs = [rows.lines([number])[0] for rows, number in some]
            found = self._compared(line, theirs)
            for (rows, number), other, same in zip(some, theirs, found, strict=True):
                if same.whole >= self._threshold and self._says_the_same(sides, (line, other), same):
                    return Fault(NEAR_DUPLICATE, likeness(same.whole, rows.id(number)), rows.id(number))
        return None

    def _compared(self, line: bytes, others: Sequence[bytes]) -> list[Similarity]:
        return passes.similarities([line] * len(others), others, self._threshold, self._common)

    def _says_the_same(self, sides: Sides, lines: tuple[bytes, bytes], same: Similarity) -> bool:
        has_label = same.is_reworded and any(sides.num_answers(line) >= LABEL_ROWS for line in lines)
        return choice.is_copy(same.answer, same.is_reworded, has_label, self._near.answer_threshold)

    def _asking(self, lines: Sequence[bytes]) -> set[int]:
        """Places of rows that ask what an evaluation row asks."""
        if not self._judged or not lines:
            return set()
        writer, everything = RowWriter(self._scratch / "block.jsonl"), np.arange(len(lines))
        writer.write(lines)
        store, near = writer.finished(), (self._threshold, self._common)
        with Workers(1) as workers:
            ours = overlap.questions_of(store, everything, False, *near, workers)
            asking = [overlap.asking_the_same(store, ours, *judged, *near, workers) for judged in self._judged]
        return {place for some in asking for place in some}

    def _evaluation(self, options: VettingOptions) -> Iterator[tuple[RowStore, Questions]]:
        """The rows of each evaluation file, and what they ask."""
        if not options.evaluation:
            return
        files = row_sources.sources(options.evaluation, EVALUATION_KEY, options.files.encoding, options.inside).files
        with Workers(1) as workers:
            for number, source in enumerate(files):
                store = passes.asked([source], options.files, EVALUATION_KEY, self._scratch / f"asked-{number}")
                rows = np.arange(len(store))
                yield store, overlap.questions_of(store, rows, True, self._threshold, self._common, workers)


class Measured(NamedTuple):
    """What is found in a finished file of made rows, with nothing remembered of how it was made."""

    num_rows: int
    faults: dict[str, int]
    """Reason to rows that should not be there, by the alphabet."""
    examples: list[tuple[str, str, str]]
    """Id, reason and what was seen of the first NUM_EXAMPLES rows of each reason."""


def measure(rows: Path, prepared: Path, options: VettingOptions, scratch: Path) -> Measured:
    """Every row of the file `rows` judged again, in order; a row that is not as it was accepted is NOT_TIDY.

    What a row has besides an id, a source, a label and messages is its maker's business and not looked at.
    """
    vetter, store, found = (
        Vetter(prepared, options, scratch),
        row_store.opened(rows),
        dict[str, list[tuple[str, str]]](),
    )
    for piece in store.pieces():
        lines = [line for line in piece.lines() if line.strip()]
        for line, vetted in zip(lines, vetter.judge_lines(lines), strict=True):
            given = _as_stored(line)
            fault = (vetted.reason, vetted.evidence) if vetted.reason else None
            if vetted.row is not None and vetted.row != given:
                fault = (NOT_TIDY, "cleaning would change it")
            if fault:
                found.setdefault(fault[0], []).append((str(given.get("id")), fault[1]))
            elif vetted.row is not None:
                vetter.accept([vetted.row])
    examples = [
        (identity, reason, evidence)
        for reason, some in sorted(found.items())
        for identity, evidence in some[:NUM_EXAMPLES]
    ]
    return Measured(len(store), {reason: len(some) for reason, some in sorted(found.items())}, examples)


def _as_stored(line: bytes) -> dict[str, Any]:
    """The columns that `prepare` writes; nothing where it is no object."""
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    return {name: row[name] for name in COLUMNS if name in row} if isinstance(row, dict) else {}
