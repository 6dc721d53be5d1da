"""The stage in two processes, stopped and taken up again: one artifact that one process could have made."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from jobs.core.artifact import Artifact
from tests import whole_run
from tests.test_interrupted import BEFORE_TRAIN, LONGER, count_steps, interrupt, started_from
from tests.torture.cases import NAME, Case

pytestmark = [pytest.mark.chain, pytest.mark.processes]
SAME = [*LONGER, "train.lora.dropout=0", "train.schedule.learning_rate=1e-3"]
"""Each process draws its own dropout; at the case's own learning rate the loss jumps about."""
LOSS, NORM = 1e-3, 1e-2
"""Relative. fp32 sums in another order, over some hundred steps of a small and hot model: rounding grows with them."""


def test_two_processes_make_the_artifact_of_one(small_case: Case, tmp_path: Path) -> None:
    alone = started_from(small_case, ["prepare", "fetch"], tmp_path / "alone")
    assert whole_run.command("train", *small_case.words(alone.parent), *SAME).returncode == 0
    run = whole_run.copy(alone, tmp_path / "two" / NAME, BEFORE_TRAIN)
    words = ["train", *small_case.words(run.parent), *SAME]
    log = run / "train.partial" / "log.jsonl"
    assert interrupt([*words, "train.num_processes=2"], lambda: count_steps(log) >= 3, signal.SIGTERM) == 75
    assert not (run / "train").exists()
    done = whole_run.command(*words, "train.num_processes=2")
    assert done.returncode == 0, done.stderr
    assert "goes on from step" in done.stderr
    one, two = Artifact.open(alone / "train").record, Artifact.open(run / "train").record
    assert two.key.config["num_processes"] == 2
    assert sorted(two.files) == sorted(one.files)
    for name in ("num_steps", "steps_per_epoch", "effective_batch", "graded_tokens_an_epoch", "num_train_rows"):
        assert two.facts[name] == one.facts[name], name
    for name, tolerance in (("best_eval_loss", LOSS), ("restored_eval_loss", LOSS), ("adapter_norm", NORM)):
        assert two.facts[name] == pytest.approx(one.facts[name], rel=tolerance), name
    again = whole_run.command(*words, "train.num_processes=1")
    assert again.returncode == 2
    assert "train.num_processes is 1, it was made with 2" in again.stderr
