"""Clean, deduplicate and split the conversations.

Reads files of rows in any of the usual formats and shapes and makes `train.jsonl` and `val.jsonl`; `dropped.jsonl`,
every row that was left out and why; `changed.jsonl`, every row that was put right and how; `profile.json`, what the
answers of the set look like as a whole; `reading.json`, what was seen of the files.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from jobs.checks.prepare import GATE, DataFile, Example, Histogram, PrepareFacts, PrepareLimits
from jobs.core.artifact import Inputs
from jobs.core.errors import Refusal
from jobs.core.model import StageConfig, StrictModel
from jobs.core.process import require_space
from jobs.core.provenance import data_digest, file_digest
from jobs.core.stage import stage_main

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from jobs.engines.rows.account import Account
    from jobs.engines.rows.choice import Chosen, NearOptions
    from jobs.engines.rows.known import Known
    from jobs.engines.rows.passes import FileOptions, Reading
    from jobs.engines.rows.sources import Sources
    from jobs.engines.rows.store import RowStore
    from jobs.engines.rows.workers import Workers
    from jobs.logic.form.departures import FormOptions
    from jobs.logic.rows.split import SplitOptions

FILES_KEY, EVALUATION_KEY, PREVIOUS_KEY = "prepare.files", "prepare.evaluation.files", "prepare.split.previous"
SMALL = 8 << 20
"""Bytes below which starting further processes takes longer than the work."""
NUM_EXAMPLES = 3
"""Of dropped rows, for each reason."""
Allowed = Literal[
    "mojibake",
    "template-header",
    "hashtags",
    "label",
    "role-label",
    "bracket-tag",
    "markup-tag",
    "repeated-character",
    "repeated-phrase",
    "refusal",
    "copied-prompt",
    "cut-off",
]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class TurnsConfig(StrictModel):
    last_user: Literal["refuse", "trim"]
    same_role: Literal["refuse", "join"]


class CleanConfig(StrictModel):
    mojibake: Literal["mend", "drop"]
    invisible: Literal["strip", "keep", "drop"]
    control_characters: Literal["refuse", "strip"]
    secrets: Literal["drop", "redact", "keep"]
    personal: Literal["keep", "redact", "drop"]
    allow: list[Allowed]
    """Reasons that rows are not dropped for, where the task is to write such things."""
    max_marks: Count
    max_characters: Count
    max_phrases: Annotated[int, Field(ge=2)]


class SetConfig(StrictModel):
    form: Literal["drop", "keep"]
    language: str
    """`auto`, `any`, or the code of the language that answers must be in."""
    min_characters: Count | None
    max_characters: Count | None
    min_odd_share: Share
    min_odd_rows: Count
    max_odd_share: Share
    main_language_share: Share
    length_spread: Annotated[float, Field(gt=1)]

    def options(self) -> FormOptions:
        from jobs.logic.form.departures import FormOptions

        return FormOptions(**self.model_dump())


class DuplicatesConfig(StrictModel):
    near: Literal["drop", "keep"]
    threshold: Annotated[float, Field(gt=0, le=1)]
    answer_threshold: Share
    boilerplate_share: Annotated[float, Field(gt=0, le=1)]

    def options(self, previous: frozenset[int] = frozenset()) -> NearOptions:
        from jobs.engines.rows.choice import NearOptions

        return NearOptions(self.near == "drop", self.threshold, self.answer_threshold, self.boilerplate_share, previous)


class EvaluationConfig(StrictModel):
    files: list[str]
    overlap: Literal["drop", "keep"]


class SplitConfig(StrictModel):
    val_fraction: Annotated[float, Field(gt=0, lt=1)]
    max_val_rows: Count
    stratify: Literal["label", "none"]
    previous: str | None
    """The `prepare` folder of an earlier run, whose held-out rows stay held out."""

    def options(self, seed: int) -> SplitOptions:
        from jobs.logic.rows.split import SplitOptions

        return SplitOptions(self.val_fraction, self.max_val_rows, self.stratify == "label", seed)


class PrepareConfig(StageConfig):
    beside_key: ClassVar[frozenset[str]] = frozenset({"limits", "workers"})

    files: list[str]
    encoding: str
    shape: Literal["auto", "messages", "sharegpt", "alpaca", "prompt_completion"]
    columns: dict[str, str]
    """Our name of a column to the file's."""
    max_bad_fraction: Share
    max_row_bytes: Count
    max_file_bytes: Count
    turns: TurnsConfig
    clean: CleanConfig
    set: SetConfig
    duplicates: DuplicatesConfig
    evaluation: EvaluationConfig
    split: SplitConfig
    seed: int
    workers: Count | Literal["auto"]
    limits: PrepareLimits


class SetProfile(StrictModel):
    """`profile.json`: what the set as a whole decided, so that its rows can be checked against it again."""

    form: dict[str, Any]
    """See `departures.Profile`."""
    boilerplate: list[int]
    """Hashes of the 5-grams that make no two rows alike."""


class FilesRead(StrictModel):
    """`reading.json`: the files as they were before the first row was read, and what was left aside in them."""

    files: list[DataFile]
    ignored_columns: dict[str, list[str]]
    """File to columns."""
    byte_order_marks: list[str]
    lone_returns: list[str]
    left_aside: list[str]
    """Files of folders that have no name of a data file, and columns that JSON has no value for."""

    @classmethod
    def of(cls, sources: Sources, before: Sequence[tuple[str, int]], reading: Reading) -> FilesRead:
        from jobs.engines.rows import files as row_files

        labels = [source.label for source in sources.files]
        noted = dict(zip(labels, map(row_files.notes, sources.files), strict=True))
        columns = [f"{label}: {column}" for label, notes in noted.items() for column in notes.left_aside]
        return cls(
            files=[
                DataFile(label=label, format=source.kind, shape=shape, sha256=sha256, num_bytes=size, num_rows=num_rows)
                for label, source, shape, (sha256, size), num_rows in zip(
                    labels, sources.files, reading.shapes, before, reading.num_rows, strict=True
                )
            ],
            ignored_columns={
                label: names for label, names in zip(labels, reading.ignored_columns, strict=True) if names
            },
            byte_order_marks=[label for label, notes in noted.items() if notes.byte_order_mark],
            lone_returns=[label for label, notes in noted.items() if notes.lone_returns],
            left_aside=[*sources.left_aside, *columns],
        )


def make(cfg: PrepareConfig, inputs: Inputs, out: Path) -> Known:
    """Write the rows to train on, those held out, and the account of the rest. Returns what is known of the rows."""
    from jobs.engines.rows import files as row_files, sources as row_sources
    from jobs.logic.text.language import LANGUAGES

    if cfg.set.language not in ("auto", "any", *LANGUAGES[1:]):
        raise Refusal(f"prepare.set.language: {cfg.set.language} is no code of a language; write ja, en, auto or any")
    sources = row_sources.sources(cfg.files, FILES_KEY, cfg.encoding)
    before = [row_files.digest(source.path) for source in sources.files]
    require_space(out, 3 * sum(num_bytes for _, num_bytes in before))
    with TemporaryDirectory(prefix="scratch-", dir=out) as folder:
        return _make(cfg, sources, before, Path(folder), out)


def _make(cfg: PrepareConfig, sources: Sources, before: list[tuple[str, int]], scratch: Path, out: Path) -> Known:
    from jobs.engines.rows import choice, known as row_known, output, passes
    from jobs.engines.rows.account import DUPLICATE_ID, Account
    from jobs.logic.form import departures

    changed = scratch / "changed.jsonl"
    with _workers(cfg, [source.path for source in sources.files]) as workers:
        reading = passes.read(sources.files, _file_options(cfg), scratch / "rows", changed, workers)
        account = Account(reading, [source.label for source in sources.files])
        account.drop_copies(reading.ids, DUPLICATE_ID)
        _refuse_bad(cfg, account)
        asked = _asked(cfg, scratch) if cfg.evaluation.overlap == "drop" else {}
        previous = choice.prompts(_previous(cfg.split.previous), cfg.duplicates.threshold)
        alike = cfg.duplicates.options(previous)
        chosen = choice.choose(account, asked.values(), cfg.set.options(), alike, workers)
    _refuse_empty(account)
    held_out = _held_out(cfg, account, chosen, previous)
    output.write_sides(account, held_out, out / "train.jsonl", out / "val.jsonl")
    output.write_dropped(account, partial(departures.evidence, found=chosen.profile), out / "dropped.jsonl")
    changed.replace(out / "changed.jsonl")
    _write(out / "profile.json", SetProfile(form=chosen.profile.as_dict(), boilerplate=chosen.common.tolist()))
    _write(out / "reading.json", FilesRead.of(sources, before, reading))
    return row_known.Known(reading.digests, chosen.keys, reading.forms, reading.counted, chosen.common)


def measure(cfg: PrepareConfig, inputs: Inputs, out: Path, known: Known | None = None) -> PrepareFacts:
    """Count what is in the folder, look at every kept row that is not `known`, and compare the sides of the split."""
    import numpy as np

    from jobs.engines.rows import known as row_known, output, overlap as row_overlap, passes, store as row_store
    from jobs.logic.form import departures
    from jobs.logic.rows import split, survey
    from jobs.logic.text import language

    reading = FilesRead.model_validate_json((out / "reading.json").read_bytes())
    _refuse_changed(cfg, reading)
    profile = SetProfile.model_validate_json((out / "profile.json").read_bytes())
    common = np.asarray(profile.boilerplate, np.uint64)
    sides = [row_store.opened(out / name) for name in ("train.jsonl", "val.jsonl")]
    store, border = row_store.joined(sides), len(sides[0])
    alike, everything = cfg.duplicates.options(), np.arange(len(store))
    with _workers(cfg, store.paths) as workers:
        clean = _file_options(cfg).clean
        found = row_known.checked(store, known, clean, alike.threshold, common, workers)
        pairs = passes.near_pairs(store, everything, found.keys["sketch"], alike.threshold, common, workers).pairs
        with TemporaryDirectory() as scratch:
            asked = _asked(cfg, Path(scratch))
            same = row_overlap.overlaps(store, everything, asked.values(), alike.threshold, common, workers)
            overlap = {name: len(rows) for name, rows in zip(asked, same, strict=True)}
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
        changed=output.changed(out / "changed.jsonl"),
        seen=dict(sorted(found.counted.seen().items())),
        ignored_columns=reading.ignored_columns,
        byte_order_marks=reading.byte_order_marks,
        lone_returns=reading.lone_returns,
        left_aside=reading.left_aside,
        num_train=border,
        num_val=len(store) - border,
        split_digest=data_digest([sorted(side.tolist()) for side in (ids[:border], ids[border:])]),
        labels=split.by_label(found.counted.labels, (everything >= border).tolist()),
        unclean=dict(sorted(unclean.items())),
        leaks=survey.leaks(found.keys[:border], found.keys[border:], pairs),
        evaluation=overlap,
        num_near=len(pairs),
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
        examples=[Example(**row._asdict()) for row in examples],
    )


def run(cfg: PrepareConfig, inputs: Inputs, out: Path) -> PrepareFacts:
    """Make, then measure what was made."""
    return measure(cfg, inputs, out, make(cfg, inputs, out))


def outside(cfg: PrepareConfig) -> dict[str, str]:
    """The files that rows are read from and compared with, by what is in them."""
    from jobs.engines.rows import files as row_files, sources as row_sources

    found = {}
    for key, names in ((FILES_KEY, cfg.files), (EVALUATION_KEY, cfg.evaluation.files)):
        for source in row_sources.sources(names, key, cfg.encoding).files if names or key == FILES_KEY else ():
            found[f"{key} {source.label}"] = row_files.digest(source.path)[0]
    previous = _previous(cfg.split.previous)
    if previous is not None:
        found[PREVIOUS_KEY] = file_digest(previous)
    return found


def _refuse_bad(cfg: PrepareConfig, account: Account) -> None:
    """Raises Refusal where more rows are no conversation than are allowed for."""
    from jobs.logic.rows.reading import named

    total, bad = sum(account.reading.num_rows), account.bad()
    if not len(bad) <= cfg.max_bad_fraction * total:
        raise Refusal(
            f"{len(bad)} of {total} rows cannot be read: {named(bad)}. Mend them, or allow for them "
            f"with prepare.max_bad_fraction (now {cfg.max_bad_fraction:g}, this takes {len(bad) / total:.4f})"
        )


def _refuse_empty(account: Account) -> None:
    if not len(account.alive):
        raise Refusal(f"{FILES_KEY}: no row is left: {account.told()}; {account.way_out()}")


def _refuse_changed(cfg: PrepareConfig, reading: FilesRead) -> None:
    """Raises Refusal where an input file is not what it was when it was read."""
    from jobs.engines.rows import files as row_files, sources as row_sources

    files = row_sources.sources(cfg.files, FILES_KEY, cfg.encoding).files
    for source, before in zip(files, reading.files, strict=True):
        if row_files.digest(source.path)[0] != before.sha256:
            raise Refusal(f"{source.label}: was changed while it was read; run the command again")


def _workers(cfg: PrepareConfig, paths: Sequence[Path]) -> Workers:
    """As many processes as `cfg.workers` says; one where there is little to do."""
    from jobs.engines.rows.workers import Workers, num_cores

    if sum(path.stat().st_size for path in paths) < SMALL:
        return Workers(1)
    return Workers(num_cores() if cfg.workers == "auto" else cfg.workers)


def _file_options(cfg: PrepareConfig) -> FileOptions:
    from jobs.engines.rows.passes import FileOptions

    return FileOptions.of(cfg.model_dump())


def _asked(cfg: PrepareConfig, scratch: Path) -> dict[str, RowStore]:
    """The rows of each evaluation file by its label, written below `scratch`."""
    from jobs.engines.rows import passes, sources as row_sources

    if not cfg.evaluation.files:
        return {}
    files = row_sources.sources(cfg.evaluation.files, EVALUATION_KEY, cfg.encoding).files
    return {
        source.label: passes.asked([source], _file_options(cfg), EVALUATION_KEY, scratch / f"asked-{number}")
        for number, source in enumerate(files)
    }


def _held_out(cfg: PrepareConfig, account: Account, chosen: Chosen, previous: frozenset[int]) -> NDArray[np.int64]:
    """The numbers of the rows that are held out."""
    from jobs.engines.rows import choice

    try:
        return choice.held_out(account, chosen.keys, chosen.pairs, previous, cfg.split.options(cfg.seed))
    except ValueError as error:
        raise Refusal(
            f"{FILES_KEY}: {error} ({account.told()}): none can be held out; add rows of another kind"
        ) from None


def _previous(folder: str | None) -> Path | None:
    if folder is None:
        return None
    path = Path(folder) / "val.jsonl"
    if not path.is_file():
        raise Refusal(f"{PREVIOUS_KEY}: {folder} has no val.jsonl; name the prepare folder of an earlier run")
    return path


def _write(path: Path, model: StrictModel) -> None:
    path.write_text(model.model_dump_json(indent=1) + "\n", encoding="utf-8")


main = stage_main("prepare", PrepareConfig, run, GATE, outside=outside)

if __name__ == "__main__":
    sys.exit(main())
