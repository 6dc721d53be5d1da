"""make doctor: it names what is here and what is missing, and needs nothing of it."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.launch import doctor, sources
from jobs.launch.container import engine
from tests.launch.container import engines

SLOW = '"image inspect") exec sleep 20'
SMI = """#!/bin/sh
case "$1" in
  --query-gpu*) echo "0, NVIDIA H200, 143771 MiB, 580.95.05"; echo "1, NVIDIA H200, 143771 MiB, 580.95.05" ;;
  *) echo "| NVIDIA-SMI 580.95.05   Driver Version: 580.95.05   CUDA Version: 13.0 |" ;;
esac
"""


def asked(folder: Path, **environment: str) -> dict[str, str]:
    """Each line's name and text."""
    done = subprocess.run(
        [sys.executable, "-m", "jobs.launch.doctor"], capture_output=True, text=True, cwd=sources.ROOT,
        env=engines.environment(folder, **environment), check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return lines(done.stdout)


def lines(said: str) -> dict[str, str]:
    """Each line's name and text."""
    return {name.strip(): text for name, text in re.findall(r"^  (.{22}) (.+)$", said, re.MULTILINE)}


def test_a_machine_with_nothing(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    found = asked(tmp_path / "bin", PATH=str(tmp_path / "bin"))
    assert found["none"].startswith("no NVIDIA driver answers")
    assert (found["docker"], found["podman"]) == ("does not answer: not installed", "does not answer: not installed")
    assert found["the stages (container)"] == "missing: a container engine, an image (`make image`)"
    assert found["demo, test (native)"] == "missing: a C++ compiler"
    assert "kubectl" in found["k8s-*"]


def test_a_machine_with_a_gpu_and_an_image(tmp_path: Path) -> None:
    fresh = {"kiwame.sources": sources.digest(), "org.opencontainers.image.revision": "0123abcd"}
    engines.write(tmp_path, "docker", engines.DOCKER, engines.image(**fresh))
    engines.write(tmp_path, "podman", engines.PODMAN)
    smi = tmp_path / "nvidia-smi"
    smi.write_text(SMI)
    smi.chmod(0o755)
    found = asked(tmp_path, RUNPOD_API_KEY="rpa_secret")
    assert found["GPU 1"] == "NVIDIA H200, 143771 MiB"
    assert found["driver"] == "580.95.05, for CUDA up to 13.0"
    assert found["docker"] == "28.2.2, rootful, knows NVIDIA GPUs"
    assert found["localhost/kiwame:cuda"] == "1.50 GB, 0123abcd, of these sources, in docker"
    assert found["the stages (container)"] == found["on a GPU"] == found["pod-*"] == "ready"
    assert "rpa_secret" not in "".join(found.values())
    assert re.match(r"[\d.]+", found["torch"])
    assert found["llama.cpp"].startswith(("0c1e57098", "not built"))


def test_an_image_of_other_sources_and_an_engine_that_is_down(tmp_path: Path) -> None:
    engines.write(tmp_path, "docker", engines.DOCKER_DOWN)
    engines.write(tmp_path, "podman", engines.PODMAN_ROOTLESS, engines.image(**{"kiwame.sources": "00"}))
    found = asked(tmp_path, IMAGE="ghcr.io/who/kiwame:1")
    assert found["docker"] == "does not answer: Cannot connect to the Docker daemon"
    assert found["podman"].startswith("5.4.0, rootless")
    assert "of other sources" in found["ghcr.io/who/kiwame:1"]


def test_what_does_not_answer_hides_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engines.write(tmp_path, "docker", engines.DOCKER | {"DockerRootDir": "/"}, engines.image(), case=SLOW)
    monkeypatch.setattr(engine, "ASK_SECONDS", 0.5)
    for name, value in engines.environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert doctor.main() == 0
    found = lines(said.getvalue())
    assert found["not known"] == "EnvironmentProblem: `docker image inspect`: no answer in 0.5 s; try again"
    assert found["the stages (container)"] == "missing: an image (`make image`)"
    assert re.search(r"its disk +\d+ GB free \(/\)$", said.getvalue(), re.MULTILINE)  # a real engine may be here too


def test_a_user_without_a_home_and_a_name() -> None:
    if os.getuid() != 0:
        pytest.skip("needs root, to become somebody without a name")
    code = "import os; from jobs.launch import doctor; os.setuid(54321); raise SystemExit(doctor.main())"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=sources.ROOT, env={"PATH": "/usr/bin:/bin"},
        check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "HOME is not set and user 54321 has no home; say KIWAME_CACHE=" in done.stdout
