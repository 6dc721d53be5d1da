"""Submitting where the run has a pod already: taken, refused with the difference, or deleted; and what it may cost."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.core.errors import Exit
from jobs.launch.runpod.command import JOURNAL
from tests.launch.conftest import CHEAP, DEAR, Desk
from tests.launch.runpod.fake_runpod import Fake


def test_a_second_submission_finds_the_pod(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.submit() == desk.submit() == Exit.PASSED
    assert fake.count("create") == 1
    assert capsys.readouterr().out == "pod1\npod1\n"


def test_a_second_submission_finds_the_pod_on_a_later_page(desk: Desk, fake: Fake) -> None:
    for other in ("a", "b", "mine"):
        assert desk.submit(f"job.run={other}") == Exit.PASSED
    fake.page = 2
    assert desk.submit() == Exit.PASSED
    assert fake.count("create") == 3


def test_other_work_under_the_same_run_is_refused(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    desk.submit()
    assert desk.submit("job.stage=train") == Exit.REFUSED
    assert "run mine has pod pod1 for other work (job.stage); take another job.run" in capsys.readouterr().err
    assert fake.count("create") == 1


def test_a_stopped_pod_is_not_taken_for_a_new_one(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    desk.submit()
    desk("stop", "job.run=mine")
    assert desk.submit() == Exit.REFUSED
    assert "pod pod1 of run mine is EXITED; delete it first: make pod-delete" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("limits.max_usd_per_hour=0.5", "limits.max_usd_per_hour"),
        ("limits.max_hours=1", "limits.max_hours"),
        (f"gpu.id=[{DEAR}]", "gpu.id"),
        ("cloud=COMMUNITY", "cloud"),
        ("env.A=b", "env.A, env"),
        ("disk=50", "disk"),
    ],
)
def test_a_pod_that_was_asked_for_otherwise_is_refused_with_the_difference(
    desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str], word: str, key: str
) -> None:
    desk.submit()
    assert desk.submit(word) == Exit.REFUSED
    assert f"for other work ({key})" in capsys.readouterr().err
    assert list(fake.pods) == ["pod1"]


def test_another_s_pod_that_was_first_stays(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    desk.submit()
    fake.pods["pod1"]["env"]["KIWAME_JOB_ID"] = "another"
    fake.hidden_until = fake.lists + 1
    capsys.readouterr()
    assert desk.submit() == Exit.PASSED
    said = capsys.readouterr()
    assert "deleting pod pod2: the run has pod pod1, which was first" in said.err
    assert said.out == "pod1\n"
    assert list(fake.pods) == ["pod1"]


@pytest.mark.parametrize("changes", [{"ASKED": "a"}, {"ID": None}, {}])
@pytest.mark.parametrize("fault", ["ok", "403"])
def test_a_late_pod_of_ours_goes_whatever_the_first_one_is(
    desk: Desk, fake: Fake, changes: dict[str, str | None], fault: str
) -> None:
    fake.faults["create"], fake.hide = ["accept+reset"], 100

    def of_another() -> None:
        if "other" not in fake.pods:
            changed = {"KIWAME_JOB_ID": "ffff", **{f"KIWAME_JOB_{name}": text for name, text in changes.items()}}
            env = {name: text for name, text in (fake.pods["pod1"]["env"] | changed).items() if text is not None}
            fake.pods = {"other": fake.pods["pod1"] | {"id": "other", "env": env}, **fake.pods}

    desk.on_wait = of_another
    assert desk.submit() == Exit.ENVIRONMENT
    fake.hidden_until, fake.faults["delete"] = 0, [fault]
    fake.pods["other"]["status"] = "RUNNING" if changes else "EXITED"
    assert desk.submit() == Exit.REFUSED
    assert list(fake.pods) == (["other"] if fault == "ok" else ["other", "pod1"])
    assert len(list(JOURNAL.glob("*.json"))) == (0 if fault == "ok" else 1)
    assert desk.submit() == Exit.REFUSED
    assert list(fake.pods) == ["other"]
    assert not list(JOURNAL.glob("*.json"))
    assert fake.count("create") == 1


def test_a_pod_whose_job_has_ended_makes_room(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    desk.submit()
    fake.pods["pod1"]["status"] = "RUNNING"
    line = f"kiwame job {fake.pods['pod1']['env']['KIWAME_JOB_ID']} ended with exit code 75 (its 12 hours are over)"
    fake.logs["pod1"] = [{"id": "1", "ts": "2026-06-01T12:00:01Z", "source": "container", "line": line}]
    assert desk.submit() == Exit.PASSED
    assert "deleting pod pod1: its job has ended with exit code 75" in capsys.readouterr().err
    assert list(fake.pods) == ["pod2"]


def test_a_pod_of_the_name_that_is_nobody_s_is_told(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake.new_pod({"name": "kiwame-mine", "image": "x", "gpu": {"id": CHEAP, "count": 1}, "env": {}})
    assert desk.submit() == Exit.REFUSED
    assert "pod pod1 is called kiwame-mine and was not made by a submission" in capsys.readouterr().err
    assert desk("delete", "job.run=mine") == Exit.PASSED
    assert "pod pod1 is called kiwame-mine, but no submission made it" in capsys.readouterr().err
    assert list(fake.pods) == ["pod1"]


@pytest.mark.parametrize(
    ("status", "over", "word", "said", "code"),
    [
        ("STARTING", False, "disk=40", "submit would find pod pod1 (STARTING) and make none", 0),
        ("RUNNING", False, "disk=40", "submit would find pod pod1 (RUNNING) and make none", 0),
        ("RUNNING", True, "disk=40", "its job has ended (75), so submit would delete pod pod1; submit would make", 0),
        ("RUNNING", True, "disk=50", "its job has ended (75), so submit would delete pod pod1; submit would make", 0),
        ("RUNNING", False, "disk=50", "submit would be refused: run mine has pod pod1 for other work (disk)", 2),
        ("EXITED", False, "disk=40", "submit would be refused: pod pod1 of run mine is EXITED", 2),
        ("TERMINATED", False, "disk=40", "run mine: submit would make one", 0),
    ],
)
def test_dry_says_what_submit_then_does(
    desk: Desk,
    fake: Fake,
    capsys: pytest.CaptureFixture[str],
    status: str,
    over: bool,
    word: str,
    said: str,
    code: int,
) -> None:
    assert desk.submit("disk=40") == Exit.PASSED
    fake.pods["pod1"]["status"] = status
    line = f"kiwame job {fake.pods['pod1']['env']['KIWAME_JOB_ID']} ended with exit code 75 (its 12 hours are over)"
    ending = {"id": "1", "ts": "2026-06-01T12:00:01Z", "source": "container", "line": line}
    fake.logs["pod1"] = [ending] if over else []
    assert desk.submit(word, "dry=true") == Exit.PASSED
    assert said in capsys.readouterr().err
    assert (list(fake.pods), fake.count("create"), fake.count("delete")) == (["pod1"], 1, 0)
    assert desk.submit(word) == code
    assert fake.count("create") == (2 if "would make" in said else 1)


def test_dry_says_that_a_pod_over_the_limit_would_go(
    desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    assert desk.submit() == Exit.PASSED
    fake.pods["pod1"]["cost"] = 1.5
    assert desk.submit("dry=true") == Exit.PASSED
    assert "submit would delete pod pod1 and be refused: it costs 1.50 USD/h" in capsys.readouterr().err
    assert list(fake.pods) == ["pod1"]


@pytest.mark.parametrize(
    ("changes", "code"), [({"status": "TERMINATED"}, Exit.ENVIRONMENT), ({"name": ""}, 0), ({"name": None}, 0)]
)
def test_a_new_pod_that_is_odd_is_told_by_its_id(
    desk: Desk,
    fake: Fake,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str | None],
    code: int,
) -> None:
    new_pod = fake.new_pod

    def odd(body: dict[str, Any]) -> dict[str, Any]:
        pod = new_pod(body)
        pod |= changes
        return pod

    monkeypatch.setattr(fake, "new_pod", odd)
    assert desk.submit() == code
    said = capsys.readouterr()
    assert "pod1" in (said.err if code else said.out)
    assert fake.count("create") == 1
    fake.problems.clear()  # a pod without a name is not as the specification has it


@pytest.mark.parametrize("lists", [[], ["ok"] + ["500"] * 20])
@pytest.mark.parametrize("created", ["ok", "accept+reset"])
def test_a_pod_that_costs_more_than_the_catalog_said_is_deleted(
    desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str], created: str, lists: list[str]
) -> None:
    fake.costs, fake.faults = 1.5, {"create": [created], "list": lists if created == "ok" else []}
    assert desk.submit() == Exit.REFUSED
    assert "RunPod charges 1.50 USD/h" in capsys.readouterr().err
    assert fake.pods == {}


@pytest.mark.parametrize("fault", ["500", "403"])
def test_a_pod_that_costs_more_and_cannot_be_deleted_is_never_taken(
    desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    fake.costs, fake.faults["delete"] = 1.5, [fault] * 20
    assert desk.submit() == desk.submit() == Exit.ENVIRONMENT
    assert "pod pod1 could not be deleted and costs money" in capsys.readouterr().err
    fake.faults = {}
    assert desk.submit() == Exit.REFUSED
    assert fake.pods == {}
    assert fake.count("create") == 1
