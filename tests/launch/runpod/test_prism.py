"""Our client against Prism, which answers from RunPod's specification and refuses what is not in it. Optional.

`npm install @stoplight/prism-cli` somewhere, then KIWAME_PRISM=<that>/node_modules/.bin/prism.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator

import httpx2
import pytest

from jobs.launch.runpod.api import ApiRefusal, Patience, RunPod
from jobs.launch.runpod.logs import lines
from jobs.launch.runpod.models import GpuType
from jobs.launch.runpod.place import body_of, job_of, offers
from tests.launch.runpod.fake_runpod import gpu
from tests.launch.runpod.specification import path as specification_path
from tests.launch.runpod.test_spec import checked

PRISM = os.environ.get("KIWAME_PRISM") or shutil.which("prism")
SPECIFICATION = specification_path()

pytestmark = [
    pytest.mark.prism,
    pytest.mark.skipif(not PRISM or SPECIFICATION is None, reason="Prism or RunPod's specification is not here"),
]


@pytest.fixture(scope="module")
def prism() -> Iterator[str]:
    """Its address; with --errors a request that is not as specified is answered with a 4xx."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(PRISM), "mock", "--errors", "--port", str(port), str(SPECIFICATION)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        address, until = f"http://127.0.0.1:{port}", time.monotonic() + 60
        while True:
            try:
                httpx2.get(f"{address}/v2/pods", headers={"Authorization": "Bearer x"})
                break
            except httpx2.HTTPError:
                assert time.monotonic() < until
                time.sleep(0.2)
        yield address
        server.terminate()


@pytest.fixture
def client(prism: str) -> RunPod:
    return RunPod("x", prism, (), Patience(5, 10, 10, 1, 1, 900), lambda seconds: None)


def test_every_call_is_as_specified(client: RunPod) -> None:
    assert [pod.name for pod in client.pods()] == ["pytorch-training"]
    pod = client.pod("7h9k2m4n6p")
    assert pod is not None
    assert (pod.status, pod.cost, pod.job) == ("RUNNING", 0.44, None)
    assert client.volume("2q9m7x4c").dataCenter == "US-KS-2"
    (kind,) = client.gpus(2, "SECURE", "12.8")
    assert (kind.id, kind.price.secure, kind.dataCenters[0].availability) == ("NVIDIA GeForce RTX 4090", 0.44, "HIGH")
    assert client.stop("7h9k2m4n6p") is not None
    client.delete("7h9k2m4n6p")


def test_a_create_is_as_specified(client: RunPod) -> None:
    spec = checked("gpu.id=[A]", "registry=abc", "ports=[8888/http]", 'gpu.minCudaVersion="12.8"', "env.A=b")
    (offer,) = offers(spec, [GpuType.model_validate(gpu("A", 0.4))], "XX-1")
    body = body_of(spec, offer, client.volume("2q9m7x4c"), job_of(spec, offer, "0123"), {})
    assert client.create(body).status == "PROVISIONING"


@pytest.mark.parametrize("after", [None, "2026-06-01T12:02:03Z", "2026-06-01T12:02:03.000000999Z"])
def test_the_log_s_example_is_read(client: RunPod, after: str | None) -> None:
    found = [(line.source, line.text) for line in lines(client, "7h9k2m4n6p", after, 1.0)]
    assert found in ([], [("container", "Model loaded.")])  # the example has no blank line at its end, so no event


def test_an_event_s_id_is_not_what_a_log_is_resumed_by(client: RunPod) -> None:
    with pytest.raises(ApiRefusal, match="422"):
        list(lines(client, "7h9k2m4n6p", "2026-06-01T12:02:03Z/000000000001", 1.0))
