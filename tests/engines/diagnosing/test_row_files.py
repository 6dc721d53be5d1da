"""Rows through `prepare`'s own reading: what it would drop is counted, and a bad file costs no other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.core.compose import compose
from jobs.engines.diagnosing import row_files
from jobs.engines.diagnosing.looking import look
from jobs.engines.diagnosing.row_files import RowFilesSeen, Survey
from jobs.prepare import surveyor

THINGS = ("lamp", "boat", "garden", "letter", "bridge", "violin", "kettle", "ladder", "mirror")
Write = Callable[[str, str], None]


@pytest.fixture(scope="module")
def survey() -> Survey:
    return surveyor(compose([]))[0]


@pytest.fixture
def read(tmp_path: Path, survey: Survey) -> Callable[..., RowFilesSeen]:
    """Read files of `tmp_path`, each given as `train:NAME` or `val:NAME`."""
    return lambda *given: row_files.read(look([one.replace(":", f":{tmp_path}/", 1) for one in given]), survey)


def row(number: int, answer: str = "") -> str:
    thing = f"{THINGS[number % 9]} {number} of street {number * 7}"
    said = answer or f"You will find {thing} behind the {THINGS[number % 7]}."
    asked = {"role": "user", "content": f"Where is {thing}?"}
    return json.dumps({"messages": [asked, {"role": "assistant", "content": said}]}, ensure_ascii=False) + "\n"


def rows(start: int, stop: int) -> str:
    return "".join(map(row, range(start, stop)))


def kinds_of(found: RowFilesSeen) -> dict[str, str]:
    return {Path(one.path).name: one.kind for one in found.looked.taken}


def test_good_rows(tmp_path: Path, read: Callable[..., RowFilesSeen]) -> None:
    (tmp_path / "rows.jsonl").write_text(rows(0, 60))
    seen = read("train:rows.jsonl").train_rows
    assert seen
    assert seen.files == (f"{tmp_path}/rows.jsonl",)
    assert (seen.num_rows, seen.num_unreadable, seen.dropped, seen.mojibake) == (60, 0, {}, 0)
    assert seen.num_in_other_side is None
    assert seen.answer_chars[0] <= seen.answer_chars[1] <= seen.answer_chars[2]


def test_what_prepare_would_drop_is_counted_and_shown_with_its_rows(
    tmp_path: Path, read: Callable[..., RowFilesSeen]
) -> None:
    text = rows(0, 60) + row(60, "#boat #lamp #garden") + row(61, "あ\ufffd\ufffd縺薙ｌ縺ｯ譁�") + row(3) + "{cut\n"
    (tmp_path / "rows.jsonl").write_text(text)
    seen = read("train:rows.jsonl").train_rows
    assert seen
    assert (seen.num_rows, seen.num_unreadable, seen.num_exact_duplicates) == (64, 1, 1)
    assert seen.mojibake == 1
    assert [(Path(file).name, line) for file, line, _ in seen.examples["hashtags"]] == [("rows.jsonl", 61)]


def test_rows_of_the_other_side_are_counted(tmp_path: Path, read: Callable[..., RowFilesSeen]) -> None:
    (tmp_path / "rows.jsonl").write_text(rows(0, 60))
    (tmp_path / "val.jsonl").write_text(rows(50, 80))
    found = read("train:rows.jsonl", "val:val.jsonl")
    assert found.train_rows
    assert found.held_out_rows
    assert (found.train_rows.num_in_other_side, found.held_out_rows.num_rows) == (10, 30)


BAD = {
    "bad.parquet": "PAR1 and nothing more", "bad.json": '[{"instruction": "a", "output": "b"}, {"instr',
    "bad.jsonl": '{"x": 1}\n' * 3, "bad.xlsx": "PK\x03\x04 and nothing more",
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_alone_is_a_line(tmp_path: Path, read: Callable[..., RowFilesSeen], name: str) -> None:
    (tmp_path / name).write_text(BAD[name])
    found = read(f"train:{name}")
    assert found.train_rows is None
    (line,) = found.looked.taken
    assert line.kind == "unreadable"
    assert line.why.startswith(f"{name}: ")


@pytest.mark.parametrize("order", [1, -1])
def test_a_bad_file_among_good_ones_costs_its_own_line(
    tmp_path: Path, read: Callable[..., RowFilesSeen], order: int
) -> None:
    for name, text in {**BAD, "a.jsonl": rows(0, 30), "b.jsonl": rows(30, 60)}.items():
        (tmp_path / name).write_text(text)
    found = read(*[f"train:{name}" for name in ["a.jsonl", *BAD, "b.jsonl"][::order]])
    assert found.train_rows
    assert found.train_rows.num_rows == 60
    assert kinds_of(found) == {"a.jsonl": "rows", "b.jsonl": "rows", **dict.fromkeys(BAD, "unreadable")}


def test_bad_held_out_rows_are_not_laid_to_those_that_were_trained_on(
    tmp_path: Path, read: Callable[..., RowFilesSeen]
) -> None:
    (tmp_path / "rows.jsonl").write_text(rows(0, 60))
    (tmp_path / "val.jsonl").write_text(BAD["bad.jsonl"])
    found = read("train:rows.jsonl", "val:val.jsonl")
    assert found.train_rows
    assert (found.train_rows.num_in_other_side, found.held_out_rows) == (None, None)
    assert kinds_of(found) == {"rows.jsonl": "rows", "val.jsonl": "unreadable"}


def test_no_rows_are_none(read: Callable[..., RowFilesSeen]) -> None:
    found = read("train:gone.jsonl", "val:gone.json")
    assert (found.train_rows, found.held_out_rows) == (None, None)
