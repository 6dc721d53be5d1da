"""Manifests of a run: names that never meet, rows byte by byte, words that nothing expands, overlays of one's own."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.core.errors import EnvironmentProblem, Refusal
from jobs.launch.kubernetes import render, spec
from jobs.launch.kubernetes.rows import taken
from tests.container import pod as podman
from tests.launch.kubernetes import manifests as there

pytestmark = there.needs_kustomize
DEMO = there.RUNS["cpu"]
OWN = """
resources: [{base}]
{more}
"""


def kubelet(word: str, variables: dict[str, str]) -> str:
    """What becomes of an argument: `$$` is a dollar, `$(NAME)` the variable, anything else itself."""
    return re.sub(
        r"\$(\$|\(([^)]*)\))", lambda found: "$" if found[1] == "$" else variables.get(found[2], found[0]), word
    )


def own_overlay(folder: Path, more: str) -> str:
    folder.mkdir(parents=True)
    base = os.path.relpath(there.K8S / "base", folder.resolve())
    (folder / "kustomization.yaml").write_text(OWN.format(base=base, more=more))
    return f"k8s.overlay={folder}"


def test_two_runs_share_the_volume_and_no_name(tmp_path: Path) -> None:
    (tmp_path / "my.jsonl").write_text("{}\n")
    rows = f"k8s.rows=[{tmp_path}/my.jsonl]"
    names = [
        {(each["kind"], each["metadata"]["name"]) for each in there.rendered(f"run.name={run}", rows)}
        for run in ("first", "second")
    ]
    assert [len(each) for each in names] == [2, 2]
    assert not names[0] & names[1]
    assert ("Job", "kiwame-first") in names[0]


def test_the_same_words_give_the_same_manifests() -> None:
    assert there.rendered(*DEMO) == there.rendered(*DEMO)


def test_rows_arrive_byte_by_byte(tmp_path: Path) -> None:
    odd = b'\xef\xbb\xbf{"a": "\xe6\x97\xa5\xe6\x9c\xac \xc2\x85 \xe2\x80\xa8"}\r\n\x00\xff\xfe no end'
    (tmp_path / "odd.jsonl").write_bytes(odd)
    config_map, job = there.rendered("run.name=odd", f"k8s.rows=[{tmp_path}/odd.jsonl]")
    assert base64.b64decode(config_map["binaryData"]["odd.jsonl"]) == odd
    assert config_map["immutable"] is True
    volume = next(each for each in job["spec"]["template"]["spec"]["volumes"] if each["name"] == "rows")
    assert volume["configMap"]["name"] == config_map["metadata"]["name"]
    assert config_map["metadata"]["labels"] == job["metadata"]["labels"]


def test_other_rows_have_another_name(tmp_path: Path) -> None:
    names = set()
    for content in ("a", "b", "a"):
        (tmp_path / "my.jsonl").write_text(content)
        names.add(render.rows_map(taken([str(tmp_path / "my.jsonl")]))["metadata"]["name"])
    assert len(names) == 2


@pytest.mark.parametrize("word", ["a=$(HF_TOKEN)", "a=$$(HF_TOKEN)", "a=$", "a=$$", "a=$(", "a=1 $ is", 'a=日本 "x"'])
def test_the_kubelet_puts_no_variable_into_a_word(word: str) -> None:
    assert kubelet(render.literal(word), {"HF_TOKEN": "the secret"}) == word


def test_a_word_reaches_the_container_as_it_was_typed() -> None:
    typed = "waivers.TRN007=\"短い: $(HF_TOKEN) 'quoted' # no comment\""
    (job,) = there.rendered(*DEMO, typed)
    words = job["spec"]["template"]["spec"]["containers"][0]["args"]
    assert typed in [kubelet(word, {"HF_TOKEN": "the secret"}) for word in words]


def test_settings_reach_the_manifests() -> None:
    (job,) = there.rendered(*DEMO, "k8s.gpus=4", "k8s.memory=96Gi", "k8s.max_hours=1.5", "k8s.namespace=team")
    assert job["spec"]["activeDeadlineSeconds"] == 5400
    assert job["metadata"]["namespace"] == "team"
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == there.IMAGE.removeprefix("k8s.image=")
    assert container["resources"]["limits"] == {"memory": "96Gi", "nvidia.com/gpu": "4"}
    assert container["resources"]["requests"] == {"cpu": "8", "memory": "96Gi", "nvidia.com/gpu": "4"}


def test_an_overlay_of_ones_own_in_a_folder_with_a_space(tmp_path: Path) -> None:
    patch = '[{"op": "add", "path": "/spec/template/spec/nodeName", "value": "n1"}]'
    more = f"patches: [{{target: {{kind: Job}}, patch: '{patch}'}}]"
    (job,) = there.rendered(*DEMO, own_overlay(tmp_path / "my cluster", more))
    assert job["spec"]["template"]["spec"]["nodeName"] == "n1"
    assert job["metadata"]["name"] == "kiwame-demo"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"apiVersion": "v1", "kind": "PersistentVolumeClaim"}, "keep it apart"),
        ({"apiVersion": "v1", "kind": "Service"}, "apply the Service by itself"),
        ({"apiVersion": "v1", "kind": "Secret"}, "apply the Secret by itself"),
        ({"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": {"containers": []}}}}, "one Job"),
    ],
)
def test_what_does_not_belong_into_a_run_is_refused(document: dict[str, Any], expected: str, tmp_path: Path) -> None:
    word = own_overlay(tmp_path / "own", "")
    (tmp_path / "own" / "more.yaml").write_text(yaml.safe_dump(document | {"metadata": {"name": "more"}}))
    kustomization = tmp_path / "own" / "kustomization.yaml"
    kustomization.write_text(kustomization.read_text().replace("/base]", "/base, more.yaml]"))
    with pytest.raises(Refusal, match=expected):
        there.rendered(*DEMO, word)


def test_an_overlay_that_cannot_be_built_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="kustomize") as refused:
        there.rendered(*DEMO, own_overlay(tmp_path / "own", "patches: [{path: absent.yaml}]"))
    assert str(refused.value).startswith("kubectl kustomize: ") or "kustomize build: " in str(refused.value)
    assert "run.go" not in str(refused.value)
    assert "absent.yaml" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_without_kubectl_and_kustomize_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentProblem, match="install one of them"):
        there.rendered(*DEMO)


def test_kustomize_alone_will_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("needs kubectl, to stand in for kustomize")
    program = tmp_path / "kustomize"
    program.write_text(f'#!/bin/sh\n[ "$1" = build ] && exec "{kubectl}" kustomize "$2"\n')
    program.chmod(0o755)
    before = there.rendered(*DEMO)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert there.rendered(*DEMO) == before


def test_of_kubectl_and_kustomize_the_one_is_taken_that_can_build(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("needs kubectl, to stand in for kustomize")
    before = there.rendered(*DEMO)
    old = 'echo "Error: unknown command \\"kustomize\\" for \\"kubectl\\"" >&2; exit 1'
    for name, line in (("kubectl", old), ("kustomize", f'exec "{kubectl}" kustomize "$2"')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert there.rendered(*DEMO) == before
    (tmp_path / "kustomize").unlink()
    with pytest.raises(EnvironmentProblem, match="too old to build; install one"):
        there.rendered(*DEMO)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl, which reads as clusters do")
def test_manifests_are_read_by_go_as_they_were_meant(tmp_path: Path) -> None:
    odd = ["1e6", "0o7", "00e1", "1_0", "0x1F", "1:30", "2026-01-01", "y", "N", "on", "~", "=", "<<", ".inf", "-", "'",
           "*a", "!x", "@", "%", "{a}", "", "a: b", "# no", "日本", "\u2028 \x07", "long " * 90, "two\nlines\n",
           " blank ", '"']  # fmt: skip
    data = {f"key-{number}": each for number, each in enumerate(odd)}
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "1e6"}, "data": data | {"on": "off"}}
    (tmp_path / "odd.yaml").write_text(render.text([config_map]), encoding="utf-8")
    (tmp_path / "kustomization.yaml").write_text("resources: [odd.yaml]\n")
    built = subprocess.run(["kubectl", "kustomize", tmp_path], capture_output=True, text=True, check=True).stdout
    assert built.count("\nkind: ConfigMap\n") == 1
    (read,) = yaml.load_all(built, yaml.BaseLoader)
    assert read == config_map
    assert yaml.safe_load(render.text([config_map])) == config_map


def test_the_image_is_in_the_pods_environment_for_the_record() -> None:
    (job,) = there.rendered(*DEMO)
    variables = {each["name"]: each.get("value") for each in job["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert variables["KIWAME_IMAGE"] == there.IMAGE.removeprefix("k8s.image=")


def test_the_pod_for_podman(tmp_path: Path) -> None:
    (tmp_path / "my.jsonl").write_text("日本\n", encoding="utf-8")
    rows = f"k8s.rows=[{tmp_path}/my.jsonl]"
    built = there.rendered("run.name=played", "k8s.gpus=0", rows, 'waivers.TRN007="costs $(X)"')
    config_map, pod = podman.documents(built, tmp_path)
    assert (pod["apiVersion"], pod["kind"], pod["metadata"]["name"]) == ("v1", "Pod", "kiwame-played")
    assert config_map["data"] == {"my.jsonl": "日本\n"}
    container = pod["spec"]["containers"][0]
    assert container["args"][:3] == ["all", "run.name=played", "run.folder=/workspace/runs"]
    assert 'waivers.TRN007="costs $(X)"' in container["args"]
    assert container["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not [each for each in container["env"] if "valueFrom" in each]
    assert {each["name"]: each for each in pod["spec"]["volumes"]}["workspace"]["hostPath"]["path"] == str(tmp_path)
    assert container["volumeMounts"] == built[1]["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    assert podman.container_name(built) == "kiwame-played-kiwame"
    for document in (config_map, pod):
        there.validate(document)


def test_the_pod_for_podman_leaves_the_run_as_it_was_and_can_keep_the_claim() -> None:
    built = there.rendered(*DEMO)
    before = yaml.safe_dump(built)
    (pod,) = podman.documents(built, None)
    assert yaml.safe_dump(built) == before
    volumes = {each["name"]: each for each in pod["spec"]["volumes"]}
    assert volumes["workspace"]["persistentVolumeClaim"]["claimName"] == "kiwame-workspace"


def test_without_kubectl_podman_gets_the_same_run() -> None:
    plan = spec.plan([*DEMO, 'waivers.TRN007="costs $(X)"', there.IMAGE])
    assert podman.base(plan) == render.manifests(plan)


def test_the_storage_is_what_kustomize_makes_of_it() -> None:
    assert render.storage() == there.folder("storage")


def test_the_launch_loads_nothing_heavy_and_only_core() -> None:
    for path in sorted((there.ROOT / "jobs" / "launch").glob("kube*.py")):
        text = path.read_text(encoding="utf-8")
        floors = set(re.findall(r"^(?:from|import) jobs\.(\w+)", text, re.MULTILINE))
        assert floors <= {"core", "launch"}, path
    assert spec.K8S == there.K8S
