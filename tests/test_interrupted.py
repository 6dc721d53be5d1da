"""Commands that are stopped and killed in the middle, on a small case: asked again they end with the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from jobs.core.artifact import Artifact
from tests import whole_run
from tests.torture.cases import NAME, Case

pytestmark = pytest.mark.chain
BEFORE_TRAIN = ("prepare", "fetch", "preflight")
LONGER = ("train.schedule.num_epochs=16", "train.schedule.patience=0", "train.schedule.evals_per_epoch=1")
"""A hundred steps, so that there is time to end it in the middle."""


def test_killed_and_stopped_training_ends_with_the_same_bytes(small_case: Case, tmp_path: Path) -> None:
    reference = started_from(small_case, BEFORE_TRAIN, tmp_path / "reference")
    assert whole_run.command("train", *small_case.words(reference.parent), *LONGER).returncode == 0
    run = started_from(small_case, BEFORE_TRAIN, tmp_path / "run")
    words = ["train", *small_case.words(run.parent), *LONGER]
    log, checkpoints = run / "train.partial" / "log.jsonl", run / "train.partial" / "checkpoints"
    stopped = interrupt(words, lambda: count_steps(log) >= 3, signal.SIGTERM)
    assert stopped == 75
    assert not (run / "train").exists()
    done_before = count_steps(log)
    killed = interrupt(words, lambda: bool(newer_than(checkpoints, done_before)), signal.SIGKILL)
    assert killed == -signal.SIGKILL
    done = whole_run.command(*words)
    assert done.returncode == 0, done.stderr
    assert "goes on from step" in done.stderr
    same_files(reference / "train", run / "train")


def test_killed_conversion_ends_with_the_same_bytes(small_case: Case, tmp_path: Path) -> None:
    run = started_from(small_case, [*BEFORE_TRAIN, "train", "smoke", "merge"], tmp_path)
    words = ["convert", *small_case.words(tmp_path)]
    partial = run / "convert.partial" / "model-f32.gguf"
    assert interrupt(words, partial.exists, signal.SIGKILL) == -signal.SIGKILL
    assert not (run / "convert").exists()
    done = whole_run.command(*words)
    assert done.returncode == 0, done.stderr
    same_files(small_case.whole / "convert", run / "convert")


def started_from(case: Case, stages: Sequence[str], folder: Path) -> Path:
    """A run that has these stages of the case's."""
    return whole_run.copy(case.whole, folder / NAME, stages)


def interrupt(words: list[str], ready: Callable[[], bool], number: signal.Signals) -> int:
    """Start the command, wait until `ready`, send the signal to the whole process group, and return the exit code."""
    child = subprocess.Popen(
        [sys.executable, "-m", "jobs", *words], cwd=whole_run.ROOT, start_new_session=True, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 900
    while not ready() and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert child.poll() is None, "the command ended before it could be interrupted"
    if number == signal.SIGTERM:
        child.send_signal(number)  # as a pod does it: only the first process is told
    else:
        os.killpg(child.pid, number)
    return child.wait(timeout=300)


def count_steps(log: Path) -> int:
    return log.read_text().count('"loss"') if log.exists() else 0


def newer_than(checkpoints: Path, step: int) -> list[int]:
    found = [int(path.name.removeprefix("step-")) for path in checkpoints.glob("step-*")]
    return [number for number in found if number > step + 2]


def same_files(left: Path, right: Path) -> None:
    first, second = Artifact.open(left).record, Artifact.open(right).record
    assert first.files == second.files
    assert first.facts == second.facts
