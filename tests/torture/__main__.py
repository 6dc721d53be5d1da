"""`python -m tests.torture trials=1000 only=kills,stops seed=1 workers=2 folder=PATH`: see docs/reliability.md."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from jobs.core import pipeline, terminal
from jobs.core.artifact import Artifact
from tests.torture import cases, damages, disks, events, runs, table, warm
from tests.torture.cases import Case
from tests.torture.compare import Failed
from tests.torture.runs import Bench
from tests.torture.table import KINDS, Asked, Result

RESULTS = "results.jsonl"
TASK = 4
"""Bytes of a task's number in the pipe that the workers take their tasks from."""


def main(words: Sequence[str]) -> int:
    """Every trial that was asked for; 0 where none failed."""
    try:
        asked = table.parse(words)
    except ValueError as error:
        terminal.say(f"torture: {error}")
        return 2
    root = asked.folder or Path(tempfile.mkdtemp(prefix="torture-"))
    mine = root / f"case-{os.getpid()}"
    skipped = {"disks": why} if "disks" in asked.only and (why := disks.why_not(mine)) else {}
    started = time.monotonic()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    warm.up()
    warm.adopt_orphans()
    terminal.say(f"torture: the case and its uninterrupted run, in {mine}")
    bench = prepared(mine, asked)
    tasks = left(asked, root / RESULTS, skipped)
    terminal.say(f"torture: {len(tasks)} trials by {asked.workers} workers, after {time.monotonic() - started:.0f} s")
    try:
        work(asked.workers, tasks, lambda kind, number: trial(bench, root, asked.seed, kind, number))
    except KeyboardInterrupt:
        terminal.say(f"torture: ended before its end; with folder={root} the same command goes on")
        return 128 + signal.SIGINT
    results = [each for each in table.read(root / RESULTS) if each.seed == asked.seed and each.kind in asked.only]
    if asked.trial is not None:
        results = [each for each in results if each.number == asked.trial]
    table.show(results, skipped)
    changed = [name for name in pipeline.USUAL if Artifact.open(bench.case.whole / name).problems(whole=True)]
    if changed:
        terminal.say(f"FAILED: trials changed the uninterrupted run that they share: {', '.join(changed)}")
    undone = len(set(tasks) - {(each.kind, each.number) for each in results})
    if undone:
        terminal.say(f"FAILED: {undone} trials have no result; a worker ended")
    shutil.rmtree(mine, ignore_errors=True)
    failed = any(result.failed for result in results)
    if asked.folder is None and not failed:
        shutil.rmtree(root)
    elif failed:
        terminal.say(f"torture: the folders of what failed are in {root}")
    return int(failed or bool(changed) or bool(undone))


def left(asked: Asked, path: Path, skipped: dict[str, str]) -> list[tuple[str, int]]:
    """The trials that have not passed yet, the kinds mixed, so that a run that is cut short has tried all of them."""
    done = {(each.kind, each.number) for each in table.read(path) if each.seed == asked.seed and not each.failed}
    mixed = sorted(
        (number / len(asked.numbers(kind)), kind, number) for kind in asked.only for number in asked.numbers(kind)
    )
    return [
        (kind, number)
        for _, kind, number in mixed[asked.skip :]
        if kind not in skipped and (asked.trial is not None or (kind, number) not in done)
    ]


def prepared(root: Path, asked: Asked) -> Bench:
    """The case, its uninterrupted run, and a training that was stopped in the middle."""
    case = Case(root)
    runs.cleared(root)
    in_child(lambda: cases.build(root))
    bench = Bench(case, root / "runs", {}, {}, root / "stopped", 0)
    bench.run.mkdir(parents=True)
    for stage in pipeline.USUAL[: pipeline.USUAL.index("train") + 1]:
        uninterrupted(bench, stage, root)
    bench.stop_at = stop_at(root / "events-train.txt")
    late = dataclasses.replace(bench, folder=bench.stopped, commands=[])
    if "checkpoints" in asked.only:
        late.folder.mkdir()
        damages.start_training(late)
    for stage in pipeline.USUAL[pipeline.USUAL.index("train") + 1 :]:
        uninterrupted(bench, stage, root)
    for command in late.commands:
        command.wait()
        damages.require_checkpoints(late)
    return bench


def uninterrupted(bench: Bench, stage: str, root: Path) -> None:
    """One stage of the run that all others are compared with: its events and its time."""
    counter, started = events.Counter(), time.monotonic()
    trace = root / f"events-{stage}.txt"
    command = bench.start(stage, first=events.watch(bench.folder, counter, events.NEVER, trace))
    if command.wait() != 0:
        raise SystemExit(f"torture: the case's {stage} ended with exit code {command.code}:\n{command.said}")
    bench.num_events[stage], bench.seconds[stage] = counter.value, time.monotonic() - started


def stop_at(trace: Path) -> int:
    """The event right after the last checkpoint was put in its place: all that can be there is there."""
    lines = trace.read_text().splitlines()
    named = [line.split(" ", 2) for line in lines]
    places = [int(number) for number, what, path in named if what == "os.rename" and "/saving/checkpoint-" in path]
    return places[-1] + 2 if places else len(lines) // 2


def in_child(do: Callable[[], object]) -> None:
    """Do what computes in a process of its own: this one has to stay one that can be forked."""
    pid = os.fork()
    if pid == 0:
        try:
            do()
            os._exit(0)
        finally:
            traceback.print_exc()
            os._exit(1)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
        raise SystemExit("torture: the case could not be made")


def work(num_workers: int, tasks: Sequence[tuple[str, int]], do: Callable[[str, int], None]) -> None:
    """Do every task in one of several processes, each taking the next one from a pipe."""
    reader, writer = os.pipe()
    workers = []
    for _ in range(num_workers):
        pid = os.fork()
        if pid == 0:
            os.close(writer)
            warm.adopt_orphans()
            try:
                while taken := os.read(reader, TASK):
                    do(*tasks[int.from_bytes(taken, "little")])
            except KeyboardInterrupt:
                os._exit(0)
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(0)
        workers.append(pid)
    os.close(reader)
    for number in range(len(tasks)):
        os.write(writer, number.to_bytes(TASK, "little"))
    os.close(writer)
    try:
        for pid in workers:
            os.waitpid(pid, 0)
    except KeyboardInterrupt:  # of this process alone, where it did not come from a terminal
        for pid in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)
        for pid in workers:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
        raise


def trial(bench: Bench, root: Path, seed: int, kind: str, number: int) -> None:
    """One trial in a folder of its own, which stays where it failed."""
    folder = runs.cleared(root / f"{kind}-{seed}-{number}")
    own = dataclasses.replace(bench, folder=folder, commands=[])
    started, failed, what = time.monotonic(), "", ""
    try:
        what = KINDS[kind][1](own, Random(f"{seed} {kind} {number}"))
    except Failed as problem:
        failed = str(problem)
    except Exception:
        failed = f"the trial itself crashed:\n{traceback.format_exc()}"
    finally:  # a trial that is broken off too
        for command in own.commands:
            command.kill_all()
    try:
        own.ended()
    except Failed as problem:
        failed = failed or str(problem)
    result = Result(kind, number, seed, failed, what, round(time.monotonic() - started, 2))
    result.write(root / RESULTS)
    if failed:
        terminal.say(f"FAILED {result.again}: {failed}")
    else:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
