"""Torn and damaged checkpoints are passed over; order is by step, never by the clock."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jobs.core import checkpoint


def saved(folder: Path, step: int, text: str = "weights") -> Path:
    work = folder.parent / "work"
    work.mkdir()
    (work / "adapter.bin").write_text(f"{text} {step}")
    (work / "state.json").write_text("{}")
    return checkpoint.publish(work, folder, step)


@pytest.mark.parametrize("damage", ["flip", "truncate", "delete", "manifest", "rename"])
def test_the_newest_whole_one_wins(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "checkpoints"
    saved(folder, 9)
    newest = saved(folder, 10)
    victim = newest / "adapter.bin"
    match damage:
        case "flip":
            victim.write_bytes(bytes([victim.read_bytes()[0] ^ 1]) + victim.read_bytes()[1:])
        case "truncate":
            os.truncate(victim, 3)
        case "delete":
            victim.unlink()
        case "manifest":
            (newest / checkpoint.MANIFEST).write_text("{")
        case "rename":
            newest.rename(folder / "step-11")
    assert checkpoint.newest_whole(folder) == (9, folder / "step-9")


def test_order_is_numeric_and_ignores_the_clock(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    for step in (100, 20, 3):
        os.utime(saved(folder, step), (step, 10_000_000 - step))
    found = checkpoint.newest_whole(folder)
    assert found
    assert found[0] == 100
    checkpoint.rotate(folder, keep=1, always={3})
    assert checkpoint.steps(folder) == [100, 3]


def test_nothing_there(tmp_path: Path) -> None:
    assert checkpoint.newest_whole(tmp_path / "none") is None
    (tmp_path / "checkpoint-5").mkdir()
    assert checkpoint.steps(tmp_path) == []


def test_saving_a_step_again_replaces_it(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    saved(folder, 5, "old")
    saved(folder, 5, "new")
    assert (folder / "step-5" / "adapter.bin").read_text() == "new 5"
