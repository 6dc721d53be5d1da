"""Runs that were made on this machine, by their records: what each stage took, beside what would be guessed of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs.core import compose, memory, pipeline
from jobs.core.artifact import Artifact
from jobs.core.errors import Refusal
from jobs.core.provenance import machine
from jobs.core.run_dir import RunDir
from jobs.engines.estimating import row_sizes
from jobs.logic.estimating import durations, memory as memories, plan as planning
from jobs.logic.estimating.durations import Machine
from jobs.logic.estimating.measured import Seen
from jobs.logic.estimating.recipe import Recipe, Rows

MOST_RUNS = 8
"""Of the newest that have a tokenized set."""
MakeRecipe = Callable[[Mapping[str, Any], Rows], Recipe]


def seen(runs: Path, on: Machine, make_recipe: MakeRecipe, without: str = "") -> list[Seen]:
    """Every stage of the newest runs below `runs` that this machine made; the run called `without` is left out."""
    folders = [path for path in runs.iterdir() if path.is_dir() and path.name != without] if runs.is_dir() else []
    newest = sorted(folders, key=lambda path: path.stat().st_mtime, reverse=True)[: 4 * MOST_RUNS]
    found: list[Seen] = []
    for root in newest:
        with contextlib.suppress(Refusal, OSError, ValueError, KeyError):  # of a run that is damaged nothing is learnt
            found += list(of_run(root, on, make_recipe))
        if len({one.run for one in found}) >= MOST_RUNS:
            break
    return found


def of_run(root: Path, on: Machine, make_recipe: MakeRecipe) -> Iterator[Seen]:
    """The stages of one run that were made on this machine. Raises Refusal where its records cannot be read."""
    run_dir = RunDir(root)
    preflight = run_dir.artifact("preflight")
    if preflight is None:
        return
    recipe = make_recipe(compose.compose(memory.read(root)), tokenized(run_dir, preflight))
    planned = planning.planned(recipe.rows, recipe.training, on_cpu=on.gpu is None)
    seconds = durations.seconds(recipe, planned, on)
    needed = {one.stage: one for one in memories.needed(recipe, planned, on.gpu is not None)}
    for stage in pipeline.NAMES:
        artifact = run_dir.artifact(stage)
        if artifact is None or artifact.record.made_by.get("machine") != machine() or stage not in seconds:
            continue
        by, guess = artifact.record.made_by, needed.get(stage)
        yield Seen(
            root.name, stage, seconds[stage], float(by["seconds"]), guess.resident_bytes if guess else 0.0,
            float(by["peak_rss_bytes"]), guess.gpu_bytes if guess else 0.0, float(by.get("peak_gpu_bytes", 0)),
        )  # fmt: skip


def tokenized(run_dir: RunDir, preflight: Artifact) -> Rows:
    """The rows of a run as they were trained."""
    prepare = run_dir.artifact("prepare")
    files: Sequence[Mapping[str, Any]] = prepare.record.facts["files"] if prepare else ()
    return row_sizes.tokenized(preflight.file("train.jsonl").parent, sum(int(one["num_bytes"]) for one in files))
