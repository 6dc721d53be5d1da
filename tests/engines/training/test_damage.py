"""Damaged checkpoints, the best one among them: training goes on from an older one, to the same bytes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.core import checkpoint
from jobs.core.errors import EnvironmentProblem, Interrupted
from jobs.engines.training import run as sft_run, saving
from tests.engines.training import tiny_sft
from tests.engines.training.passes import passes
from tests.engines.training.tiny_sft import same

CHANGES = {"learning_rate": 0.02, "num_epochs": 20, "patience": 3, "evals_per_epoch": 3, "keep_checkpoints": 3,
           "checkpoint_every_steps": 2}  # fmt: skip
"""Stops early: the best step and the newest are not the same."""
Damage = Callable[[Path], object]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sft.write_base(tmp_path_factory.mktemp("base"))


def fit(base: Path, out: Path) -> sft_run.Outcome:
    return sft_run.fit(
        tiny_sft.settings(**CHANGES), tiny_sft.places(base, out), tiny_sft.rows(22, 1), tiny_sft.rows(8, 2)
    )


@pytest.fixture(scope="module")
def whole(base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, list[int]]:
    """A run that was not interrupted, as it is before its outcome is written: (folder, best step, steps on disk)."""
    out = tmp_path_factory.mktemp("whole") / "out"
    outcome = fit(base, out)
    steps = checkpoint.steps(out / "checkpoints")
    assert len([step for step in steps if step > outcome.chosen_step]) == 3
    assert outcome.chosen_step in steps
    return out, outcome.chosen_step, steps


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def unname(path: Path) -> None:
    """The manifest names all but one of the files that resuming needs, and the file is gone."""
    manifest = path.parent / checkpoint.MANIFEST
    data = json.loads(manifest.read_text())
    del data["files"][path.name]
    manifest.write_text(json.dumps(data))
    path.unlink()


@pytest.mark.parametrize(
    "damage",
    [
        shutil.rmtree,
        lambda step: flip(step / saving.ADAPTER),
        lambda step: os.truncate(step / saving.ADAPTER, 0),
        lambda step: (step / checkpoint.MANIFEST).unlink(),
        *[lambda step, name=name: unname(step / name) for name in saving.state_files(1)],
        lambda step: step.rename(step.with_name("step-0007")),
    ],
)
def test_the_best_is_made_again(
    base: Path, whole: tuple[Path, int, list[int]], tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Damage
) -> None:
    out = shutil.copytree(whole[0], tmp_path / "out")
    damage(out / "checkpoints" / f"step-{whole[1]}")
    outcome = fit(base, out)
    assert outcome.restored_step == outcome.chosen_step == whole[1]
    same(out, whole[0])
    said = capsys.readouterr().err
    assert said.count(f"step-{whole[1]}, which it needs: ") == 3
    assert "goes on from" not in said  # nothing before the best was kept


@pytest.fixture(scope="module")
def stopped(base: Path, whole: tuple[Path, int, list[int]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run, stopped three steps after its best: that one, the one before it and the one after it are there."""
    out, begun = tmp_path_factory.mktemp("stopped") / "out", whole[1] + 2
    with passes(("train", 11 * (begun // 6) + 2 * (begun % 6) + 1)), pytest.raises(Interrupted):
        fit(base, out)
    return out


@pytest.mark.parametrize(
    ("damaged", "goes_on_from"),
    [((), 2), ((2,), 0), ((0,), -2), ((0, 2), -2), ((-2, 2), 0), ((-2, 0), None), ((-2, 0, 2), None)],
)
def test_it_goes_on_from_the_newest_whole_one_whose_best_is_whole(
    base: Path, whole: tuple[Path, int, list[int]], stopped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    damaged: tuple[int, ...], goes_on_from: int | None,
) -> None:  # fmt: skip
    """`damaged` and `goes_on_from` count steps from the best one."""
    there, best, _ = whole
    out = shutil.copytree(stopped, tmp_path / "out")
    assert checkpoint.steps(out / "checkpoints")[:3] == [best + 2, best, best - 2]
    for steps in damaged:
        flip(out / "checkpoints" / f"step-{best + steps}" / saving.ADAPTER)
    fit(base, out)
    same(out, there)
    said = capsys.readouterr().err
    if goes_on_from is None:
        assert "goes on from" not in said
    else:
        assert f"train: goes on from step {best + goes_on_from}\n" in said


def test_a_best_that_is_damaged_while_training_goes_on_is_the_machines_fault(
    base: Path, whole: tuple[Path, int, list[int]], stopped: Path, tmp_path: Path
) -> None:
    there, best, _ = whole
    out = shutil.copytree(stopped, tmp_path / "out")
    victim = out / "checkpoints" / f"step-{best}" / saving.ADAPTER
    with (
        passes(("train", 1), do=lambda: flip(victim)),
        pytest.raises(EnvironmentProblem, match=f"step-{best}: was damaged"),
    ):
        fit(base, out)
    fit(base, out)
    same(out, there)
