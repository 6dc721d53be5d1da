"""The stage with Unsloth: the demo's fine-tune passes every gate up to the merge."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.core.artifact import Artifact
from tests import whole_run

pytestmark = [pytest.mark.gpu, pytest.mark.chain]
LOSS = {"cpu": 1e-3, "cuda": 2e-2}
"""Relative, of validation losses after some hundred steps of a small and hot model; on a CPU 3e-6 was seen."""


def test_the_demo_trained_by_unsloth_passes(demo_run: Path, tmp_path: Path, device: str) -> None:
    run = whole_run.copy(demo_run, tmp_path / "demo", ["fetch", "prepare", "preflight"])
    where = "auto" if device == "cpu" else device  # the config lets nobody ask for Unsloth on a CPU
    dtype = "float32" if device == "cpu" else "bfloat16"
    done = whole_run.command(
        "merge", "experiment=demo", f"run.folder={tmp_path}", "train=unsloth", f"train.device={where}",
        f"train.dtype={dtype}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    hf, unsloth = Artifact.open(demo_run / "train").record, Artifact.open(run / "train").record
    assert unsloth.facts["backend"] == "unsloth"
    assert sorted(unsloth.files) == sorted(hf.files)
    for name in ("num_steps", "steps_per_epoch", "effective_batch", "graded_tokens_an_epoch", "num_adapter_weights"):
        assert unsloth.facts[name] == hf.facts[name], name
    for name in ("best_eval_loss", "restored_eval_loss", "adapter_norm"):
        assert unsloth.facts[name] == pytest.approx(hf.facts[name], rel=LOSS[device]), name
    assert Artifact.open(run / "merge").passed
