"""The pod of a run on Kubernetes, really run: rendered by `make k8s-render`, played by `podman play kube`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from jobs.core.artifact import Artifact
from jobs.launch.kubernetes import render, spec
from tests.container import pod, ring
from tests.container.ring import call, must
from tests.launch.kubernetes.manifests import BUILDER

pytestmark = pytest.mark.container
POD_USER = 10001
"""runAsUser and fsGroup of k8s/base."""


@pytest.fixture
def volume(built: str, tmp_path: Path) -> Path:
    """In the claim's place; the kubelet would give it to the pod's fsGroup."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    os.chown(folder, POD_USER, POD_USER)
    return folder


@contextmanager
def played(volume: Path, *words: str) -> Iterator[str]:
    """The pod of this run, started; the name of its container. It is gone afterwards."""
    plan = spec.plan([*words, "experiment=demo", "k8s.gpus=0", f"k8s.image={ring.IMAGE}"])
    built = render.manifests(plan) if BUILDER else pod.base(plan)
    documents = pod.documents(built, volume)
    file = volume.with_name("pod.yaml")
    file.write_text(render.text(documents), encoding="utf-8")
    try:
        must(["podman", "play", "kube", "--network=none", file])
        yield pod.container_name(built)
    finally:
        call(["podman", "pod", "rm", "--force", "--time", "10", documents[-1]["metadata"]["name"]])


def ended(container: str) -> tuple[int, str]:
    """Its exit code, and what it wrote."""
    code = int(must(["podman", "wait", container]))
    done = call(["podman", "logs", container])
    return code, done.stdout + done.stderr


def test_a_stage_passes_in_the_pod(volume: Path) -> None:
    with ring.timed("`prepare` in the pod"), played(volume, "run.name=played", "k8s.stage=prepare") as container:
        code, log = ended(container)
        known: Any = json.loads(must(["podman", "container", "inspect", container]))[0]
    assert code == 0, log
    artifact = Artifact.open(volume / "runs/played/prepare")
    assert artifact.passed
    assert {path.stat().st_uid for path in volume.rglob("*")} == {POD_USER}
    assert known["Config"]["User"] == f"{POD_USER}:{POD_USER}"
    assert known["HostConfig"]["ReadonlyRootfs"]
    assert known["EffectiveCaps"] in (None, [])
    assert "no-new-privileges" in known["HostConfig"]["SecurityOpt"]


@pytest.mark.skipif(not BUILDER, reason="needs kubectl or kustomize")
def test_rows_travel_with_the_pod_and_a_gate_that_says_no_is_its_exit_code(volume: Path) -> None:
    rows = ring.ROOT / "data/demo/articles.jsonl"
    words = ("run.name=carried", "k8s.stage=prepare", f"k8s.rows=[{rows}]", "prepare.limits.max_mojibake_share=0")
    with played(volume, *words) as container:
        code, log = ended(container)
    assert code == 3, log
    assert "/rows/articles.jsonl" in (volume / "runs/carried/prepare/artifact.json").read_text()


def test_a_pod_that_is_stopped_ends_with_the_code_for_it(volume: Path) -> None:
    with played(volume, "run.name=stopped", "k8s.stage=fetch") as container:
        deadline = time.monotonic() + 120
        while not list(volume.glob("runs/stopped/fetch.partial")) and time.monotonic() < deadline:
            time.sleep(0.2)
        time.sleep(2)
        started = time.monotonic()
        must(["podman", "pod", "stop", "--time", "300", container.removesuffix(f"-{render.CONTAINER}")])
        stopping = time.monotonic() - started
        code, log = ended(container)
    assert code == 75, log
    assert stopping < 300
