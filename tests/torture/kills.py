"""Kills and stops: a command that is ended anywhere is finished by the same command, byte for byte."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

from jobs.core import pipeline
from jobs.core.errors import Exit
from tests.torture import cases, runs
from tests.torture.compare import require
from tests.torture.events import Shot
from tests.torture.runs import Bench, Command

SHARES = {
    "fetch": 12, "prepare": 12, "preflight": 12, "train": 17, "smoke": 8, "merge": 10, "convert": 4, "quantize": 8,
    "verify": 4, "report": 7, "all": 6,
}  # fmt: skip
"""Of a hundred kills, by what is killed: more where more is written, fewer where a trial takes long."""
TOOLS = {"convert": "model-f32.gguf", "quantize": "model-Q8_0.gguf"}
"""Stages whose file is written by a program of llama.cpp, which counts no events."""
GRACE = 5.0
"""Seconds from SIGTERM to SIGKILL, as where a container is stopped in a hurry."""


def kill(bench: Bench, draw: random.Random) -> str:
    """SIGKILL at a drawn event, after a drawn time, or at a drawn size of a file that a tool writes."""
    target = drawn_target(bench, draw)
    stages = laid_out(bench, draw, target)
    how = draw.choices(["event", "size" if target in TOOLS else "event", "delay"], [8, 1, 1])[0]
    if how == "event":
        whom = draw.choice(["itself", "first", "all"] if target == "all" else ["itself", "all"])
        shot = Shot(bench.drawn_event(draw, stages), whom)  # type: ignore[arg-type]
        command = bench.start(target, shot=shot)
        said = f"{target}, event {shot.number}, {whom}"
    else:
        command = bench.start(target)
        said = by_size(bench, draw, target, command) if how == "size" else by_delay(bench, draw, stages, command)
        command.kill_all()
    code = command.wait()
    # a chain whose stage was killed, or a stage whose tool was, says that the machine could not
    require(code in (-signal.SIGKILL, Exit.PASSED, Exit.ENVIRONMENT, Exit.INTERRUPTED), f"{said}: {problem(command)}")
    bench.again(target, [*runs.before(stages[0]), *stages])
    return said


def stop(bench: Bench, draw: random.Random) -> str:
    """SIGTERM at a drawn event or after a drawn time, and SIGKILL where it has not ended after five seconds."""
    target = drawn_target(bench, draw)
    stages = laid_out(bench, draw, target)
    if draw.random() < 0.5:
        number = bench.drawn_event(draw, stages)
        command, said = bench.start(target, shot=Shot(number, "first", signal.SIGTERM)), f"{target}, event {number}"
        while not command.poll() and num_events(bench) < number:
            time.sleep(0.005)
    else:
        command = bench.start(target)
        said = by_delay(bench, draw, stages, command)
        command.send(signal.SIGTERM)
    end = time.monotonic() + GRACE
    while not command.poll() and time.monotonic() < end:
        time.sleep(0.005)
    late = not command.poll()
    command.kill_all()
    code = command.wait()
    # before the handlers are there, SIGTERM ends a process as it ends any other
    fine = (Exit.INTERRUPTED, Exit.PASSED, -signal.SIGTERM, *([-signal.SIGKILL] if late else []))
    require(code in fine, f"{said}: {problem(command)}")
    bench.again(target, [*runs.before(stages[0]), *stages])
    return f"{said}{', killed after 5 s' if late else ''}"


def drawn_target(bench: Bench, draw: random.Random) -> str:
    """A stage, or the chain."""
    return draw.choices(list(SHARES), list(SHARES.values()))[0]


def laid_out(bench: Bench, draw: random.Random, target: str) -> list[str]:
    """Put what the target stands on into the trial's run; the stages that the command makes."""
    first = draw.choice(pipeline.USUAL) if target == "all" else target
    cases.link(bench.case, bench.folder, runs.before(first))
    return list(pipeline.USUAL[pipeline.USUAL.index(first) :]) if target == "all" else [target]


def by_delay(bench: Bench, draw: random.Random, stages: list[str], command: Command) -> str:
    """Wait a drawn part of the time that it took uninterrupted; what the trial is."""
    delay = draw.random() * sum(bench.seconds[stage] for stage in stages)
    end = time.monotonic() + delay
    while not command.poll() and time.monotonic() < end:
        time.sleep(0.002)
    return f"{stages[0]} to {stages[-1]}, after {delay:.2f} s"


def by_size(bench: Bench, draw: random.Random, stage: str, command: Command) -> str:
    """Wait until the tool has written a drawn part of its file; what the trial is."""
    path, whole = bench.run / f"{stage}.partial" / TOOLS[stage], bench.case.whole / stage / TOOLS[stage]
    wanted = int(draw.random() * whole.stat().st_size)
    while not command.poll() and size(path) <= wanted:
        time.sleep(0.001)
    return f"{stage}, at {wanted} bytes of {path.name}"


def size(path: Path) -> int:
    """-1 where there is no file."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def num_events(bench: Bench) -> int:
    """Events of the last command so far."""
    trace = bench.folder / f"events-{len(bench.commands) - 1}.txt"
    return trace.read_bytes().count(b"\n") if trace.exists() else 0


def problem(command: Command) -> str:
    return f"ended with exit code {command.code}:\n{runs.tail(command.said)}"
