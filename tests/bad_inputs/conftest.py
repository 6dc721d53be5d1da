"""Asks a command in process and keeps what it answered and what it left behind."""

from __future__ import annotations

import hashlib
import json
import re
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from jobs.core import chain, memory, process
from jobs.core.artifact import Artifact

Command = Callable[[Sequence[str]], int]


@dataclass(frozen=True)
class Answer:
    """How a command ended."""

    code: int
    said: str
    run: Path
    """The run's folder, which may not be there."""

    @property
    def left(self) -> list[str]:
        """What is in the run's folder besides its lock and what it remembers."""
        names = (path.name for path in self.run.iterdir()) if self.run.exists() else ()
        return sorted(name for name in names if name not in (".lock", memory.NOTE))

    def refused(self, *parts: str, left: Sequence[str] = ()) -> None:
        """Assert that nothing was made besides what was `left` from before, and that one line says why.

        Behind it stands nothing but the line to paste.
        """
        assert self.code == 2, self.said
        line, way_on = self.said.strip().splitlines()[-2:]
        assert re.match(r"(then )?-> \S", way_on), self.said
        assert ": refused: " in line, self.said
        missing = [part for part in parts if part not in line]
        assert not missing, f"{missing} not in: {line}"
        assert self.left == list(left)

    def made(self, code: int, parts: Sequence[str], left: Sequence[str]) -> None:
        """Assert that the stage was made with this verdict, and that these words were said of it."""
        assert self.code == code, self.said
        said = " ".join(self.said.split())
        missing = [part for part in parts if part not in said]
        assert not missing, f"{missing} not in: {self.said}"
        assert self.left == list(left)

    def passed(self, *parts: str) -> None:
        """Assert that `prepare` was made and is good."""
        self.made(0, parts, ["prepare"])

    def failed(self, *parts: str) -> None:
        """Assert that `prepare` was made, is no good, and says so in its record."""
        self.made(3, parts, ["prepare"])
        assert not Artifact.open(self.run / "prepare").passed

    def lines(self, name: str) -> list[dict[str, Any]]:
        """The objects of a file of `prepare`."""
        text = (self.run / "prepare" / name).read_text(encoding="utf-8")
        return [json.loads(line) for line in text.split("\n") if line]

    @property
    def kept(self) -> dict[str, list[dict[str, str]]]:
        """Id to messages of the rows on both sides of the split."""
        return {row["id"]: row["messages"] for name in ("train.jsonl", "val.jsonl") for row in self.lines(name)}

    @property
    def dropped(self) -> dict[str, str]:
        """Id to reason."""
        return {row["id"]: row["reason"] for row in self.lines("dropped.jsonl")}

    @property
    def changed(self) -> dict[str, list[str]]:
        """Id to what was put right."""
        return {row["id"]: sorted(row["changes"]) for row in self.lines("changed.jsonl")}

    @property
    def facts(self) -> dict[str, Any]:
        """What `prepare` measured."""
        found: dict[str, Any] = json.loads((self.run / "prepare/artifact.json").read_text(encoding="utf-8"))["facts"]
        return found


class Ask(Protocol):
    def __call__(self, command: Command, *words: str) -> Answer: ...


class Prepare(Protocol):
    def __call__(self, files: Mapping[str, bytes], *words: str) -> Answer: ...


@pytest.fixture
def ask(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Ask]:
    """Run a command on a run of this test's own; the words come last, so that they may name another run."""
    handlers = {number: signal.getsignal(number) for number in process.STOPS}

    def asked(command: Command, *words: str) -> Answer:
        capfd.readouterr()
        code = command([f"run.folder={tmp_path / 'runs'}", "run.name=bad", *words])
        out, err = capfd.readouterr()
        return Answer(code, out + err, tmp_path / "runs/bad")

    yield asked
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def prepare(ask: Ask, tmp_path: Path) -> Prepare:
    """`prepare` on files of these bytes, which are the same afterwards."""
    folder = tmp_path / "data"

    def asked(files: Mapping[str, bytes], *words: str) -> Answer:
        folder.mkdir(exist_ok=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)
        before = fingerprints(folder)
        found = ask(chain.load("prepare"), f"prepare.files={quoted(folder / name for name in files)}", *words)
        assert fingerprints(folder) == before
        return found

    return asked


def fingerprints(folder: Path) -> dict[str, str]:
    """Every file of a folder by what is in it."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def quoted(paths: Iterator[Path]) -> str:
    """A list of paths as the command line takes it."""
    return "[" + ",".join("'" + str(path).replace("'", "\\'") + "'" for path in paths) + "]"
