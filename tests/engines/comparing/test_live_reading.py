"""Files of real use: every row is read, or told by its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobs.core.errors import Refusal
from jobs.engines.comparing.live_reading import read
from jobs.logic.comparing.live import Vote
from jobs.logic.comparing.live_outcomes import Scale

WORDS = Scale(None, 0.5)
GOOD = [
    ("2026-01-01T08:00:00Z", "u1", "new", "up"),
    ("2026-01-01T09:00:00Z", "u2", "old", "down"),
    ("2026-01-02T09:00:00Z", "u1", "new", "up"),
]
COLUMNS = ("time", "user", "arm", "outcome")


def csv(folder: Path, rows: list[tuple[str, ...]], names: tuple[str, ...] = COLUMNS) -> Path:
    path = folder / "use.csv"
    path.write_text("\n".join(",".join(row) for row in (names, *rows)) + "\n", encoding="utf-8")
    return path


def jsonl(folder: Path, lines: list[str]) -> Path:
    path = folder / "use.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def objects(rows: list[tuple[str, ...]]) -> list[str]:
    return [json.dumps(dict(zip(COLUMNS, row, strict=True))) for row in rows]


def test_csv_and_jsonl_say_the_same(tmp_path: Path) -> None:
    by_csv, by_json = read(csv(tmp_path, GOOD), WORDS), read(jsonl(tmp_path, objects(GOOD)), WORDS)
    assert [(one.row, one.user, one.arm, one.value) for one in by_csv] == [
        (2, "u1", "new", 1.0), (3, "u2", "old", 0.0), (4, "u1", "new", 1.0),
    ]  # fmt: skip
    assert by_json == [Vote(one.row - 1, one.time, one.user, one.arm, one.value) for one in by_csv]


def test_what_editors_and_spreadsheets_add_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "use.CSV"
    text = 'outcome,note,arm,user,time\r\nup,"a, b\nc",new,u1,2026-01-01T08:00:00Z\r\n\r\ndown,,old,u2,1767258000\r\n'
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert [(one.row, one.user) for one in read(path, WORDS)] == [(3, "u1"), (5, "u2")]


BAD_ROWS = [
    (("2026-01-01T08:00:00Z", "u3", "", "up"), "has no arm"),
    (("2026-01-01T08:00:00Z", "u3", "new", "perhaps"), "outcome: expected up or down"),
    (
        ("2026-01-01T08:00:00Z", "u3", "new", "7"),
        "outcome: 7 is a number; say between which it lies: compare.live.range=[0,10]",
    ),
    (("2026-01-01T08:00:00Z", "u3", "new", "kept"), "outcome is of another kind (kept) than in row 2 (thumbs)"),
    (("1 January", "u3", "new", "up"), "time: expected one as in"),
    (GOOD[1], "says the same as row 3"),
    (("2026-01-01T08:00:00Z", "u3", "new"), "has 3 cells and the first line 4"),
    (("2026-01-01T08:00:00Z", "u3", "new", "up", "so, so"), "has 6 cells"),
]


@pytest.mark.parametrize(("row", "why"), BAD_ROWS)
def test_a_row_that_cannot_be_counted_has_its_line(
    row: tuple[str, ...], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Refusal) as caught:
        read(csv(tmp_path, [*GOOD, row]), WORDS)
    assert capsys.readouterr().err.startswith("use.csv, row 5: ")
    assert f"use.csv: 1 of 4 rows cannot be counted, the first in row 5: {why}" in str(caught.value)
    assert "nothing was counted" in str(caught.value)


def test_votes_of_one_day_are_told_apart_by_their_ids(tmp_path: Path) -> None:
    day = ("2026-01-01", "u1", "new", "up")
    assert len(read(csv(tmp_path, [(*day, "v1"), (*day, "v2")], (*COLUMNS, "id")), WORDS)) == 2
    with pytest.raises(Refusal, match="row 3: says the same as row 2; take one out, or give each vote an id"):
        read(csv(tmp_path, [(*day, "v1"), (*day, "v1")], (*COLUMNS, "id")), WORDS)


def test_every_bad_row_has_a_line_up_to_twenty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = [("2026-01-01T08:00:00Z", f"u{place}", "new", "\x1b[2J") for place in range(25)]
    with pytest.raises(Refusal, match="25 of 28 rows"):
        read(csv(tmp_path, [*GOOD, *bad]), WORDS)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 21
    assert [line.split(":")[0] for line in lines[:3]] == ["use.csv, row 5", "use.csv, row 6", "use.csv, row 7"]
    assert lines[-1] == "use.csv: and 5 more"
    assert all("\x1b" not in line for line in lines)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "is no JSON"),
        ("[1]", "expected an object"),
        ('{"time":1767258000,"user":"u","arm":"new","outcome":NaN}', "NaN is no number"),
        ('{"time":1767258000,"user":"u","arm":"new","arm":"old","outcome":"up"}', "stands twice"),
        ('{"time":1767258000,"user":"u","outcome":"up"}', "has no arm"),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_lines_that_are_no_rows(line: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="the first in row 4: ") as caught:
        read(jsonl(tmp_path, [*objects(GOOD), line]), WORDS)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (("time", "user", "variant", "outcome"), "has no column arm"),
        (("time", "user", "arm", "outcome", "arm"), "has the column arm twice"),
        (("a", "b"), "has no column time, user, arm, outcome"),
    ],
)
def test_columns_that_lack(names: tuple[str, ...], why: str, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=why):
        read(csv(tmp_path, GOOD, names), WORDS)


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("use.csv", b"", "has no column time"),
        ("use.csv", b"time,user,arm,outcome\n", "has no rows"),
        ("use.jsonl", b"\n\n", "has no rows"),
        ("use.csv", "time,user,arm,outcome\n1,\u3042".encode("shift_jis"), "save it as UTF-8"),
        ("use.csv", b'time,user,arm,outcome\n"open', "row 2: is no CSV"),
        ("use.xlsx", b"PK", "expected a .jsonl or .csv file"),
    ],
)
def test_files_that_are_none(name: str, data: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(Refusal, match=why):
        read(path, WORDS)


def test_a_file_that_is_not_there_or_a_folder(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"gone\.csv: No such file"):
        read(tmp_path / "gone.csv", WORDS)
    (tmp_path / "use.csv").mkdir()
    with pytest.raises(Refusal, match=r"use\.csv: Is a directory"):
        read(tmp_path / "use.csv", WORDS)
