"""The demo's training in two processes, stopped and taken up again: one artifact that one process could have made."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from jobs.core.artifact import Artifact
from tests import whole_run
from tests.test_interrupted import count_steps, interrupt

pytestmark = [pytest.mark.chain, pytest.mark.processes]
LOSS, NORM = 1e-3, 1e-2
"""Relative. fp32 sums in another order, over some hundred steps of a small and hot model: rounding grows with them."""


def test_two_processes_make_the_artifact_of_one(demo_run: Path, tmp_path: Path) -> None:
    run = whole_run.copy(demo_run, tmp_path / "demo", ["fetch", "prepare", "preflight"])
    words = ["train", "experiment=demo", f"run.folder={tmp_path}", "train.num_processes=2"]
    log = run / "train.partial" / "log.jsonl"
    assert interrupt(words, lambda: count_steps(log) >= 3, signal.SIGTERM) == 75
    assert not (run / "train").exists()
    done = whole_run.command(*words)
    assert done.returncode == 0, done.stderr
    assert "goes on from step" in done.stderr
    one, two = Artifact.open(demo_run / "train").record, Artifact.open(run / "train").record
    assert two.key.config["num_processes"] == 2
    assert sorted(two.files) == sorted(one.files)
    for name in ("num_steps", "steps_per_epoch", "effective_batch", "graded_tokens_an_epoch", "num_train_rows"):
        assert two.facts[name] == one.facts[name], name
    for name, tolerance in (("best_eval_loss", LOSS), ("restored_eval_loss", LOSS), ("adapter_norm", NORM)):
        assert two.facts[name] == pytest.approx(one.facts[name], rel=tolerance), name
    again = whole_run.command("train", "experiment=demo", f"run.folder={tmp_path}", "train.num_processes=1")
    assert again.returncode == 2
    assert "train.num_processes is 1, it was made with 2" in again.stderr
