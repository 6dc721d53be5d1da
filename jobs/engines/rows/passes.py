"""The passes over all rows, block by block in several processes: read and clean, keys, near duplicates, checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import orjson
from numpy.typing import NDArray

from jobs.core.errors import Refusal
from jobs.core.terminal import progress
from jobs.engines.rows import files as row_files
from jobs.engines.rows.files import Block
from jobs.engines.rows.shaping import shaped
from jobs.engines.rows.sources import Source
from jobs.engines.rows.store import Piece, RowStore, RowWriter
from jobs.engines.rows.workers import Workers
from jobs.logic.form import departures
from jobs.logic.row import Dropped, Row
from jobs.logic.rows import block as row_block, conversation, following, keys as row_keys, near
from jobs.logic.rows.block import Checked, ReadOptions, RowsRead
from jobs.logic.rows.clean import CleanOptions
from jobs.logic.rows.conversation import BadRow, RowOptions
from jobs.logic.rows.count import Counted
from jobs.logic.text.repetition import RepetitionLimits

SAMPLE_ROWS = 500
"""Rows that the boilerplate is read from."""
LABEL_CHARACTERS = 20
"""An answer of fewer may be the name of a class."""
PAIR_BYTES = 1 << 20
"""Of the rows whose pairs are compared in one piece of work."""
MOST_COLUMNS, LONGEST_COLUMN = 1000, 100
"""Ignored columns of a file that are named, and characters of each: rows may have keys that no other row has."""


@dataclass(frozen=True)
class FileOptions:
    """How files are read."""

    shape: str
    max_row_bytes: int
    max_file_bytes: int
    encoding: str
    rows: RowOptions
    clean: CleanOptions

    @classmethod
    def of(cls, prepare: Mapping[str, Any]) -> Self:
        """From the stage's slice of the config, as plain data."""
        turns, clean = prepare["turns"], prepare["clean"]
        rows = RowOptions(
            prepare["shape"],
            prepare["columns"],
            turns["last_user"],
            turns["same_role"],
            clean["control_characters"],
            first_assistant=turns["first_assistant"],
            roles=prepare["roles"],
            pairs=prepare["pairs"],
        )
        return cls(
            prepare["shape"],
            prepare["max_row_bytes"],
            prepare["max_file_bytes"],
            prepare["encoding"],
            rows,
            clean_options(clean),
        )


def clean_options(clean: Mapping[str, Any]) -> CleanOptions:
    """From `prepare.clean`, as plain data."""
    return CleanOptions(
        clean["mojibake"],
        clean["invisible"],
        clean["secrets"],
        clean["personal"],
        clean["allow"],
        RepetitionLimits(clean["max_marks"], clean["max_characters"], clean["max_phrases"]),
    )


class Reading(NamedTuple):
    """What came of all files: arrays have a place for each row of `store`."""

    store: RowStore
    files: NDArray[np.int32]
    """The number of the source that a row is of."""
    numbers: NDArray[np.int64]
    """Lines in it."""
    ids: NDArray[np.uint64]
    digests: NDArray[np.uint64]
    forms: NDArray[np.void]
    counted: Counted
    dropped: list[Dropped]
    unfit: RowStore
    """Rows that are no more looked at than for what they are about, the reason of each in `reasons`."""
    reasons: list[str]
    num_rows: list[int]
    """Of each source."""
    shapes: list[str]
    ignored_columns: list[list[str]]
    num_empty: list[int]
    """Rows of tables that hold nothing, of each source."""


def read(sources: Sequence[Source], options: FileOptions, scratch: Path, changed: Path, workers: Workers) -> Reading:
    """Every raw row as a clean row in the file `scratch`, or as dropped; notes of what was put right in `changed`."""
    writer, unfit, reasons = RowWriter(scratch), RowWriter(scratch.with_name("unfit")), list[str]()
    dropped: list[Dropped] = []
    parts: list[tuple[int, RowsRead]] = []
    totals, found_shapes, ignored = [0] * len(sources), [""] * len(sources), [set[str]() for _ in sources]
    num_empty = [0] * len(sources)
    sizes = [source.path.stat().st_size for source in sources]
    with progress("bytes read", sum(sizes)) as advance, changed.open("wb") as notes:
        for number, source in enumerate(sources):
            before = sum(sizes[:number])
            blocks = row_files.blocks(source, options.max_row_bytes, options.max_file_bytes, options.encoding)
            head = list(islice(blocks, 1))
            found_shapes[number], chosen = shaped(source, head, options)
            for end, empty, result in workers.map(partial(_read_block, options=chosen), chain(head, blocks)):
                writer.write(result.stored)
                notes.writelines(orjson.dumps(note) + b"\n" for note in result.changed)
                dropped.extend(result.dropped)
                unfit.write([line for _, line in result.unfit])
                reasons.extend(reason for reason, _ in result.unfit)
                ignored[number] = _noted(ignored[number], result.ignored_columns)
                totals[number] += result.num_rows
                num_empty[number] += empty
                parts.append((number, result._replace(stored=[], dropped=[], unfit=[], changed=[])))
                advance(before + min(end, sizes[number]), f"{sum(totals):,} rows")
    return Reading(
        writer.finished(),
        _joined([np.full(len(part.numbers), number, np.int32) for number, part in parts], np.int32),
        _joined([part.numbers for _, part in parts], np.int64),
        _joined([part.ids for _, part in parts], np.uint64),
        _joined([part.digests for _, part in parts], np.uint64),
        _joined([part.forms for _, part in parts], departures.FORM),
        Counted.joined([part.counted for _, part in parts]),
        dropped,
        unfit.finished(),
        reasons,
        totals,
        found_shapes,
        [_told(columns) for columns in ignored],
        num_empty,
    )


def sample(store: RowStore, alive: NDArray[np.int64]) -> list[str]:
    """The text of SAMPLE_ROWS rows from all over the set, for `near.boilerplate`."""
    chosen = alive[:: max(1, len(alive) // SAMPLE_ROWS)]
    return [row_keys.comparable(row.messages) for row in stored(store, chosen)]


def stored(store: RowStore, indices: Sequence[int] | NDArray[np.int64]) -> list[Row]:
    """Rows by their number; `line` is that number."""
    lines = store.piece(np.asarray(indices, np.int64)).lines()
    return [conversation.stored(line, "", int(index)) for index, line in zip(indices, lines, strict=True)]


def keys(store: RowStore, threshold: float, common: near.Hashes, workers: Workers) -> row_keys.Keys:
    """The keys of all rows of the store."""
    found = []
    with progress("rows compared", len(store)) as advance:
        done = 0
        for part in workers.map(partial(_keys, threshold=threshold, common=common), store.pieces()):
            found.append(part)
            done += len(part)
            advance(done)
    return _joined(found, row_keys.dtype(threshold))


class Similarity(NamedTuple):
    """Of two rows; see `Alike`."""

    whole: float
    answer: float = 0.0
    is_reworded: bool = False


Compared = dict[tuple[int, int], Similarity]
"""Pairs of rows by their numbers in a store."""


class Alike(NamedTuple):
    """Pairs of rows that are near each other."""

    pairs: list[near.Pair]
    answers: list[float]
    """How alike their last answers are; 0 where these or the prompts have other numbers."""
    reworded: list[bool]
    """Whether the last answers are short, and the prompts differ in words."""


def near_pairs(
    store: RowStore,
    alive: NDArray[np.int64],
    sketches: near.Sketches,
    threshold: float,
    common: near.Hashes,
    workers: Workers,
    compared: Compared | None = None,
) -> Alike:
    """Every pair of rows of `alive` that is at least `threshold` alike, by their numbers in the store.

    `sketches` are those of the rows in `alive`. Pairs that are in `compared` are not compared again, others are noted
    there.
    """
    known = {} if compared is None else compared
    found = alive[near.candidates(sketches, threshold)]
    pairs = list(map(tuple, found.tolist()))
    new = found[np.fromiter((pair not in known for pair in pairs), bool, len(pairs))]
    tasks = ((*pieces, threshold, common) for pieces in _tasks(store, new))
    with progress("pairs checked", len(new)) as advance:
        done = 0
        for part in workers.map(_similarities, tasks):
            known.update(zip(map(tuple, new[done : done + len(part)].tolist()), part, strict=True))
            done += len(part)
            advance(done)
    near_ones = [(pair, known[pair]) for pair in pairs if known[pair].whole >= threshold]
    return Alike(
        [near.Pair(first, second, same.whole) for (first, second), same in near_ones],
        [same.answer for _, same in near_ones],
        [same.is_reworded for _, same in near_ones],
    )


def first(sources: Sequence[Source], options: FileOptions, num_rows: int) -> list[Row]:
    """The first `num_rows` rows of each file as they are; what is no conversation is left out."""
    found: list[Row] = []
    for source in sources:
        blocks = row_files.blocks(source, options.max_row_bytes, options.max_file_bytes, options.encoding)
        head = list(islice(blocks, 1))
        _, chosen = shaped(source, head, options)
        lines = (line for block in chain(head, blocks) for line in row_files.split_block(block))
        found.extend(islice(row_block.conversations(lines, chosen), num_rows))
    return found


def asked(sources: Sequence[Source], options: FileOptions, key: str, scratch: Path) -> RowStore:
    """Evaluation rows in the file `scratch`. Raises Refusal, naming the config `key`, where one asks nothing."""
    writer = RowWriter(scratch)
    for source in sources:
        blocks = row_files.blocks(source, options.max_row_bytes, options.max_file_bytes, options.encoding)
        head = list(islice(blocks, 1))
        _, chosen = shaped(source, head, options, may_lack_answer=True)
        for block in chain(head, blocks):
            try:
                writer.write(row_block.asked(row_files.split_block(block), chosen))
            except BadRow as bad:
                raise Refusal(f"{key}: {bad.evidence} ({bad.reason}); mend the row") from None
    return writer.finished()


def digests(store: RowStore, workers: Workers) -> NDArray[np.uint64]:
    """The digests of all lines of the store."""
    return _joined(list(workers.map(_digests, store.pieces())), np.uint64)


def checked(
    store: RowStore,
    chosen: NDArray[np.int64],
    options: CleanOptions,
    threshold: float,
    common: near.Hashes,
    workers: Workers,
) -> Iterator[Checked]:
    """What is found out about rows of the store by their numbers, piece by piece."""
    work = partial(_checked, options=options, threshold=threshold, common=common)
    with progress("rows checked", len(chosen)) as advance:
        done = 0
        for part in workers.map(work, store.pieces(chosen)):
            done += len(part.keys)
            advance(done)
            yield part


def _noted(columns: set[str], others: Iterable[str]) -> set[str]:
    """All of them, but no more by the alphabet than one above what is told."""
    columns |= {name if len(name) <= LONGEST_COLUMN else f"{name[:LONGEST_COLUMN]}…" for name in others}
    return columns if len(columns) <= 2 * MOST_COLUMNS else set(sorted(columns)[: MOST_COLUMNS + 1])


def _told(columns: set[str]) -> list[str]:
    ranked = sorted(columns)
    return ranked if len(ranked) <= MOST_COLUMNS else [*ranked[:MOST_COLUMNS], "... and others"]


def _read_block(block: Block, options: ReadOptions) -> tuple[int, int, RowsRead]:
    """The bytes read until the end of the block, its rows of a table that hold nothing, and what came of the others."""
    return block.num_read, row_files.num_empty(block), row_block.read(row_files.split_block(block), options)


def _keys(piece: Piece, threshold: float, common: near.Hashes) -> row_keys.Keys:
    return row_block.keyed(piece.lines(), threshold, common)


def _digests(piece: Piece) -> NDArray[np.uint64]:
    return row_block.digests(piece.lines())


def _checked(piece: Piece, options: CleanOptions, threshold: float, common: near.Hashes) -> Checked:
    return row_block.checked(piece.lines(), options, threshold, common)


class _Compared(NamedTuple):
    """What of a row is compared."""

    grams: near.Hashes
    prompt: str
    answer: str


def _similarities(task: tuple[Piece, Piece, float, near.Hashes]) -> list[Similarity]:
    firsts, seconds, threshold, common = task
    return similarities(firsts.lines(), seconds.lines(), threshold, common)


def similarities(
    firsts: Sequence[bytes], seconds: Sequence[bytes], threshold: float, common: near.Hashes
) -> list[Similarity]:
    """For each pair of stored lines how alike the conversations are, and, where they are near, their parts."""
    rows = {line: conversation.stored(line, "", 0) for line in {*firsts, *seconds}}
    grams = near.grams_of([row_keys.comparable(row.messages) for row in rows.values()])
    known = {
        line: _Compared(
            near.without(own, common), row_keys.comparable(row.messages[:-1]), row_keys.normalised(row.answer)
        )
        for (line, row), own in zip(rows.items(), grams, strict=True)
    }
    return [_similarity(known[first], known[second], threshold) for first, second in zip(firsts, seconds, strict=True)]


def _similarity(first: _Compared, second: _Compared, threshold: float) -> Similarity:
    whole = near.jaccard(first.grams, second.grams)
    answers = first.answer, second.answer
    if whole < threshold or near.other_numbers(first.prompt, second.prompt) or not near.same_numbers(*answers):
        return Similarity(whole)
    same = near.alike(*answers)
    if 0 < same < 1 and following.follow((first.prompt, second.prompt), answers):
        return Similarity(whole)
    is_reworded = max(map(len, answers)) < LABEL_CHARACTERS and not near.same_words(first.prompt, second.prompt)
    return Similarity(whole, same, is_reworded)


def _tasks(store: RowStore, pairs: NDArray[np.int64]) -> Iterator[tuple[Piece, Piece]]:
    """Pairs of rows, together as long as their rows have few bytes: each row of them is looked at once."""
    sizes = store.ends - store.starts
    rows, num_bytes, start = set[int](), 0, 0
    for place, pair in enumerate(pairs.tolist()):
        new = set(pair) - rows
        num_bytes += sum(int(sizes[row]) for row in new)
        rows |= new
        if num_bytes >= PAIR_BYTES or place == len(pairs) - 1:
            part = pairs[start : place + 1]
            yield store.piece(part[:, 0]), store.piece(part[:, 1])
            rows, num_bytes, start = set(), 0, place + 1


def _joined(parts: Sequence[NDArray[Any]], kind: Any) -> NDArray[Any]:
    return np.concatenate([np.zeros(0, kind), *parts])
