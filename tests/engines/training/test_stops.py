"""A stop is answered between two batches, whatever runs, and costs nothing: the same bytes in the end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs.core.errors import Interrupted
from jobs.engines.training import run as sft_run, saving, sft
from tests.engines.training import tiny_sft
from tests.engines.training.passes import passes
from tests.engines.training.tiny_sft import same

LORA = sft.Lora(4, 8.0, 0.2, False, tiny_sft.TARGETS)
"""With dropout, so that random numbers matter."""
SHORT: dict[str, Any] = {"eval_batch_size": 1}
"""12 steps of two batches, the last of an epoch of one; 8 batches in each of the evaluations at 0, 3, 6, 9 and 12."""
EARLY: dict[str, Any] = SHORT | {"learning_rate": 0.09, "num_epochs": 20, "patience": 2}
BROKEN_OFF: dict[str, Any] = SHORT | {"num_epochs": 1.25}
"""Ends at step 8, in the middle of an epoch and between two evaluations."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sft.write_base(tmp_path_factory.mktemp("base"))


def fit(base: Path, out: Path, changes: dict[str, Any]) -> sft_run.Outcome:
    settings = replace(tiny_sft.settings(**changes), lora=LORA)
    return sft_run.fit(settings, tiny_sft.places(base, out), tiny_sft.rows(22, 1), tiny_sft.rows(8, 2))


class Whole:
    """Uninterrupted runs, made once each."""

    def __init__(self, base: Path, folder: Path) -> None:
        self.base, self.folder, self.counted = base, folder, dict[str, dict[str, int]]()

    def run(self, name: str, changes: dict[str, Any]) -> Path:
        if name not in self.counted:
            with passes() as counted:
                fit(self.base, self.folder / name, changes)
            self.counted[name] = counted
        return self.folder / name


@pytest.fixture(scope="module")
def whole(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return Whole(base, tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize(
    ("stop_in", "saved"),
    [
        (("eval", 3), None),  # of the base
        (("train", 1), None),
        (("train", 2), 1),
        (("eval", 9), 3),  # the first of an evaluation
        (("eval", 13), 3),
        (("eval", 16), 3),  # its last
        (("train", 7), 3),  # the first batch after it
        (("train", 5), 2),  # the first of two: what was begun is not finished
        (("train", 12), 6),  # an epoch begins
        (("eval", 18), 6),
        (("train", 22), 12),  # the last step, whose evaluation is left
        (("eval", 36), 12),
    ],
)
def test_no_batch_is_begun_after_a_stop(
    base: Path, tmp_path: Path, whole: Whole, capfd: pytest.CaptureFixture[str], stop_in: tuple[str, int],
    saved: int | None,
) -> None:  # fmt: skip
    out, (kind, number) = tmp_path / "out", stop_in
    expected = f"step {saved} of 12 is saved" if saved else "nothing was trained yet"
    with passes(stop_in) as stopped, pytest.raises(Interrupted, match=expected):
        fit(base, out, SHORT)
    assert stopped[kind] == number
    said = [line for line in capfd.readouterr().err.splitlines() if "stop asked for" in line]
    assert len(said) == 1
    assert said[0].startswith("train: stop asked for; saving after the batch in hand")
    with passes() as rest:
        fit(base, out, SHORT)
    same(out, whole.run("short", SHORT))
    again = rest["eval"] + stopped["eval"] - whole.counted["short"]["eval"]
    assert 0 <= again <= 8  # batches of the evaluation that was broken off, and of no other


@pytest.mark.parametrize("name", ["early", "broken off"])
@pytest.mark.parametrize("before_its_end", [7, 0])
def test_a_stop_in_the_last_evaluation(
    base: Path, tmp_path: Path, whole: Whole, name: str, before_its_end: int
) -> None:
    changes = {"early": EARLY, "broken off": BROKEN_OFF}[name]
    there, out = whole.run(name, changes), tmp_path / "out"
    last = whole.counted[name]["eval"] - before_its_end
    with passes(("eval", last)), pytest.raises(Interrupted, match="is saved"):
        fit(base, out, changes)
    with passes(("eval", 4)), pytest.raises(Interrupted, match="is saved"):
        fit(base, out, changes)
    with passes() as rest:
        fit(base, out, changes)
    assert rest == {"train": 0, "eval": 8}
    same(out, there)


@pytest.mark.parametrize("name", ["short", "early", "broken off"])
def test_what_had_ended_is_not_trained_again(base: Path, tmp_path: Path, whole: Whole, name: str) -> None:
    changes = {"short": SHORT, "early": EARLY, "broken off": BROKEN_OFF}[name]
    there, out = whole.run(name, changes), tmp_path / "out"
    first = fit(base, out, changes)
    with passes() as rest:
        assert fit(base, out, changes) == first
    assert rest["train"] <= 2 * 6  # early stopping ends behind the last checkpoint
    same(out, there)


def test_a_checkpoint_holds_what_resuming_needs_and_nothing_else(whole: Whole) -> None:
    for step in (whole.run("short", SHORT) / "checkpoints").iterdir():
        assert {path.name for path in step.iterdir()} == {*saving.state_files(1), "manifest.json"}
    assert saving.state_files(2)[-2:] == ("rng_state_0.pth", "rng_state_1.pth")
    assert not list((whole.folder / "short" / "saving").iterdir())
