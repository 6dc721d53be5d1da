"""Submitting, end to end over HTTP: every way the service can say no, or say nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobs.core.errors import Exit
from jobs.launch.runpod.command import JOURNAL
from tests.launch.conftest import BIG, CHEAP, DEAR, Desk
from tests.launch.runpod.fake_runpod import KEY, Fake

DATE = "429:Mon, 01 Jun 2026 12:00:30 GMT"
"""Half a minute from the fake's noon."""


def test_one_pod_is_made_as_the_file_says(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.submit() == Exit.PASSED
    assert capsys.readouterr().out == "pod1\n"
    (body,) = fake.bodies
    environment = body.pop("env")
    assert body == {
        "name": "kiwame-mine",
        "image": "me/kiwame@sha256:12ab",
        "args": "python -m jobs.launch.inside.command",
        "cloud": "SECURE",
        "disk": 40,
        "ports": [],
        "gpu": {"id": CHEAP, "count": 1},
        "mounts": {"network": [{"volumeId": "vol1", "path": "/workspace"}]},
        "dataCenterIds": ["XX-1"],
    }
    assert environment["KIWAME_JOB_RUN"] == "mine"
    assert environment["KIWAME_JOB_STAGE"] == "all"
    assert json.loads(environment["KIWAME_JOB_WORDS"]) == ["prepare.files=[/workspace/my.jsonl]"]
    assert environment["KIWAME_JOB_USD_PER_HOUR"] == "0.4"
    assert all(name.startswith("KIWAME_JOB_") for name in environment)


def test_dry_shows_the_request_and_the_price_and_makes_nothing(
    desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    assert desk.submit("dry=true", "gpu.count=2") == Exit.PASSED
    said = capsys.readouterr()
    shown = json.loads(said.out)
    assert (shown["method"], shown["path"]) == ("POST", "/v2/pods")
    assert shown["body"]["gpu"] == {"id": CHEAP, "count": 2}
    assert "0.80 USD/h" in said.err
    assert "9.60 USD in 12 h" in said.err
    assert fake.count("create") == 0
    assert not Path("runs").exists()


def test_capacity_refusals_walk_on(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake.full = {CHEAP}
    assert desk.submit() == Exit.PASSED
    assert [body["gpu"]["id"] for body in fake.bodies] == [CHEAP, DEAR]
    assert "not placed (400): there are no longer any instances" in capsys.readouterr().err


@pytest.mark.parametrize("status", ["400", "403", "409"])
def test_refusals_of_one_type_walk_on(desk: Desk, fake: Fake, status: str) -> None:
    fake.faults["create"] = [f"{status} not here"]
    assert desk.submit() == Exit.PASSED
    assert fake.bodies[0]["gpu"]["id"] == DEAR


def test_no_capacity_at_all_is_the_place_s_problem(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake.full = {CHEAP, DEAR}
    assert desk.submit() == Exit.ENVIRONMENT
    assert f"{CHEAP}: there are no longer" in capsys.readouterr().err
    assert fake.pods == {}


def test_the_same_400_from_all_may_be_the_request(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake.faults["create"] = ["400 registry is unknown"] * 2
    assert desk.submit() == Exit.ENVIRONMENT
    assert "all 2 GPU types were refused with the same words, so it is the request, or nothing is free: registry" in (
        capsys.readouterr().err
    )
    assert not list(JOURNAL.glob("*.json"))


def test_402_is_told_and_ends_the_walk(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake.faults["create"] = ["402 insufficient balance"]
    assert desk.submit() == Exit.ENVIRONMENT
    assert "the balance of the RunPod account does not allow this (402): insufficient" in capsys.readouterr().err
    assert fake.count("create") == 1


def test_422_points_to_the_field_and_ends_the_walk(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake.faults["create"] = ["422"]
    assert desk.submit() == Exit.REFUSED
    assert "Request validation failed.; gpu.count: got 99, want at most 8" in capsys.readouterr().err
    assert fake.count("create") == 1


@pytest.mark.parametrize(("told", "waited"), [("429:12", 12.0), ("429", 1.0), ("429:0", 1.0), (DATE, 30.0)])
def test_429_is_waited_for_and_needs_no_search(desk: Desk, fake: Fake, told: str, waited: float) -> None:
    fake.faults["create"] = [told]
    assert desk.submit() == Exit.PASSED
    assert desk.waits == [waited]
    assert fake.count("create") == 2
    assert fake.count("list") == 2  # before the first create, and to see that the pod is the only one


@pytest.mark.parametrize("status", ["429", "503"])
@pytest.mark.parametrize("operation", ["list", "volume", "catalog", "create"])
def test_a_wait_of_hours_is_told_instead(
    desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str], operation: str, status: str
) -> None:
    fake.faults[operation] = [f"{status}:40000"]
    assert desk.submit() == Exit.ENVIRONMENT
    assert fake.pods == {}
    if (operation, status) == ("create", "503"):  # it may have been carried out
        assert "whether RunPod made a pod for run mine is not known" in capsys.readouterr().err
        return
    assert desk.waits == []
    assert "RunPod asks to wait 40000 s" in capsys.readouterr().err


@pytest.mark.parametrize("operation", ["list", "volume", "catalog"])
@pytest.mark.parametrize("fault", ["500", "html", "reset", "silence", "garbage", "page", "429:3"])
def test_calls_that_change_nothing_are_repeated(desk: Desk, fake: Fake, operation: str, fault: str) -> None:
    fake.faults[operation] = [fault]
    assert desk.submit() == Exit.PASSED
    assert len(desk.waits) == 1
    assert len(fake.pods) == 1


def test_a_service_that_stays_away_is_told(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake.faults["list"] = ["html"] * 20
    assert desk.submit() == Exit.ENVIRONMENT
    assert "no usable answer in 7 tries: GET /v2/pods: 502 (text/html)" in capsys.readouterr().err
    assert fake.count("create") == 0


@pytest.mark.parametrize("fault", ["silence", "reset", "500", "html", "garbage", "page", "moved", "408", "503:3600"])
@pytest.mark.parametrize("hide", [0, 2])
def test_an_accepted_create_without_a_clear_answer_is_found(desk: Desk, fake: Fake, fault: str, hide: int) -> None:
    fake.faults["create"], fake.hide = [f"accept+{fault}"], hide
    assert desk.submit() == Exit.PASSED
    assert list(fake.pods) == ["pod1"]
    assert fake.count("create") == 1


@pytest.mark.parametrize("fault", ["silence", "reset", "500", "html"])
def test_a_create_that_was_not_carried_out_is_sent_again_by_the_next_command(
    desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    fake.faults["create"] = [fault]
    assert desk.submit() == Exit.ENVIRONMENT
    assert "whether RunPod made a pod for run mine is not known" in capsys.readouterr().err
    assert fake.count("create") == 1
    assert sum(desk.waits) == 80  # what a pod gets to be listed before it is told that there is none
    assert desk.submit() == Exit.PASSED
    assert list(fake.pods) == ["pod1"]
    assert fake.count("create") == 2
    assert sum(desk.waits) == 160
    assert not list(JOURNAL.glob("*.json"))


def test_no_create_follows_where_the_search_fails(desk: Desk, fake: Fake) -> None:
    fake.faults = {"create": ["accept+reset"], "list": ["ok"] + ["500"] * 20}
    assert desk.submit() == Exit.ENVIRONMENT
    assert fake.count("create") == 1
    fake.faults = {}
    assert desk.submit() == Exit.PASSED
    assert fake.count("create") == 1
    assert list(fake.pods) == ["pod1"]


def test_a_pod_that_appears_very_late_is_found_by_the_next_command(desk: Desk, fake: Fake) -> None:
    fake.faults["create"], fake.hide = ["accept+silence"], 10
    assert desk.submit() == Exit.ENVIRONMENT
    assert desk.submit() == Exit.PASSED
    assert fake.count("create") == 1
    assert list(fake.pods) == ["pod1"]
    assert not list(JOURNAL.glob("*.json"))


def test_a_pod_that_appears_after_a_second_command_is_the_only_one_left(desk: Desk, fake: Fake) -> None:
    fake.faults["create"], fake.hide = ["accept+silence"], 15
    assert desk.submit() == Exit.ENVIRONMENT
    fake.hide = 0  # both are listed once the second is made
    assert desk.submit() == Exit.PASSED
    assert fake.count("create") == 2
    assert list(fake.pods) == ["pod1"]
    assert fake.count("delete") == 1


@pytest.mark.parametrize("late", [False, True])
def test_another_s_pod_is_not_taken_for_the_one_whose_answer_was_lost(
    desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str], late: bool
) -> None:
    fake.faults["create"], fake.hide = ["accept+reset"], 100

    def of_another() -> None:
        if "other" not in fake.pods:
            ours = fake.pods["pod1"]
            fake.pods = {"other": ours | {"id": "other", "env": ours["env"] | {"KIWAME_JOB_ID": "ffff"}}, **fake.pods}

    desk.on_wait = of_another
    assert desk.submit() == Exit.ENVIRONMENT
    assert "none of this submission is listed (there is pod other, of another submission)" in capsys.readouterr().err
    assert len(list(JOURNAL.glob("*.json"))) == 1
    assert sorted(fake.pods) == ["other", "pod1"]  # nothing is deleted unseen
    fake.hidden_until = 0 if late else fake.hidden_until
    assert desk.submit() == Exit.PASSED
    assert capsys.readouterr().out == "other\n"
    assert list(fake.pods) == (["other"] if late else ["other", "pod1"])
    assert len(list(JOURNAL.glob("*.json"))) == (0 if late else 1)


@pytest.mark.parametrize("fault", ["500", "403 nope"])
def test_a_pod_that_was_made_is_told_even_if_nothing_else_can_be_had(
    desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    fake.faults["list"] = ["ok"] + [fault] * 20
    assert desk.submit() == Exit.PASSED
    said = capsys.readouterr()
    assert said.out == "pod1\n"
    assert "whether pod pod1 is the only one of this run could not be seen" in said.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("limits.max_usd_per_hour=0.3",), f"{CHEAP}: costs 0.40 USD/h, limits.max_usd_per_hour is 0.30"),
        (("gpu.count=3",), f"{CHEAP}: costs 1.20 USD/h, limits.max_usd_per_hour is 1.00"),
        (("gpu.id=[RTX 4090]",), f"RunPod's catalog has no 'RTX 4090'; did you mean '{CHEAP}'?"),
        (("gpu.id=[NVIDIA H1O0 PCIe]",), f"did you mean '{BIG}'?"),
        (("mounts.network.0.volumeId=other",), "there is no network volume 'other' here"),
        (("job.secrets=[HF_TOKEN]",), "job.secrets: HF_TOKEN is not set in the environment"),
    ],
)
def test_what_cannot_be_is_refused_before_a_create(
    desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert desk.submit(*words) == Exit.REFUSED
    assert said in capsys.readouterr().err
    assert fake.count("create") == 0


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (("prepare.file=[x]",), "prepare.file: unknown key; did you mean prepare.files?"),
        (("train.no_such=1",), "train.no_such: unknown key"),
        ((), "prepare.files: has no value, and all needs it"),
    ],
)
def test_words_the_job_would_refuse_are_refused_before_anything_is_asked(
    desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str], job: tuple[str, ...], said: str
) -> None:
    assert desk.submit(job=job) == Exit.REFUSED
    assert said in capsys.readouterr().err
    assert fake.calls == []


@pytest.mark.parametrize("key", ["", "two\nlines", "schlüssel"])
def test_without_a_key_nothing_is_asked(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str], key: str) -> None:
    desk.environment = {"RUNPOD_API_KEY": key}
    assert desk.submit() == Exit.REFUSED
    said = capsys.readouterr().err
    assert "RUNPOD_API_KEY" in said
    assert not key or key not in said
    assert fake.calls == []


def test_a_key_that_is_not_accepted_is_told(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    desk.environment = {"RUNPOD_API_KEY": "rpa_anotherkeyanotherkey"}
    assert desk.submit() == Exit.REFUSED
    said = capsys.readouterr().err
    assert "RunPod does not accept RUNPOD_API_KEY (401): invalid bearer token" in said
    assert "anotherkey" not in said


def test_secrets_go_into_the_create_and_nowhere_else(
    desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    token = "hf_ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    desk.environment = {"HF_TOKEN": token}
    words = ("job.secrets=[HF_TOKEN]", "env.WANDB_API_KEY={{ RUNPOD_SECRET_wandb }}")
    assert desk.submit(*words, "dry=true") == Exit.PASSED
    fake.faults["create"] = [f"400 bad {token} and {KEY}", "422"]
    assert desk.submit(*words) == Exit.REFUSED
    assert desk.submit(*words) == Exit.PASSED
    assert fake.bodies[-1]["env"]["HF_TOKEN"] == token
    assert fake.bodies[-1]["env"]["WANDB_API_KEY"] == "{{ RUNPOD_SECRET_wandb }}"
    assert desk("status") == Exit.PASSED
    said = capsys.readouterr()
    written = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    for text in (said.out, said.err, written):
        assert token not in text
        assert KEY not in text
    assert "(the value of HF_TOKEN here)" in said.out
    assert "bad (secret) and (secret)" in said.err


@pytest.mark.parametrize(
    "address", ["http://api.example.com", "http://localhost:1@example.com", "http://localhost.example.com", "ftp://a"]
)
def test_an_address_in_the_clear_gets_no_key(desk: Desk, capsys: pytest.CaptureFixture[str], address: str) -> None:
    desk.environment = {"KIWAME_RUNPOD_URL": address}
    assert desk.submit() == Exit.REFUSED
    assert "the key would be sent in the clear" in capsys.readouterr().err
