"""`compare-live` from the command line: verdict first, a table, a JSON, and the exit code."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import os
from pathlib import Path

import pytest

from jobs.__main__ import main
from jobs.checks.compare_live import options
from jobs.core.errors import Exit
from jobs.engines.comparing.live_command import compare_live
from tests.logic.comparing.test_live import use

FAST = "compare.live.difference=0.2"


def written(path: Path, num_users: int, new: float, old: float, **changed: str) -> Path:
    """Thumbs of users of two arms, with fields in place of what they would be."""
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    with path.open("w", encoding="utf-8") as file:
        for one in use(num_users, new, old, seed=1):
            when = start + datetime.timedelta(seconds=one.time)
            row = {"time": when.isoformat(), "user": one.user, "arm": one.arm, "outcome": "up" if one.value else "down"}
            file.write(json.dumps({**row, **changed}) + "\n")
    return path


def said(capsys: pytest.CaptureFixture[str], tmp_path: Path, *words: str) -> tuple[int, str, str]:
    code = main(["compare-live", f"run.folder={tmp_path / 'runs'}", FAST, *words])
    out = capsys.readouterr()
    return code, out.out, out.err


def test_it_says_stop_where_one_is_better(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "use.jsonl", 800, 0.8, 0.5)
    code, out, err = said(capsys, tmp_path, f"compare.use={path}")
    assert code == Exit.PASSED
    assert out.startswith("stop: new is better than old: +")
    assert "real use in use.jsonl" in err
    (saved,) = (tmp_path / "runs" / "compare" / "live").iterdir()
    assert saved.name == f"use-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}.json"
    found = json.loads(saved.read_text())
    assert (found["verdict"], found["stop"], found["first"]) == ("better", True, "new")
    assert 0 < found["low"] < found["difference"] < found["high"]
    assert found["num_users"] + found["num_users_waiting"] == 800
    assert 2 * found["num_cases"] + found["num_users_without_a_case"] == found["num_users"]
    before = saved.read_bytes()
    said(capsys, tmp_path, f"compare.use={path}")
    assert saved.read_bytes() == before


def test_the_arm_that_is_asked_about_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "use.jsonl", 800, 0.8, 0.5)
    code, out, _ = said(capsys, tmp_path, f"compare.use={path}", "compare.live.arms=[old,new]")
    assert (code, out[:32]) == (Exit.PASSED, "stop: old is worse than new: -30")


def test_arms_may_be_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "use.jsonl", 800, 0.8, 0.5)
    path.write_text(path.read_text().replace('"new"', "1").replace('"old"', "0"))
    code, out, _ = said(capsys, tmp_path, f"compare.use={path}", "compare.live.arms=[1,0]")
    assert (code, out[:27]) == (Exit.PASSED, "stop: 1 is better than 0: +")


def test_it_says_go_on_and_how_long(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "use.jsonl", 60, 0.6, 0.6)
    code, out, _ = said(capsys, tmp_path, f"compare.use={path}")
    assert code == Exit.PASSED
    assert out.startswith("go on: no difference shown between new and old so far")
    assert "a difference of +20.0% is seen with 80.0% certainty by the time that about" in out


def test_it_says_before_what_a_difference_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, tmp_path)
    assert code == Exit.PASSED
    assert out.startswith("before there are votes: a difference of +20.0% is seen")
    assert not (tmp_path / "runs").exists()


def test_numbers_are_told_in_their_own_measure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "use.csv"
    rows = [f"{1767258000 + 60 * place},u{place},{'new' if place * 7 % 13 % 2 else 'old'}" for place in range(400)]
    rows = [f"{row},{9 if 'new' in row else 3}" for row in rows]
    path.write_text("time,user,arm,outcome\n" + "\n".join(rows) + "\n")
    words = (
        f"compare.use={path}",
        "compare.live.range=[0,10]",
        "compare.live.window_hours=0",
        "compare.live.share=0.47",
    )
    code, out, err = said(capsys, tmp_path, *words)
    assert (code, out[:35]) == (Exit.PASSED, "stop: new is better than old: +6 (+")
    assert "9" in err
    assert "400 votes; 399 users counted, 1 whose first vote is the newest; " in err


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"arm": "new"}, "expected rows of two arms, there is: new ("),
        ({"arm": ""}, "rows cannot be counted, the first in row 1: has no arm"),
        ({"outcome": "7"}, "say between which it lies: compare.live.range=[0,10]"),
        ({"time": "soon"}, "time: expected one as in"),
    ],
)
def test_what_cannot_be_counted_is_refused(
    changed: dict[str, str], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = said(capsys, tmp_path, f"compare.use={written(tmp_path / 'use.jsonl', 40, 0.6, 0.6, **changed)}")
    assert (code, out) == (Exit.REFUSED, "")
    assert why in err
    assert "compare-live: refused: compare.use: use.jsonl: " in err
    assert not (tmp_path / "runs").exists()


def test_a_third_arm_and_one_without_rows_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "use.jsonl", 40, 0.6, 0.6)
    code, _, err = said(capsys, tmp_path, f"compare.use={path}", "compare.live.arms=[new,older]")
    assert code == Exit.REFUSED
    assert "the arm older has no rows; there are:" in err
    with path.open("a") as file:
        file.write('{"time":1767258000,"user":"z","arm":"third","outcome":"up"}\n')
    code, _, err = said(capsys, tmp_path, f"compare.use={path}")
    assert code == Exit.REFUSED
    assert "expected rows of two arms, there are:" in err
    assert "third (1 row)" in err


def test_arms_of_two_times_are_told_written_and_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "use.jsonl", 300, 0.6, 0.6)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    arms = {row["user"]: "old" if row["time"] < "2026-02-20" else "new" for row in reversed(rows)}
    path.write_text("".join(json.dumps({**row, "arm": arms[row["user"]]}) + "\n" for row in rows))
    code, out, err = said(capsys, tmp_path, f"compare.use={path}")
    assert code == Exit.REFUSED
    assert out.startswith("cannot say whether new is better than old: the arms are not of the same time")
    assert "compare-live: refused: compare.use: use.jsonl: cannot say" in err
    (saved,) = (tmp_path / "runs" / "compare" / "live").iterdir()
    found = json.loads(saved.read_text())
    assert (found["verdict"], found["stop"], len(found["reasons"])) == ("cannot say", False, 1)


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("compare.live.arms=[new]", "expected the names of two arms"),
        ("compare.live.arms=[new,new]", "expected the names of two arms"),
        ("compare.live.range=[5,5]", "expected the least and the greatest number"),
        ("compare.live.range=[1,2,3]", "expected the least and the greatest number"),
        ("compare.live.range=[0,inf]", "expected the least and the greatest number, finite"),
        ("compare.live.range=[nan,1]", "expected the least and the greatest number, finite"),
        ("compare.live.range=[-1e308,1e308]", "finite and with a finite width between them, as in [0,10]"),
        ("compare.live.range=[9007199254740992,9007199254740993]", "expected the least and the greatest number"),
        (f"compare.live.range=[0,1{'0' * 400}]", "expected the least and the greatest number, finite"),
        ("compare.live.difference=1e-200", "expected greater than or equal to 0.0001"),
        ("compare.live.difference=0.00009", "expected greater than or equal to 0.0001"),
        ("compare.live.share=1e-320", "expected greater than or equal to 0.001"),
        ("compare.live.randomised=users", "expected 'user' or 'vote'"),
        ("compare.live.share=1.0", "expected less than or equal to 0.999"),
        ("compare.live.window_hours=inf", "compare.live.window_hours: expected a finite number"),
        ("compare.live.window_hours=nan", "compare.live.window_hours: expected"),
        ("compare.live.windows=3", "did you mean compare.live.window_hours?"),
    ],
)
def test_words_that_are_wrong(word: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, tmp_path, word)
    assert (code, out) == (Exit.REFUSED, "")
    assert why in err


def test_files_of_one_name_do_not_take_each_others_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other").mkdir()
    for place, num_users in (("use.jsonl", 60), ("other/use.jsonl", 50)):
        code, _, _ = said(capsys, tmp_path, f"compare.use={written(tmp_path / place, num_users, 0.6, 0.6)}")
        assert code == Exit.PASSED
    saved = [json.loads(file.read_text()) for file in (tmp_path / "runs" / "compare" / "live").iterdir()]
    assert sorted(found["num_users"] + found["num_users_waiting"] for found in saved) == [50, 60]


@pytest.mark.parametrize(
    "name", [b"v\xff", "投票".encode(), b"\x1b[2J", b"v" * 249], ids=["bytes", "kanji", "esc", "long"]
)
def test_any_name_of_a_file_is_written_down(name: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / os.fsdecode(name + b".jsonl")
    try:
        written(path, 60, 0.6, 0.6)
    except OSError:
        pytest.skip("the file system takes no such name")
    asked = options([f"run.folder={tmp_path / 'runs'}", FAST])
    assert compare_live(dataclasses.replace(asked, use=str(path))) == Exit.PASSED
    err = capsys.readouterr().err
    (saved,) = (tmp_path / "runs" / "compare" / "live").iterdir()
    found = json.loads(saved.read_text(encoding="utf-8"))
    assert found["file"].encode() == (b"v\\udcff.jsonl" if name == b"v\xff" else name + b".jsonl")
    assert "\x1b" not in err
    assert saved.name in err


def test_a_run_folder_that_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "runs").write_text("")
    code, _, err = said(capsys, tmp_path, f"compare.use={written(tmp_path / 'use.jsonl', 60, 0.6, 0.6)}")
    assert code == Exit.REFUSED
    assert "run.folder: " in err
