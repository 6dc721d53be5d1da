"""What a rented pod runs: one job, once, within its hours; then the pod deletes itself. Standard library and httpx2.

A finished container is not a finished pod: it is started again and billing goes on. So the job's record lies on the
volume, beside the run: a job that has ended is not run a second time, one that was cut off goes on, and whatever the
ending, the exit code is written down and the pod is deleted. Only a stop from outside leaves the pod as it is.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType

from jobs.core import terminal
from jobs.core.errors import Exit
from jobs.core.process import end_with_parent
from jobs.launch.own_pod import KEYS, OwnPod
from jobs.launch.pod_job import PodJob, ending_line

POLL_SECONDS = 0.2


@dataclass
class Record:
    """`record.json` of one job."""

    job: str
    run: str
    stage: str
    words: list[str]
    gpu: str
    usd_per_hour: float
    pods: list[str] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    """Unix times at which a container began."""
    state: str = "new"
    """`new`, `running`, `interrupted` or `ended`."""
    exit_code: int | None = None
    why: str = ""
    ended_at: float | None = None


class Store:
    """The job's folder on the volume: record.json, by rename and synced, and output.log."""

    def __init__(self, job: PodJob) -> None:
        self.job = job
        self.folder = Path(job.folder) / f"{job.run}.jobs" / job.id
        self.path = self.folder / "record.json"

    def load(self) -> Record:
        """What is known of the job. A record that cannot be read counts as one that ended: never run twice."""
        job = self.job
        fresh = Record(job.id, job.run, job.stage, list(job.words), job.gpu, job.usd_per_hour)
        try:
            return Record(**json.loads(self.path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return fresh
        except (ValueError, TypeError):
            fresh.state, fresh.exit_code, fresh.why = "ended", int(Exit.ENVIRONMENT), "its record is damaged"
            return fresh

    def save(self, record: Record) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            json.dump(asdict(record), file, indent=1, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)


class Guard:
    """Runs `command` as the job's work. `clock` gives Unix time."""

    def __init__(
        self,
        job: PodJob,
        command: Sequence[str],
        pod: OwnPod,
        environment: Mapping[str, str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.job, self.command, self.pod, self.clock = job, list(command), pod, clock
        self.environment = {name: value for name, value in environment.items() if name not in KEYS}
        self.store = Store(job)
        self.stopped = False

    def run(self) -> int:
        """The job's exit code. The pod is gone or going when this returns, but for a stop from outside."""
        code: int = Exit.CRASHED
        try:
            record = self.store.load()
            if record.state != "ended":
                self._once(record)
            else:
                terminal.say("this job has ended before; it is not run a second time")
            if record.state == "interrupted":
                terminal.say("stopped from outside, state saved; the pod is left to whoever stopped it")
                return Exit.INTERRUPTED
            code = Exit.CRASHED if record.exit_code is None else record.exit_code
            print(ending_line(self.job.id, code, record.why), flush=True)
        except OSError as error:
            code = Exit.ENVIRONMENT
            why = f"the volume: {error.strerror}: {error.filename or self.store.folder}"
            print(ending_line(self.job.id, code, why), flush=True)
        except Exception:
            traceback.print_exc()
            print(ending_line(self.job.id, code, "a bug of the guard"), flush=True)
        self._leave()
        return code

    def _once(self, record: Record) -> None:
        """Work on the job once and write down how that ended."""
        job, now = self.job, self.clock()
        record.starts.append(now)
        record.pods = sorted({*record.pods, self.pod.id} - {""})
        deadline = record.starts[0] + job.max_hours * 3600
        if len(record.starts) > job.max_starts:
            self._end(record, Exit.ENVIRONMENT, f"started {len(record.starts)} times, the most is {job.max_starts}")
        elif now >= deadline:
            self._end(record, Exit.INTERRUPTED, f"its {job.max_hours:g} hours are over")
        else:
            record.state = "running"
            self.store.save(record)
            try:
                code, why = self._work(deadline)
            except OSError as error:
                code, why = Exit.ENVIRONMENT, f"cannot be started: {error.strerror}"
            if why:
                self._end(record, code, why)
            else:
                record.state = "interrupted"
                self.store.save(record)

    def _end(self, record: Record, code: int, why: str) -> None:
        record.state, record.exit_code, record.why, record.ended_at = "ended", int(code), why, self.clock()
        try:
            self.store.save(record)
        except OSError as error:
            terminal.say(f"the record could not be written: {error.strerror}")

    def _work(self, deadline: float) -> tuple[int, str]:
        """(exit code, why it ended); no reason where a stop from outside ended it."""
        child = subprocess.Popen(
            self.command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=end_with_parent,
        )
        pump = threading.Thread(target=self._copy, args=(child,), daemon=True)
        pump.start()
        over, told_at = False, None
        while child.poll() is None:
            now = self.clock()
            if told_at is None and (self.stopped or now >= deadline):
                over, told_at = not self.stopped, now
                why, left = "its hours are over" if over else "asked to stop", self.job.grace_minutes
                terminal.say(f"{why}: the job has {left:g} minutes to save its state")
                child.terminate()
            if told_at is not None and now >= told_at + self.job.grace_minutes * 60:
                child.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(POLL_SECONDS)
        pump.join(5)
        code = child.returncode if child.returncode >= 0 else 128 - child.returncode
        if over:
            return code, f"its {self.job.max_hours:g} hours are over"
        if self.stopped and code != Exit.PASSED:
            return code, ""
        return code, "by itself" if child.returncode >= 0 else f"by signal {-child.returncode}"

    def _copy(self, child: subprocess.Popen[bytes]) -> None:
        """The job's output to ours and to the volume, where it outlives the pod."""
        assert child.stdout is not None
        log = None
        with contextlib.suppress(OSError):
            log = (self.store.folder / "output.log").open("ab")
        while block := os.read(child.stdout.fileno(), 65536):
            sys.stdout.buffer.write(block)
            sys.stdout.buffer.flush()
            if log is None:
                continue
            try:
                log.write(block)
                log.flush()
            except OSError:
                terminal.say("output.log cannot be written any more; the job goes on")
                log = None

    def _leave(self) -> None:
        """Let the log be read, then delete the pod."""
        self.pod.sleep(self.job.log_seconds)
        if not self.pod.end():
            terminal.say("this pod could not delete itself and costs money: run `make pod-reap`, or delete it by hand")

    def stop(self, number: int, frame: FrameType | None) -> None:
        """Handler of SIGTERM, SIGINT and SIGHUP."""
        self.stopped = True


def main(environment: Mapping[str, str] = os.environ) -> int:
    """Run the job that the environment describes; returns its exit code."""
    try:
        job = PodJob.read(environment)
    except ValueError as error:
        terminal.say(f"inside: refused: {error}; this is what a pod of `make pod-submit` runs, and nothing else")
        return Exit.REFUSED
    pod = OwnPod(environment)
    problem = pod.problem()
    if problem:
        terminal.say(f"this pod may not be able to delete itself ({problem}): look after it with `make pod-reap`")
    guard = Guard(job, [sys.executable, "-m", "jobs", *job.command], pod, environment)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, guard.stop)
    terminal.say(f"kiwame job {job.id}: {' '.join(job.command)} on {job.gpu}, at most {job.max_hours:g} h")
    return guard.run()


if __name__ == "__main__":
    sys.exit(main())
