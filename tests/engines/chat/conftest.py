"""A run that has a GGUF of the tiny model, and a terminal to talk to it at."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.chat.terminal import Terminal
from tests.stages import small_run


@pytest.fixture(scope="session")
def tiny_run(q4_gguf: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of runs with `tiny`, whose report is certified; do not write in it."""
    folder = tmp_path_factory.mktemp("runs of one")
    root = folder / "tiny"
    for stage in ("quantize", "report"):
        (root / stage).mkdir(parents=True)
        shutil.copyfile(q4_gguf, root / stage / "model-Q4_K_M.gguf")
    shutil.copytree(tiny_model, root / "fetch" / "model")
    quant = {"type": "Q4_K_M", "file": "model-Q4_K_M.gguf"}
    for stage, facts in (("fetch", {}), ("quantize", {"quants": [quant]}), ("report", {})):
        small_run.publish(root, stage, facts)
    return folder


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    opened = Terminal()
    yield opened
    opened.close()
