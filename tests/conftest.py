"""Fixtures that more than one floor's tests use."""

from __future__ import annotations

import functools
import os
import re
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).resolve().parents[1]
SHARED = {
    "the demo": re.compile(r"\bdemo_run\b"),
    "the small run": re.compile(r"\b(merged_run|converted|converted_run)\b"),
    "the tiny model": re.compile(r"\b(tiny_model|f32_gguf|f16_gguf|q4_gguf)\b"),
}
"""Fixtures that cost much: files of tests that name one are run by one process, which makes it once."""
FIRST = ("the demo", "tests/test_data_proof.py")
"""What takes longest begins first, or one process would wait for the other at the end."""
OF_MAKE = (
    "MAKELEVEL", "MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "KIWAME_ARGS", "KIWAME_MAKE_WORDS", "KIWAME_TYPED", "DRY",
)  # fmt: skip
"""What `make` and the Makefile set in all that they start: the product reads it, so no test is to find it there."""


def pytest_configure() -> None:
    """The tests say the same under `make test` as under pytest alone."""
    for name in OF_MAKE:
        os.environ.pop(name, None)


class SharedOut(LoadScopeScheduling):  # type: ignore[misc]
    """Tests shared out among processes by what they stand on, else by file.

    pytest-xdist 3.8's own way to say so, the mark `xdist_group`, does nothing under pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid.partition("::")[0])


@functools.cache
def group(file: str) -> str:
    """What the tests of a file are run together with."""
    text = (ROOT / file).read_text(encoding="utf-8")
    return next((name for name, pattern in SHARED.items() if pattern.search(text)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SharedOut:
    return SharedOut(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Groups stay together, FIRST before the others."""
    groups = [group(item.path.relative_to(ROOT).as_posix()) for item in items]
    order = {name: place for place, name in enumerate(dict.fromkeys([*FIRST, *groups]))}
    places = {id(item): order[name] for item, name in zip(items, groups, strict=True)}
    items.sort(key=lambda item: places[id(item)])


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
