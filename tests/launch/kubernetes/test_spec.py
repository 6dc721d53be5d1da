"""What a run is made from: settings, words, and every refusal with its way out, before a cluster is asked."""

from __future__ import annotations

import gzip
import random
import re
from pathlib import Path

import pytest
import yaml

from jobs.core import compose
from jobs.core.errors import MissingValue, Refusal
from jobs.launch import places
from jobs.launch.kubernetes import spec
from jobs.launch.kubernetes.rows import KEY, MOST_BYTES, Rows, taken

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
        (["run.name=" + "a" * 65], ["run.name", "1 to 64"]),
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


def noise(num_bytes: int) -> bytes:
    """What no packing makes smaller."""
    return random.Random(1).randbytes(num_bytes)


def test_rows_that_fit_only_when_packed_are_packed(tmp_path: Path) -> None:
    text = (ROW * 20_000).encode()
    (tmp_path / "記事.jsonl").write_bytes(text)
    (tmp_path / "b.parquet").write_bytes(noise(1000))
    assert len(text) > MOST_BYTES
    plan = spec.plan(["run.name=x", IMAGE, f"k8s.rows=[{tmp_path}/記事.jsonl,{tmp_path}/b.parquet]"])
    assert [(each.name, each.is_packed) for each in plan.rows] == [("記事.jsonl.gz", True), ("b.parquet", False)]
    assert gzip.decompress(plan.rows[0].content) == text
    assert plan.rows[1].content == noise(1000)
    assert "prepare.files=[/rows/記事.jsonl.gz,/rows/b.parquet]" in plan.words
    assert taken([str(tmp_path / "記事.jsonl")]) == plan.rows[:1]


def test_rows_that_fit_are_left_as_they_are(tmp_path: Path) -> None:
    exact = rows(tmp_path, num_bytes=MOST_BYTES)
    (found,) = spec.plan(["run.name=x", IMAGE, f"k8s.rows=[{exact}]"]).rows
    assert (found.name, found.content) == ("my.jsonl", exact.read_bytes())


def test_rows_that_do_not_fit_go_on_the_volume(tmp_path: Path) -> None:
    (tmp_path / "my.jsonl").write_bytes(noise(MOST_BYTES + 1))
    with pytest.raises(Refusal, match=r"1\.0 MB are more.*packed too.*/workspace/rows/my\.jsonl"):
        spec.plan(["run.name=x", IMAGE, f"k8s.rows=[{tmp_path}/my.jsonl]"])


@pytest.mark.parametrize(
    "name", ["私の.jsonl", "my rows.jsonl", ".hidden", "a" * 102, "a,b", "it's (1).csv", "x-12345678.csv"]
)
def test_rows_keep_their_name_whatever_a_config_map_calls_them(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(ROW)
    word = places.listed("k8s.rows", [str(tmp_path / name)])
    plan = spec.plan(["run.name=x", IMAGE, word])
    (found,) = plan.rows
    assert found.name == name
    assert KEY.fullmatch(found.key)
    files = compose.compose([word for word in plan.words if word.startswith("prepare.files=")])["prepare"]["files"]
    assert files == [f"/rows/{name}"]


def test_no_two_files_have_one_key() -> None:
    names = {"記.jsonl", "事.jsonl", "a b.jsonl", "a-b.jsonl", "a  b.jsonl", "a b.csv", "A b.jsonl"}
    names |= {Rows(Path(name), name, b"").key for name in names}
    assert len({Rows(Path(name), name, b"").key for name in names}) == len(names)


@pytest.mark.parametrize("name", ["mine", "a" * 50, "a-1"])
def test_a_name_that_is_a_label_is_its_own(name: str) -> None:
    assert spec.label(name) == name


@pytest.mark.parametrize(
    ("name", "begins"), [("記事", "run"), ("My_Run", "my-run"), ("a.b", "a-b"), ("a" * 51, "a" * 32), ("mine-", "mine"),
                         ("x-0a1b2c3d", "x-0a1b2c3d")]
)  # fmt: skip
def test_any_other_name_has_a_label_that_no_other_has(name: str, begins: str) -> None:
    found = spec.label(name)
    assert re.fullmatch(rf"{begins}-[0-9a-f]{{8}}", found)
    assert len(found) <= spec.LONGEST
    assert spec.label(found) != found


def test_the_runs_own_name_reaches_the_pod(tmp_path: Path) -> None:
    plan = spec.plan([*DEMO, "run.name=記事タイトル", "prepare.columns={prompt:質問,completion:回答}"])
    assert "run.name=記事タイトル" in plan.words
    assert "prepare.columns={prompt:質問,completion:回答}" in plan.words


@pytest.mark.parametrize(
    ("words", "key", "expected"),
    [
        (["prepare.files=[{0}/my.jsonl]"], "prepare.files", ["k8s.rows=[{0}/my.jsonl]"]),
        (["prepare.files=[/nowhere/記事.jsonl]"], "prepare.files", ["prepare.files=[/workspace/rows/記事.jsonl]"]),
        (["prepare.files=[/rows/x.jsonl]"], "prepare.files", ["prepare.files=[/workspace/rows/x.jsonl]"]),
        (["prepare.files=[/workspace/../etc/x.jsonl]"], "prepare.files", ["prepare.files=[/workspace/rows/x.jsonl]"]),
        (["prepare.evaluation.files=[a.jsonl,/workspace/b.jsonl]"], "prepare.evaluation.files",
         ["prepare.evaluation.files=[/workspace/rows/a.jsonl,/workspace/b.jsonl]"]),
        (["prepare.split.previous=runs/prepare"], "prepare.split.previous",
         ["prepare.split.previous=/workspace/prepare"]),
        (["train=adopt", "train.adapter=/home/me/adapter"], "train.adapter", ["train.adapter=/workspace/adapter"]),
        (["chat.template=/home/me/t.jinja"], "chat.template", ["chat.template=/workspace/t.jinja"]),
    ],
)  # fmt: skip
def test_a_path_that_the_pod_does_not_have_is_refused(
    tmp_path: Path, words: list[str], key: str, expected: list[str]
) -> None:
    rows(tmp_path)
    with pytest.raises(Refusal, match=f"^{key}: ") as refused:
        spec.plan([*DEMO, *(word.format(tmp_path) for word in words)])
    assert list(refused.value.words) == [word.format(tmp_path) for word in expected]
    assert refused.value.without == (key,)


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
