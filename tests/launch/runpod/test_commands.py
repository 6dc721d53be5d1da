"""status, stop, delete and reap, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs.core.errors import Exit
from tests.launch.conftest import CHEAP, Desk
from tests.launch.runpod.fake_runpod import Fake


def foreign(fake: Fake, **changes: Any) -> str:
    """A pod that no submission of ours made."""
    body = {"name": "kiwame-like", "image": "x", "gpu": {"id": CHEAP, "count": 1}, "env": {"TOKEN": "theirs"}}
    pod = fake.new_pod(body) | changes
    fake.pods[pod["id"]] = pod
    return str(pod["id"])


def test_status_lists_our_pods(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    desk.submit("job.run=one")
    desk.submit("job.run=two")
    foreign(fake)
    fake.now += timedelta(hours=3)
    capsys.readouterr()
    assert desk("status") == Exit.PASSED
    said = capsys.readouterr().err
    assert "kiwame-one" in said
    assert "kiwame-two" in said
    assert "kiwame-like" not in said
    assert "3.0" in said
    assert desk("status", "job.run=two") == Exit.PASSED
    assert "kiwame-one" not in capsys.readouterr().err


def test_status_without_pods(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk("status") == Exit.PASSED
    assert "no pods" in capsys.readouterr().err


@pytest.mark.parametrize("fault", ["ok", "500", "accept+reset", "accept+html", "429:1"])
def test_stop_releases_the_gpu(desk: Desk, fake: Fake, fault: str) -> None:
    desk.submit()
    fake.faults["action"] = [fault]
    assert desk("stop", "job.run=mine") == Exit.PASSED
    assert fake.pods["pod1"]["status"] == "EXITED"


def test_stop_with_dry_changes_nothing(desk: Desk, fake: Fake) -> None:
    desk.submit()
    assert desk("stop", "job.run=mine", "dry=true") == Exit.PASSED
    assert fake.pods["pod1"]["status"] == "PROVISIONING"


def test_stop_tells_of_the_run_s_other_pods(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    desk.submit()
    fake.pods["pod2"] = fake.pods["pod1"] | {"id": "pod2"}
    assert desk("stop", "job.run=mine") == Exit.PASSED
    assert "run mine has pod pod2 (PROVISIONING) too, which costs money; this is about pod1" in capsys.readouterr().err
    assert [pod["status"] for pod in fake.pods.values()] == ["EXITED", "PROVISIONING"]


def test_stop_where_it_is_not_allowed_is_told(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    desk.submit()
    fake.pods["pod1"]["actions"] = []
    assert desk("stop", "job.run=mine") == Exit.REFUSED
    assert "RunPod refused (409 Conflict)" in capsys.readouterr().err


@pytest.mark.parametrize(
    "fault", ["ok", "500", "accept+reset", "page", "accept+page", "accept+html", "accept+silence", "429:1"]
)
def test_delete_is_sure(desk: Desk, fake: Fake, fault: str) -> None:
    desk.submit()
    fake.faults["delete"] = [fault]
    assert desk("delete", "job.run=mine") == Exit.PASSED
    assert fake.pods == {}


def test_delete_of_nothing_is_done_already(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk("delete", "job.run=mine") == Exit.PASSED
    assert "no pod of a submission is called kiwame-mine" in capsys.readouterr().err


def test_delete_leaves_others_alone(desk: Desk, fake: Fake) -> None:
    desk.submit("job.run=one")
    desk.submit("job.run=two")
    other = foreign(fake, name="kiwame-one")
    assert desk("delete", "job.run=one") == Exit.PASSED
    assert sorted(fake.pods) == ["pod2", other]


@pytest.mark.parametrize(
    ("status", "hours", "reaped"),
    [
        ("EXITED", 0.1, True),
        ("ERROR", 0.1, True),
        ("PROVISIONING", 0.4, False),
        ("PROVISIONING", 0.6, True),
        ("STARTING", 0.6, True),
        ("RUNNING", 12.5, False),
        ("RUNNING", 12.7, True),  # 12 hours, 10 minutes of grace, 30 to start
    ],
)
def test_reap_takes_what_is_over(desk: Desk, fake: Fake, status: str, hours: float, reaped: bool) -> None:
    desk.submit()
    fake.pods["pod1"]["status"] = status
    fake.now += timedelta(hours=hours)
    assert desk("reap", "dry=true") == Exit.PASSED
    assert "pod1" in fake.pods
    assert desk("reap") == Exit.PASSED
    assert ("pod1" not in fake.pods) == reaped


def test_reap_takes_a_pod_that_runs_though_its_job_has_ended(desk: Desk, fake: Fake) -> None:
    desk.submit()
    desk.submit("job.run=other")
    for name, job in (("pod1", fake.pods["pod1"]["env"]["KIWAME_JOB_ID"]), ("pod2", "0123")):
        fake.pods[name]["status"] = "RUNNING"
        line = f"kiwame job {job} ended with exit code 3 (by itself)"
        fake.logs[name] = [{"id": "1", "ts": "2026-06-01T12:00:01Z", "source": "container", "line": line}]
    assert desk("reap") == Exit.PASSED
    assert list(fake.pods) == ["pod2"]


def test_reap_does_not_wait_for_a_pod_that_never_stops_writing(desk: Desk, fake: Fake) -> None:
    desk.submit()
    fake.pods["pod1"]["status"], fake.chatter = "RUNNING", True
    assert desk("reap") == Exit.PASSED
    assert list(fake.pods) == ["pod1"]


def test_reap_leaves_what_is_not_ours_or_locked(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    desk.submit()
    fake.pods["pod1"] |= {"status": "EXITED", "locked": True}
    other = foreign(fake, status="EXITED")
    assert desk("reap") == Exit.PASSED
    assert sorted(fake.pods) == ["pod1", other]
    assert "it is locked" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["reap", "delete"])
@pytest.mark.parametrize("fault", ["403 nope", "429:4000", "500"])
def test_one_pod_that_cannot_be_deleted_keeps_no_other(
    desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str], command: str, fault: str
) -> None:
    for _ in range(3):
        desk.submit()
        fake.pods[f"pod{len(fake.pods)}"] |= {"name": "kiwame-other"}
    for pod in fake.pods.values():
        pod |= {"name": "kiwame-mine", "status": "EXITED"}
    fake.faults["delete"] = [fault] * (7 if fault == "500" else 1)
    assert desk(command, "job.run=mine") == Exit.ENVIRONMENT
    assert list(fake.pods) == ["pod1"]
    assert "left as they are: pod1" in capsys.readouterr().err


def test_reap_goes_on_where_a_log_cannot_be_read(desk: Desk, fake: Fake) -> None:
    desk.submit("job.run=one")
    desk.submit("job.run=two")
    fake.pods["pod1"]["status"], fake.pods["pod2"]["status"] = "RUNNING", "EXITED"
    fake.faults["logs"] = ["429:4000"]
    assert desk("reap") == Exit.ENVIRONMENT
    assert list(fake.pods) == ["pod1"]


def test_ages_are_by_the_service_s_clock(desk: Desk, fake: Fake) -> None:
    fake.now = datetime(2126, 6, 1, 12, tzinfo=UTC)
    desk.submit()
    fake.pods["pod1"]["status"] = "RUNNING"
    fake.now += timedelta(hours=12)
    assert desk("reap") == Exit.PASSED
    assert list(fake.pods) == ["pod1"]
    fake.now += timedelta(hours=1)
    assert desk("reap") == Exit.PASSED
    assert fake.pods == {}


ODD: list[dict[str, Any]] = [
    {"cost": None},
    {"env": {"A": None}},
    {"gpu": {"count": "many"}},
    {"createdAt": "soon"},
    {"name": None},
    {"locked": "perhaps"},
]


@pytest.mark.parametrize("changes", ODD)
def test_an_odd_pod_of_others_breaks_no_command(desk: Desk, fake: Fake, changes: dict[str, Any]) -> None:
    other = foreign(fake, **changes)
    assert desk.submit() == Exit.PASSED
    fake.pods["pod2"]["status"] = "EXITED"
    assert desk("status") == Exit.PASSED
    assert desk("reap") == Exit.PASSED
    assert list(fake.pods) == [other]
    fake.problems.clear()  # such answers are not as the specification has them


def test_an_odd_pod_of_ours_is_still_ours(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    desk.submit()
    fake.pods["pod1"] |= {"cost": None, "createdAt": None, "gpu": None, "status": "EXITED"}
    assert desk("status") == Exit.PASSED
    assert "kiwame-mine" in capsys.readouterr().err
    assert desk("reap") == Exit.PASSED
    assert fake.pods == {}
    fake.problems.clear()


def test_a_file_without_a_run_is_enough_where_none_is_needed(desk: Desk) -> None:
    file = Path("runpod.yaml")
    file.write_text(file.read_text().replace("  run: ???", "  runn: ???"))
    assert desk("status") == Exit.PASSED
    assert desk("stop", "job.runn=mine") == Exit.REFUSED


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("launch",), "expected one of: submit, status, logs, stop, delete, reap"),
        ((), "expected one of"),
        (("stop",), "job.run: has no value"),
        (("delete", "job.run=../x"), "cannot be the name of a run"),
        (("status", "job.rum=x"), "job.rum: unknown key; did you mean job.run?"),
        (("status", "model=qwen3_0_6b"), "words of the config follow `--`"),
    ],
)
def test_wrong_words_are_refused(
    desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert desk(*words) == Exit.REFUSED
    assert said in capsys.readouterr().err
    assert fake.calls == []
