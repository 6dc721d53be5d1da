"""Words of any writing on their way into a pod, and what is said of paths that a pod cannot have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobs.core.errors import Exit
from jobs.launch.inside.pod_job import PodJob
from jobs.launch.runpod import spec as runpod_spec
from tests.launch.conftest import Desk
from tests.launch.runpod.fake_runpod import Fake

JOB = ("prepare.files=[/workspace/記事 1.jsonl]", "prepare.columns={prompt:質問,completion:回答}",
       "waivers.TRN007=短い; $HOME & 'it's'")  # fmt: skip


def test_every_letter_arrives_in_the_pod(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.submit("job.run=記事タイトル", job=JOB) == Exit.PASSED
    (body,) = fake.bodies
    assert body["name"].isascii()
    assert body["name"].startswith("kiwame-run-")
    job = PodJob.read(body["env"])
    assert (job.run, job.words) == ("記事タイトル", JOB)
    assert job.command == ("all", "run.name=記事タイトル", "run.folder=/workspace/runs", *JOB)
    said = capsys.readouterr().err
    assert 'make pod-logs ARGS="job.run=記事タイトル"' in said
    assert "on the volume, so not looked at from here: /workspace/記事 1.jsonl" in said
    assert desk("status") == Exit.PASSED
    assert "記事" in capsys.readouterr().err
    assert desk.submit("job.run=記事タイトル", job=JOB) == Exit.PASSED  # it is found again
    assert desk.submit("job.run=記事要約", job=JOB) == Exit.PASSED
    assert len({pod["name"] for pod in fake.pods.values()}) == len(fake.pods) == 2
    assert desk("delete", "job.run=記事タイトル") == Exit.PASSED
    assert len(fake.pods) == 1


@pytest.mark.parametrize("name", ["mine", "My_Run", "a.b", "x-0a1b2c3d", "記事", "Größe"])
def test_pod_names_are_ascii_and_no_two_meet(name: str) -> None:
    found = runpod_spec.pod_name(name)
    assert found.isascii()
    assert (found == f"kiwame-{name}") == (name in ("mine", "My_Run", "a.b"))
    assert runpod_spec.pod_name(found.removeprefix("kiwame-")) != found or name in ("mine", "My_Run", "a.b")


def test_what_a_shell_has_cut_is_put_together(desk: Desk, fake: Fake) -> None:
    assert desk.submit(job=("prepare.files=[/workspace/my", "rows.jsonl]")) == Exit.PASSED
    assert json.loads(fake.bodies[0]["env"]["KIWAME_JOB_WORDS"]) == ["prepare.files=[/workspace/my rows.jsonl]"]


@pytest.mark.parametrize(
    ("job", "key", "line"),
    [
        (["prepare.files=[記事.jsonl]"], "prepare.files: 記事.jsonl", "prepare.files=[/workspace/記事.jsonl]"),
        (["prepare.files=[~/x.jsonl]"], "prepare.files: ", "prepare.files=[/workspace/x.jsonl]"),
        (["prepare.files=[/workspace2/x.jsonl]"], "prepare.files: ", "prepare.files=[/workspace/x.jsonl]"),
        (["prepare.files=[/workspace/../x.jsonl]"], "prepare.files: ", "prepare.files=[/workspace/x.jsonl]"),
        (["prepare.evaluation.files=[/home/b.jsonl]", "experiment=demo"], "prepare.evaluation.files: ",
         "experiment=demo prepare.evaluation.files=[/workspace/b.jsonl]"),
        (["experiment=demo", "fetch=local", "fetch.source.folder=models/x"], "fetch.source.folder: ",
         "experiment=demo fetch=local fetch.source.folder=/workspace/x"),
        (["experiment=demo", "train=adopt", "train.adapter=a"], "train.adapter: ",
         "experiment=demo train=adopt train.adapter=/workspace/a"),
        ([], "prepare.files: has no value", "prepare.files=[/workspace/FILE.jsonl]"),
        (["experiment=demo", "train.lora.rnak=4"], "train.lora.rnak", "experiment=demo train.lora.rank=4"),
    ],
)  # fmt: skip
def test_a_path_that_the_pod_cannot_have_is_refused_before_anything_is_asked(
    desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str], job: list[str], key: str, line: str
) -> None:
    assert desk.submit(job=tuple(job)) == Exit.REFUSED
    said = capsys.readouterr().err
    assert key in said
    words = "job.run=mine image=me/kiwame@sha256:12ab mounts.network.0.volumeId=vol1"
    assert said.rstrip().endswith(f'-> make pod-submit ARGS="{words} -- {line}"')
    assert fake.calls == []


@pytest.mark.parametrize(
    "file", ["/workspace/a/b.jsonl", "data/demo/articles.jsonl", "hf://datasets/o/n@" + "0" * 40 + "/a.jsonl"]
)
def test_paths_that_the_pod_has(desk: Desk, file: str) -> None:
    assert desk.submit("dry=true", job=(f"prepare.files=['{file}']",)) == Exit.PASSED


@pytest.mark.parametrize(
    ("words", "said", "line"),
    [
        (["job.run=mine", "model=qwen3_4b"], "words of the config follow `--`",
         'make pod-submit ARGS="job.run=mine -- model=qwen3_4b"'),
        (["job.run=mine", "limits.max_hour=2"], "did you mean limits.max_hours?",
         'make pod-submit ARGS="job.run=mine limits.max_hours=2"'),
        (["image=x", "--", "run.name=記事"], "run.name: is set from job.run",
         'make pod-submit ARGS="image=x job.run=記事"'),
        (["job.run=mine"], "image: has no value",
         'make pod-submit ARGS="job.run=mine image=NAME@sha256:DIGEST mounts.network.0.volumeId=VOLUME"'),
    ],
)  # fmt: skip
def test_a_refusal_ends_in_the_whole_line(
    desk: Desk, capsys: pytest.CaptureFixture[str], words: list[str], said: str, line: str
) -> None:
    assert desk("submit", *words) == Exit.REFUSED
    told = capsys.readouterr().err
    assert said in told
    assert told.rstrip().endswith(f"-> {line}")


def test_dry_is_read_from_the_environment_too(desk: Desk, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    desk.environment["DRY"] = "1"
    assert desk.submit() == Exit.PASSED
    assert fake.count("create") == 0
    assert not Path("runs").exists()
