"""The two that are compared: a run, a folder with a GGUF, or a GGUF file; each known by its digest."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from jobs.core.artifact import RECORD, Artifact
from jobs.core.errors import Refusal
from jobs.core.names import spelled
from jobs.core.run_dir import RunDir
from jobs.engines.answering import gguf_files
from jobs.engines.chat import choice
from jobs.logic.pages.amounts import percent
from jobs.logic.parity import quant_files


@dataclass(frozen=True)
class Model:
    """One of the two."""

    name: str
    """What it is called: its run and type, or its file."""
    type: str
    """As in Q4_K_M; empty where the file's name says none."""
    gguf: Path
    digest: str
    run: RunDir | None
    """None: what it was trained on is not known here."""
    standing: str
    """`certified`, or why not; of a file that nothing is known."""


def found(word: str, named: str | None, kind: str | None) -> Model:
    """The model that `compare.a` or `compare.b`, `word`, names.

    Raises Refusal where it is not there, is no run, folder or GGUF, or was changed after it was made.
    """
    if named is None:
        raise Refusal(
            f"{word}: names no model; give a run (runs/first), a folder with a GGUF, or a GGUF file",
            words=[f"{word}=runs/NAME"],
        )
    path = spelled(Path(named).expanduser())
    if path.is_file():
        return _of_file(word, path)
    if not path.is_dir():
        beside = [one.name for one in path.parent.glob("*/")] if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, beside, n=1)
        told = f"; did you mean {path.parent / near[0]}?" if near else ""
        raise Refusal(
            f"{word}: {path} is not there{told}", words=[f"{word}={path.parent / one}" for one in near], without=[word]
        )
    if any((path / stage / RECORD).is_file() for stage in choice.PLACES):
        return _of_run(word, RunDir(path), kind)
    return _of_folder(word, path, kind)


def named_apart(first: Model, second: Model) -> tuple[str, str]:
    """What the two are called; never the same."""
    if first.name != second.name:
        return first.name, second.name
    return f"{first.name} (a)", f"{second.name} (b)"


def _of_run(word: str, run: RunDir, kind: str | None) -> Model:
    there = choice.ggufs(run)
    if not there:
        raise Refusal(f"{word}: {run.root} has no GGUF yet: {choice.state(run)}", without=[word])
    if kind is not None and kind.upper() not in {name.upper() for name in there}:
        near = difflib.get_close_matches(kind.upper(), there, n=1) or list(there)[:1]
        said = f"compare.type={kind[:60]}: {run.root.name} has {', '.join(there)}"
        raise Refusal(said, words=[f"compare.type={one}" for one in near])
    chosen = choice.choose(run, kind or "")
    standing = f"NOT CERTIFIED: {chosen.why_not}" if chosen.why_not else "certified"
    name = f"{run.root.name} {chosen.type}"
    return Model(name, chosen.type, chosen.gguf, gguf_files.digest(chosen.gguf), run, standing)


def _of_folder(word: str, path: Path, kind: str | None) -> Model:
    """A GGUF of a folder that is no run; of an artifact of a run, that run's."""
    typed = quant_files.first_files(file.name for file in path.glob("*.gguf"))
    whole = [file for file in sorted(path.glob("*.gguf")) if not quant_files.type_of(file.name)]
    files = {name.upper(): path / file for name, file in typed.items()} | {file.stem: file for file in whole}
    wanted = [file for name, file in files.items() if kind is None or kind.upper() in name.upper()]
    if len(wanted) != 1:
        have = f"has {', '.join(sorted(files))}" if files else "has no GGUF, and is no run"
        raise Refusal(f"{word}: {path} {have}; name one file, as in {word}={path / 'model.gguf'}", without=[word])
    return _of_file(word, wanted[0])


def _of_file(word: str, path: Path) -> Model:
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise Refusal(f"{word}: {path} is no GGUF file", without=[word])
    kind = quant_files.type_of(path.name) or ""
    run = _run_of(path)
    if run is None:
        return Model(path.stem, kind, path, gguf_files.digest(path), None, "a file of its own: what it was trained on "
                     "is not known here")  # fmt: skip
    chosen = choice.choose(run, kind)
    standing = f"NOT CERTIFIED: {chosen.why_not}" if chosen.why_not else "certified"
    return Model(f"{run.root.name} {kind}", kind, path, gguf_files.digest(path), run, standing)


def _run_of(path: Path) -> RunDir | None:
    """The run whose artifact a file is part of."""
    folder = path.absolute().parent
    if folder.name not in choice.PLACES or not (folder / RECORD).is_file():
        return None
    artifact = Artifact.open(folder)
    for part in quant_files.parts(path.name):
        artifact.file(part)
    return RunDir(folder.parent)


def retention(model: Model) -> str:
    """How much of its fine-tune is left in the file, as `verify` measured it; empty where nobody has."""
    verify = model.run.artifact("verify") if model.run else None
    parities = verify.record.facts.get("parities", []) if verify else []
    for one in parities:
        if str(one["artifact"]).upper() == model.type.upper():
            low, high = float(one["retention_low"]), float(one["retention_high"])
            return f"{percent(float(one['retention']))} ({percent(low)} to {percent(high)})"
    return ""
