"""A finished artifact is looked at again before anything is said of it: what ships whole, the rest where it moved."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from jobs.core.artifact import Artifact, Key, Record, hash_files, write_record
from jobs.core.looks import NOTE, Looks
from jobs.core.rule import Verdict
from jobs.core.run_dir import RunDir

HOUR_AGO = 3600


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    folder = tmp_path / "fetch"
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "weights").write_text("abc")
    (folder / "notes").write_text("n")
    write_record(folder, Record(
        schema_version=1, stage="fetch", key=Key(config={}, inputs={}, outside={}), files=hash_files(folder), facts={},
        verdict=Verdict(status="pass", findings=[], notes=[]), made_by={},
    ))  # fmt: skip
    found = RunDir(tmp_path).artifact("fetch")
    assert found
    return found


def noted(artifact: Artifact, **changed: float) -> Looks:
    """Looks whose note says that every file was found whole, as it stands now."""
    looks = Looks(artifact.root.parent)
    for name, entry in artifact.record.files.items():
        found = (artifact.root / name).stat()
        seen = [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, entry.sha256]
        looks.files[f"fetch/{name}"] = seen
    looks.whole = changed.get("whole", looks.whole)
    looks.keep()
    return Looks(artifact.root.parent)


def flip(path: Path, keep_time: bool = False) -> None:
    before = path.stat()
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])
    if keep_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("ships", [True, False])
@pytest.mark.parametrize("keep_time", [True, False])
def test_a_flipped_bit_is_found(ships: bool, keep_time: bool, artifact: Artifact) -> None:
    looks = noted(artifact)
    assert looks.problems(artifact, ships) == []
    flip(artifact.root / "model" / "weights", keep_time)
    problems = looks.problems(artifact, ships)
    assert len(problems) == 1
    assert problems[0].startswith("model/weights: its bytes are not the ones that were recorded")
    assert looks.problems(artifact, ships) == problems


def lie(looks: Looks, artifact: Artifact) -> None:
    """Let the note say of a damaged file what a disk that lost a bit would: that nothing moved."""
    flip(artifact.root / "notes")
    found = (artifact.root / "notes").stat()
    seen = looks.files["fetch/notes"]
    looks.files["fetch/notes"] = [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, seen[-1]]


def test_what_ships_is_read_whatever_the_note_says(artifact: Artifact) -> None:
    looks = noted(artifact)
    lie(looks, artifact)
    assert looks.problems(artifact, ships=False) == []
    assert looks.problems(artifact, ships=True)[0].startswith("notes: its bytes")


@pytest.mark.parametrize("whole", [0.0, 1e12])
def test_everything_is_read_now_and_then(whole: float, artifact: Artifact) -> None:
    looks = noted(artifact)
    lie(looks, artifact)
    looks.whole = whole
    looks.keep()
    again = Looks(artifact.root.parent)
    assert again.files == {}
    assert again.problems(artifact, ships=False)[0].startswith("notes: its bytes")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"whole": 1}', '{"whole": "x", "files": {}}', '{"files": 3, "whole": 1}']
)
def test_without_a_note_everything_is_read(text: str, artifact: Artifact) -> None:
    (artifact.root.parent / NOTE).write_text(text)
    looks = Looks(artifact.root.parent)
    flip(artifact.root / "notes")
    assert looks.problems(artifact, ships=False)[0].startswith("notes: its bytes")


def test_the_note_is_written_where_it_says_something_new(artifact: Artifact) -> None:
    note = artifact.root.parent / NOTE
    looks = noted(artifact)
    before = note.stat().st_mtime_ns, note.stat().st_ino
    looks.keep()
    assert (note.stat().st_mtime_ns, note.stat().st_ino) == before
    assert set(json.loads(note.read_text())["files"]) == {"fetch/model/weights", "fetch/notes"}
