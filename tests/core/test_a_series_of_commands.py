"""A run asked for several times, as people do: what it remembers, and that every line it prints can be pasted."""

from __future__ import annotations

import json
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs import __main__ as program
from jobs.core import memory, process, way_out
from jobs.core.run_dir import RunDir

SIGNS = "水山川空海森花鳥風月雪星火土石木雨雲波島"
FILE = "記事 一覧.jsonl"


class Desk:
    """A folder with a file of rows, and commands typed in it."""

    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.runs, self.capfd, self.said = folder / "runs", capfd, ""
        pairs = [(a, b) for a in SIGNS[:8] for b in SIGNS[8:]]
        rows = [
            {
                "id": f"r-{n}",
                "prompt": f"{a}と{b}では、どちらが{a}に近いですか。",
                "completion": f"{a * 3}が{b}より近いです。",
            }
            for n, (a, b) in enumerate(pairs)
        ]
        (folder / FILE).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")

    def types(self, *words: str) -> int:
        self.capfd.readouterr()
        code = program.main(list(words))
        out, err = self.capfd.readouterr()
        self.said = out + err
        return code

    @property
    def line(self) -> str:
        """What stands last on the screen."""
        return self.said.rstrip("\n").splitlines()[-1]

    def pastes(self) -> int:
        """Types the last line as it is printed."""
        command = shlex.split(self.line.partition("-> ")[2])
        assert command[1:3] == ["-m", "jobs"], self.line
        return self.types(*command[3:])

    def verdict(self) -> Any:
        artifact = RunDir(self.runs / "記事").artifact("prepare")
        return artifact.record if artifact else None


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    handlers = {number: signal.getsignal(number) for number in process.STOPS}
    for name in ("MAKELEVEL", "KIWAME_MAKE_WORDS", way_out.TYPED):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(Path(program.__file__).parents[1]))  # the stages' processes begin in tmp_path
    monkeypatch.chdir(tmp_path)
    yield Desk(tmp_path, capfd)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_words_are_given_once_and_lines_are_pasted(desk: Desk) -> None:
    run = "run.name=記事"
    # A name that is nearly right: the line has the right one, and everything else that was typed.
    wrong = "prepare.files=[記事 一欄.jsonl]"
    assert desk.types("prepare", run, wrong, "prepare.workers=1", "prepare.set.form=keep") == 2
    assert desk.line.startswith("-> ")
    assert not list(desk.runs.glob("記事/prepare*"))
    assert memory.read(desk.runs / "記事") == []
    assert desk.pastes() == 0
    made = desk.verdict().digest
    # Nothing else has to be said, and it is said what was taken from memory.
    assert desk.types("prepare", run) == 0
    assert "prepare: nothing to do, pass" in desk.said
    assert f"run 記事 remembers: prepare.files=[{FILE}] prepare.workers=1 prepare.set.form=keep" in desk.said
    # What passed is never silently made again; the refusal is the last thing on the screen but for the line.
    assert desk.types("prepare", run, "prepare.set.form=drop") == 2
    assert "prepare.set.form=drop instead of prepare.set.form=keep" in desk.said
    assert desk.said.splitlines()[-2].startswith(f"prepare: refused: {Path('runs/記事/prepare')}: prepare.set.form is")
    assert desk.verdict().digest == made
    assert memory.read(desk.runs / "記事")[-1] == "prepare.set.form=keep"
    assert desk.pastes() == 0
    assert desk.verdict().key.config["set"]["form"] == "drop"


def test_what_failed_is_made_again_without_redo(desk: Desk) -> None:
    words = ["run.name=記事", f"prepare.files=[{FILE}]", "prepare.workers=1", "prepare.limits.min_rows=200"]
    assert desk.types("prepare", *words) == 3
    assert "stopped at prepare by DAT004" in desk.said
    assert "not made" not in desk.said.partition("stopped at")[0].rpartition("run 記事")[2]
    assert desk.line.endswith("-m jobs prepare run.name=記事")
    assert desk.types("prepare", "run.name=記事", "prepare.set.form=keep", "prepare.limits.min_rows=10") == 0
    assert "prepare: is made again, since it did not pass: prepare.set.form is 'keep'" in desk.said
    assert desk.verdict().verdict.status == "pass"
