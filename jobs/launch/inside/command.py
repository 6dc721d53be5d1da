"""What a rented pod runs: one job, once, within its hours; then the pod deletes itself. Standard library and httpx2.

A finished container is not a finished pod: it is started again and billing goes on. So the job's record lies on the
volume, beside the run: a job that has ended is not run a second time, one that was cut off goes on, and whatever the
ending, the exit code is written down and the pod is deleted. Only a stop from outside leaves the pod as it is. Nothing
that hangs or fails, be it the volume, the log or the job, keeps the pod: a watchdog that needs none of them ends it.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
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

from jobs.core.errors import Exit
from jobs.core.process import end_with_parent
from jobs.launch.inside.own_pod import KEYS, OwnPod
from jobs.launch.inside.pod_job import PREFIX, PodJob, ending_line

POLL_SECONDS = 0.2
LOG_SECONDS = 15.0
"""Between the last line and the deletion, where the job's own number could not be read."""
SPARE_SECONDS = 300.0
"""What a job gets beyond its hours and grace, to write down how it ended, before the watchdog ends the pod."""
ENDINGS = (Exit.PASSED, Exit.REFUSED, Exit.GATE_FAILED)
"""What a job says that would say the same again."""
STUCK_SECONDS = 10.0
"""How long a log that takes nothing is waited for; what it does not take is on the volume."""


class Outlet:
    """What this process writes, by a thread of its own: a log that is full or gone stops neither job nor deletion."""

    def __init__(self) -> None:
        self._blocks: queue.Queue[tuple[int, bytes]] = queue.Queue(maxsize=64)
        self._stuck = False
        threading.Thread(target=self._drain, daemon=True).start()

    def write(self, block: bytes, descriptor: int = 1) -> None:
        """Waits at most STUCK_SECONDS, and not at all while nothing has gone through since."""
        try:
            self._blocks.put((descriptor, block), timeout=0 if self._stuck else STUCK_SECONDS)
            self._stuck = False
        except queue.Full:
            self._stuck = True

    def say(self, text: str) -> None:
        """A line on stderr."""
        self.write(f"{text}\n".encode(errors="backslashreplace"), 2)

    def flush(self) -> None:
        """Until all is written, or it is of no use to wait."""
        until = time.monotonic() + STUCK_SECONDS
        while self._blocks.unfinished_tasks and not self._stuck and time.monotonic() < until:
            time.sleep(0.01)

    def _drain(self) -> None:
        while True:
            descriptor, block = self._blocks.get()
            with contextlib.suppress(OSError):
                while block:
                    block = block[os.write(descriptor, block) :]
            self._blocks.task_done()


@dataclass
class Record:
    """`record.json` of one job."""

    job: str
    run: str
    stage: str
    words: list[str]
    gpu: str
    usd_per_hour: float
    pod: str = ""
    """The one pod that this job is for."""
    starts: list[float] = field(default_factory=list)
    """Unix times at which a container began."""
    state: str = "new"
    """`new`, `running`, `interrupted` or `ended`."""
    exit_code: int | None = None
    """Of the job; where it was interrupted, 75 means that its state is saved, and all else that nobody knows."""
    why: str = ""
    ended_at: float | None = None


class Store:
    """The job's folder on the volume: record.json, by rename and synced, and output.log."""

    def __init__(self, job: PodJob) -> None:
        self.job = job
        self.folder = Path(job.folder) / f"{job.run}.jobs" / job.id
        self.path = self.folder / "record.json"

    def load(self, pod: str) -> Record:
        """What is known of the job. A record that cannot be read counts as one that ended: never run twice."""
        job = self.job
        fresh = Record(job.id, job.run, job.stage, list(job.words), job.gpu, job.usd_per_hour, pod)
        try:
            return Record(**json.loads(self.path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return fresh
        except (ValueError, TypeError):
            fresh.state, fresh.exit_code, fresh.why = "ended", int(Exit.ENVIRONMENT), "its record is damaged"
            return fresh

    def save(self, record: Record) -> None:
        """Whole, or not at all; raises OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            json.dump(asdict(record), file, indent=1, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)

    def save_in_place(self, record: Record) -> None:
        """Where there is no room for a second file: over the old one, whose room it keeps.

        What is cut short is damaged, and counts as ended too.
        """
        with self.path.open("r+" if self.path.exists() else "w", encoding="utf-8") as file:
            file.write(json.dumps(asdict(record)))
            file.truncate()


class Guard:
    """Runs `command` as the job's work. `clock` gives Unix time."""

    def __init__(
        self,
        job: PodJob,
        command: Sequence[str],
        pod: OwnPod,
        environment: Mapping[str, str],
        outlet: Outlet,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.job, self.command, self.pod, self.outlet, self.clock = job, list(command), pod, outlet, clock
        self.environment = {name: value for name, value in environment.items() if name not in KEYS}
        self.store = Store(job)
        self.stopped = False

    def run(self) -> int:
        """The job's exit code. The pod is gone or going when this returns, but for a stop from outside."""
        code, why = int(Exit.CRASHED), "a bug of the guard"
        keep = False
        try:
            record = self._once()
            keep = record.state == "interrupted"
            code, why = Exit.CRASHED if record.exit_code is None else record.exit_code, record.why
        except OSError as error:
            code, why = Exit.ENVIRONMENT, f"the volume: {error.strerror}: {error.filename or self.store.folder}"
        except Exception:
            self.outlet.say(traceback.format_exc())
        finally:
            if not keep:
                leave(self.pod, self.outlet, ending_line(self.job.id, code, why), self.job.log_seconds)
        if keep:
            self.outlet.say(f"stopped from outside, {why}; the pod is left to whoever stopped it")
            self.outlet.flush()
        return code

    def _once(self) -> Record:
        """Work on the job once, write down how that ended, and return that."""
        job, now = self.job, self.clock()
        record = self.store.load(self.pod.id)
        if record.pod != self.pod.id:
            self.outlet.say(f"pod {record.pod} has this job; nothing is run here, and its record is left alone")
            record.state, record.exit_code, record.why = "ended", int(Exit.ENVIRONMENT), f"it is pod {record.pod}'s"
        elif record.state == "ended":
            self.outlet.say("this job has ended before; it is not run a second time")
        else:
            record.starts.append(now)
            most = record.starts[0] + job.max_hours * 3600 - now
            if len(record.starts) > job.max_starts:
                self._end(record, Exit.ENVIRONMENT, f"started {len(record.starts)} times, the most is {job.max_starts}")
            elif most <= 0:
                self._end(record, Exit.INTERRUPTED, f"its {job.max_hours:g} hours are over")
            else:
                self._start(record, most)
        return record

    def _start(self, record: Record, most: float) -> None:
        record.state, record.exit_code, record.why = "running", None, ""
        self.store.save(record)
        try:
            code, why = self._work(most)
        except OSError as error:
            code, why = Exit.ENVIRONMENT, f"cannot be started: {error.strerror}"
        if why:
            self._end(record, code, why)
            return
        saved = code == Exit.INTERRUPTED
        record.state, record.exit_code = "interrupted", int(code)
        record.why = "state saved" if saved else f"exit code {code}: whether its state is saved is not known"
        self._write(record)

    def _end(self, record: Record, code: int, why: str) -> None:
        record.state, record.exit_code, record.why, record.ended_at = "ended", int(code), why, self.clock()
        self._write(record)

    def _write(self, record: Record) -> None:
        """As well as the volume lets us; what cannot be written changes nothing else."""
        try:
            self.store.save(record)
        except OSError as error:
            self.outlet.say(f"the record could not be written beside the old one: {error.strerror}")
            with contextlib.suppress(OSError):
                self.store.save_in_place(record)

    def _work(self, most: float) -> tuple[int, str]:
        """(exit code, why it ended) of at most `most` seconds; no reason where a stop from outside cut it off.

        A job that was asked to stop and came to its end all the same, or was refused, is one that ended.

        Hours are counted by the wall clock, which goes on while nothing runs, and by one that nobody sets.
        """
        began, deadline = time.monotonic(), self.clock() + most
        child = subprocess.Popen(
            self.command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=end_with_parent,
            start_new_session=True,
        )
        pump = threading.Thread(target=self._copy, args=(child,), daemon=True)
        pump.start()
        over, kill_at = False, None
        while child.poll() is None:
            now = time.monotonic()
            late = self.clock() >= deadline or now >= began + min(most, self.job.max_hours * 3600)
            if kill_at is None and (self.stopped or late):
                over, kill_at = not self.stopped, now + self.job.grace_minutes * 60
                why = "its hours are over" if over else "asked to stop"
                self.outlet.say(f"{why}: the job has {self.job.grace_minutes:g} minutes to save its state")
                child.terminate()
            if kill_at is not None and now >= kill_at:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(POLL_SECONDS)
        pump.join(5)
        code = child.returncode if child.returncode >= 0 else 128 - child.returncode
        if over:
            return code, f"its {self.job.max_hours:g} hours are over"
        if self.stopped and code not in ENDINGS:
            return code, ""
        return code, "by itself" if child.returncode >= 0 else f"by signal {-child.returncode}"

    def _copy(self, child: subprocess.Popen[bytes]) -> None:
        """The job's output to ours and to the volume, where it outlives the pod."""
        assert child.stdout is not None
        log = None
        with contextlib.suppress(OSError):
            log = (self.store.folder / "output.log").open("ab")
        while block := os.read(child.stdout.fileno(), 65536):
            self.outlet.write(block)
            if log is None:
                continue
            try:
                log.write(block)
                log.flush()
            except OSError:
                self.outlet.say("output.log cannot be written any more; the job goes on")
                log = None

    def stop(self, number: int, frame: FrameType | None) -> None:
        """Handler of SIGTERM, SIGINT and SIGHUP."""
        self.stopped = True


def leave(pod: OwnPod, outlet: Outlet, line: str, seconds: float) -> None:
    """Say the last line, let the log be read, then delete the pod."""
    outlet.write(f"{line}\n".encode(errors="backslashreplace"))
    outlet.flush()
    pod.sleep(seconds)
    pod.end()
    outlet.flush()


def watch(pod: OwnPod, outlet: Outlet, seconds: float) -> None:
    """End the pod after `seconds` by a clock that nobody sets, whatever the rest of this process is waiting for."""

    def wait() -> None:
        time.sleep(seconds)
        outlet.say(f"the watchdog ends this pod: it still runs, {seconds / 3600:.2f} hours after its start")
        pod.end()

    threading.Thread(target=wait, daemon=True).start()


def main(environment: Mapping[str, str] = os.environ) -> int:
    """Run the job that the environment describes; returns its exit code."""
    outlet, name = Outlet(), f"{PREFIX}ID"
    if name not in environment:
        outlet.say(
            f"inside: refused: {name} is not set; this is what a pod of `make pod-submit` runs, and nothing else"
        )
        outlet.flush()
        return Exit.REFUSED
    pod = OwnPod(environment, say=outlet.say)
    try:
        job = PodJob.read(environment)
        watch(pod, outlet, job.max_hours * 3600 + job.grace_minutes * 60 + job.log_seconds + SPARE_SECONDS)
        guard = Guard(job, [sys.executable, "-m", "jobs", *job.command], pod, environment, outlet)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, guard.stop)
        problem = pod.problem()
        if problem:
            outlet.say(f"this pod may not be able to delete itself ({problem}): look after it with `make pod-reap`")
        outlet.say(f"kiwame job {job.id}: {' '.join(job.command)} on {job.gpu}, at most {job.max_hours:g} h")
        return guard.run()
    except Exception as error:
        why = f"it could not be started: {error}; the image and the client that submits are to be of one version"
        leave(pod, outlet, ending_line(environment[name], Exit.REFUSED, why), LOG_SECONDS)
        return Exit.REFUSED


if __name__ == "__main__":
    sys.exit(main())
