"""A rented pod ends itself: whatever hangs, fails or is missing, and for as long as it takes."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from jobs.core.errors import Exit
from jobs.launch.inside import command as inside
from jobs.launch.inside.command import Outlet, Record, watch
from jobs.launch.inside.own_pod import OwnPod
from jobs.launch.inside.pod_job import ended_code
from tests.launch.conftest import ROOT
from tests.launch.inside.test_command import DRIVER, SAVES_WHEN_ASKED, EnoughError, Pod, container, pod, wait_for
from tests.launch.runpod.fake_runpod import KEY

__all__ = ["pod"]


def test_deletion_is_tried_until_it_is_accepted(pod: Pod) -> None:
    pod.fake.faults["delete"] = ["500", "reset", "html", "429:5", "ok"]
    assert pod.start("") == 0
    assert pod.fake.pods == {}
    assert pod.waits == [7.0, 0.0, 2.0, 5.0, 10.0, 30.0]


@pytest.mark.parametrize(("refused", "left"), [("403", {}), ("404", {})])
def test_where_the_key_may_not_delete_it_may_terminate(pod: Pod, refused: str, left: dict[str, Any]) -> None:
    pod.fake.faults["delete"] = [refused]
    assert pod.start("") == 0
    assert pod.fake.pods == left
    assert pod.fake.calls[-2:] == ["delete", "action"]


def test_where_the_key_may_do_neither_it_may_stop(pod: Pod) -> None:
    pod.fake.faults = {"delete": ["403"], "action": ["403"]}
    assert pod.start("") == 0
    assert pod.fake.pods["pod1"]["status"] == "EXITED"


@pytest.mark.parametrize("fault", ["409", "422", "500", "html"])
def test_where_a_deletion_fails_for_ever_the_other_ways_are_tried(pod: Pod, fault: str) -> None:
    pod.fake.faults["delete"] = [fault] * 1000
    assert pod.start("") == 0
    assert pod.fake.pods == {}
    assert pod.fake.calls == ["delete"] * 5 + ["action"]
    assert pod.waits == [7.0, 0.0, 2.0, 5.0, 10.0, 30.0]


def test_where_only_a_stop_works_it_stops(pod: Pod) -> None:
    pod.fake.faults = {"delete": ["500"] * 1000, "action": ["500"]}
    assert pod.start("") == 0
    assert pod.fake.pods["pod1"]["status"] == "EXITED"


@pytest.mark.parametrize("lost", ["500", "reset", "html"])
@pytest.mark.parametrize("keys", [{}, {"KIWAME_RUNPOD_API_KEY": KEY, "RUNPOD_API_KEY": "rpa_mayseenothing"}])
def test_a_404_is_never_a_deletion(pod: Pod, keys: dict[str, str], lost: str) -> None:
    pod.environment |= keys
    pod.fake.faults = {"delete": [lost, "404", "404", "404"], "action": ["404"] * 6}
    assert pod.start("") == 0
    assert pod.fake.pods == {}


def test_it_tries_for_as_long_as_it_takes(pod: Pod, capfd: pytest.CaptureFixture[str]) -> None:
    pod.fake.faults = {"delete": ["403"] * 1000, "action": ["403"] * 2000}
    tried: list[float] = []

    def sleep(seconds: float) -> None:
        tried.append(seconds)
        if len(tried) > 200:
            pod.fake.faults = {}

    OwnPod(pod.environment, sleep).end()
    assert pod.fake.pods == {}
    assert tried[8:] == [300.0] * 193
    said = capfd.readouterr().err.splitlines()
    assert len(said) == 5  # each answer once, what it means, and the success: the job's last lines stay in sight
    assert "run `make pod-reap`" in said[1]


def test_a_key_that_was_given_goes_before_the_pod_s_own(pod: Pod) -> None:
    pod.environment |= {"KIWAME_RUNPOD_API_KEY": KEY, "RUNPOD_API_KEY": "rpa_mayseenothing"}
    assert pod.start("") == 0
    assert pod.fake.calls == ["delete"]


def test_the_pod_s_own_key_is_tried_where_the_given_one_fails(pod: Pod) -> None:
    pod.environment["KIWAME_RUNPOD_API_KEY"] = "rpa_wrong"
    assert pod.start("") == 0
    assert pod.fake.pods == {}


@pytest.mark.parametrize("name", ["RUNPOD_POD_ID", "RUNPOD_API_KEY"])
def test_a_pod_that_cannot_delete_itself_says_so_once_and_holds(
    pod: Pod, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    del pod.environment[name]
    assert OwnPod(pod.environment).problem() is not None
    pod.start_in_vain("raise SystemExit(3)")
    assert pod.record["exit_code"] == 3
    said = capfd.readouterr().err
    assert said.count("run `make pod-reap`") == 1
    assert f"{name} is" in said


def driven(pod: Pod, work: str, **streams: Any) -> subprocess.Popen[bytes]:
    """A guard with pipes of its own, whose job is Python `work`."""
    environment = pod.environment | {"KIWAME_JOB_LOG_SECONDS": "0"}
    return subprocess.Popen([sys.executable, "-c", DRIVER.format(work)], cwd=ROOT, env=environment, **streams)


def test_a_log_that_nobody_reads_any_more_keeps_no_pod(pod: Pod) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    guard = driven(pod, "print('x' * 10)", stdout=writer, stderr=writer)
    os.close(writer)
    assert guard.wait(30) == 0
    assert pod.fake.pods == {}
    assert (pod.record["state"], pod.record["exit_code"]) == ("ended", 0)


def test_a_log_that_is_full_keeps_no_pod_and_no_job(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pod.environment, "KIWAME_JOB_MAX_HOURS", "0.02")
    reader, writer = os.pipe()
    guard = driven(pod, "print('x' * 300_000)", stdout=writer, stderr=writer)
    wait_for(lambda: pod.fake.pods == {}, 40)
    assert (pod.record["state"], pod.record["why"]) == ("ended", "by itself")
    assert (pod.folder / "output.log").stat().st_size == 300_001
    guard.kill()
    guard.wait()
    os.close(reader)
    os.close(writer)


def test_what_a_full_log_does_not_take_is_not_waited_for_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "STUCK_SECONDS", 0.2)
    reader, writer = os.pipe()
    outlet, began = Outlet(), time.monotonic()
    for _ in range(1000):
        outlet.write(b"x" * 65536, writer)
    outlet.flush()
    assert time.monotonic() - began < 5
    os.close(reader)


def test_a_volume_that_hangs_keeps_no_pod(pod: Pod) -> None:
    pod.folder.mkdir(parents=True)
    os.mkfifo(pod.folder / "record.new")  # opening it waits for ever, as a volume does whose server is away
    guard = pod.guard("")

    def run() -> None:
        with pytest.raises(EnoughError):  # the pod is gone by then
            guard.run()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    watch(OwnPod(pod.environment), Outlet(), 0.5)
    wait_for(lambda: pod.fake.pods == {})
    assert thread.is_alive()
    free = os.open(pod.folder / "record.new", os.O_RDWR | os.O_NONBLOCK)
    thread.join(20)
    os.close(free)


def test_the_watchdog_is_set_before_the_volume_is_touched(pod: Pod) -> None:
    pod.folder.mkdir(parents=True)
    os.mkfifo(pod.folder / "record.new")
    driver = "from jobs.launch.inside import command as inside; inside.SPARE_SECONDS = 1.0; inside.main()"
    short = {"KIWAME_JOB_MAX_HOURS": "0.0001", "KIWAME_JOB_GRACE_MINUTES": "0.01", "KIWAME_JOB_LOG_SECONDS": "0"}
    guard = subprocess.Popen([sys.executable, "-c", driver], cwd=ROOT, env=pod.environment | short)
    wait_for(lambda: pod.fake.pods == {})
    assert guard.poll() is None
    guard.kill()
    guard.wait()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"KIWAME_JOB_LOG_SECONDS": None}, "KIWAME_JOB_LOG_SECONDS is not set"),  # a client older than the image
        ({"KIWAME_JOB_MAX_HOURS": "null"}, "it could not be started"),
        ({"KIWAME_JOB_WORDS": "[1]"}, "it could not be started"),
    ],
)
def test_a_job_that_cannot_be_read_ends_the_pod(
    pod: Pod, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], said: str
) -> None:
    monkeypatch.setattr(inside, "LOG_SECONDS", 0.0)
    environment = {name: text for name, text in (pod.environment | changes).items() if text is not None}
    assert inside.main(environment) == Exit.REFUSED
    assert pod.fake.pods == {}
    line = capfd.readouterr().out.splitlines()[-1]
    assert said in line
    assert ended_code(pod.job.id, line) == Exit.REFUSED  # so that pod-logs comes to its end


@pytest.mark.parametrize("more", [{"SSL_CERT_FILE": "/nowhere.pem"}, {"ALL_PROXY": "socks5://127.0.0.1:1"}])
def test_what_the_environment_says_of_networks_keeps_no_pod(pod: Pod, more: dict[str, str]) -> None:
    pod.environment |= more
    done = container(pod)
    done.communicate(timeout=60)
    assert done.returncode == Exit.REFUSED
    assert pod.fake.pods == {}


def test_hours_are_counted_by_a_clock_that_nobody_sets_too(pod: Pod) -> None:
    began, looks = time.time(), []

    def set_back() -> float:
        looks.append(1)
        return began if len(looks) < 3 else began - 86400

    hours = 1.0 / 3600
    assert pod.start("import time; time.sleep(30)", set_back, max_hours=hours, grace_minutes=0.01) != 0
    assert pod.record["why"].endswith("hours are over")
    assert pod.fake.pods == {}


def test_a_record_that_found_no_room_for_its_ending_is_no_reason_to_run_again(
    pod: Pod, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, save = f"open({str(tmp_path / 'runs.txt')!r}, 'a').write('x')", inside.Store.save

    def full(store: inside.Store, record: Record) -> None:
        if record.state == "ended":
            raise OSError(errno.ENOSPC, "No space left on device")
        save(store, record)

    monkeypatch.setattr(inside.Store, "save", full)
    pod.fake.faults = {"delete": ["500"] * 100, "action": ["500"] * 100}
    pod.start_in_vain(work)
    pod.fake.faults = {}
    assert pod.start(work) == 0
    assert (tmp_path / "runs.txt").read_text() == "x"
    assert pod.fake.pods == {}


@pytest.mark.parametrize("room", [True, False])
def test_a_stopped_pod_stays_though_the_volume_is_full(pod: Pod, monkeypatch: pytest.MonkeyPatch, room: bool) -> None:
    save = inside.Store.save

    def full(store: inside.Store, record: Record) -> None:
        if record.state == "interrupted":
            raise OSError(errno.ENOSPC, "No space left on device")
        save(store, record)

    monkeypatch.setattr(inside.Store, "save", full)
    if not room:
        monkeypatch.setattr(inside.Store, "save_in_place", full)
    guard = pod.guard(SAVES_WHEN_ASKED)
    pod.when_ready(lambda: guard.stop(signal.SIGTERM, None))
    assert guard.run() == Exit.INTERRUPTED
    assert list(pod.fake.pods) == ["pod1"]
    assert pod.record["state"] == ("interrupted" if room else "running")  # it goes on from either
    assert pod.start("raise SystemExit(0)") == 0
    assert len(pod.record["starts"]) == 2


def test_a_second_pod_of_one_job_runs_nothing_and_goes(pod: Pod, tmp_path: Path) -> None:
    go = tmp_path / "go"
    work = f"import os, time; print('ready', flush=True)\nwhile not os.path.exists({str(go)!r}): time.sleep(0.05)"
    first = threading.Thread(target=pod.guard(work).run)
    first.start()
    wait_for(pod.ready)
    pod.moved()
    assert pod.start("raise SystemExit(0)") == Exit.ENVIRONMENT
    assert list(pod.fake.pods) == ["pod1"]
    assert (pod.record["state"], pod.record["pod"]) == ("running", "pod1")
    go.touch()
    first.join(20)
    assert (pod.record["state"], pod.record["exit_code"]) == ("ended", 0)


def test_what_the_job_started_is_killed_with_it(pod: Pod, tmp_path: Path) -> None:
    note = tmp_path / "child"
    child = f"""
import os, pathlib, signal, time
signal.signal(15, signal.SIG_IGN)
pathlib.Path({str(note)!r}).write_text(str(os.getpid()))
print("ready", flush=True)
time.sleep(60)
"""
    stubborn = "import signal, subprocess, sys\nsignal.signal(15, signal.SIG_IGN)\n"
    work = f"{stubborn}subprocess.run([sys.executable, '-c', {child!r}])"
    assert pod.start(work, pod.late, grace_minutes=0.5 / 60) == 137
    stat = Path(f"/proc/{note.read_text()}/stat")
    wait_for(lambda: not stat.exists() or stat.read_text().split()[2] == "Z")
    assert pod.fake.pods == {}
