"""Clean, deduplicate and split the conversations.

Reads JSON Lines files of `messages` and makes `train.jsonl` and `val.jsonl`; `dropped.jsonl`, every row that was left
out and why; `changed.jsonl`, every row that was put right and how; `reading.json`, what was seen of the files.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from jobs.checks.prepare import GATE, DataFile, PrepareFacts, PrepareLimits
from jobs.core.artifact import Inputs
from jobs.core.errors import Refusal
from jobs.core.model import StageConfig, StrictModel
from jobs.core.provenance import data_digest
from jobs.core.stage import stage_main
from jobs.core.terminal import progress
from jobs.logic import clean
from jobs.logic.reading import Reading, named
from jobs.logic.repetition import RepetitionLimits
from jobs.logic.rows import Dropped, Row, conversation, parse_line

FILES_KEY = "prepare.files"
Share = Annotated[float, Field(ge=0, le=1)]
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
]


class CleanConfig(StrictModel):
    mojibake: Literal["mend", "drop"]
    allow: list[Allowed]
    """Reasons that rows are not dropped for, where the task is to write such things."""
    max_marks: Annotated[int, Field(ge=1)]
    max_characters: Annotated[int, Field(ge=1)]
    max_phrases: Annotated[int, Field(ge=2)]

    @property
    def repetition(self) -> RepetitionLimits:
        return RepetitionLimits(self.max_marks, self.max_characters, self.max_phrases)


class DuplicatesConfig(StrictModel):
    near: Literal["drop", "keep"]
    threshold: Annotated[float, Field(gt=0, le=1)]
    answer_threshold: Share
    boilerplate_share: Annotated[float, Field(gt=0, le=1)]


class PrepareConfig(StageConfig):
    files: list[str]
    max_bad_fraction: Share
    max_row_bytes: Annotated[int, Field(ge=1)]
    clean: CleanConfig
    duplicates: DuplicatesConfig
    val_fraction: Annotated[float, Field(gt=0, lt=1)]
    seed: int
    limits: PrepareLimits


def make(cfg: PrepareConfig, inputs: Inputs, out: Path) -> None:
    """Write the rows to train on, those held out, and the account of the rest."""
    from jobs.logic import dedup, split

    read, reading = _read(cfg)
    kept, unfit = _cleaned(cfg.clean, read.rows)
    kept, copies = dedup.first_of_each(kept)
    near = cfg.duplicates
    kept, near_copies, pairs = dedup.distinct(
        kept, near.threshold, near.answer_threshold, near.boilerplate_share, near.near == "drop"
    )
    dropped = [*read.bad, *unfit, *copies, *near_copies]
    if not kept:
        reasons = Counter(row.reason for row in dropped).most_common()
        raise Refusal(f"{FILES_KEY}: no row is left: {', '.join(f'{reason} {count}' for reason, count in reasons)}")
    try:
        held_out = split.by_group(kept, pairs, cfg.val_fraction, cfg.seed)
    except ValueError as error:
        raise Refusal(f"{FILES_KEY}: {error}: none can be held out; add rows of another kind") from None
    _write(out / "train.jsonl", [row.as_dict() for row, is_out in zip(kept, held_out, strict=True) if not is_out])
    _write(out / "val.jsonl", [row.as_dict() for row, is_out in zip(kept, held_out, strict=True) if is_out])
    order = {file.label: number for number, file in enumerate(reading.files)}
    _write(
        out / "dropped.jsonl", [row._asdict() for row in sorted(dropped, key=lambda row: (order[row.file], row.line))]
    )
    _write(out / "changed.jsonl", [row.change_note() for row in read.rows if row.changes])
    (out / "reading.json").write_text(reading.model_dump_json(indent=1) + "\n", encoding="utf-8")


def measure(cfg: PrepareConfig, inputs: Inputs, out: Path) -> PrepareFacts:
    """Count what is in the folder, and compare the two sides of the split."""
    from jobs.logic import dedup, survey

    reading = FilesRead.model_validate_json((out / "reading.json").read_bytes())
    files = _data_files(cfg)
    changed = [file.label for file, before in zip(files, reading.files, strict=True) if file != before]
    if changed:
        raise Refusal(f"{changed[0]}: was changed while it was read; run the command again")
    train, val = _stored(out / "train.jsonl"), _stored(out / "val.jsonl")
    kept = [*train, *val]
    texts = [dedup.comparable(row.messages) for row in kept]
    pairs = dedup.near_pairs(texts, cfg.duplicates.threshold, cfg.duplicates.boilerplate_share)
    return PrepareFacts(
        files=files,
        num_read=sum(file.num_rows for file in files),
        dropped=_counted(entry["reason"] for entry in _entries(out / "dropped.jsonl")),
        changed=_counted(change for entry in _entries(out / "changed.jsonl") for change in entry["changes"]),
        ignored_columns=reading.ignored_columns,
        byte_order_marks=reading.byte_order_marks,
        lone_returns=reading.lone_returns,
        num_train=len(train),
        num_val=len(val),
        split_digest=data_digest([sorted(row.id for row in side) for side in (train, val)]),
        unclean=_counted(_unclean(cfg.clean, kept)),
        leaks=survey.leaks(train, val, pairs),
        num_near=len(pairs),
        num_distinct_answers=survey.num_distinct_answers(kept),
        num_contradictory=survey.num_contradictory(kept),
        lengths=survey.lengths(kept),
        scripts=survey.scripts(kept),
    )


def run(cfg: PrepareConfig, inputs: Inputs, out: Path) -> PrepareFacts:
    """Make, then measure what was made."""
    make(cfg, inputs, out)
    return measure(cfg, inputs, out)


def outside(cfg: PrepareConfig) -> dict[str, str]:
    """The data files by what is in them."""
    return {f"{FILES_KEY} {file.label}": file.sha256 for file in _data_files(cfg)}


class FilesRead(StrictModel):
    """`reading.json`: the files as they were before the first line was read, and what was left aside in them."""

    files: list[DataFile]
    ignored_columns: list[str]
    byte_order_marks: list[str]
    lone_returns: list[str]


def _data_files(cfg: PrepareConfig) -> list[DataFile]:
    from jobs.engines import row_files

    paths = row_files.labels(cfg.files, FILES_KEY)
    return [DataFile(label=label, **row_files.survey(path)._asdict()) for label, path in paths.items()]


def _read(cfg: PrepareConfig) -> tuple[Reading, FilesRead]:
    """Every line as a row or a bad row; raises Refusal for files that are not rows, and for too many bad ones."""
    from jobs.engines import row_files

    paths, files, reading = row_files.labels(cfg.files, FILES_KEY), _data_files(cfg), Reading()
    total = sum(file.num_rows for file in files)
    with progress("rows read", total) as advance:
        for (label, path), file in zip(paths.items(), files, strict=True):
            if not file.num_bytes:
                raise Refusal(f"{label}: is empty; expected one JSON object a line")
            for line in row_files.lines(path, label, cfg.max_row_bytes):
                if line.num_bytes > cfg.max_row_bytes:
                    reading.add_too_large(label, line.number, line.num_bytes, cfg.max_row_bytes)
                else:
                    reading.add(label, line.number, line.data, line.offset, not line.ended)
                advance(len(reading.rows) + len(reading.bad))
            if not file.num_rows:
                raise Refusal(f"{label}: has only blank lines; expected one JSON object a line")
    if not len(reading.bad) <= cfg.max_bad_fraction * total:
        raise Refusal(
            f"{len(reading.bad)} of {total} rows cannot be read: {named(reading.bad)}. Mend them, or allow for them "
            f"with prepare.max_bad_fraction (now {cfg.max_bad_fraction:g}, this takes {len(reading.bad) / total:.4f})"
        )
    return reading, FilesRead(
        files=files,
        ignored_columns=sorted(reading.ignored_columns),
        byte_order_marks=[label for label, path in paths.items() if row_files.has_bom(path)],
        lone_returns=[label for label, path in paths.items() if row_files.has_only_cr(path)],
    )


def _cleaned(cfg: CleanConfig, found: Sequence[Row]) -> tuple[list[Row], list[Dropped]]:
    kept, unfit = [], []
    with progress("rows cleaned", len(found)) as advance:
        for number, row in enumerate(found, 1):
            clean.tidied(row, cfg.mojibake == "mend")
            fault = clean.fault(row.messages, cfg.repetition, cfg.allow)
            if fault is None:
                kept.append(row)
            else:
                unfit.append(Dropped(row.id, row.file, row.line, fault.reason, fault.evidence))
            advance(number)
    return kept, unfit


def _unclean(cfg: CleanConfig, kept: Iterable[Row]) -> Iterator[str]:
    for row in kept:
        fault = clean.fault(row.messages, cfg.repetition, cfg.allow)
        if fault is not None:
            yield fault.reason
        if not clean.is_tidy(row.messages):
            yield "not-tidy"


def _stored(path: Path) -> list[Row]:
    return [conversation(entry, path.name, number) for number, entry in enumerate(_entries(path), 1)]


def _entries(path: Path) -> list[dict[str, Any]]:
    return [parse_line(line, False) for line in path.read_text(encoding="utf-8").split("\n") if line]


def _write(path: Path, entries: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for entry in entries:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items(), key=lambda item: (-item[1], item[0])))


main = stage_main("prepare", PrepareConfig, run, GATE, outside=outside)

if __name__ == "__main__":
    sys.exit(main())
