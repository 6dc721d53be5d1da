"""The CPU image, really built and really run: nobody's user, nothing writable, no network, the demo's very bytes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from jobs.core import pipeline
from jobs.core.artifact import Artifact
from jobs.launch import sources
from tests.container import ring
from tests.container.ring import IMAGE, call, locked_down, must

pytestmark = pytest.mark.container
SAME = pipeline.USUAL[: pipeline.USUAL.index("verify")]
"""Stages whose files are the same to the byte: Python, PyTorch and the quantizer compute as they do outside."""
HEADERS = "$(python -c 'import sysconfig; print(sysconfig.get_path(\"include\"))')"
"""Where Triton looks for Python's."""
RETENTION = 1e-3
"""`verify` runs each GGUF on the CPU variant that fits; a native build has one for all, which rounds otherwise."""
ROUNDED = {"convert": {"logits_kl": 1e-12}}
"""The other fact that llama.cpp computes, in nats: 5.7e-14 was seen inside and 6.8e-14 outside."""


@pytest.fixture
def volume(built: str, tmp_path: Path) -> Path:
    return tmp_path / "workspace"


def inspected() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(must(["podman", "image", "inspect", IMAGE]))[0]
    return found


def test_the_build_checked_itself_and_printed_its_size(built: str) -> None:
    if "Using cache" not in built:
        assert re.search(r"image_check: cpu, Python 3\.\d+\.\d+, torch .*: all is as locked", built)
    assert re.search(r"image: \d\.\d\d GB unpacked, the most is", built)


def test_the_labels_say_what_it_is_and_was_built_on(built: str) -> None:
    labels = inspected()["Labels"]
    assert labels["org.opencontainers.image.revision"] == sources.revision()
    assert labels["kiwame.sources"] == sources.digest()
    assert labels["kiwame.accelerator"] == "cpu"
    assert labels["org.opencontainers.image.base.name"] == labels["kiwame.base.build.name"] == ring.base()
    assert "sha256:" in labels["org.opencontainers.image.base.digest"]
    assert inspected()["Config"]["User"] == "10001:10001"


def test_no_layer_has_the_settings_of_pip(built: str, tmp_path: Path) -> None:
    ring.pip_settings(tmp_path / "pip.conf")
    history = must(["podman", "history", "--no-trunc", "--format", "{{.CreatedBy}}", IMAGE])
    for value in re.findall(r"= (.+)", (tmp_path / "pip.conf").read_text()):
        assert len(value) < 8 or value not in history
    saved = json.dumps(inspected()["Config"])
    assert "pip.conf" not in saved
    assert "://" not in saved


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["help"], 0, "fold the adapter into the base weights"),
        (["train", "train.schedule.learning_rat=1"], 2, "learning_rate"),
        (["trian"], 2, "no such stage"),
        (["python", "-m", "jobs.launch.doctor"], 0, "llama-cpp-python       0.3.36"),
        (["python", "-c", "import jobs, torch; print(jobs.__file__)"], 0, "/opt/kiwame/jobs/__init__.py"),
        (["sh", "-c", "id -u; cat /proc/self/status"], 0, "CapEff:\t0000000000000000"),
        (["sh", "-c", "touch /opt/kiwame/x"], 1, "Read-only file system"),
        (["sh", "-c", f"echo '#include <Python.h>' | g++ -fsyntax-only -I{HEADERS} -xc++ - && echo compiled"],
         0, "compiled"),
        (["llama-quantize", "--help"], 1, "usage"),  # its own exit code where it only says how it is used
        (["python", "-m", "jobs.launch.inside.command"], 2, "inside: refused"),
        (["cat", "/x"], 2, "no such stage"),
    ],
)  # fmt: skip
def test_what_the_words_do(volume: Path, words: list[str], code: int, said: str) -> None:
    done = call([*locked_down(volume), *words])
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr


def test_the_demo_is_certified(contained: Path) -> None:
    for name in pipeline.USUAL:
        assert Artifact.open(contained / name).passed, name
    owners = {path.stat().st_uid for path in contained.rglob("*")}
    assert owners == {int(ring.USER.split(":")[0])}
    record = Artifact.open(contained / "report").record
    assert record.made_by["commit"] == sources.revision()


def test_it_made_what_a_native_run_makes(contained: Path, demo_run: Path) -> None:
    for name in SAME:
        inside, outside = Artifact.open(contained / name), Artifact.open(demo_run / name)
        assert inside.record.files == outside.record.files, name
        facts, expected = dict(inside.record.facts), dict(outside.record.facts)
        for fact, most in ROUNDED.get(name, {}).items():
            assert facts.pop(fact) == pytest.approx(expected.pop(fact), abs=most), fact
        assert facts == expected, name
        if pipeline.USUAL.index(name) < pipeline.USUAL.index("convert"):
            assert inside.digest == outside.digest, name
    parities = [Artifact.open(run / "verify").record.facts["parities"] for run in (contained, demo_run)]
    for here, there in zip(*parities, strict=True):
        assert here["artifact"] == there["artifact"]
        assert here["retention"] == pytest.approx(there["retention"], abs=RETENTION), here["artifact"]


def test_a_stop_ends_with_the_code_for_it(volume: Path) -> None:
    name = f"kiwame-stop-{os.getpid()}"
    command = [*locked_down(volume, name), "fetch", "experiment=demo", "run.folder=/workspace/runs"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=ring.surroundings({})) as child:
        deadline = time.monotonic() + 120
        while not list(volume.glob("runs/demo/fetch.partial")) and time.monotonic() < deadline:
            time.sleep(0.2)
        time.sleep(2)
        must(["podman", "kill", "--signal", "TERM", name])
        _, said = child.communicate(timeout=120)
    assert child.returncode == 75, said
    assert "interrupted" in said


def test_make_runs_a_stage_in_it(built: str, tmp_path: Path) -> None:
    words = f"experiment=demo run.folder={tmp_path / 'runs'}"
    done = call(["make", "prepare"], ENGINE="podman", IMAGE=IMAGE, ARGS=words, RUNNER="container",
                XDG_CACHE_HOME=str(tmp_path / "cache"), KIWAME_CACHE="")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert Artifact.open(tmp_path / "runs/demo/prepare").passed
    refused = call(["make", "prepare"], ENGINE="podman", IMAGE=IMAGE, ARGS=f"{words} prepare.files=[no.jsonl]",
                   RUNNER="container", XDG_CACHE_HOME=str(tmp_path / "cache"), KIWAME_CACHE="")  # fmt: skip
    assert "no.jsonl" in refused.stderr
