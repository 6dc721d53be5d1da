"""A comparison's folder is there whole or not at all, and takes the place of none but its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.core.errors import Refusal
from jobs.engines.comparing.places import MARK, whole
from jobs.engines.comparing.sheet_page import KEY


def make(folder: Path, same: str = "a", text: str = "new", redo: bool = False) -> None:
    with whole(folder, redo, same) as partial:
        (partial / "compare.json").write_text(text)


def listing(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


def test_it_is_put_in_its_place_when_it_is_whole(tmp_path: Path) -> None:
    make(tmp_path / "runs" / "x")
    assert listing(tmp_path) == ["runs", "runs/x", f"runs/x/{MARK}", "runs/x/compare.json"]


def test_one_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    make(tmp_path / "x", text="old")

    def fails() -> None:
        with whole(tmp_path / "x", False, "a") as partial:
            (partial / "compare.json").write_text("half")
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert listing(tmp_path) == ["x", f"x/{MARK}", "x/compare.json"]
    assert (tmp_path / "x" / "compare.json").read_text() == "old"


@pytest.mark.parametrize("left", [".x.partial", ".x.old"])
def test_what_a_kill_left_is_cleared_away_or_put_back(tmp_path: Path, left: str) -> None:
    make(tmp_path / "x", text="old")
    (tmp_path / "x").rename(tmp_path / left)
    make(tmp_path / "x", same="a", text="new")
    assert (tmp_path / "x" / "compare.json").read_text() == "new"
    assert listing(tmp_path) == ["x", f"x/{MARK}", "x/compare.json"]


def test_another_comparison_or_another_folder_is_not_replaced(tmp_path: Path) -> None:
    make(tmp_path / "x")
    with pytest.raises(Refusal, match="other models, rows or settings"):
        make(tmp_path / "x", same="b")
    make(tmp_path / "x", same="b", redo=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    for place in (tmp_path / "mine", tmp_path / "mine" / "thesis.txt"):
        with pytest.raises(Refusal, match="is no comparison"):
            make(place, redo=True)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("redo", [False, True])
def test_what_people_saved_in_it_stays(tmp_path: Path, redo: bool) -> None:
    make(tmp_path / "x", text="old")
    (tmp_path / "x" / "sheet.html").write_text("of before")
    (tmp_path / "x" / "ann.json").write_text("votes")
    (tmp_path / "x" / "raters").mkdir()
    (tmp_path / "x" / "raters" / "bob.json").write_text("votes too")
    make(tmp_path / "x", same="b" if redo else "a", redo=redo)
    made = ["x", f"x/{MARK}", "x/ann.json", "x/compare.json", "x/raters", "x/raters/bob.json"]
    assert listing(tmp_path) == made
    assert (tmp_path / "x" / "compare.json").read_text() == "new"


def test_what_people_saved_outlives_a_kill_behind_the_renames(tmp_path: Path) -> None:
    make(tmp_path / ".x.old", text="old")
    (tmp_path / ".x.old" / "ann.json").write_text("votes")
    make(tmp_path / "x")
    assert listing(tmp_path) == ["x", f"x/{MARK}", "x/ann.json", "x/compare.json"]
    make(tmp_path / ".x.old", text="old")
    (tmp_path / ".x.old" / "ann.json").write_text("other votes")
    with pytest.raises(Refusal, match=r"ann\.json is both in"):
        make(tmp_path / "x")
    assert (tmp_path / ".x.old" / "ann.json").read_text() == "other votes"
    assert (tmp_path / "x" / "ann.json").read_text() == "votes"


def sheet(folder: Path, key: str | None, redo: bool = False) -> None:
    with whole(folder, redo, "a") as partial:
        if key is not None:
            (partial / KEY).write_text(key)


@pytest.mark.parametrize("other", ["other sides", None])
def test_a_sheet_that_may_be_with_people_is_replaced_by_its_like_alone(tmp_path: Path, other: str | None) -> None:
    sheet(tmp_path / "x", "sides")
    sheet(tmp_path / "x", "sides")
    with pytest.raises(Refusal, match="a blind sheet that may be with people"):
        sheet(tmp_path / "x", other)
    assert (tmp_path / "x" / KEY).read_text() == "sides"
    assert listing(tmp_path) == ["x", f"x/{MARK}", f"x/{KEY}"]
    sheet(tmp_path / "x", other, redo=True)
    assert (tmp_path / "x" / KEY).exists() == (other is not None)


@pytest.mark.parametrize("name", [".", "/", ".."])
def test_a_folder_without_a_name_is_refused(name: str) -> None:
    with pytest.raises(Refusal, match="has no name of its own"), whole(Path(name), True, "a"):
        pass
