"""Fixtures that more than one floor's tests use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


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
