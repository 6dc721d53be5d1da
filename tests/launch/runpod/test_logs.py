"""Following a log over every kind of cut: each line once, in order, to the job's exit code."""

from __future__ import annotations

import itertools
import os
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from jobs.core.errors import Exit
from jobs.launch.runpod import logs
from jobs.launch.runpod.logs import Line, Seen
from tests.launch.conftest import ROOT, Desk
from tests.launch.runpod.fake_runpod import KEY, Fake

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def entry(place: int, text: str, per_second: int = 1, source: str = "container", unique: bool = True) -> dict[str, str]:
    """A line as the service gives it; without `unique`, ids are moments, which lines share."""
    ts = (NOON + timedelta(seconds=place // per_second)).isoformat().replace("+00:00", "Z")
    return {"id": f"{ts}/{place:012d}" if unique else ts, "ts": ts, "source": source, "line": text}


def ending(fake: Fake, code: int) -> str:
    job = fake.pods["pod1"]["env"]["KIWAME_JOB_ID"]
    return f"kiwame job {job} ended with exit code {code} (by itself)"


def prepared(desk: Desk, fake: Fake, texts: list[str], per_second: int, unique: bool, code: int = 0) -> None:
    desk.submit()
    fake.pods["pod1"]["status"] = "RUNNING"
    lines = [entry(place, text, per_second, unique=unique) for place, text in enumerate(texts)]
    fake.logs["pod1"] = [*lines, entry(len(texts), ending(fake, code), per_second, unique=unique)]


@pytest.mark.parametrize("resume", ["after", "from", "past", "ignored"])
@pytest.mark.parametrize(("per_second", "unique"), [(1, True), (1, False), (7, True)])
@pytest.mark.parametrize("how", ["close", "reset", "half"])
def test_cuts_double_and_lose_nothing(
    desk: Desk,
    fake: Fake,
    capsys: pytest.CaptureFixture[str],
    how: str,
    per_second: int,
    unique: bool,
    resume: str,
) -> None:
    texts = [f"step {place % 3}" for place in range(60)]  # lines that are alike are lines all the same
    prepared(desk, fake, texts, per_second, unique)
    fake.resume, fake.cuts = resume, [(0, how), (5, how), (20, how), (0, how), (21, how), (40, how)]
    capsys.readouterr()
    assert desk("logs", "job.run=mine") == 0
    assert capsys.readouterr().out.splitlines() == [*texts, ending(fake, 0)]


@pytest.mark.parametrize("resume", ["from", "past"])
def test_many_lines_of_one_moment_by_time_alone(
    desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str], resume: str
) -> None:
    texts = [f"line {place}" for place in range(3000)]
    prepared(desk, fake, texts, per_second=130, unique=False)
    fake.resume, fake.cuts = resume, [(1000, "close"), (1500, "reset"), (900, "half"), (1400, "close")]
    capsys.readouterr()
    assert desk("logs", "job.run=mine") == 0
    assert capsys.readouterr().out.splitlines()[:-1] == texts


@pytest.mark.parametrize("code", [0, 2, 3, 75, 137])
def test_the_exit_code_is_the_job_s(desk: Desk, fake: Fake, code: int) -> None:
    prepared(desk, fake, ["work"], 1, True, code)
    assert desk("logs", "job.run=mine") == code


def test_another_job_s_ending_line_is_only_a_line(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    prepared(desk, fake, ["kiwame job 0123456789abcdef ended with exit code 3 (by itself)"], 1, True)
    assert desk("logs", "job.run=mine") == 0


def test_lines_that_come_later_are_shown_over_the_quiet(
    desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared(desk, fake, ["first"], 1, True)
    last = fake.logs["pod1"].pop()
    desk.on_wait = lambda: fake.logs["pod1"].append(last) if len(desk.waits) == 3 else None
    assert desk("logs", "job.run=mine") == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["first", last["line"]]
    assert fake.count("get") >= 3  # after every quiet stretch: is the pod still there


def test_a_pod_that_vanishes_without_its_last_line(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    prepared(desk, fake, ["first"], 1, True)
    fake.logs["pod1"].pop()
    job = fake.pods["pod1"]["env"]["KIWAME_JOB_ID"]
    desk.on_wait = fake.pods.clear
    assert desk("logs", "job.run=mine") == Exit.ENVIRONMENT
    assert f"on the volume: /workspace/runs/mine.jobs/{job}" in capsys.readouterr().err


def test_a_stopped_pod_is_read_to_its_end(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    prepared(desk, fake, ["first", "second"], 1, True)
    fake.logs["pod1"].pop()
    fake.cuts = [(1, "reset")]
    fake.pods["pod1"]["status"] = "EXITED"
    assert desk("logs", "job.run=mine") == Exit.ENVIRONMENT
    assert capsys.readouterr().out.splitlines()[1:] == ["first", "second"]


def test_a_log_that_is_not_there_yet_is_waited_for(desk: Desk, fake: Fake) -> None:
    prepared(desk, fake, ["first"], 1, True)
    fake.faults["logs"] = ["404 no logs yet", "429:2", "500", "html", "409 not running"]
    assert desk("logs", "job.run=mine") == 0


@pytest.mark.parametrize("boot", [20, 90])
@pytest.mark.parametrize(("fault", "status"), [("500", "RUNNING"), ("404 no logs yet", "PROVISIONING")])
def test_a_log_that_cannot_be_had_is_given_up_after_the_time_to_start(
    desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str], fault: str, status: str, boot: int
) -> None:
    prepared(desk, fake, [], 1, True)
    fake.pods["pod1"]["status"] = status
    fake.pods["pod1"]["env"]["KIWAME_JOB_BOOT_MINUTES"] = str(boot)
    fake.faults["logs"] = [fault] * 1000
    assert desk("logs", "job.run=mine") == Exit.ENVIRONMENT
    assert max(boot, 30) * 60 - 60 < sum(desk.waits) < max(boot, 30) * 60 + 60
    assert "pod pod1: no new line of its log in" in capsys.readouterr().err


def test_calls_that_take_long_count_as_waiting(desk: Desk, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared(desk, fake, [], 1, True)
    fake.faults["logs"] = ["500"] * 1000
    ticks = itertools.count(0.0, 60.0)
    monkeypatch.setattr(logs, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    assert desk("logs", "job.run=mine") == Exit.ENVIRONMENT
    assert 500 < sum(desk.waits) < 700  # a minute of each minute and a half was spent in the call


def test_a_cut_of_minutes_is_survived(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    prepared(desk, fake, ["first", "second"], 1, True)
    fake.cuts = [(1, "reset")]
    fake.faults = {"get": ["reset"] * 20, "logs": ["ok"] + ["reset"] * 20}
    capsys.readouterr()
    assert desk("logs", "job.run=mine") == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["first", "second"]
    assert sum(desk.waits) > 300


@pytest.mark.parametrize(("fault", "waited"), [("429:120", 120.0), ("503:90", 90.0), ("429:0", 2.0)])
def test_what_the_service_asks_to_wait_is_waited(desk: Desk, fake: Fake, fault: str, waited: float) -> None:
    prepared(desk, fake, ["first"], 1, True)
    fake.faults["logs"] = [fault]
    assert desk("logs", "job.run=mine") == 0
    assert desk.waits == [waited]


@pytest.mark.parametrize("fault", ["429:4000", "503:4000"])
@pytest.mark.parametrize("operation", ["logs", "get"])
def test_what_the_service_asks_to_wait_for_hours_is_told(
    desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str], operation: str, fault: str
) -> None:
    prepared(desk, fake, ["first"], 1, True)
    fake.faults, fake.cuts = {operation: [fault]}, [(0, "reset")]
    assert desk("logs", "job.run=mine") == Exit.ENVIRONMENT
    assert "RunPod asks to wait 4000 s" in capsys.readouterr().err
    assert desk.waits == []


def test_lines_that_are_sent_again_are_no_reason_to_hurry(desk: Desk, fake: Fake) -> None:
    prepared(desk, fake, ["first", "second"], 1, True)
    fake.logs["pod1"].pop()
    fake.resume, fake.cuts = "ignored", [(2, "close")] * 100
    desk.on_wait = lambda: fake.pods.clear() if len(desk.waits) > 90 else None
    assert desk("logs", "job.run=mine") == Exit.ENVIRONMENT
    assert desk.waits[-80:] == [30.0] * 80


def test_a_timestamp_that_is_refused_is_done_without(
    desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [f"step {place}" for place in range(40)]
    prepared(desk, fake, texts, 1, True)
    fake.resume, fake.cuts = "refused", [(20, "reset")]
    capsys.readouterr()
    assert desk("logs", "job.run=mine") == 0
    assert capsys.readouterr().out.splitlines()[:-1] == texts


def command(fake: Fake, then: str = "", **more: str) -> subprocess.CompletedProcess[bytes]:
    """The real command with a real stdout, in bash."""
    words = f"{shlex.quote(sys.executable)} -m jobs.launch.runpod.command logs job.run=mine {then}"
    own = {"PYTHONPATH": str(ROOT), "RUNPOD_API_KEY": KEY, "KIWAME_RUNPOD_URL": fake.address}
    return subprocess.run(["bash", "-c", words], env={**os.environ, **own, **more}, capture_output=True, check=False)


@pytest.mark.parametrize(
    ("text", "encoding", "shown"),
    [
        ("a\ud83d", "utf-8", b"a\\ud83d"),
        ("\u6975\u3081", "latin-1", b"\\u6975\\u3081"),
        ("\u6975\u3081", "utf-8", "\u6975\u3081".encode()),
    ],
)
def test_a_line_that_the_terminal_cannot_show_is_shown_otherwise(
    desk: Desk, fake: Fake, text: str, encoding: str, shown: bytes
) -> None:
    prepared(desk, fake, [text], 1, True)
    done = command(fake, PYTHONIOENCODING=encoding)
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == shown


@pytest.mark.parametrize("then", ["| head -1; exit ${PIPESTATUS[0]}", "2>&1 | head -1; exit ${PIPESTATUS[0]}"])
def test_a_reader_that_goes_is_an_end(desk: Desk, fake: Fake, then: str) -> None:
    prepared(desk, fake, ["x" * 1000] * 2000, 1, True)
    done = command(fake, then)
    assert done.returncode == Exit.INTERRUPTED
    assert done.stdout == b"x" * 1000 + b"\n"
    assert done.stderr == b""


def test_a_run_without_a_pod_is_told_where_to_look(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk("logs", "job.run=mine") == Exit.REFUSED
    assert "run mine has no pod" in capsys.readouterr().err


def test_runpod_s_own_lines_go_to_stderr_and_secrets_nowhere(
    desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.environment = {"HF_TOKEN": "hf_aaaaaaaaaaaaaaaa"}
    prepared(desk, fake, [f"key {KEY}", "token hf_aaaaaaaaaaaaaaaa"], 1, True)
    fake.logs["pod1"].insert(0, entry(0, "create container", source="system"))
    capsys.readouterr()
    assert desk("logs", "job.run=mine", "job.secrets=[HF_TOKEN]") == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[:2] == ["key (secret)", "token (secret)"]
    assert "runpod: create container" in said.err


def test_lines_without_a_moment_or_a_form_are_lines(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    prepared(desk, fake, ["first", "second"], 1, True)
    for line in fake.logs["pod1"]:
        line["ts"] = "soon"
    fake.cuts = [(1, "close")]
    capsys.readouterr()
    assert desk("logs", "job.run=mine") == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["first", "second"]


def test_what_is_remembered_does_not_grow() -> None:
    seen = Seen()
    for place in range(20_000):
        moment = NOON + timedelta(seconds=place / 10)
        line = Line(str(place), moment, "container", "x", moment.isoformat())
        assert seen.is_new(line)
    assert len(seen.recent) <= 2 * logs.KEPT
    assert seen.cursor is not None
    assert sum(seen.counts.values()) == len(seen.recent)


def test_a_late_line_of_the_past_is_shown() -> None:
    seen = Seen()
    for place in range(3000):
        seen.is_new(Line(str(place), NOON + timedelta(seconds=place), "container", "x"))
    assert seen.is_new(Line("late", NOON, "system", "image pulled"))


@pytest.mark.parametrize(
    ("stamp", "moment"),
    [
        ("2026-06-01T12:00:00Z", NOON),
        ("2026-06-01T12:00:00.000000999Z", NOON),
        ("2026-06-01T21:00:00+09:00", NOON),
        ("2026-06-01T12:00:00", NOON),
        ("", None),
        ("yesterday", None),
    ],
)
def test_stamps(stamp: str, moment: datetime | None) -> None:
    assert logs.parsed(stamp) == moment
