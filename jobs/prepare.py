"""Clean, deduplicate and split the conversations.

Reads files of rows in any of the usual formats and shapes and makes `train.jsonl` and `val.jsonl`; `dropped.jsonl`,
every row that was left out and why; `changed.jsonl`, every row that was put right and how; `profile.json`, what the
answers of the set look like as a whole; `reading.json`, what was seen of the files.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.checks.belonging import RowsBelonging
from jobs.checks.prepare import GATE, DataFile, Example, Histogram, PrepareFacts
from jobs.checks.prepare_config import PrepareConfig
from jobs.checks.prepare_files import FilesRead, SetProfile
from jobs.checks.topics import Topic
from jobs.core.artifact import Inputs
from jobs.core.errors import Refusal
from jobs.core.model import StrictModel
from jobs.core.provenance import data_digest, file_digest
from jobs.core.room import require_space
from jobs.core.stage import stage_main
from jobs.logic.estimating import disk
from jobs.logic.pages.amounts import count

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from jobs.engines.diagnosing.row_files import FirstRows, Survey
    from jobs.engines.rows.account import Account
    from jobs.engines.rows.choice import Chosen, HeldOut, NearOptions
    from jobs.engines.rows.known import Known
    from jobs.engines.rows.passes import FileOptions, Reading
    from jobs.engines.rows.sources import Inside, Sources
    from jobs.engines.rows.store import RowStore
    from jobs.engines.rows.workers import Workers
    from jobs.logic.row import Row
    from jobs.logic.rows.block import Checked
    from jobs.logic.rows.clean import CleanOptions
    from jobs.logic.rows.near import Pair

FILES_KEY, EVALUATION_KEY, PREVIOUS_KEY = "prepare.files", "prepare.evaluation.files", "prepare.split.previous"
SMALL = 8 << 20
"""Bytes below which starting further processes takes longer than the work."""
NUM_EXAMPLES = 3
"""Of dropped rows, for each reason."""


def make(cfg: PrepareConfig, inputs: Inputs, out: Path) -> Known:
    """Write the rows to train on, those held out, and the account of the rest. Returns what is known of the rows."""
    from jobs.engines.rows import choice, known, passes, topics

    sources, before = _sources(cfg)
    require_space(out, disk.ROWS_PREPARED * sum(num_bytes for _, num_bytes in before))
    paths = [source.path for source in sources.files]
    with TemporaryDirectory(prefix="scratch-", dir=out) as folder, _workers(cfg, paths) as workers:
        scratch, changed = Path(folder), Path(folder) / "changed.jsonl"
        reading = passes.read(sources.files, _file_options(cfg), scratch / "rows", changed, workers)
        account = _accounted(cfg, sources, reading)
        asked = _asked(cfg, scratch) if cfg.evaluation.overlap == "drop" else {}
        previous = choice.prompts(_previous(cfg.split.previous), cfg.duplicates.threshold)
        chosen = choice.choose(account, asked.values(), cfg.set.options(), _alike(cfg, previous), workers)
        held_out = _held_out(cfg, account, chosen, previous, workers)
        taken = [Topic.of(one) for one in topics.found(account, workers)]
        _write_rows(account, held_out.rows, chosen, out)
        changed.replace(out / "changed.jsonl")
    profile = SetProfile(form=chosen.profile.as_dict(), boilerplate=chosen.common.tolist(), topics=taken)
    _write(out / "profile.json", profile)
    _write(out / "reading.json", _files_read(sources, before, reading))
    return known.Known(
        reading.digests, chosen.keys, reading.forms, reading.counted, chosen.common, account.alive, held_out.pairs
    )


def measure(cfg: PrepareConfig, inputs: Inputs, out: Path, known: Known | None = None) -> PrepareFacts:
    """Count what is in the folder, look at every kept row that is not `known`, and compare the sides of the split."""
    reading = FilesRead.model_validate_json((out / "reading.json").read_bytes())
    _refuse_changed(cfg, reading)
    profile = SetProfile.model_validate_json((out / "profile.json").read_bytes())
    return _facts(cfg, out, reading, profile, _looked_at(cfg, out, profile, known))


def run(cfg: PrepareConfig, inputs: Inputs, out: Path) -> PrepareFacts:
    """Make, then measure what was made."""
    return measure(cfg, inputs, out, make(cfg, inputs, out))


def outside(cfg: PrepareConfig) -> dict[str, str]:
    """The files that rows are read from and compared with, by what is in them."""
    from jobs.engines.rows import paths, sources as row_sources

    found = {}
    for key, names in ((FILES_KEY, cfg.files), (EVALUATION_KEY, cfg.evaluation.files)):
        for source in (
            row_sources.sources(names, key, cfg.encoding, _inside(cfg)).files if names or key == FILES_KEY else ()
        ):
            found[f"{key} {source.label}"] = paths.digest(source.path)[0]
    previous = _previous(cfg.split.previous)
    if previous is not None:
        found[PREVIOUS_KEY] = file_digest(previous)
    return found


def look(cfg: PrepareConfig) -> list[str]:
    """What the first rows say, before anything is made; raises Refusal for a file or a column that is not there."""
    from jobs.engines.rows import looking

    options = _file_options(cfg)
    looking.here(cfg.evaluation.files, EVALUATION_KEY, options.encoding)
    _previous(cfg.split.previous)
    return looking.told(cfg.files, FILES_KEY, options)


def surveyor(composed: Mapping[str, Any]) -> tuple[Survey, CleanOptions, FirstRows]:
    """For `diagnose`: what gives the facts of any files of rows, keeping nothing; what is clean; what gives first rows.

    Rows that cannot be read are counted, and what the second files say is counted where the first ones say it too.
    """
    usual = main.slice({**composed, "prepare": {**composed["prepare"], "files": ["those of a diagnosis"]}})

    def survey(paths: Sequence[Path], others: Sequence[Path]) -> dict[str, Any]:
        evaluation = usual.evaluation.model_copy(update={"files": [str(path) for path in others], "overlap": "keep"})
        asked = {"files": [str(path) for path in paths], "evaluation": evaluation, "max_bad_fraction": 1.0}
        cfg = usual.model_copy(update=asked)
        with TemporaryDirectory() as folder:
            return run(cfg, {}, Path(folder)).model_dump()

    def first(paths: Sequence[Path], num_rows: int) -> list[Row]:
        from jobs.engines.rows import looking

        return looking.first(list(map(str, paths)), FILES_KEY, _inside(usual), _file_options(usual), num_rows)[1]

    return survey, _file_options(usual).clean, first


def for_estimate(composed: Mapping[str, Any], most_bytes: int, num_rows: int, folder: Path) -> tuple[int, list[Row]]:
    """For `estimate`: bytes of the files, and the rows of both sides written into `folder`; of files larger than
    `most_bytes` nothing is written, and the first `num_rows` of each are given. Raises Refusal for what is on a hub."""
    from jobs.engines.rows import looking

    cfg = main.slice(composed)
    if cfg.files != looking.local(cfg.files):
        raise Refusal(f"{FILES_KEY}: nothing is downloaded for an estimate; name files of this machine")
    num_bytes, rows = looking.first(cfg.files, FILES_KEY, _inside(cfg), _file_options(cfg), num_rows, most_bytes)
    if num_bytes <= most_bytes:
        make(cfg, {}, folder)
    return num_bytes, rows


def _sources(cfg: PrepareConfig) -> tuple[Sources, list[tuple[str, int]]]:
    """The files of rows, and the digest and size of each before it is read."""
    from jobs.engines.rows import files as row_files, sources as row_sources
    from jobs.logic.text.language import LANGUAGES

    if cfg.set.language not in ("auto", "any", *LANGUAGES[1:]):
        raise Refusal(f"prepare.set.language: {cfg.set.language} is no code of a language; write ja, en, auto or any")
    sources = row_sources.sources(cfg.files, FILES_KEY, cfg.encoding, _inside(cfg))
    return sources, [row_files.digest(source.path) for source in sources.files]


def _accounted(cfg: PrepareConfig, sources: Sources, reading: Reading) -> Account:
    """The account of the rows, each id once. Raises Refusal where too many are no conversation."""
    from jobs.engines.rows.account import DUPLICATE_ID, Account

    account = Account(reading, [source.label for source in sources.files])
    account.drop_copies(reading.ids, DUPLICATE_ID)
    _refuse_bad(cfg, account)
    return account


def _refuse_bad(cfg: PrepareConfig, account: Account) -> None:
    """Raises Refusal where more rows are no conversation than are allowed for."""
    from jobs.logic.rows.reading import named

    total, bad = sum(account.reading.num_rows), account.bad()
    if not len(bad) <= cfg.max_bad_fraction * total:
        needed = math.ceil(len(bad) / total * 1e4) / 1e4
        raise Refusal(
            f"{len(bad)} of {total} rows cannot be read: {named(bad)}. Mend them, or allow for them "
            f"with prepare.max_bad_fraction (now {cfg.max_bad_fraction:g}, this takes {needed:g})"
        )


def _asked(cfg: PrepareConfig, scratch: Path) -> dict[str, RowStore]:
    """The rows of each evaluation file by its label, written below `scratch`."""
    from jobs.engines.rows import passes, sources as row_sources

    if not cfg.evaluation.files:
        return {}
    files = row_sources.sources(cfg.evaluation.files, EVALUATION_KEY, cfg.encoding, _inside(cfg)).files
    return {
        source.label: passes.asked([source], _file_options(cfg), EVALUATION_KEY, scratch / f"asked-{number}")
        for number, source in enumerate(files)
    }


def _previous(folder: str | None) -> Path | None:
    if folder is None:
        return None
    path = Path(folder) / "val.jsonl"
    if not path.is_file():
        raise Refusal(f"{PREVIOUS_KEY}: {folder} has no val.jsonl; name the prepare folder of an earlier run")
    return path


def _alike(cfg: PrepareConfig, previous: frozenset[int] = frozenset()) -> NearOptions:
    from jobs.engines.rows.choice import NearOptions

    return NearOptions.of(cfg.duplicates.model_dump(), previous)


def _held_out(
    cfg: PrepareConfig, account: Account, chosen: Chosen, previous: frozenset[int], workers: Workers
) -> HeldOut:
    """The rows that are held out. Raises Refusal where none is left, or none can be."""
    from jobs.engines.rows import choice

    if not len(account.alive):
        raise Refusal(f"{FILES_KEY}: no row is left: {account.told()}; {account.way_out()}")
    try:
        options = cfg.split.options(cfg.seed)
        return choice.held_out(account, chosen, previous, options, cfg.duplicates.threshold, workers)
    except ValueError as error:
        raise Refusal(
            f"{FILES_KEY}: {error} ({account.told()}): none can be held out; add rows of another kind"
        ) from None


def _write_rows(account: Account, held_out: NDArray[np.int64], chosen: Chosen, out: Path) -> None:
    """The rows of both sides, and those that went, each with what was seen."""
    from jobs.engines.rows import output
    from jobs.logic.form import departures

    output.write_sides(account, held_out, out / "train.jsonl", out / "val.jsonl")
    output.write_dropped(account, partial(departures.evidence, found=chosen.profile), out / "dropped.jsonl")


def _files_read(sources: Sources, before: Sequence[tuple[str, int]], reading: Reading) -> FilesRead:
    from jobs.engines.rows import files as row_files

    labels = [source.label for source in sources.files]
    noted = dict(zip(labels, map(row_files.notes, sources.files), strict=True))
    columns = [f"{label}: {column}" for label, notes in noted.items() for column in notes.left_aside]
    empty = zip(labels, reading.num_empty, strict=True)
    columns += [f"{label}: {count(num, 'empty row')}" for label, num in empty if num]
    return FilesRead(
        files=[
            DataFile(label=label, format=source.kind, shape=shape, sha256=sha256, num_bytes=size, num_rows=num_rows)
            for label, source, shape, (sha256, size), num_rows in zip(
                labels, sources.files, reading.shapes, before, reading.num_rows, strict=True
            )
        ],
        ignored_columns={label: names for label, names in zip(labels, reading.ignored_columns, strict=True) if names},
        byte_order_marks=[label for label, notes in noted.items() if notes.byte_order_mark],
        lone_returns=[label for label, notes in noted.items() if notes.lone_returns],
        left_aside=[*sources.left_aside, *columns],
    )


def _refuse_changed(cfg: PrepareConfig, reading: FilesRead) -> None:
    """Raises Refusal where an input file is not what it was when it was read."""
    from jobs.engines.rows import files as row_files, sources as row_sources

    files = row_sources.sources(cfg.files, FILES_KEY, cfg.encoding, _inside(cfg)).files
    for source, before in zip(files, reading.files, strict=True):
        if row_files.digest(source.path)[0] != before.sha256:
            raise Refusal(f"{source.label}: was changed while it was read; run the command again")


class _Looked(NamedTuple):
    """What was found out about the rows that were kept."""

    checked: Checked
    border: int
    """Rows of train; those held out follow."""
    pairs: list[Pair]
    """Near each other."""
    overlap: dict[str, int]
    """Evaluation file to rows that ask the same."""
    belonging: RowsBelonging


def _looked_at(cfg: PrepareConfig, out: Path, profile: SetProfile, known: Known | None) -> _Looked:
    import numpy as np

    from jobs.engines.rows import known as row_known, overlap, store as row_store

    sides = [row_store.opened(out / name) for name in ("train.jsonl", "val.jsonl")]
    store, common = row_store.joined(sides), np.asarray(profile.boilerplate, np.uint64)
    threshold, everything = cfg.duplicates.threshold, np.arange(len(store))
    with _workers(cfg, store.paths) as workers, TemporaryDirectory() as scratch:
        places = row_known.places_in(store, known, common, workers)
        checked = row_known.checked(store, known, places, _file_options(cfg).clean, threshold, common, workers)
        pairs = row_known.near_pairs(store, known, places, checked, threshold, common, workers)
        asked = _asked(cfg, Path(scratch))
        same = overlap.overlaps(store, everything, asked.values(), threshold, common, workers)
        overlapping = {name: len(rows) for name, rows in zip(asked, same, strict=True)}
    return _Looked(checked, len(sides[0]), pairs, overlapping, _belonging(cfg, store))


def _belonging(cfg: PrepareConfig, store: RowStore) -> RowsBelonging:
    """Whether the answers are their prompts', by some rows from all over the set."""
    from jobs.engines.rows import passes
    from jobs.logic.rows import belonging

    asked = cfg.belonging
    numbers = belonging.drawn(len(store), asked.num_rows, cfg.seed)
    rows = passes.stored(store, numbers)
    prompts = ["\n".join(message.content for message in row.messages[:-1]) for row in rows]
    found = belonging.measured(numbers, prompts, [row.answer for row in rows], asked.num_permutations, cfg.seed)
    word = belonging.word(found, asked.max_p, asked.min_displaced)
    return RowsBelonging(word=word, **found._asdict())


def _facts(cfg: PrepareConfig, out: Path, reading: FilesRead, profile: SetProfile, looked: _Looked) -> PrepareFacts:
    from jobs.engines.rows import output
    from jobs.logic.form import departures
    from jobs.logic.rows import split, survey
    from jobs.logic.text import language

    found, border = looked.checked, looked.border
    usual = departures.Profile.from_dict(profile.form)
    departing = departures.faults(found.forms, usual)
    unclean = found.unclean + Counter(departures.REASONS[number] for number in departing[departing > 0])
    answers, ids = found.counted.answers, found.keys["id"]
    edges = survey.edges(answers)
    dropped, examples = output.dropped(out / "dropped.jsonl", NUM_EXAMPLES)
    return PrepareFacts(
        files=reading.files,
        num_read=sum(file.num_rows for file in reading.files),
        dropped=dropped,
        topics=profile.topics,
        allowed=sorted(cfg.clean.allow),
        changed=output.changed(out / "changed.jsonl"),
        seen=dict(sorted(found.counted.seen().items())),
        ignored_columns=reading.ignored_columns,
        byte_order_marks=reading.byte_order_marks,
        lone_returns=reading.lone_returns,
        left_aside=reading.left_aside,
        num_train=border,
        num_val=len(ids) - border,
        split_digest=data_digest([sorted(side.tolist()) for side in (ids[:border], ids[border:])]),
        labels=split.by_label(found.counted.labels, [place >= border for place in range(len(ids))]),
        unclean=dict(sorted(unclean.items())),
        leaks=survey.leaks(found.keys[:border], found.keys[border:], looked.pairs),
        evaluation=looked.overlap,
        num_near=len(looked.pairs),
        num_distinct_answers=survey.num_distinct_answers(found.keys),
        num_contradictory=survey.num_contradictory(found.keys),
        lengths={role: survey.quantiles(values) for role, values in found.counted.lengths().items()},
        answer_lengths=Histogram(
            edges=edges,
            train=survey.histogram(answers[:border], edges),
            val=survey.histogram(answers[border:], edges),
        ),
        languages=survey.named(found.forms["language"], language.LANGUAGES),
        set_language=usual.speech.language,
        mixed_forms=usual.mixed_forms(),
        belonging=looked.belonging,
        examples=[Example(**row._asdict()) for row in examples],
    )


def _workers(cfg: PrepareConfig, paths: Sequence[Path]) -> Workers:
    """As many processes as `cfg.workers` says; one where there is little to do."""
    from jobs.engines.rows.workers import Workers, num_cores

    if sum(path.stat().st_size for path in paths) < SMALL:
        return Workers(1)
    return Workers(num_cores() if cfg.workers == "auto" else cfg.workers)


def _inside(cfg: PrepareConfig) -> Inside:
    from jobs.engines.rows.sources import Inside

    return Inside.of(cfg.model_dump())


def _file_options(cfg: PrepareConfig) -> FileOptions:
    from jobs.engines.rows.passes import FileOptions

    return FileOptions.of(cfg.model_dump())


def _write(path: Path, model: StrictModel) -> None:
    path.write_text(model.model_dump_json(indent=1) + "\n", encoding="utf-8")


main = stage_main("prepare", PrepareConfig, run, GATE, outside=outside, look=look)

if __name__ == "__main__":
    sys.exit(main())
