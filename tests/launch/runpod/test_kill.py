"""The client is killed between create and answer; and two clients at once."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from jobs.core.errors import Exit
from jobs.launch.runpod.command import JOURNAL
from jobs.launch.runpod.journal import Journal
from tests.launch.conftest import ROOT, WORDS, Desk
from tests.launch.runpod.fake_runpod import KEY, Fake


def started(fake: Fake) -> subprocess.Popen[bytes]:
    """The real command, up to the moment at which its create has arrived."""
    words = ["submit", *WORDS, "--", "prepare.files=[/workspace/my.jsonl]"]
    client = subprocess.Popen(
        [sys.executable, "-m", "jobs.launch.runpod.command", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT), "RUNPOD_API_KEY": KEY, "KIWAME_RUNPOD_URL": fake.address},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 30
    while "create" not in fake.calls:
        assert time.monotonic() < until
        assert client.poll() is None
        time.sleep(0.02)
    time.sleep(0.2)
    return client


@pytest.mark.parametrize(("accepted", "hide", "creates"), [(True, 0, 1), (True, 3, 1), (False, 0, 2)])
def test_a_kill_between_create_and_answer_makes_no_second_pod(
    desk: Desk, fake: Fake, accepted: bool, hide: int, creates: int
) -> None:
    fake.faults["create"], fake.hide = ["accept+silence" if accepted else "silence"], hide
    client = started(fake)
    client.kill()
    client.wait()
    assert desk.submit() == Exit.PASSED
    assert list(fake.pods) == ["pod1"]
    assert fake.count("create") == creates
    assert not list(JOURNAL.glob("*.json"))


def test_a_ctrl_c_between_create_and_answer_is_found_too(desk: Desk, fake: Fake) -> None:
    fake.faults["create"] = ["accept+silence"]
    client = started(fake)
    client.terminate()
    assert client.wait() == Exit.INTERRUPTED
    assert desk.submit() == Exit.PASSED
    assert list(fake.pods) == ["pod1"]


def test_two_submissions_at_once_are_one(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    with Journal(JOURNAL, "kiwame-mine").held():
        assert desk.submit() == Exit.ENVIRONMENT
    assert "another submission of this run is under way here" in capsys.readouterr().err
    assert fake.calls == []
    assert desk.submit() == Exit.PASSED


def test_only_the_lock_means_another_submission(desk: Desk) -> None:
    with pytest.raises(BlockingIOError), Journal(JOURNAL, "kiwame-mine").held():
        raise BlockingIOError


def test_a_journal_that_cannot_be_read_still_means_a_search(desk: Desk, fake: Fake) -> None:
    journal = Journal(JOURNAL, "kiwame-mine")
    with journal.held():
        journal.write(["a"])
    journal.path.write_text("{")
    assert desk.submit() == Exit.PASSED
    assert sum(desk.waits) == 80
    assert fake.count("create") == 1
