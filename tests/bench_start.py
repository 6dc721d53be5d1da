"""What a person waits for when there is nothing to do: a wrong key, and a chain that is finished."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from jobs.core import chain, config, pipeline, terminal
from jobs.core.errors import Exit, Refusal
from jobs.core.run_dir import RunDir
from tests.bench_rows import ROOT, PartFailed, Row

TIMES = 5


def measure(options: Any) -> list[Row]:
    """Medians of five: `train.lrr=1` to its refusal, and `all` on a copy of the run to `nothing to do`."""
    made_by = options.words.split()
    wrong = [answer_seconds(["train", *made_by, "train.lrr=1"], Exit.REFUSED) for _ in range(TIMES)]
    rows = [Row("a wrong key, until it is named", statistics.median(wrong), "s", note=spread(wrong))]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "run"
        for stage in pipeline.USUAL:
            shutil.copytree(Path(options.run) / stage, copy / stage, copy_function=linked)
        words = [*made_by, f"run.folder={folder}", "run.name=run"]
        waiting = unfinished(RunDir(copy), words)
        if waiting:
            terminal.say(f"bench: start: a finished chain is not measured: {waiting}; words='...' says how it was made")
            return rows
        again = [answer_seconds(["all", *words], Exit.PASSED) for _ in range(TIMES)]
    return [*rows, Row("a finished chain, again", statistics.median(again), "s", note=spread(again))]


def linked(source: str, target: str) -> None:
    """A hard link, or a copy on another disk: the chain replaces files and never writes into one."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def unfinished(run_dir: RunDir, words: list[str]) -> str:
    """The first stage that would be made again under today's config, and why; empty where there is none."""
    composed = config.compose(words)
    for name in pipeline.USUAL:
        main = chain.load(name)
        try:
            state = main.state(run_dir, main.key(cfg := main.slice(composed), main.inputs(run_dir, cfg)))
        except Refusal as refusal:
            return f"{name}: {refusal}"
        if state.kind != "done":
            return f"{name} would be made again ({'; '.join(state.differences[:2]) or state.kind})"
    return ""


def answer_seconds(words: list[str], expected: Exit) -> float:
    """Wall time of `python -m jobs` with these words; raises PartFailed for another exit code."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "jobs", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode != expected:
        raise PartFailed(f"`jobs {words[0]}` ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return seconds


def spread(values: list[float]) -> str:
    return f"{min(values):.2f} to {max(values):.2f} in {len(values)} times"
