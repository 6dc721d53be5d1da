"""Words of any writing on their way to a cluster, and what is said of those that cannot go there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jobs.core.errors import Exit
from jobs.launch.kubernetes import command as kubernetes
from tests.launch.kubernetes import manifests as there
from tests.launch.kubernetes.conftest import Cluster, needs_kubectl
from tests.launch.kubernetes.test_spec import ROW


@needs_kubectl
def test_a_run_in_japanese_is_found_again(cluster: Cluster, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "記事 1.jsonl").write_text(ROW)
    words = ["run.name=記事タイトル", there.IMAGE, f"k8s.rows=[{tmp_path}/記事 1.jsonl]"]
    assert kubernetes.main(["submit", *words], {"DRY": "1"}) == Exit.PASSED
    said = capsys.readouterr().err
    assert not cluster.objects()
    assert "記事 1.jsonl: JSON Lines, 1 rows looked at" in said
    assert re.search(r"Job kiwame-run-[0-9a-f]{8} would be made", said)
    assert "ConfigMap kiwame-rows-" in said
    assert kubernetes.main(["submit", *words]) == Exit.PASSED
    assert 'make k8s-logs ARGS="run.name=記事タイトル"' in capsys.readouterr().err
    (job,) = (each for key, each in cluster.objects().items() if key.startswith("job/"))
    (config_map,) = (each for key, each in cluster.objects().items() if key.startswith("configmap/"))
    template = job["spec"]["template"]["spec"]
    (volume,) = (each for each in template["volumes"] if each["name"] == "rows")
    assert [item["path"] for item in volume["configMap"]["items"]] == ["記事 1.jsonl"]
    assert {item["key"] for item in volume["configMap"]["items"]} == set(config_map["binaryData"])
    assert "prepare.files=[/rows/記事 1.jsonl]" in template["containers"][0]["args"]
    assert kubernetes.main(["status"]) == Exit.PASSED
    assert "記事タイトル" in capsys.readouterr().err
    assert kubernetes.main(["delete", "run.name=記事タイトル"], {"DRY": "1"}) == Exit.PASSED
    assert len(cluster.objects()) == 3
    assert kubernetes.main(["delete", "run.name=記事タイトル"]) == Exit.PASSED
    assert list(cluster.objects()) == ["persistentvolumeclaim/kiwame-workspace"]


@pytest.mark.parametrize(
    ("words", "said", "line"),
    [
        (["k8s.rows=[HERE/q.jsonl]", there.IMAGE], "`甲`", ""),
        (["k8s.rows=[HERE/q.jsonl]", "prepare.columns={prompt:問い}", there.IMAGE], "no row has `問い`", ""),
        (["prepare.files=[HERE/q.jsonl]", there.IMAGE], "is looked for in the pod",
         'make k8s-submit ARGS="run.name=r k8s.image=KIWAME k8s.rows=[HERE/q.jsonl]"'),
        (["experiment=demo"], "k8s.image: has no value",
         'make k8s-submit ARGS="run.name=r experiment=demo k8s.image=NAME@sha256:DIGEST"'),
        (["experiment=demo", "k8s.gpu=2", there.IMAGE], "did you mean k8s.gpus?",
         'make k8s-submit ARGS="run.name=r experiment=demo k8s.image=KIWAME k8s.gpus=2"'),
        (["experiment=demo", "train.lrr=2", there.IMAGE], "train.lrr", "make k8s-submit ARGS="),
    ],
)  # fmt: skip
def test_what_the_pod_would_refuse_is_refused_here_with_the_line(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str, line: str
) -> None:
    (tmp_path / "q.jsonl").write_text('{"甲": "a", "乙": "b"}\n', encoding="utf-8")
    given = [word.replace("HERE", str(tmp_path)) for word in words]
    assert kubernetes.main(["submit", "run.name=r", *given]) == Exit.REFUSED
    told = capsys.readouterr().err
    assert said in told
    image = there.IMAGE.partition("=")[2]
    assert line.replace("HERE", str(tmp_path)).replace("KIWAME", image) in told
    assert not cluster.calls()
