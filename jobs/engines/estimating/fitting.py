"""A run that this machine cannot make is refused before it begins."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from jobs.core import pipeline
from jobs.core.errors import EnvironmentProblem
from jobs.core.room import free_bytes
from jobs.core.run_dir import RunDir
from jobs.engines.estimating import machine
from jobs.logic.estimating.fitting import OVERRIDE, lack
from jobs.logic.estimating.recipe import Recipe


def require_fit(least: Recipe, root: Path, asked: Collection[str]) -> None:
    """Raises EnvironmentProblem where a stage that is asked for and not made yet needs more than there is, whatever the
    rows are."""
    here, run_dir = machine.here(), RunDir(root)
    made = [stage for stage in pipeline.USUAL if stage not in asked or (run_dir.root / stage).is_dir()]
    found = lack(least, here.gib, here.ram, free_bytes(run_dir.root), made)
    if found is not None:
        raise EnvironmentProblem(
            f"{found.said}; `make estimate` has all of it, {OVERRIDE} begins all the same", words=found.words
        )
