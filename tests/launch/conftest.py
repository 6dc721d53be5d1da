"""A fake RunPod, and the commands as a person types them."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpcore2
import pytest

from jobs.launch.runpod import command as runpod
from jobs.launch.runpod.api import Patience, RunPod
from tests.launch.runpod.fake_runpod import KEY, Fake, gpu, serve

ROOT = Path(__file__).resolve().parents[2]
SHORT = Patience(connect=5, answer=1.5, create=1.5, quiet=0.3, glance=1.0, retry_after=900)
CHEAP, DEAR, BIG = "NVIDIA GeForce RTX 4090", "NVIDIA GeForce RTX 5090", "NVIDIA H100 PCIe"
WORDS = ("job.run=mine", "image=me/kiwame@sha256:12ab", "mounts.network.0.volumeId=vol1")


@pytest.fixture(scope="session", autouse=True)
def certificates() -> Iterator[None]:
    """This system's certificates, read once and not for every client: no service of these tests speaks TLS."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpcore2, "default_ssl_context", functools.cache(httpcore2.default_ssl_context))
        yield


@pytest.fixture
def fake() -> Iterator[Fake]:
    """Three GPU types and a volume; afterwards every call was as the specification wants it."""
    kinds = [gpu(CHEAP, 0.4), gpu(DEAR, 0.9, memory=32), gpu(BIG, 2.5, memory=80)]
    with serve(Fake(gpus=kinds)) as served:
        yield served
    assert served.problems == []


@dataclass
class Desk:
    """Commands in a folder that has a runpod.yaml; no wait is real."""

    fake: Fake
    waits: list[float] = field(default_factory=list)
    on_wait: Callable[[], None] | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(self, *words: str) -> int:
        """The exit code of `python -m jobs.launch.runpod.command` with these words."""
        environment = {"RUNPOD_API_KEY": KEY, "KIWAME_RUNPOD_URL": self.fake.address, **self.environment}
        return runpod.main(words, environment, SHORT, self.sleep)

    def submit(self, *words: str, job: tuple[str, ...] = ("prepare.files=[/workspace/my.jsonl]",)) -> int:
        """`submit` with what has no value in the file, `words`, and the job's words."""
        return self("submit", *WORDS, *words, "--", *job)

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        if self.on_wait:
            self.on_wait()

    def client(self) -> RunPod:
        return RunPod(KEY, self.fake.address, (), SHORT, self.sleep)


@pytest.fixture
def desk(fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    shutil.copy(ROOT / "runpod.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return Desk(fake)
