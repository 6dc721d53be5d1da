"""Two commands at once on one run: one works, the other says at once who does."""

from __future__ import annotations

import fcntl
import os
import random
import re
import time

from jobs.core import pipeline
from jobs.core.errors import Exit
from tests.torture import cases, kills, runs
from tests.torture.compare import require
from tests.torture.runs import Bench, Command

LONG = [stage for stage in pipeline.USUAL if stage not in ("prepare", "report")]
CPU = 1.0
"""Seconds of CPU, the interpreter's start included, in which the second one must have answered."""
TRIES = 4
"""The least of so many is what it takes: a core that others share with it counts up to twice that."""


def two(bench: Bench, draw: random.Random) -> str:
    """A second command while the first works, or both in the same moment."""
    target = draw.choice([*LONG, "all"])
    first = draw.choice(LONG) if target == "all" else target
    cases.link(bench.case, bench.folder, runs.before(first))
    together = draw.random() < 0.3
    one = bench.start(target)
    number = 1 + bench.drawn_event(draw, [first]) // 2
    while not together and not one.poll() and kills.num_events(bench) < number:
        time.sleep(0.002)
    if together:
        other = bench.start(target)
        codes = one.wait(), other.wait()
        # the second may come after the first has ended, and then has nothing to do
        require(
            sorted(codes) in ([0, Exit.ENVIRONMENT], [0, 0]),
            f"{target}: two at once ended with {codes}:\n{runs.tail(one.said, 4)}\n{runs.tail(other.said, 4)}",
        )
        if codes != (0, 0):
            late, early = (one, other) if codes[0] else (other, one)
            loser(bench, late, Exit.ENVIRONMENT, early.pid, target)
    else:
        other = bench.start(target, cold=True)
        code = other.wait()
        if not one.poll():  # else the second may have come when the first had ended
            loser(bench, other, code, one.pid, target)
        one.wait()
        require(one.code == 0, f"{target}: the first ended with exit code {one.code}:\n{runs.tail(one.said)}")
    stages = list(pipeline.USUAL[pipeline.USUAL.index(first) :]) if target == "all" else [target]
    bench.again(target, [*runs.before(first), *stages])
    return f"{target}, {'in the same moment' if together else f'at event {number}'}"


def loser(bench: Bench, command: Command, code: int, pid: int, target: str) -> None:
    """What the second one must have said and spent."""
    said = command.said
    require(code == Exit.ENVIRONMENT, f"{target}: the second ended with exit code {code}:\n{runs.tail(said)}")
    spent = command.seconds_of_cpu
    if spent > CPU:
        spent = min(spent, *(held_off(bench, target) for _ in range(TRIES)))
    require(spent <= CPU, f"{target}: the second took {spent:.2f} s of CPU")
    missing = [word for word in (str(pid), os.uname().nodename) if word not in said]
    if not re.search(r"\d\d:\d\d", said):
        missing.append("when it started")
    require(not missing, f"{target}: the second does not name {', '.join(missing)}: {runs.tail(said, 2)}")


def held_off(bench: Bench, target: str) -> float:
    """Seconds of CPU that a command takes to find that somebody else, here the trial itself, holds the lock."""
    idle = bench.folder / "held"
    lock = idle / cases.NAME / ".lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        command = bench.start(target, runs=idle, cold=True)
        code = command.wait()
    require(code == Exit.ENVIRONMENT, f"{target}: with the lock held it ended with {code}:\n{runs.tail(command.said)}")
    return command.seconds_of_cpu
