"""A whole run of the demo, made once a test session, and copies of it that may be spoiled."""

from __future__ import annotations

import fcntl
import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jobs.core import chain, config, pipeline
from jobs.core.artifact import SCHEMA, Record, hash_files, write_record
from jobs.core.run_dir import RunDir

ROOT = Path(__file__).resolve().parents[1]


def command(*words: str, timeout: float = 1800) -> subprocess.CompletedProcess[str]:
    """`python -m jobs` with these words, from the project's folder."""
    return subprocess.run(
        [sys.executable, "-m", "jobs", *words], capture_output=True, text=True, cwd=ROOT, env=surroundings(),
        timeout=timeout, check=False,
    )  # fmt: skip


def surroundings() -> dict[str, str]:
    """This process's environment, and memory for PyTorch in large pages: a quarter of the demo's training goes into
    asking the system for small ones, again for every step's logits."""
    return {**os.environ, "THP_MEM_ALLOC_ENABLE": "1"}


def make(folder: Path) -> Path:
    """The demo, from nothing to its certificate; the run's folder.

    In the folder of KIWAME_DEMO_RUNS where that is set: then it is made once for several test sessions.
    """
    folder = Path(os.environ.get("KIWAME_DEMO_RUNS") or folder)
    with (folder / ".making").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two sessions may ask for it at once, a run takes one command
        done = command("all", "experiment=demo", f"run.folder={folder}")
    assert done.returncode == 0, done.stderr[-6000:]
    return folder / "demo"


def copy(run: Path, to: Path, stages: Sequence[str] = pipeline.USUAL) -> Path:
    """The artifacts of some stages, hard-linked: break the link with `own` before changing a file."""
    for stage in stages:
        shutil.copytree(run / stage, to / stage, copy_function=os.link)
    return to


def own(path: Path) -> Path:
    """A file that may be changed: its bytes, no longer shared with the run it was linked from."""
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)
    return path


def judged(
    run: Path, stage: str, words: Sequence[str] = (), again: bool = False, base: Sequence[str] = ("experiment=demo",)
) -> list[str]:
    """The codes of the rules that fail on `stage` as it is on disk; with `again`, it is made anew first.

    What was measured replaces the artifact's record, so that later stages can stand on it.
    """
    module: Any = importlib.import_module(f"jobs.{stage}")
    main, out, run_dir = chain.load(stage), run / stage, RunDir(run)
    cfg = main.slice(config.compose([*base, *words]))
    inputs = main.inputs(run_dir, cfg)
    (out / "artifact.json").unlink()
    if again:
        shutil.rmtree(out)
        out.mkdir()
        module.make(cfg, inputs, out)
        if stage == "train":
            module.clear(out)
    facts = module.measure(cfg, inputs, out).model_dump(mode="json")
    verdict = main.judge(facts, cfg, {})
    record = Record(
        schema_version=SCHEMA, stage=stage, key=main.key(cfg, inputs), files=hash_files(out), facts=facts,
        verdict=verdict, made_by={},
    )  # fmt: skip
    write_record(out, record)
    return [finding.code for finding in verdict.failing]


def first_gate(run: Path, stage: str, words: Sequence[str] = ()) -> tuple[str, list[str]]:
    """Judge `stage` as it is on disk, then make the later stages, until a gate says no.

    Returns (stage, codes of the failing rules); ("none", []) where every gate passed.
    """
    for name in pipeline.USUAL[pipeline.USUAL.index(stage) : -1]:
        codes = judged(run, name, words, again=name != stage)
        if codes:
            return name, codes
    return "none", []
