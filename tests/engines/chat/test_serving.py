"""`serve`: what it prints works as it is printed, and it ends when it is told to."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.core.errors import EnvironmentProblem
from jobs.core.provenance import ROOT
from jobs.engines.chat import serving


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_printed_line_is_answered_and_a_stop_is_the_end(tiny_run: Path, number: signal.Signals) -> None:
    port = free_port()
    words = ["serve", f"run.folder={tiny_run}", "run.name=tiny", f"port={port}", "context=256"]
    command = [sys.executable, "-m", "jobs", *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as one:
        assert one.stdout is not None
        told = [one.stdout.readline().rstrip("\n") for _ in range(3)]
        assert told[0] == "tiny · Q4_K_M · certified · temperature 0, as measured"
        assert f"http://127.0.0.1:{port}/v1" in told[1]
        line = told[2].removeprefix("try it: ")
        if shutil.which("curl"):
            done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60, check=True)
            answer = json.loads(done.stdout)
            assert answer["model"] == "tiny"
            assert answer["choices"][0]["message"]["content"]
        with pytest.raises(
            EnvironmentProblem, match=rf"port {port} of 127\.0\.0\.1: address already in use; say port="
        ):
            serving.require_free("127.0.0.1", port)
        one.send_signal(number)
        rest, said = one.communicate(timeout=60)
    assert (one.returncode, rest, said) == (0, "", "serve: stopped\n")
    serving.require_free("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "url"), [("127.0.0.1", "http://127.0.0.1:8080"), ("::1", "http://[::1]:8080")]
)  # fmt: skip
def test_an_address_is_a_url(host: str, url: str) -> None:
    assert serving.address(host, 8080) == url


def test_in_a_container_everything_is_listened_to_and_the_outside_is_told(tiny_run: Path) -> None:
    port = free_port()
    words = ["serve", f"run.folder={tiny_run}", "run.name=tiny", f"port={port}", "context=256"]
    command = ["env", f"{serving.PUBLISHED}=1", sys.executable, "-m", "jobs", *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as one:
        assert one.stdout is not None
        told = [one.stdout.readline() for _ in range(3)]
        with pytest.raises(EnvironmentProblem, match=f"port {port} of 127.0.0.2: address already in use"):
            serving.require_free("127.0.0.2", port)
        one.send_signal(signal.SIGTERM)
        one.communicate(timeout=60)
    assert f"http://127.0.0.1:{port}/v1" in told[1]
    assert "everybody" not in "".join(told)
