"""Torn and damaged checkpoints are passed over; order is by step, never by the clock."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from jobs.core import checkpoint

FILES = ("adapter.bin", "state.json")


def saved(folder: Path, step: int, text: str = "weights", needs: tuple[int, ...] = ()) -> Path:
    work = folder.parent / "work"
    work.mkdir()
    (work / "adapter.bin").write_text(f"{text} {step}")
    (work / "state.json").write_text("{}")
    return checkpoint.publish(work, folder, step, needs)


def found(folder: Path) -> int | None:
    newest = checkpoint.newest_whole(folder, FILES)
    assert newest is None or newest[1] == folder / f"step-{newest[0]}"
    return newest[0] if newest else None


def damage(newest: Path, how: str) -> None:
    victim, manifest = newest / "adapter.bin", newest / checkpoint.MANIFEST
    match how:
        case "flip":
            victim.write_bytes(bytes([victim.read_bytes()[0] ^ 1]) + victim.read_bytes()[1:])
        case "truncate":
            os.truncate(victim, 3)
        case "delete":
            victim.unlink()
        case "no folder":
            shutil.rmtree(newest)
        case "manifest":
            manifest.write_text("{")
        case "no manifest":
            manifest.unlink()
        case "rename":
            newest.rename(newest.with_name("step-11"))
        case "a state file less":
            data = json.loads(manifest.read_text())
            del data["files"]["state.json"]
            manifest.write_text(json.dumps(data))


DAMAGES = ["flip", "truncate", "delete", "no folder", "manifest", "no manifest", "a state file less"]


@pytest.mark.parametrize("how", [*DAMAGES, "rename"])
def test_the_newest_whole_one_wins(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "checkpoints"
    saved(folder, 9)
    damage(saved(folder, 10), how)
    assert found(folder) == 9


@pytest.mark.parametrize("how", DAMAGES)
def test_one_that_needs_a_damaged_one_is_passed_over(
    tmp_path: Path, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "checkpoints"
    saved(folder, 3)
    saved(folder, 6, needs=(3,))
    best = saved(folder, 9)
    saved(folder, 12, needs=(9,))
    saved(folder, 15, needs=(9,))
    assert found(folder) == 15
    damage(best, how)
    assert found(folder) == 6
    said = capsys.readouterr().err
    assert "checkpoint step-15 is passed over: step-9, which it needs: " in said
    damage(folder / "step-3", how)
    assert found(folder) is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", "[" * 100_000, '{"step": 10, "needs": [], "files": ["adapter.bin"]}',
     '{"step": "10", "needs": [], "files": {}}', '{"step": 10, "files": {"adapter.bin": "0"}}',
     '{"step": 10, "needs": [], "files": {"adapter.bin": "0", "state.json": "0", "\\u0000": "0"}}'],
)  # fmt: skip
def test_a_manifest_of_nonsense_is_passed_over(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "checkpoints"
    saved(folder, 9)
    (saved(folder, 10) / checkpoint.MANIFEST).write_text(text)
    assert found(folder) == 9


def test_order_is_numeric_and_ignores_the_clock(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    for step in (100, 20, 3):
        os.utime(saved(folder, step), (step, 10_000_000 - step))
    assert found(folder) == 100


def test_rotation_keeps_what_the_kept_need_and_drops_what_was_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    needs = {2: (), 4: (), 6: (4,), 8: (), 10: (8,), 12: (8,), 14: (8,)}
    for step, others in needs.items():
        saved(folder, step, needs=others)
    checkpoint.rotate(folder, 12, keep=2)
    assert checkpoint.steps(folder) == [12, 10, 8]
    saved(folder, 7, needs=(4,))
    checkpoint.rotate(folder, 7, keep=2)
    assert checkpoint.steps(folder) == [7]


def test_nothing_there(tmp_path: Path) -> None:
    assert found(tmp_path / "none") is None


def test_other_things_are_neither_taken_nor_harmed(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "checkpoints", tmp_path / "elsewhere"
    shutil.copytree(saved(folder, 7), folder / "step-0007")
    shutil.copytree(folder / "step-7", elsewhere / "step-7")
    for name in ("step-７", "step-7 ", "step--7", "checkpoint-7", "step-7.replaced", "step-1e1", "Step-7"):
        shutil.copytree(folder / "step-7", folder / name)
    (folder / "step-8").write_text("a file")
    (folder / "step-9").symlink_to(elsewhere / "step-7")
    (folder / "step-10").symlink_to("nowhere")
    (folder / ".step-7.replaced-1").write_text("a file")
    os.mkfifo(folder / "step-11")
    odd = {path.name for path in folder.iterdir()} - {"step-7"}
    assert checkpoint.steps(folder) == [7]
    assert found(folder) == 7
    checkpoint.rotate(folder, 7, keep=1)
    saved(folder, 7, "again")
    for step in (8, 9, 10, 11):
        saved(folder, step)
        assert found(folder) == step
        checkpoint.rotate(folder, step, keep=1)
    moved = {"step-8", "step-9", "step-10", "step-11"}
    names = {path.name for path in folder.iterdir()}
    assert names == odd - moved | {"step-11"} | {f"{name}.not-a-checkpoint-1" for name in moved}
    assert sorted(path.name for path in (elsewhere / "step-7").iterdir()) == [*FILES[:1], "manifest.json", *FILES[1:]]


def test_saving_a_step_again_replaces_it(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    saved(folder, 5, "old")
    saved(folder, 5, "new")
    assert (folder / "step-5" / "adapter.bin").read_text() == "new 5"
    assert [path.name for path in folder.iterdir()] == ["step-5"]
