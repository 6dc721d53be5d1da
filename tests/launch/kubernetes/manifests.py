"""Manifests to look at: every kustomize folder of k8s/, and runs as the launch renders them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.launch.kubernetes import render, spec

ROOT = Path(__file__).resolve().parents[3]
K8S = ROOT / "k8s"
IMAGE = "k8s.image=kiwame@sha256:" + "0" * 64
OLDEST, NEWEST = "1.29", "1.37"
"""Of Kubernetes. 1.29 is the first that takes the failure policy as it is, with podReplacementPolicy switched on."""
BUILDER = any(shutil.which(words[0]) for words in render.BUILDERS)
needs_kustomize = pytest.mark.skipif(not BUILDER, reason="needs kubectl or kustomize")

FOLDERS = sorted(
    path.parent.relative_to(K8S).as_posix()
    for path in K8S.rglob("kustomization.yaml")
    if "kind: Component" not in path.read_text(encoding="utf-8")
)
PLAIN = sorted(
    path.relative_to(K8S).as_posix()
    for path in K8S.rglob("*.yaml")
    if path.name not in ("kustomization.yaml", "launch.yaml", "nodes.yaml")
)
RUNS: dict[str, tuple[str, ...]] = {
    "cpu": ("experiment=demo", "k8s.gpus=0"),
    "one-gpu": ("run.name=one", "prepare.files=[/workspace/rows/my.jsonl]"),
    "four-gpus": ("run.name=four", "k8s.gpus=4", "prepare.files=[/workspace/rows/my.jsonl]"),
    "queued": ("experiment=demo", "k8s.queue=team-a", "k8s.max_hours=0.5", "k8s.memory=48Gi"),
    "one-stage": ("experiment=demo", "k8s.stage=train", "k8s.namespace=team", 'waivers.TRN007="short: $(HF_TOKEN)"'),
    "longest": ("run.name=" + "a" * spec.LONGEST, "prepare.files=[/workspace/x]", "k8s.queue=default"),
    "own": ("run.name=own", "prepare.files=[/data/my.jsonl]", f"k8s.overlay={K8S}/examples/own-cluster"),
    "japanese": ("run.name=記事タイトル", "prepare.files=[/workspace/rows/記事 1.jsonl]"),
    "rows": ("run.name=rows", f"k8s.rows=[{K8S}/examples/by-hand/my.jsonl]"),
}


def folder(name: str) -> list[Any]:
    """The manifests of a folder of k8s/."""
    return render.build(K8S / name)


def rendered(*words: str) -> list[Any]:
    """The manifests of a run."""
    return render.manifests(spec.plan([*words, IMAGE]))


def plain(name: str) -> list[Any]:
    """The manifests of a file of k8s/."""
    return list(yaml.safe_load_all((K8S / name).read_text(encoding="utf-8")))


def all_manifests() -> dict[str, list[Any]]:
    """Everything, by a name to say in a failure; without kubectl and kustomize the plain files alone."""
    found = {f"file {name}": plain(name) for name in PLAIN}
    if not BUILDER:
        return found
    found |= {f"folder {name}": folder(name) for name in FOLDERS}
    return found | {f"run {name}": rendered(*words) for name, words in RUNS.items()}


def jobs_of(manifests: dict[str, list[Any]]) -> dict[str, Any]:
    """The Jobs among them."""
    return {name: each for name, all_ in manifests.items() for each in all_ if each["kind"] == "Job"}


def pods_of(manifests: dict[str, list[Any]]) -> dict[str, Any]:
    """The pod specs among them, of Jobs and of Pods."""
    pods = {name: each["spec"] for name, all_ in manifests.items() for each in all_ if each["kind"] == "Pod"}
    return pods | {name: job["spec"]["template"]["spec"] for name, job in jobs_of(manifests).items()}


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Every leaf by its path; items of lists by `name`, `key` or `type` where they have one, not by order."""
    if isinstance(value, dict) and value:
        return {k: v for key, child in value.items() for k, v in flat(child, f"{path}/{key}").items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        leaves: dict[str, Any] = {}
        for place, child in enumerate(value):
            own = next((child[key] for key in ("name", "key", "type") if key in child), place)
            leaves |= flat(child, f"{path}[{own}]")
        return leaves
    return {path: value}


def changes(before: Any, after: Any) -> set[str]:
    """The paths whose leaves differ."""
    left, right = flat(before), flat(after)
    return {path for path in left.keys() | right.keys() if left.get(path) != right.get(path)}


def validate(document: Any) -> None:
    """Against the schemas of the oldest and the newest Kubernetes, strictly; raises where it does not hold."""
    import kubernetes_validate

    for version in (OLDEST, NEWEST):
        kubernetes_validate.validate(document, version, strict=True)
