"""A run's folder: what an interrupted attempt left is gone on from, dropped with a word, or recovered; never lost."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jobs.core.artifact import Key
from jobs.core.errors import EnvironmentProblem, Refusal
from jobs.core.provenance import ROOT
from jobs.core.run_dir import RunDir
from tests.core.test_stage import made, toy

KEY = Key(config={"epochs": 1}, inputs={}, outside={})
OTHER = Key(config={"epochs": 2}, inputs={}, outside={})


def cut_off(root: Path) -> Path:
    """An attempt that has saved a checkpoint and was killed."""
    partial = RunDir(root).begin("train", KEY, resumes=True)
    (partial / "checkpoints").mkdir()
    (partial / "checkpoints" / "step-8").write_text("8")
    return partial


def saved(partial: Path) -> bool:
    return (partial / "checkpoints" / "step-8").exists()


def notes(root: Path) -> tuple[Path, Path]:
    return root / ".train.key.json", root / "train.partial" / ".key.json"


def test_the_same_config_goes_on_and_leaves_the_notes_alone(tmp_path: Path) -> None:
    partial = cut_off(tmp_path)
    before = [(note.stat().st_ino, note.read_bytes()) for note in notes(tmp_path)]
    assert RunDir(tmp_path).begin("train", KEY, resumes=True) == partial
    assert saved(partial)
    assert [(note.stat().st_ino, note.read_bytes()) for note in notes(tmp_path)] == before


def damaged(how: str, note: Path) -> None:
    data = note.read_bytes()
    note.unlink()
    if how != "gone":
        note.write_bytes({"empty": b"", "cut": data[: len(data) // 2], "other": data.replace(b"1", b"7")}[how])


@pytest.mark.parametrize("how", ["gone", "empty", "cut", "other"])
@pytest.mark.parametrize("which", [0, 1])
def test_one_damaged_note_costs_nothing(tmp_path: Path, how: str, which: int) -> None:
    partial = cut_off(tmp_path)
    damaged(how, notes(tmp_path)[which])
    RunDir(tmp_path).begin("train", KEY, resumes=True)
    assert saved(partial)
    assert [Key.model_validate_json(note.read_bytes()) for note in notes(tmp_path)] == [KEY, KEY]


@pytest.mark.parametrize("how", ["gone", "empty", "cut"])
def test_without_a_readable_note_nothing_is_deleted(tmp_path: Path, how: str) -> None:
    partial = cut_off(tmp_path)
    for note in notes(tmp_path):
        damaged(how, note)
    with pytest.raises(Refusal, match="holds checkpoints of an attempt that was cut off"):
        RunDir(tmp_path).begin("train", KEY, resumes=True)
    assert saved(partial)


def test_what_another_config_left_is_dropped_with_a_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    partial = cut_off(tmp_path)
    RunDir(tmp_path).begin("train", OTHER, resumes=True)
    assert not saved(partial)
    assert (
        "dropped what an attempt that was cut off has left (checkpoints): train.epochs is 2" in capsys.readouterr().err
    )
    assert [Key.model_validate_json(note.read_bytes()) for note in notes(tmp_path)] == [OTHER, OTHER]


def test_a_refusal_does_not_take_what_an_earlier_attempt_saved(tmp_path: Path) -> None:
    run_dir, main = RunDir(tmp_path), toy("train")
    for stage in ("fetch", "prepare", "preflight"):
        made(run_dir, toy(stage))

    def refusing(cfg: Any, inputs: Any, out: Path) -> Any:
        kept = out / "step-8"
        if kept.exists():
            raise Refusal("not today")
        kept.write_text("8")
        raise ValueError("cut off")

    main.run = refusing
    with pytest.raises(ValueError, match="cut off"):
        made(run_dir, main)
    with pytest.raises(Refusal, match="not today"):
        made(run_dir, main)
    assert (tmp_path / "train.partial" / "step-8").exists()


@pytest.mark.parametrize("torn", [False, True])
def test_a_kill_between_two_renames_loses_nothing(tmp_path: Path, torn: bool) -> None:
    run_dir, main = RunDir(tmp_path), toy()
    made(run_dir, main, "old")
    (tmp_path / "fetch").rename(tmp_path / "elsewhere")
    made(run_dir, main, "new").root.rename(tmp_path / "fetch.partial")
    (tmp_path / "elsewhere").rename(tmp_path / ".fetch.old")
    if torn:
        (tmp_path / "fetch.partial" / "text.txt").write_text("ne")
    with run_dir.lock():
        artifact = run_dir.artifact("fetch")
    assert artifact
    assert artifact.file("text.txt").read_text() == ("old" if torn else "new")
    assert not list(tmp_path.glob(".*.old"))


def test_a_kill_before_the_old_one_is_put_aside_keeps_the_new_one(tmp_path: Path) -> None:
    run_dir, main = RunDir(tmp_path), toy()
    made(run_dir, main, "new").root.rename(tmp_path / "fetch.partial")
    made_old = RunDir(tmp_path / "elsewhere")
    made(made_old, main, "old").root.rename(tmp_path / "fetch")
    (tmp_path / "elsewhere").rmdir()
    with run_dir.lock():
        artifact = run_dir.artifact("fetch")
    assert artifact
    assert artifact.file("text.txt").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "fetch"]


def test_what_a_kill_leaves_beside_the_artifacts_is_recovered(tmp_path: Path) -> None:
    run_dir = RunDir(tmp_path)
    made(run_dir, toy())
    (tmp_path / ".fetch.key.json").write_text(KEY.model_dump_json())  # after the last rename, before its removal
    (tmp_path / ".train.key.json.new").write_text("{")
    (tmp_path / ".train.partial.artifact.json.new").write_text("{")
    with run_dir.lock():
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "fetch"]


def test_a_damaged_record_of_an_unpublished_attempt_stops_nothing(tmp_path: Path) -> None:
    partial = RunDir(tmp_path).begin("fetch", KEY, resumes=False)
    (partial / "artifact.json").write_text("{")
    with RunDir(tmp_path).lock():
        assert RunDir(tmp_path).artifact("fetch") is None


def test_a_half_dropped_attempt_is_never_gone_on_from(tmp_path: Path) -> None:
    partial = cut_off(tmp_path)
    partial.rename(tmp_path / ".train.dropped")  # where another config's begin was killed
    with RunDir(tmp_path).lock():
        assert not (tmp_path / ".train.dropped").exists()
    assert not saved(RunDir(tmp_path).begin("train", KEY, resumes=True))


@pytest.mark.parametrize("text", ["[]", "null", "3", '{"a": 1}', "[" * 100_000, ""])
def test_a_record_that_is_none_is_refused_by_its_path(tmp_path: Path, text: str) -> None:
    made(RunDir(tmp_path), toy())
    (tmp_path / "fetch" / "artifact.json").write_text(text)
    with pytest.raises(Refusal, match=r"artifact\.json: the record is damaged"):
        RunDir(tmp_path).artifact("fetch")
    (tmp_path / "fetch").rename(tmp_path / "fetch.partial")
    with RunDir(tmp_path).lock():
        assert RunDir(tmp_path).artifact("fetch") is None


@pytest.mark.parametrize("place", ["fetch/artifact.json", ".fetch.key.json", "fetch.partial/.key.json"])
def test_a_pipe_is_never_opened(tmp_path: Path, place: str) -> None:
    run_dir = RunDir(tmp_path)
    made(run_dir, toy())
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).unlink(missing_ok=True)
    os.mkfifo(tmp_path / place)
    if place.startswith("fetch/"):
        with pytest.raises(Refusal, match="is a FIFO, expected a plain file"):
            run_dir.artifact("fetch")
    else:
        run_dir.begin("fetch", KEY, resumes=True)
        assert Key.model_validate_json((tmp_path / place).read_bytes()) == KEY


@pytest.mark.parametrize("last", ["fetch", "train"])
def test_an_artifact_holds_no_note(tmp_path: Path, last: str) -> None:
    for stage in ("fetch", "prepare", "preflight", "train"):
        made(RunDir(tmp_path), toy(stage))
        if stage == last:
            break
    assert sorted(path.name for path in (tmp_path / last).iterdir()) == ["artifact.json", "text.txt"]
    assert not list(tmp_path.glob(".*"))


def test_one_command_at_a_time_and_the_second_is_told_of_the_first(tmp_path: Path) -> None:
    who = rf"another command is working on this run \(pid {os.getpid()} on {socket.gethostname()}, since 2\d\d\d-"
    refused = pytest.raises(EnvironmentProblem, match=who)
    with RunDir(tmp_path).lock(), refused, RunDir(tmp_path).lock():
        pass
    assert (tmp_path / ".lock").read_text() == ""
    with RunDir(tmp_path).lock():
        pass


def test_the_second_command_says_so_before_anything_heavy_is_loaded(tmp_path: Path) -> None:
    words = ["all", "experiment=demo", f"run.folder={tmp_path}"]
    code = f"import sys; from jobs.__main__ import main; print(main({words!r}), 'torch' in sys.modules)"
    with RunDir(tmp_path / "demo").lock():
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == ["4", "False"]
    assert f"pid {os.getpid()} on " in done.stderr
