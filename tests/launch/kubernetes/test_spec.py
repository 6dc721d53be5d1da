"""What a run is made from: settings, words, and every refusal with its way out, before a cluster is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from jobs.core.errors import MissingValue, Refusal
from jobs.launch.kubernetes import spec

IMAGE = "k8s.image=kiwame@sha256:" + "0" * 64
DEMO = ("experiment=demo", IMAGE)
ROW = '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'


def rows(folder: Path, name: str = "my.jsonl", num_bytes: int = 0) -> Path:
    path = folder / name
    path.write_text(ROW if not num_bytes else "x" * num_bytes, encoding="utf-8")
    return path


def test_words_that_reach_the_pod() -> None:
    plan = spec.plan(["train.schedule.num_epochs=2", "k8s.gpus=1", *DEMO])
    assert plan.run == "demo"
    assert plan.words == (
        "all", "run.name=demo", "run.folder=/workspace/runs", "train.schedule.num_epochs=2", "experiment=demo",
    )  # fmt: skip


def test_a_run_name_of_the_words_is_said_once() -> None:
    words = spec.plan([*DEMO, "run.name=mine"]).words
    assert [word for word in words if word.startswith("run.name=")] == ["run.name=mine"]


def test_several_gpus_are_one_number() -> None:
    plan = spec.plan([*DEMO, "k8s.gpus=4"])
    assert plan.words[-1] == "train.num_processes=4"
    assert plan.overlay.name == "multi-gpu"


@pytest.mark.parametrize(("gpus", "folder"), [(0, "base"), (1, "single-gpu"), (2, "multi-gpu")])
def test_gpus_pick_the_overlay(gpus: int, folder: str) -> None:
    assert spec.plan([*DEMO, f"k8s.gpus={gpus}"]).overlay.name == folder


def test_rows_become_prepare_files(tmp_path: Path) -> None:
    paths = [rows(tmp_path), rows(tmp_path, "more_rows.v2.jsonl")]
    plan = spec.plan(["run.name=mine", IMAGE, f"k8s.rows=[{paths[0]},{paths[1]}]"])
    assert "prepare.files=[/rows/my.jsonl,/rows/more_rows.v2.jsonl]" in plan.words


def test_a_stage_needs_only_what_it_stands_on() -> None:
    assert spec.plan(["run.name=x", "k8s.stage=fetch", IMAGE]).words[0] == "fetch"


@pytest.mark.parametrize("name", ["/workspace/rows/a.jsonl", "data/demo/articles.jsonl", "hf://datasets/o/n@c/a.jsonl"])
def test_files_that_the_pod_can_find(name: str) -> None:
    assert f"prepare.files=['{name}']" in spec.plan([*DEMO, f"prepare.files=['{name}']"]).words


def test_launch_yaml_has_what_the_model_has_and_a_comment_each() -> None:
    text = spec.FILE.read_text(encoding="utf-8")
    assert list(yaml.safe_load(text)) == list(spec.Settings.model_fields)
    assert all(line.startswith("#") or "  # " in line for line in text.splitlines())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["k8s.gpu=1"], ["k8s.gpu", "unknown key", "did you mean k8s.gpus?"]),
        (["k8s.colour=red"], ["k8s.colour", "unknown key", "image", "queue"]),
        (["k8s.gpus"], ["'k8s.gpus'", "k8s.key=value"]),
        (["k8s.gpus=two"], ["k8s.gpus", "integer", "'two'"]),
        (["k8s.gpus=-1"], ["k8s.gpus", "greater than or equal to 0"]),
        (["k8s.gpus=[1"], ["k8s.gpus", "is not a value"]),
        (["k8s.memory=48GB"], ["k8s.memory", "48GB"]),
        (["k8s.max_hours=0"], ["k8s.max_hours", "greater than 0"]),
        (["k8s.max_hours=.nan"], ["k8s.max_hours", "finite"]),
        (["k8s.stage=trian"], ["k8s.stage", "expected one of", "train"]),
        (["k8s.queue=Team_A"], ["k8s.queue", "lower-case"]),
        (["k8s.namespace=a.b"], ["k8s.namespace", "lower-case"]),
        (["k8s.image=a b"], ["k8s.image"]),
        (["k8s.rows=my.jsonl"], ["k8s.rows", "list"]),
        (["k8s.rows=[absent.jsonl]"], ["k8s.rows", "absent.jsonl is not a file"]),
        (["k8s.overlay=nowhere"], ["k8s.overlay", "nowhere has no kustomization.yaml", "own-cluster"]),
        (["k8s.context=hf_" + "A1b2C3d4E5f6G7h8I9j0"], ["k8s.context", "looks like a secret", "kiwame-secrets"]),
        (["train.hf_token=x"], ["train.hf_token", "looks like a secret"]),
        (["model.id=hf_" + "A1b2C3d4E5f6G7h8I9j0"], ["model.id", "looks like a secret"]),
        (["run.folder=/workspace/runs"], ["run.folder", "leave it out"]),
        (["train.num_processes=2"], ["train.num_processes", "k8s.gpus=N"]),
        (["k8s.gpus=3"], ["k8s.gpus", "3 GPUs cannot share out the 8 rows"]),
        (["train.lrr=1"], ["train.lrr", "unknown key"]),
        (["run.name=My_Run"], ["run.name", "'My_Run' cannot name a Job", "run.name=my-run"]),
        (["run.name=a.b"], ["run.name", "run.name=a-b"]),
        (["run.name=mine-"], ["run.name", "run.name=mine"]),
        (["run.name=" + "a" * 51], ["run.name", "1 to 50"]),
        (["run.name=../x"], ["run.name"]),
        (["prepare.files=[my.jsonl]"], ["prepare.files", "k8s.rows=[my.jsonl]", "/workspace/rows/my.jsonl"]),
        (["fetch=local", "fetch.source.folder=models/x"], ["fetch.source.folder", "/workspace/x"]),
    ],
)  # fmt: skip
def test_refusals_name_the_key_and_the_way_out(words: list[str], expected: list[str]) -> None:
    with pytest.raises(Refusal) as refused:
        spec.plan([*DEMO, *words])
    message = str(refused.value)
    assert all(part in message for part in expected), message
    assert "\n" not in message
    assert "A1b2C3d4" not in message


def test_what_is_missing_is_said_with_both_ways_to_give_it() -> None:
    with pytest.raises(MissingValue, match=r"k8s\.image: has no value.*k8s\.image=NAME@sha256"):
        spec.plan(["experiment=demo"])
    with pytest.raises(MissingValue, match=r"prepare\.files: .*k8s\.rows=\[my\.jsonl\] or prepare\.files="):
        spec.plan(["run.name=x", IMAGE])


def test_rows_that_do_not_fit_go_on_the_volume(tmp_path: Path) -> None:
    big = rows(tmp_path, num_bytes=spec.CONFIG_MAP_BYTES + 1)
    with pytest.raises(Refusal, match=r"1\.0 MB are more.*/workspace/rows/my\.jsonl"):
        spec.plan(["run.name=x", IMAGE, f"k8s.rows=[{big}]"])
    assert spec.plan(["run.name=x", IMAGE, f"k8s.rows=[{rows(tmp_path, num_bytes=spec.CONFIG_MAP_BYTES)}]"]).rows


@pytest.mark.parametrize("name", ["私の.jsonl", "my rows.jsonl", ".hidden", "a" * 102, "a,b"])
def test_rows_whose_name_a_config_map_cannot_have(name: str, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"k8s\.rows: .*rename it"):
        spec.plan(["run.name=x", IMAGE, f"k8s.rows=['{rows(tmp_path, name)}']"])


def test_rows_of_one_name_and_rows_beside_files(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    mine, other = rows(tmp_path), rows(tmp_path / "other")
    with pytest.raises(Refusal, match="same name"):
        spec.plan(["run.name=x", IMAGE, f"k8s.rows=[{mine},{other}]"])
    with pytest.raises(Refusal, match="give one of the two"):
        spec.plan(["run.name=x", IMAGE, f"k8s.rows=[{mine}]", "prepare.files=[/workspace/rows/my.jsonl]"])


@pytest.mark.parametrize("text", ["gpus: [", "- image", ""])
def test_a_broken_launch_yaml_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "launch.yaml"
    file.write_text(text)
    with pytest.raises(Refusal, match=r"launch\.yaml"):
        spec.settings([], file)
