"""Which GGUF of a run is talked to, and whether it is certified."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.core import pipeline
from jobs.core.artifact import Artifact
from jobs.core.errors import Refusal
from jobs.core.run_dir import RunDir
from jobs.logic.parity import quant_files

PLACES = ("report", "quantize", "convert")
"""Where a run has GGUFs; what ships comes first."""


@dataclass(frozen=True)
class Choice:
    """A GGUF of a run."""

    gguf: Path
    type: str
    """As in Q4_K_M."""
    why_not: str
    """Why it is not certified; empty where it is."""
    longest_row: int
    """Tokens of the longest row that was trained or held out; 0 where it is not known."""


def choose(run_dir: RunDir, wanted: str) -> Choice:
    """The GGUF of type `wanted`, or where that is empty the first that ships, its bytes compared with the record.

    Raises Refusal where the run, or a GGUF of that type in it, is not there, or was changed after it was made.
    """
    if not run_dir.root.is_dir():
        others = runs_beside(run_dir.root)
        raise Refusal(
            f"run.name: there is no run {run_dir.root}; {_told(others, run_dir.root.parent)}",
            words=[f"run.name={name}" for name in others[:1]] or ["experiment=demo"], command="" if others else "all",
        )  # fmt: skip
    found = ggufs(run_dir)
    if not found:
        raise Refusal(
            f"{run_dir.root}: has no GGUF yet: {state(run_dir)}; `make all` with the words of this run goes on",
            command="all",
        )
    names = {name.upper(): name for name in found}
    if wanted and wanted.upper() not in names:
        near = difflib.get_close_matches(wanted.upper(), names, n=1) or list(names)[:1]
        said = f"file={wanted[:60]}: this run has {', '.join(found)}"
        raise Refusal(said, words=[f"file={names[one]}" for one in near])
    kind = names[wanted.upper()] if wanted else next(iter(found))
    artifact, name = found[kind]
    for part in quant_files.parts(name):
        artifact.file(part)
    certified = artifact.record.stage == PLACES[0]
    return Choice(artifact.root / name, kind, "" if certified else state(run_dir, kind), longest_row(run_dir))


def ggufs(run_dir: RunDir) -> dict[str, tuple[Artifact, str]]:
    """Type to the artifact and the file that has it, in the order they were asked for; of two the certified one."""
    found: dict[str, tuple[Artifact, str]] = {}
    artifacts = [run_dir.artifact(stage) for stage in PLACES]
    for artifact in artifacts:
        if artifact is None or (artifact.record.stage == PLACES[0] and not artifact.passed):
            continue
        for kind, name in quant_files.first_files(artifact.record.files).items():
            found.setdefault(kind.upper(), (artifact, name))
    asked = asked_types(artifacts[1])
    order = [kind for kind in asked if kind in found] + [kind for kind in ("F16", "F32") if kind in found]
    return {kind: found[kind] for kind in dict.fromkeys([*order, *found])}


def asked_types(quantize: Artifact | None) -> list[str]:
    """The types that `quantize` made, in the order they were asked for."""
    quants: list[dict[str, Any]] = quantize.record.facts.get("quants", []) if quantize else []
    return [str(quant["type"]).upper() for quant in quants]


def state(run_dir: RunDir, kind: str = "what there is") -> str:
    """How far a run came: the stage that failed, or the first that is not made."""
    for stage in pipeline.PIPELINE:
        artifact = run_dir.artifact(stage.name)
        if artifact is None and stage.optional:
            continue
        if artifact is None:
            return f"`{stage.name}` was not made"
        if not artifact.passed:
            codes = ", ".join(f"{finding.code} {finding.name}" for finding in artifact.record.verdict.failing)
            return f"stopped at `{stage.name}` by {codes}"
    return f"{kind} is not among the files that ship"


def longest_row(run_dir: RunDir) -> int:
    """Tokens of the longest row that `preflight` wrote."""
    preflight = run_dir.artifact("preflight")
    lengths = preflight.record.facts.get("lengths", {}) if preflight else {}
    return int(lengths.get("longest") or 0)


def runs_beside(root: Path) -> list[str]:
    """The names of the runs beside one that is not there, the most alike first."""
    found = sorted(path.name for path in root.parent.glob("*/") if any((path / place).is_dir() for place in PLACES))
    return sorted(found, key=lambda name: -difflib.SequenceMatcher(None, root.name, name).ratio())


def _told(others: list[str], folder: Path) -> str:
    if not others:
        return f"there is none in {folder}; `make demo` makes one in minutes"
    return f"there are {', '.join(others[:8])}: say run.name={others[0]}"
