"""A run of ours as evidence: which of its files to look at, and what its records say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.core.artifact import RECORD
from jobs.engines.diagnosing.boundary import Reading, Unreadable
from jobs.engines.diagnosing.looking import Looked
from jobs.logic.diagnosing import kinds
from jobs.logic.diagnosing.evidence import FindingSeen

FILES = (
    ("train", "prepare/train.jsonl"), ("val", "prepare/val.jsonl"), ("tokens", "preflight/train.jsonl"),
    ("tokenizer", "merge/model"), ("tokenizer", "preflight/tokenizer"), ("base", "fetch/model"),
    ("adapter", "train/adapter"), ("log", "train/log.jsonl"), ("merged", "merge/model"),
    ("modelfile", "report/Modelfile"),
    ("answers", "smoke/generations.jsonl"),
)  # fmt: skip
"""What a file is, and its place in a run; a stage that was cut off has it in `<stage>.partial`."""
SHIPS = ("quantize", "convert")


def paths(root: Path) -> list[str]:
    """Everything of a run that a diagnosis looks at, each said for what it is."""
    found = [f"{what}:{path}" for what, place in FILES if (path := _there(root, place)) is not None]
    for stage in SHIPS:
        found += [f"gguf:{path}" for path in sorted((root / stage).glob("*.gguf"))]
    return [*found, *(str(path) for path in records(root))]


def _there(root: Path, place: str) -> Path | None:
    """The file of a stage, or of an attempt that was cut off; None where there is none."""
    stage, _, rest = place.partition("/")
    for folder in (root / stage, root / f"{stage}.partial"):
        if (folder / rest).exists():
            return folder / rest
    return None


def records(root: Path) -> list[Path]:
    """The records of a run."""
    return sorted(path for path in root.glob(f"*/{RECORD}") if not path.parent.name.endswith(".partial"))


@dataclass(frozen=True)
class RecordsSeen:
    """What the records say, and what became of their files."""

    looked: Looked
    findings: tuple[FindingSeen, ...]
    """What the gates said, in the order of the chain."""
    facts: Mapping[str, Mapping[str, object]]
    """Of each stage."""


def read(looked: Looked, order: Sequence[str]) -> RecordsSeen:
    """What all records say; one that cannot be read is a line in `looked`."""
    reading = Reading(looked)
    found: dict[str, tuple[list[FindingSeen], Mapping[str, object]]] = {}
    for stage, findings, facts in reading.each(kinds.RECORD, _read):
        found.setdefault(stage, (findings, facts))
    stages = sorted(found, key=lambda stage: order.index(stage) if stage in order else len(order))
    said = tuple(one for stage in stages for one in found[stage][0])
    return RecordsSeen(reading.looked, said, {stage: found[stage][1] for stage in stages})


def _read(path: Path) -> tuple[str, list[FindingSeen], dict[str, object]]:
    """Stage, findings and facts of a record, or of the one in a folder; raises what `Reading` takes for a line."""
    data = json.loads((path / RECORD if path.is_dir() else path).read_text(encoding="utf-8"))
    stage, facts = data["stage"], data["facts"]
    findings = [
        FindingSeen(stage, str(one["code"]), str(one["name"]), str(one["status"]), tuple(map(str, one["messages"])))
        for one in data["verdict"]["findings"]
    ]
    if not isinstance(stage, str) or not isinstance(facts, dict):
        raise Unreadable("is no record of a stage: it says no stage, or no facts")
    return stage, findings, facts
