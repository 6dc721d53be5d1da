"""Fixtures that more than one floor's tests use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ("demo_run", "merged_run", "tiny_model")
"""Fixtures that cost much: the tests that use one are run by one process, which makes it once."""
FIRST = ("demo_run", "tests/test_data_proof.py")
"""What takes longest begins first, or one process would wait for the other at the end."""


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Share the tests out by what they stand on, else by file (`--dist loadgroup`)."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    items.sort(key=lambda item: FIRST.index(_group(item)) if _group(item) in FIRST else len(FIRST))


def _group(item: pytest.Item) -> str:
    used = getattr(item, "fixturenames", ())
    return next((name for name in SHARED if name in used), item.path.relative_to(ROOT).as_posix())


@pytest.fixture(scope="session")
def qwen3_tokenizer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real Qwen3 tokenizer with the hybrid chat template, from the pinned tree; do not write in it."""
    from jobs.engines.demo.tokenizer import build_tokenizer

    source = Path(os.environ.get("LLAMA_CPP_SOURCE", ROOT / "vendor/llama.cpp/build/src"))
    vocab = source / "models/ggml-vocab-qwen2.gguf"
    if not vocab.exists():
        pytest.skip("the llama.cpp source is not unpacked")
    folder = tmp_path_factory.mktemp("qwen3_tokenizer")
    build_tokenizer(vocab, source / "models/templates/Qwen-Qwen3-0.6B.jinja", folder)
    return folder


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole demo, made once; do not write in it. The base model comes from the cache where it is there."""
    from tests import whole_run

    return whole_run.make(tmp_path_factory.mktemp("runs"))
