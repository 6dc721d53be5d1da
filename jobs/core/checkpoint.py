"""Checkpoints that survive a kill at any moment: manifest, rename, and the newest whole one wins.

A checkpoint is `step-<n>/` with `manifest.json`, the SHA-256 of every file in it, written last and before the rename.
One that is torn or damaged is passed over for an older whole one; order is by step, never by the clock.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Collection
from pathlib import Path

from jobs.core import terminal
from jobs.core.provenance import file_digest

MANIFEST = "manifest.json"
NAME = re.compile(r"step-(\d+)")


def publish(work: Path, folder: Path, step: int) -> Path:
    """Move what was saved in `work` to `folder/step-<step>`, whole or not at all."""
    digests = {}
    for path in sorted(work.rglob("*")):
        if path.is_file():
            digests[path.relative_to(work).as_posix()] = file_digest(path)
            _sync(path)
    manifest = work / MANIFEST
    manifest.write_text(json.dumps({"step": step, "files": digests}, sort_keys=True, indent=1))
    _sync(manifest)
    final = folder / f"step-{step}"
    folder.mkdir(parents=True, exist_ok=True)
    if final.exists():
        shutil.rmtree(final)
    work.rename(final)
    _sync(folder)
    return final


def steps(folder: Path) -> list[int]:
    """The steps that have a folder, whole or not, newest first."""
    if not folder.is_dir():
        return []
    found = [match for path in folder.iterdir() if (match := NAME.fullmatch(path.name))]
    return sorted((int(match.group(1)) for match in found), reverse=True)


def problem(checkpoint: Path) -> str | None:
    """Why a checkpoint cannot be trusted, or None."""
    try:
        manifest = json.loads((checkpoint / MANIFEST).read_text())
        files = dict(manifest["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return "its manifest is missing or damaged"
    if checkpoint.name != f"step-{manifest['step']}":
        return f"its manifest is of step {manifest['step']}"
    for name, digest in files.items():
        path = checkpoint / name
        if not path.is_file() or file_digest(path) != digest:
            return f"{name} is missing or damaged"
    return None


def newest_whole(folder: Path) -> tuple[int, Path] | None:
    """The newest checkpoint all of whose files are as they were saved; says which ones it passes over."""
    for step in steps(folder):
        checkpoint = folder / f"step-{step}"
        why = problem(checkpoint)
        if why is None:
            return step, checkpoint
        terminal.say(f"checkpoint step-{step} is passed over: {why}")
    return None


def rotate(folder: Path, keep: int, always: Collection[int]) -> None:
    """Remove all but the `keep` newest checkpoints and those of the steps in `always`."""
    for step in steps(folder)[keep:]:
        if step not in always:
            shutil.rmtree(folder / f"step-{step}")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
