"""The rows that both are asked: held out by both, or of a person's own files, and never any that one was trained on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jobs.core.errors import Refusal
from jobs.core.run_dir import RunDir
from jobs.engines.comparing.models import Model
from jobs.logic.comparing.measures import Row
from jobs.logic.row import Message
from jobs.logic.rows.keys import comparable, hashed

ROWS = "compare.rows"
TRAINED = (("prepare", "train.jsonl"), ("synth", "train.jsonl"))


@dataclass(frozen=True)
class Asked:
    """One row and what is asked with it."""

    row: Row
    messages: tuple[Message, ...]


@dataclass(frozen=True)
class Chosen:
    """The rows, and what became of the others."""

    asked: list[Asked]
    num_found: int
    """Rows there were, each prompt once."""
    num_trained: int
    """Left out: one of the two was trained on the same prompt."""
    where: str


def chosen(
    first: Model, second: Model, files: Sequence[str], most: int, seed: int, prepare: Mapping[str, Any]
) -> Chosen:
    """Raises Refusal where there is no row that can be asked."""
    if files:
        found, where = list(_of_files(files, prepare)), "rows of your files"
    else:
        found, where = _held_out(first, second)
    once: dict[int, Asked] = {}
    for one in found:
        once.setdefault(_key(one.messages), one)
    trained = {key for model in (first, second) if model.run for key in _trained(model.run)}
    free = {key: one for key, one in once.items() if key not in trained}
    if not free:
        raise Refusal(
            f"{ROWS}: none of {len(once):,} {where} is one that neither model was trained on; name other rows: "
            f"{ROWS}=[FILE.jsonl]",
            words=[f"{ROWS}=[FILE.jsonl]"],
        )
    kept = list(free.values())
    if len(kept) > most:
        places = np.random.default_rng(seed).choice(len(kept), most, replace=False)
        kept = [kept[place] for place in sorted(places.tolist())]
    return Chosen(_each_id_once(kept), len(once), len(once) - len(free), where)


def _held_out(first: Model, second: Model) -> tuple[list[Asked], str]:
    """Rows that both have held out; those of the one whose rows are known, where the other's are not."""
    runs = [model.run for model in (first, second) if model.run]
    if not runs:
        raise Refusal(
            f"{ROWS}: neither model is of a run here, so there are no held-out rows; name rows: {ROWS}=[FILE.jsonl]",
            words=[f"{ROWS}=[FILE.jsonl]"],
        )
    sides = [{_key(one.messages): one for one in _lines(run, "prepare", "val.jsonl")} for run in runs]
    if len(sides) == 1:
        return list(sides[0].values()), f"held-out rows of {runs[0].root.name}"
    common = [one for key, one in sides[0].items() if key in sides[1]]
    if not common:
        raise Refusal(
            f"{ROWS}: the two runs have no held-out row in common ({len(sides[0]):,} and {len(sides[1]):,}); name rows "
            f"that neither was trained on: {ROWS}=[FILE.jsonl], or make one of the runs with "
            "prepare.split.previous=RUN/prepare of the other",
            words=[f"{ROWS}=[FILE.jsonl]"],
        )
    return common, "held-out rows of both"


def _of_files(files: Sequence[str], prepare: Mapping[str, Any]) -> Iterator[Asked]:
    from jobs.engines.rows import passes, sources as row_sources
    from jobs.engines.rows.passes import FileOptions

    options = FileOptions.of(prepare)
    for source in row_sources.sources(files, ROWS, options.encoding).files:
        rows = passes.first([source], options, 10**9)
        if not rows:
            raise Refusal(f"{ROWS}: {source.label}: none of its rows is a conversation with an answer")
        for row in rows:
            *prompt, answer = row.messages
            yield Asked(Row(row.id, row.source, answer.content), tuple(prompt))


def _lines(run: RunDir, stage: str, name: str) -> Iterator[Asked]:
    """Rows of an artifact's file; nothing where the run has no such artifact."""
    artifact = run.artifact(stage)
    if artifact is None or name not in artifact.record.files:
        return
    with artifact.file(name).open(encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            *prompt, answer = (Message(one["role"], str(one["content"])) for one in row["messages"])
            yield Asked(Row(row["id"], row.get("source"), answer.content), tuple(prompt))


def _trained(run: RunDir) -> Iterator[int]:
    """The prompts that a run was trained on."""
    for stage, name in TRAINED:
        for one in _lines(run, stage, name):
            yield _key(one.messages)


def _key(prompt: Sequence[Message]) -> int:
    """Equal for prompts that read the same; the system message does not count."""
    return hashed(comparable(prompt))


def _each_id_once(rows: Sequence[Asked]) -> list[Asked]:
    """Ids of several files may meet; the later one gets a number behind it."""
    known: dict[str, int] = {}
    found = []
    for one in rows:
        known[one.row.id] = known.get(one.row.id, 0) + 1
        name = one.row.id if known[one.row.id] == 1 else f"{one.row.id}#{known[one.row.id]}"
        found.append(Asked(Row(name, one.row.source, one.row.reference), one.messages))
    return found
