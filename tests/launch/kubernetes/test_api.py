"""The commands with the real kubectl, against a server that checks what it is given with Kubernetes' schemas."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.core.errors import Exit
from jobs.launch.kubernetes import command as kubernetes
from tests.launch.kubernetes import fake_api_server as fake, manifests as there
from tests.launch.kubernetes.test_spec import ROW
from tests.launch.kubernetes.test_state import POLICY, RUNNING, ended, pod

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")
JOB = "/apis/batch/v1/namespaces/team/jobs/kiwame-demo"
CLAIM = "/api/v1/namespaces/team/persistentvolumeclaims/kiwame-workspace"


@pytest.fixture(params=[there.OLDEST, there.NEWEST])
def server(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[fake.FakeServer]:
    with fake.serving(request.param) as running:
        (tmp_path / "config").write_text(running.config())
        (tmp_path / "my.jsonl").write_text(ROW)
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
        monkeypatch.setenv("HOME", str(tmp_path))  # kubectl keeps what it discovered there
        monkeypatch.setattr(kubernetes, "LOOK_SECONDS", 0.01)
        monkeypatch.chdir(tmp_path)
        yield running


def submit(*words: str) -> int:
    return kubernetes.main(["submit", "run.name=demo", there.IMAGE, "k8s.rows=[my.jsonl]", *words])


def stands(server: fake.FakeServer, *pods: dict[str, Any], conditions: tuple[tuple[str, str, str], ...] = ()) -> None:
    job = server.objects[JOB]
    job["status"] = {"conditions": [
        {"type": kind, "status": "True", "reason": why, "message": said} for kind, why, said in conditions
    ]}  # fmt: skip
    for each in pods:
        each |= {"kind": "Pod", "apiVersion": "v1"}
        each["metadata"]["labels"] = job["metadata"]["labels"]
        server.objects[f"/api/v1/namespaces/team/pods/{each['metadata']['name']}"] = each


def test_a_run_from_its_submission_to_its_end(server: fake.FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert submit() == Exit.PASSED
    (rows,) = server.find("ConfigMap")
    assert sorted(server.objects) == sorted(
        [CLAIM, JOB, f"/api/v1/namespaces/team/configmaps/{rows['metadata']['name']}"]
    )
    assert rows["metadata"]["ownerReferences"][0]["uid"] == server.objects[JOB]["metadata"]["uid"]
    assert submit() == Exit.REFUSED

    stands(server, ended(75, "p-1", 1), pod("p-2", "Running", RUNNING, 2))
    assert kubernetes.main(["status"]) == Exit.PASSED
    assert kubernetes.main(["status", "run.name=demo"]) == Exit.PASSED
    assert capsys.readouterr().out.splitlines()[-1] == "running"

    stands(server, ended(3, "p-2", 2), conditions=(("Failed", "PodFailurePolicy", POLICY.format(3)),))
    assert kubernetes.main(["status", "run.name=demo"]) == Exit.GATE_FAILED

    assert kubernetes.main(["delete", "run.name=demo"]) == Exit.PASSED
    assert ("PROPAGATION", "Foreground") in server.asked
    assert [each["kind"] for each in server.objects.values() if each["kind"] != "Pod"] == ["PersistentVolumeClaim"]
    assert submit() == Exit.PASSED


def test_every_field_is_checked_by_the_cluster(server: fake.FakeServer) -> None:
    submit()
    changing = [path for verb, path in server.asked if verb == "POST" or "fieldManager=kubectl&" in path]
    assert len(changing) == 4  # the Job on trial, the volume, the rows, the Job
    assert "dryRun=All" in changing[0]
    assert all("fieldValidation=Strict" in path for path in changing)


def test_a_field_that_does_not_exist_is_said_in_one_line(
    server: fake.FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = os.path.relpath(there.K8S / "base", (tmp_path / "own").resolve())
    patch = '[{"op": "add", "path": "/spec/template/spec/nodeNames", "value": "n1"}]'
    content = {"resources": [base], "patches": [{"target": {"kind": "Job"}, "patch": patch}]}
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "kustomization.yaml").write_text(yaml.safe_dump(content))
    assert submit("k8s.overlay=own") == Exit.REFUSED
    assert not server.objects
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "the cluster does not take it" in said
    assert "nodeNames" in said


def own_overlay(folder: Path, more: dict[str, Any]) -> str:
    folder.mkdir()
    base = os.path.relpath(there.K8S / "overlays" / "single-gpu", folder.resolve())
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({"resources": [base], **more}))
    return f"k8s.overlay={folder}"


@pytest.mark.parametrize(
    ("more", "way_out"),
    [({"namespace": "other"}, "say k8s.namespace=other instead"), ({"namePrefix": "team-"}, "take namePrefix and")],
)
def test_no_job_is_made_where_it_would_not_be_found(
    more: dict[str, Any], way_out: str, server: fake.FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overlay = own_overlay(tmp_path / "own", more)
    assert submit(overlay) == Exit.REFUSED
    assert not server.objects
    assert way_out in capsys.readouterr().err


def test_a_namespace_of_ones_own_has_all_of_the_run(
    server: fake.FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overlay = own_overlay(tmp_path / "own", {"namespace": "other"})
    assert submit(overlay, "k8s.namespace=other") == Exit.PASSED
    assert {path.split("/namespaces/")[1].split("/")[0] for path in server.objects} == {"other"}
    words = ["run.name=demo", "k8s.namespace=other"]
    assert kubernetes.main(["status", *words]) == Exit.PASSED
    assert kubernetes.main(["delete", *words]) == Exit.PASSED
    assert [each["kind"] for each in server.objects.values()] == ["PersistentVolumeClaim"]
    assert capsys.readouterr().err.count("context fake, namespace other:") == 2  # before it is made, and before it goes


@pytest.mark.parametrize("run", ["1e6", "7e10", "0o7", "00e1", "0x10", "1-1-1", "2026-01-01", "12", "on", "y"])
def test_a_name_that_looks_like_a_number_stays_a_name(run: str, server: fake.FakeServer) -> None:
    words = [f"run.name={run}", there.IMAGE, "k8s.rows=[my.jsonl]", "k8s.queue='1e6'"]
    assert kubernetes.main(["submit", *words]) == Exit.PASSED
    (job,) = server.find("Job")
    labels = {"app.kubernetes.io/name": "kiwame", "app.kubernetes.io/instance": run}
    assert job["metadata"]["labels"] == labels | {"kueue.x-k8s.io/queue-name": "1e6"}
    assert f"run.name={run}" in job["spec"]["template"]["spec"]["containers"][0]["args"]


def line(second: float, text: str) -> str:
    return f"2026-11-22T10:00:{second:012.9f}Z {text}"


def test_logs_are_taken_up_again_after_the_last_line(
    server: fake.FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    submit()
    whole = [line(1, "one"), line(2.25, "two"), line(2.5, "three"), line(2.5, "three, again"), line(4, "日本")]
    done = {"terminated": {"exitCode": 0, "reason": "Completed"}}
    server.logs["p-1"] = [(whole[:2], RUNNING), (whole[:4], RUNNING), (whole[:4], done), (whole, done)]
    stands(server, pod("p-1", "Running", RUNNING, 1), conditions=(("Complete", "", ""),))
    capsys.readouterr()
    assert kubernetes.main(["logs", "run.name=demo"]) == Exit.PASSED
    assert capsys.readouterr().out.splitlines() == ["one", "two", "three", "three, again", "日本"]
    since = [path for verb, path in server.asked if "/log?" in path and "sinceTime" in path]
    assert len(since) == 3
