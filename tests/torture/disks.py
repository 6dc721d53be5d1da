"""Full disks: a run's folder or TMPDIR on a file system of a drawn size, mounted for the trial."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.core import pipeline
from jobs.core.errors import Exit
from tests.torture import cases, runs
from tests.torture.compare import require
from tests.torture.runs import BUG, TRACEBACK, Bench, Command

ROOM = 2 << 30
"""Bytes of a disk that has space again."""


def why_not(folder: Path) -> str:
    """Why no file system can be mounted here; empty where one can."""
    if os.geteuid() != 0:
        return "only root can mount a file system"
    trial = folder / "mount"
    trial.mkdir(parents=True, exist_ok=True)
    try:
        with mounted(trial, 1 << 20):
            return ""
    except (OSError, subprocess.CalledProcessError) as error:
        return f"no file system can be mounted ({error})"


@contextmanager
def mounted(folder: Path, num_bytes: int) -> Iterator[Path]:
    """A file system in memory at `folder`, for as long as the context."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={num_bytes}", "none", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def full(bench: Bench, draw: random.Random) -> str:
    """A stage on a disk that is too small for it, or just not; then the same command with room."""
    target = draw.choice(pipeline.USUAL)
    if draw.random() < 0.25:
        return full_scratch(bench, draw, target)
    taken = sum(num_bytes(bench.case.whole / stage) for stage in runs.before(target))
    made = num_bytes(bench.case.whole / target)
    room = int(draw.choice([draw.random() * 0.1, draw.random(), 1 + draw.random() * 0.3]) * made) + 4096
    disk = bench.folder / "disk"
    scratch = {"TMPDIR": str(disk / "scratch")} if draw.random() < 0.3 else {}
    with mounted(disk, taken + (1 << 20) + room):
        run = disk / cases.NAME
        for stage in runs.before(target):
            shutil.copytree(bench.case.whole / stage, run / stage)
        (disk / "scratch").mkdir()
        command = bench.start(target, runs=disk, environment=scratch)
        text = f"{target} with {room:,} of {made:,} bytes{', TMPDIR there too' if scratch else ''}"
        answered(command, command.wait(), text, str(disk), named=True)
        bench.ended()
        whole = [(run / stage / "artifact.json").exists() for stage in runs.before(target)]
        require(all(whole), f"{text}: an ancestor is gone")
        subprocess.run(["mount", "-o", f"remount,size={ROOM}", str(disk)], check=True)
        bench.finish(target, runs=disk, environment=scratch)
        bench.ended()
        bench.same([*runs.before(target), target], run)
    return text


def full_scratch(bench: Bench, draw: random.Random, target: str) -> str:
    """The same of the folder for temporary files."""
    cases.link(bench.case, bench.folder, runs.before(target))
    room = int(2 ** (12 + draw.random() * 13))
    text = f"{target} with {room:,} bytes in TMPDIR"
    with mounted(bench.folder / "scratch", room) as scratch:
        command = bench.start(target, environment={"TMPDIR": str(scratch)})
        answered(command, command.wait(), text, str(scratch), named=False)
        bench.ended()
    bench.again(target, [*runs.before(target), target])
    return text


def answered(command: Command, code: int, text: str, disk: str, named: bool) -> None:
    """Exit 0, or 4 with the folder, what is needed and what is free; never a bug."""
    said = command.said
    require(code in (Exit.PASSED, Exit.ENVIRONMENT), f"{text}: ended with exit code {code}:\n{runs.tail(said)}")
    require(TRACEBACK not in said and BUG not in said, f"{text}: told as a bug:\n{runs.tail(said)}")
    if code == Exit.ENVIRONMENT and named:
        missing = [word for word in (disk, "need", "free") if word not in said]
        require(not missing, f"{text}: what was said has no {', '.join(missing)}:\n{runs.tail(said, 3)}")


def num_bytes(folder: Path) -> int:
    """Of all files below a folder, in whole pages as a file system in memory counts them."""
    return sum(-(-path.stat().st_size // 4096) * 4096 + 4096 for path in folder.rglob("*"))
