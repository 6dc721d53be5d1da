"""A trial's commands, and what has to be true after them."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from jobs.core import looks, memory, pipeline
from jobs.core.artifact import RECORD, Artifact
from jobs.core.errors import Exit, Refusal
from jobs.core.provenance import ROOT
from tests.torture import cases, compare, events, warm
from tests.torture.cases import Case
from tests.torture.compare import Failed, require

LONGEST = 240.0
"""Seconds that a command may take before it counts as hanging; a whole chain of the case takes some ten."""
AFTERLIFE = 30.0
"""Seconds in which what a killed command has started must have ended."""
TRACEBACK, BUG = "Traceback (most recent call last)", "this is a bug"


@dataclass
class Command:
    """A command that was started; it is ended by `wait`."""

    pid: int
    output: Path
    code: int | None = None
    seconds_of_cpu: float = 0.0

    def poll(self) -> bool:
        """Whether it has ended; its exit code is then in `code`, negative for a signal."""
        if self.code is None:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self.code, self.seconds_of_cpu = os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
        return self.code is not None

    def wait(self, seconds: float = LONGEST) -> int:
        """Its exit code; Failed, and killed, where it does not end."""
        end = time.monotonic() + seconds
        while not self.poll():
            if time.monotonic() > end:
                os.killpg(self.pid, signal.SIGKILL)
                raise Failed(f"the command had not ended after {seconds:.0f} s")
            time.sleep(0.005)
        assert self.code is not None
        return self.code

    def send(self, number: signal.Signals) -> None:
        """Signal the command's first process, if it still runs."""
        if not self.poll():
            os.kill(self.pid, number)

    def kill_all(self) -> None:
        """SIGKILL for the whole session, as where a container is ended."""
        if not self.poll():
            os.killpg(self.pid, signal.SIGKILL)

    @property
    def said(self) -> str:
        return self.output.read_text(errors="replace")


@dataclass
class Bench:
    """What one trial works with: the finished case, and an empty folder of its own."""

    case: Case
    folder: Path
    num_events: dict[str, int]
    """Stage to the number of file events of the command that makes it."""
    seconds: dict[str, float]
    """Stage to the time that it took uninterrupted."""
    stopped: Path
    """Where the training lies that was stopped in the middle."""
    stop_at: int
    """The file event of `train` that it was killed at."""
    commands: list[Command] = field(default_factory=list)

    @property
    def run(self) -> Path:
        return self.folder / cases.NAME

    def drawn_event(self, draw: Random, stages: Sequence[str]) -> int:
        """The number of one of the file events of some stages; a share is drawn, as their number may be off by one."""
        return 1 + int(draw.random() * sum(self.num_events[stage] for stage in stages))

    def start(
        self, target: str, more: Sequence[str] = (), shot: events.Shot = events.NEVER, runs: Path | None = None,
        **how: Any,
    ) -> Command:  # fmt: skip
        """Start a stage, or `all`, on the trial's run (below `runs`); `how` is `start_words`'s."""
        module = ["-m", "jobs", "all"] if target == "all" else ["-m", f"jobs.{target}"]
        watched = events.watch(self.folder, events.Counter(), shot, self.folder / f"events-{len(self.commands)}.txt")
        words = [*module, *self.case.words(runs or self.folder), *more]
        return self.start_words(words, **{"first": watched, **how})

    def start_words(
        self, words: Sequence[str], environment: Mapping[str, str | None] | None = None, cwd: Path = ROOT,
        first: Callable[[], None] = lambda: None, cold: bool = False,
    ) -> Command:  # fmt: skip
        """Start `python words`."""
        output = self.folder / f"output-{len(self.commands)}.txt"
        output.touch()
        command = Command(warm.start(words, output, cwd, environment, first, cold), output)
        self.commands.append(command)
        return command

    def again(self, target: str, stages: Sequence[str], **how: Any) -> None:
        """The same command to its end, after which the run is the uninterrupted one; and stays it, asked once more."""
        self.ended()
        self.nothing_half()
        self.finish(target, **how)
        self.ended()
        self.same(stages)
        if stages[-1] == pipeline.USUAL[-1]:
            self.finish(target, **how)
            self.same(stages)

    def finish(self, target: str, **how: Any) -> Command:
        """The command to its end; Failed where it does not pass."""
        command = self.start(target, **how)
        code = command.wait()
        require(code == Exit.PASSED, f"`{target}` again ended with exit code {code}:\n{tail(command.said)}")
        return command

    def ended(self) -> None:
        """Wait for all that the trial's commands have started; Failed, and killed, where something lives on."""
        end = time.monotonic() + AFTERLIFE
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                if time.monotonic() > end:
                    left = children()
                    for child in left:
                        os.kill(child, signal.SIGKILL)
                    raise Failed(f"{len(left)} processes live on {AFTERLIFE:.0f} s after their parent")
                time.sleep(0.005)

    def nothing_half(self) -> None:
        """What can be seen of the run now is whole: an artifact is the reference's, or it is not there."""
        for record in self.run.glob(f"*/{RECORD}"):
            stage = record.parent.name
            if record.parent.suffix == ".partial":
                continue
            try:
                problems = Artifact.open(record.parent).problems(whole=True)
            except Refusal as refusal:
                raise Failed(f"a half artifact was visible: {refusal}") from None
            require(not problems, f"a half {stage} was visible: {problems[:3]}")

    def same(self, stages: Sequence[str] = pipeline.USUAL, run: Path | None = None) -> None:
        """Every artifact is byte for byte the reference's, and nothing lies beside them."""
        run = run or self.run
        for stage in stages:
            compare.same_artifact(self.case.whole / stage, run / stage)
        allowed = {*pipeline.USUAL, ".lock", looks.NOTE, memory.NOTE, "tracker"}
        litter = sorted(path.name for path in run.iterdir() if path.name not in allowed)
        require(not litter, f"left in the run: {', '.join(litter)}")


def children() -> list[int]:
    """Process ids of this process's children."""
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def tail(text: str, lines: int = 12) -> str:
    """The last lines of an output."""
    return "\n".join(text.splitlines()[-lines:])


def before(stage: str) -> list[str]:
    """The stages that come before one."""
    return list(pipeline.USUAL[: pipeline.USUAL.index(stage)])


def cleared(folder: Path) -> Path:
    """The folder, empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
