"""Checkpoints that survive a kill at any moment: manifest, rename, and the newest whole one wins.

A checkpoint is `step-<n>/` with `manifest.json`, written last and before the rename: the SHA-256 of every file in it,
and the steps of the other checkpoints that it cannot do without, as training cannot without its best step.
One that is torn or damaged, or needs one that is, is passed over for an older whole one; order is by step, never by
the clock. Whatever else lies in the folder is left alone.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection
from itertools import count
from pathlib import Path

from pydantic import ValidationError

from jobs.core import terminal
from jobs.core.artifact import sync
from jobs.core.model import StrictModel
from jobs.core.provenance import file_digest

MANIFEST = "manifest.json"
NAME = re.compile(r"step-(0|[1-9][0-9]*)")
"""One spelling a step: `step-0007` is not the checkpoint of step 7."""
REPLACED, FOREIGN = ".{name}.replaced-{number}", "{name}.not-a-checkpoint-{number}"


class Manifest(StrictModel):
    """`manifest.json`."""

    step: int
    needs: list[int]
    files: dict[str, str]
    """Name to SHA-256."""


def publish(work: Path, folder: Path, step: int, needs: Collection[int] = ()) -> Path:
    """Move what was saved in `work` to `folder/step-<step>`, whole or not at all; `needs` are steps of others."""
    digests = {}
    for path in sorted(work.rglob("*")):
        if path.is_file():
            digests[path.relative_to(work).as_posix()] = file_digest(path)
            sync(path)
    manifest = work / MANIFEST
    manifest.write_text(Manifest(step=step, needs=sorted(needs), files=digests).model_dump_json(indent=1) + "\n")
    sync(manifest)
    final = _folder(folder, step)
    folder.mkdir(parents=True, exist_ok=True)
    _out_of_the_way(final)
    work.rename(final)
    sync(folder)
    for left in folder.glob(REPLACED.format(name="step-*", number="*")):
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
    return final


def steps(folder: Path) -> list[int]:
    """The steps that have a folder, whole or not, newest first."""
    if not folder.is_dir():
        return []
    found = [(NAME.fullmatch(path.name), path) for path in folder.iterdir()]
    numbers = [int(match.group(1)) for match, path in found if match and path.is_dir() and not path.is_symlink()]
    return sorted(numbers, reverse=True)


def problem(checkpoint: Path, required: Collection[str]) -> str | None:
    """Why a checkpoint cannot be gone on from, or None.

    Its manifest has to name every file of `required`, its files have to be as they were saved; so in those it needs.
    """
    why = _damage(checkpoint, required)
    if why is not None:
        return why
    for step in _needs(checkpoint):
        other = _folder(checkpoint.parent, step)
        why = _damage(other, required)
        if why is not None:
            return f"{other.name}, which it needs: {why}"
    return None


def newest_whole(folder: Path, required: Collection[str]) -> tuple[int, Path] | None:
    """The newest checkpoint without a problem; says which ones it passes over."""
    for step in steps(folder):
        checkpoint = _folder(folder, step)
        why = problem(checkpoint, required)
        if why is None:
            return step, checkpoint
        terminal.say(f"checkpoint {checkpoint.name} is passed over: {why}")
    return None


def rotate(folder: Path, step: int, keep: int) -> None:
    """Keep the checkpoint of `step`, which was saved just now, and the newest before it, `keep` together, and what
    these need; remove all others, also newer ones: those were passed over when the way to `step` began.
    """
    found = steps(folder)
    kept = [each for each in found if each <= step][:keep]
    needed = {other for each in kept for other in _needs(_folder(folder, each))}
    for each in found:
        if each not in needed.union(kept):
            shutil.rmtree(_folder(folder, each))


def _folder(folder: Path, step: int) -> Path:
    return folder / f"step-{step}"


def _manifest(checkpoint: Path) -> Manifest | None:
    path = checkpoint / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_bytes()) if path.is_file() else None
    except (OSError, ValidationError):
        return None


def _needs(checkpoint: Path) -> list[int]:
    manifest = _manifest(checkpoint)
    return manifest.needs if manifest else []


def _damage(checkpoint: Path, required: Collection[str]) -> str | None:
    """What is wrong with the checkpoint itself."""
    manifest = _manifest(checkpoint)
    if manifest is None:
        return "its manifest is missing or damaged"
    if checkpoint.name != f"step-{manifest.step}":
        return f"its manifest is of step {manifest.step}"
    absent = sorted(set(required) - manifest.files.keys())
    if absent:
        return f"its manifest does not name {', '.join(absent)}"
    for name, digest in manifest.files.items():
        if not _is(checkpoint / name, digest):
            return f"{name} is missing or damaged"
    return None


def _is(path: Path, digest: str) -> bool:
    try:
        return path.is_file() and file_digest(path) == digest
    except (OSError, ValueError):  # a sector that cannot be read, a name that cannot be one
        return False


def _out_of_the_way(final: Path) -> None:
    """Rename what is at `final`: a former checkpoint, which is removed later, or what is none and stays."""
    if os.path.lexists(final):
        pattern = REPLACED if final.is_dir() and not final.is_symlink() else FOREIGN
        names = (final.with_name(pattern.format(name=final.name, number=number)) for number in count(1))
        final.rename(next(name for name in names if not os.path.lexists(name)))
