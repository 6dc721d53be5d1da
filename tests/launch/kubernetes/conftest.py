"""A program called kubectl that keeps what it is given and writes down what it is asked."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jobs.launch.kubernetes import command as kubernetes

STAND_IN = Path(__file__).with_name("kubectl_stand_in.py")
REAL = shutil.which("kubectl")
needs_kubectl = pytest.mark.skipif(REAL is None, reason="needs kubectl, to build kustomizations")


@dataclass
class Cluster:
    """The stand-in's folder."""

    home: Path

    def calls(self, verb: str = "") -> list[list[str]]:
        path = self.home / "calls.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        words = [json.loads(line)["words"] for line in lines]
        return [each for each in words if not verb or verb in each]

    def objects(self) -> dict[str, Any]:
        path = self.home / "objects.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def keep(self, objects: dict[str, Any]) -> None:
        (self.home / "objects.json").write_text(json.dumps(objects))

    def prepare(self, **answers: list[tuple[Any, str, int]]) -> None:
        """What the next calls of a verb and a kind are answered with; the last answer stays."""
        texts = {
            call.replace("_", " "): [
                (out if isinstance(out, str) else json.dumps(out), err, code) for out, err, code in each
            ]
            for call, each in answers.items()
        }
        (self.home / "answers.json").write_text(json.dumps(texts))

    def ends(self, run: str, pods: list[dict[str, Any]], *condition: str) -> None:
        """The run's Job as it stands, with its pods."""
        objects = self.objects()
        kind, reason, message = condition
        listed = [{"type": kind, "status": "True", "reason": reason, "message": message}]
        objects[f"job/kiwame-{run}"]["status"] = {"conditions": listed}
        labels = objects[f"job/kiwame-{run}"]["metadata"]["labels"]
        for each in pods:
            each["metadata"]["labels"] = labels
            each["kind"] = "Pod"
            objects[f"pod/{each['metadata']['name']}"] = each
        self.keep(objects)


@pytest.fixture(scope="session", autouse=True)
def kubectl_that_starts_fast() -> Iterator[None]:
    """It is started hundreds of times, for a moment each, and its garbage collector and threads cost half of that."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOGC", "off")
        patch.setenv("GOMAXPROCS", "1")
        yield


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    programs, home = tmp_path / "programs", tmp_path / "cluster"
    programs.mkdir()
    home.mkdir()
    program = programs / "kubectl"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STAND_IN}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("STAND_IN_HOME", str(home))
    monkeypatch.setenv("REAL_KUBECTL", REAL or "")
    monkeypatch.setattr(kubernetes, "LOOK_SECONDS", 0.01)
    return Cluster(home)
