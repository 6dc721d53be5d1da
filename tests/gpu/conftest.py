"""Where these tests run: CUDA, or as far as a CPU goes, `KIWAME_TEST_DEVICE=cpu`."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

DEVICE = os.environ.get("KIWAME_TEST_DEVICE", "cuda")


@pytest.fixture(scope="session", autouse=True)
def here() -> None:
    """They fail, and do not skip, where what they are for is missing: nothing runs them by accident."""
    import torch

    if DEVICE == "cuda" and not torch.cuda.is_available():
        pytest.fail("no CUDA device is visible; KIWAME_TEST_DEVICE=cpu tests what a CPU can")
    if importlib.util.find_spec("unsloth") is None:
        pytest.fail("Unsloth is not installed: `make test-unsloth` installs it for a CPU, the image has it")


@pytest.fixture(scope="session")
def device() -> str:
    return DEVICE


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two layers and the rows that it is trained on."""
    from tests.engines.training import tiny_sft

    folder = tiny_sft.write_base(tmp_path_factory.mktemp("base"))
    tiny_sft.write_rows(folder, 21, 9)
    return folder
