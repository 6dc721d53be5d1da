"""What runs first in a pod: real child processes, a folder for the volume, and the fake service to delete itself at."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from jobs.core.errors import Exit
from jobs.launch.inside.command import Guard, Outlet
from jobs.launch.inside.own_pod import OwnPod
from jobs.launch.inside.pod_job import PodJob, ended_code
from tests.launch.conftest import ROOT
from tests.launch.runpod.fake_runpod import KEY, Fake

SAVES_WHEN_ASKED = """
import pathlib, signal, sys, time
def save(*_):
    print("state saved", flush=True)
    sys.exit(75)
signal.signal(signal.SIGTERM, save)
print("ready", flush=True)
time.sleep(60)
"""
ENOUGH = 12
"""Tries of a deletion, with their waits, before a test has seen enough."""
DRIVER = """
import os, sys
from jobs.launch.inside.command import Guard, Outlet
from jobs.launch.inside.own_pod import OwnPod
from jobs.launch.inside.pod_job import PodJob
outlet = Outlet()
pod = OwnPod(os.environ, say=outlet.say)
Guard(PodJob.read(os.environ), [sys.executable, "-c", {!r}], pod, os.environ, outlet).run()
"""
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep({})"


class EnoughError(Exception):
    """The pod would try on for ever."""


@dataclass
class Pod:
    """A pod on the fake service, and what is needed to start its container any number of times."""

    fake: Fake
    job: PodJob
    environment: dict[str, str]
    waits: list[float] = field(default_factory=list)

    def start(self, code: str, clock: Any = time.time, **changes: Any) -> int:
        """The exit code of the container that runs `code` as its job."""
        guard = self.guard(code, clock, **changes)
        return guard.run()

    def start_in_vain(self, code: str, **changes: Any) -> None:
        """The same, of a container that does not come to its end."""
        guard = self.guard(code, **changes)
        with pytest.raises(EnoughError):
            guard.run()
        guard.outlet.flush()
        self.waits.clear()

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        if len(self.waits) > ENOUGH:
            raise EnoughError

    def guard(self, code: str, clock: Any = time.time, **changes: Any) -> Guard:
        command = [sys.executable, "-c", textwrap.dedent(code)]
        outlet = Outlet()
        own = OwnPod(self.environment, self.sleep, outlet.say)
        return Guard(replace(self.job, **changes), command, own, self.environment, outlet, clock)

    def moved(self) -> None:
        """From here on what starts is the container of another pod."""
        kind = {"name": "kiwame-mine", "image": "x", "gpu": {"id": self.job.gpu, "count": 1}}
        self.environment["RUNPOD_POD_ID"] = self.fake.new_pod(kind)["id"]

    @property
    def folder(self) -> Path:
        return Path(self.job.folder) / "mine.jobs" / self.job.id

    def ready(self) -> bool:
        """Whether the job has said so."""
        log = self.folder / "output.log"
        return log.exists() and b"ready" in log.read_bytes()

    def late(self) -> float:
        """A clock on which an hour passes the moment the job is ready."""
        return time.time() + (3600 if self.ready() else 0)

    def when_ready(self, action: Any) -> None:
        def wait() -> None:
            wait_for(self.ready)
            action()

        threading.Thread(target=wait, daemon=True).start()

    @property
    def record(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "record.json").read_text()))


@pytest.fixture
def pod(fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pod:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    job = PodJob(
        id="0123456789abcdef",
        asked="a",
        run="mine",
        stage="prepare",
        folder=str(tmp_path / "runs"),
        words=("prepare.files=[nowhere.jsonl]",),
        gpu="NVIDIA GeForce RTX 4090",
        usd_per_hour=0.4,
        max_hours=1.0,
        grace_minutes=1.0,
        boot_minutes=30.0,
        max_starts=3,
        log_seconds=7.0,
    )
    made = fake.new_pod({"name": "kiwame-mine", "image": "x", "gpu": {"id": job.gpu, "count": 1}})
    own = {"RUNPOD_POD_ID": made["id"], "RUNPOD_API_KEY": KEY, "KIWAME_RUNPOD_URL": fake.address}
    return Pod(fake, job, {**os.environ, **own, **job.environment()})


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 75])
def test_the_pod_deletes_itself_whatever_the_exit(pod: Pod, capfd: pytest.CaptureFixture[str], code: int) -> None:
    assert (
        pod.start(f"import sys; print('made it', flush=True); print('aside', file=sys.stderr); sys.exit({code})")
        == code
    )
    assert pod.fake.pods == {}
    assert pod.waits[0] == 7.0  # for whoever follows the log
    said = capfd.readouterr().out.splitlines()
    assert said[-1] == f"kiwame job {pod.job.id} ended with exit code {code} (by itself)"
    assert ended_code(pod.job.id, said[-1]) == code
    assert (pod.folder / "output.log").read_text().splitlines() == ["made it", "aside"] == said[:2]
    record = pod.record
    assert (record["state"], record["exit_code"], record["why"]) == ("ended", code, "by itself")
    assert (record["pod"], record["usd_per_hour"], len(record["starts"])) == ("pod1", 0.4, 1)
    assert sorted(path.name for path in pod.folder.iterdir()) == ["output.log", "record.json"]


def test_a_job_that_is_killed_has_the_shell_s_code(pod: Pod) -> None:
    assert pod.start("import os, signal; os.kill(os.getpid(), signal.SIGKILL)") == 137
    assert pod.record["why"] == "by signal 9"


def test_a_job_that_ended_is_not_run_a_second_time(pod: Pod, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code = f"open({str(tmp_path / 'runs.txt')!r}, 'a').write('x'); raise SystemExit(3)"
    pod.fake.faults = {"delete": ["500"] * 100, "action": ["500"] * 100}
    pod.start_in_vain(code)
    assert list(pod.fake.pods) == ["pod1"]
    pod.fake.faults = {}
    assert pod.start(code) == 3
    assert (tmp_path / "runs.txt").read_text() == "x"
    assert pod.fake.pods == {}
    assert ended_code(pod.job.id, capfd.readouterr().out.splitlines()[-1]) == 3


def test_a_new_submission_of_the_run_is_a_new_job(pod: Pod) -> None:
    assert pod.start("raise SystemExit(75)") == 75
    pod.moved()
    assert pod.start("raise SystemExit(0)", id="fedcba9876543210") == 0
    assert pod.fake.pods == {}


def test_hours_over_the_job_saves_and_the_pod_goes(pod: Pod, capfd: pytest.CaptureFixture[str]) -> None:
    assert pod.start(SAVES_WHEN_ASKED, pod.late) == 75
    assert pod.record["why"] == "its 1 hours are over"
    assert pod.fake.pods == {}
    assert "state saved" in capfd.readouterr().out


def test_a_job_that_does_not_save_in_time_is_killed(pod: Pod) -> None:
    assert pod.start(STUBBORN.format(60), pod.late, grace_minutes=0.5 / 60) == 137
    assert pod.record["state"] == "ended"
    assert pod.fake.pods == {}


def test_hours_count_from_the_first_start(pod: Pod) -> None:
    first = pod.guard("")
    record = first.store.load("pod1")
    record.starts, record.state = [1_000_000.0], "running"
    first.store.save(record)
    assert pod.start("raise SystemExit(0)", clock=lambda: 1_000_000.0 + 3601) == 75
    assert pod.record["why"] == "its 1 hours are over"
    assert pod.fake.pods == {}


def test_a_container_that_keeps_dying_is_given_up(pod: Pod) -> None:
    guard = pod.guard("")
    record = guard.store.load("pod1")
    record.starts, record.state = [time.time()] * 3, "running"
    guard.store.save(record)
    assert pod.start("raise SystemExit(0)") == Exit.ENVIRONMENT
    assert pod.record["why"] == "started 4 times, the most is 3"
    assert pod.fake.pods == {}


def test_a_stop_from_outside_saves_and_leaves_the_pod(pod: Pod, capfd: pytest.CaptureFixture[str]) -> None:
    guard = pod.guard(SAVES_WHEN_ASKED)
    pod.when_ready(lambda: guard.stop(signal.SIGTERM, None))
    assert guard.run() == Exit.INTERRUPTED
    assert (pod.record["state"], pod.record["exit_code"], pod.record["why"]) == ("interrupted", 75, "state saved")
    assert list(pod.fake.pods) == ["pod1"]
    assert "stopped from outside, state saved; the pod is left" in capfd.readouterr().err
    assert pod.start("raise SystemExit(0)") == 0  # and after that it goes on
    assert pod.fake.pods == {}
    assert len(pod.record["starts"]) == 2


@pytest.mark.parametrize("code", [0, 2, 3])
def test_a_stop_that_the_job_outran_is_an_ending(pod: Pod, code: int) -> None:
    guard = pod.guard(f"{STUBBORN.format(1)}; raise SystemExit({code})")
    pod.when_ready(lambda: guard.stop(signal.SIGTERM, None))
    assert guard.run() == code
    assert (pod.record["state"], pod.record["exit_code"], pod.record["why"]) == ("ended", code, "by itself")
    assert pod.fake.pods == {}


@pytest.mark.parametrize(("code", "work"), [(137, STUBBORN.format(60)), (1, f"{STUBBORN.format(1)}; 1 / 0")])
def test_a_job_that_was_stopped_and_did_not_save_is_not_said_to_have(
    pod: Pod, capfd: pytest.CaptureFixture[str], code: int, work: str
) -> None:
    guard = pod.guard(work, grace_minutes=(60 if code == 1 else 0.5) / 60)
    pod.when_ready(lambda: guard.stop(signal.SIGTERM, None))
    assert guard.run() == code
    assert (pod.record["state"], pod.record["exit_code"]) == ("interrupted", code)
    said = capfd.readouterr().err
    assert "state saved" not in said
    assert f"stopped from outside, exit code {code}: whether its state is saved is not known" in said
    assert list(pod.fake.pods) == ["pod1"]
    assert pod.start("raise SystemExit(0)") == 0
    assert (pod.record["exit_code"], len(pod.record["starts"])) == (0, 2)


def test_whether_the_key_is_good_is_seen_at_the_start(pod: Pod) -> None:
    assert OwnPod(pod.environment).problem() is None
    assert "answered 401" in str(OwnPod({**pod.environment, "RUNPOD_API_KEY": "rpa_wrong"}).problem())


def test_no_key_reaches_the_job_or_the_volume(pod: Pod, capfd: pytest.CaptureFixture[str]) -> None:
    pod.fake.faults["delete"] = ["500", "403"]
    assert pod.start("import os; print(sorted(os.environ.values()))") == 0
    said = capfd.readouterr()
    written = "".join(path.read_text() for path in pod.folder.iterdir())
    assert KEY not in said.out + said.err + written


def test_a_volume_that_cannot_be_written_ends_the_pod(pod: Pod, capfd: pytest.CaptureFixture[str]) -> None:
    Path(pod.job.folder).write_text("a file where the folder should be")
    assert pod.start("raise SystemExit(0)") == Exit.ENVIRONMENT
    assert pod.fake.pods == {}
    assert "the volume: Not a directory" in capfd.readouterr().out


def test_a_damaged_record_is_not_a_reason_to_run_again(pod: Pod) -> None:
    pod.folder.mkdir(parents=True)
    (pod.folder / "record.json").write_text('{"job": ')
    assert pod.start("raise SystemExit(0)") == Exit.ENVIRONMENT
    assert pod.fake.pods == {}


def container(pod: Pod) -> subprocess.Popen[str]:
    """The container's real command."""
    return subprocess.Popen(
        [sys.executable, "-m", "jobs.launch.inside.command"],
        cwd=ROOT,
        env=pod.environment | {"KIWAME_JOB_LOG_SECONDS": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_real_command_runs_the_real_stage(pod: Pod) -> None:
    done = container(pod)
    out, _ = done.communicate(timeout=60)
    assert done.returncode == Exit.REFUSED, out
    assert "prepare: refused: " in out
    assert out.splitlines()[0].startswith(f"kiwame job {pod.job.id}: prepare run.name=mine run.folder=")
    assert "ended with exit code 2 (by itself)" in out
    assert pod.fake.pods == {}


def test_without_a_submission_nothing_is_run_and_nothing_deleted(pod: Pod) -> None:
    del pod.environment["KIWAME_JOB_ID"]
    done = container(pod)
    out, _ = done.communicate(timeout=60)
    assert done.returncode == Exit.REFUSED
    assert "KIWAME_JOB_ID is not set" in out
    assert list(pod.fake.pods) == ["pod1"]


def test_after_a_kill_the_job_goes_on_and_no_child_is_left(pod: Pod, tmp_path: Path) -> None:
    note = str(tmp_path / "child")
    work = f"import os, pathlib, time; pathlib.Path({note!r}).write_text(str(os.getpid())); time.sleep(60)"
    guard = subprocess.Popen([sys.executable, "-c", DRIVER.format(work)], cwd=ROOT, env=pod.environment)
    wait_for((tmp_path / "child").exists)
    time.sleep(0.2)
    guard.kill()
    guard.wait()
    child = int((tmp_path / "child").read_text())
    wait_for(lambda: not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2])
    assert pod.record["state"] == "running"
    assert pod.start("raise SystemExit(0)") == 0
    assert len(pod.record["starts"]) == 2


def wait_for(condition: Any, seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [("KIWAME_JOB_MAX_HOURS", None, "is not set"), ("KIWAME_JOB_WORDS", "[", "is not JSON")],
)
def test_what_the_pod_is_told_is_read_back(pod: Pod, name: str, text: str | None, said: str) -> None:
    assert PodJob.read(pod.job.environment()) == pod.job
    changed = {key: value for key, value in pod.job.environment().items() if key != name}
    with pytest.raises(ValueError, match=f"{name} {said}"):
        PodJob.read(changed | ({name: text} if text else {}))
