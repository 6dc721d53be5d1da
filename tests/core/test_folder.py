"""Whatever lies in an artifact's folder is seen for what it is, and only plain files are opened."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.core.artifact import Artifact, Key, Record, contents, hash_files, listing, write_record
from jobs.core.errors import Refusal
from jobs.core.rule import Verdict


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "fetch"
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "weights").write_text("abc")
    write_record(folder, Record(
        schema_version=1, stage="fetch", key=Key(config={}, inputs={}, outside={}), files=hash_files(folder), facts={},
        verdict=Verdict(status="pass", findings=[], notes=["n"]), made_by={"seconds": 1.5},
    ))  # fmt: skip
    return folder


def swap(path: Path, make: Callable[[Path], Any]) -> None:
    if path.is_dir():
        (path / "weights").unlink()
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    make(path)


CHANGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "file": (lambda r: (r / "model" / "more").write_text("x"), "model/more: is a file that is not in the record"),
    "hidden file": (lambda r: (r / ".gitignore").write_text("x"), ".gitignore: is a file that is not in the record"),
    "empty folder": (lambda r: (r / "model" / "more").mkdir(), "model/more: is a folder that is not in the record"),
    "link to a folder": (lambda r: (r / "more").symlink_to(r.parent), "more: is a link that is not in the record"),
    "dangling link": (lambda r: (r / "more").symlink_to("gone"), "more: is a link that is not in the record"),
    "FIFO": (lambda r: os.mkfifo(r / "more"), "more: is a FIFO that is not in the record"),
    "link for a file": (
        lambda r: swap(r / "model" / "weights", lambda p: p.symlink_to("/dev/zero")),
        "model/weights: is a link, not a plain file",
    ),
    "FIFO for a file": (
        lambda r: swap(r / "model" / "weights", os.mkfifo),
        "model/weights: is a FIFO, not a plain file",
    ),
    "link for a folder": (lambda r: swap(r / "model", lambda p: p.symlink_to("/")), "model: is a link that is not"),
    "file for a folder": (lambda r: swap(r / "model", lambda p: p.write_text("x")), "model/weights: is missing"),
    "file gone": (lambda r: (r / "model" / "weights").unlink(), "model/weights: is missing"),
}


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("what", CHANGES)
def test_a_difference_is_named(what: str, whole: bool, root: Path) -> None:
    change, expected = CHANGES[what]
    assert Artifact.open(root).problems(whole) == []
    change(root)
    problems = Artifact.open(root).problems(whole)
    assert any(problem.startswith(expected) for problem in problems), problems


def test_listing_has_plain_files_and_contents_everything(root: Path) -> None:
    (root / "empty").mkdir()
    (root / "link").symlink_to("model")
    os.mkfifo(root / "fifo")
    assert listing(root) == ["model/weights"]
    assert contents(root) == ["artifact.json", "empty", "fifo", "link", "model/weights"]


@pytest.mark.parametrize(
    ("old", "new"),
    [("1.5", "1.6"), ('"n"', '"m"'), ('"pass"', '"fail"'), ('"made_by"', '"mode_by"'), ("{\n", "{ \n"), ("abc", "abc")],
)
def test_any_byte_of_a_record_counts(old: str, new: str, root: Path) -> None:
    text = (root / "artifact.json").read_text()
    changed = text.replace(old, new, 1) if old in text else text[:-1]
    (root / "artifact.json").write_text(changed)
    with pytest.raises(Refusal, match=r"artifact\.json: (was edited|the record is damaged)"):
        Artifact.open(root)


def test_a_record_has_its_digest_and_its_seal(root: Path) -> None:
    data = json.loads((root / "artifact.json").read_text())
    assert len(data["digest"]) == len(data["seal"]) == 64


@pytest.mark.parametrize("name", ["digest", "seal"])
def test_a_record_without_one_of_them_is_none(name: str, root: Path) -> None:
    data = json.loads((root / "artifact.json").read_text())
    del data[name]
    (root / "artifact.json").write_text(json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    with pytest.raises(Refusal, match=rf"artifact\.json: the record is damaged \(no {name}\); remove"):
        Artifact.open(root)
