"""Fixtures that more than one floor's tests use."""

from __future__ import annotations

import functools
import gc
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests import qwen3_tokenizer
from tests.torture import cases
from tests.torture.cases import Case

ROOT = Path(__file__).resolve().parents[1]
SHARED = {
    "the demo": re.compile(r"\bdemo_run\b"),
    "the small case": re.compile(r"\bsmall_case\b"),
    "the small run": re.compile(r"\b(merged_run|converted|converted_run)\b"),
    "the tiny model": re.compile(r"\b(tiny_model|f32_gguf|f16_gguf|q4_gguf)\b"),
}
"""Fixtures that cost much: files of tests that name one are run by one process, which makes it once."""
FIRST = ("the demo", "tests/test_data_proof.py", "the small case", "tests/test_torture.py")
"""What takes longest begins first, or one process would wait for the other at the end."""
OF_MAKE = (
    "MAKELEVEL", "MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "KIWAME_ARGS", "KIWAME_MAKE_WORDS", "KIWAME_TYPED", "DRY",
)  # fmt: skip
"""What `make` and the Makefile set in all that they start: the product reads it, so no test is to find it there."""


def pytest_configure() -> None:
    """The tests say the same under `make test` as under pytest alone."""
    for name in OF_MAKE:
        os.environ.pop(name, None)


def pytest_collection_finish() -> None:
    """What was imported stays for good: the garbage collector need not go through all of it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 20)


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
    if not qwen3_tokenizer.VOCAB.exists():
        pytest.skip("the llama.cpp source is not unpacked")
    return qwen3_tokenizer.put(tmp_path_factory.mktemp("qwen3_tokenizer"))


@pytest.fixture(scope="session")
def small_case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A random Qwen3 of two layers with the real tokenizer, and its run as far as `convert`; do not write in it."""
    from jobs.core import chain, pipeline, process

    case = cases.build(tmp_path_factory.mktemp("small_case"))
    handlers = {number: signal.getsignal(number) for number in process.STOPS}
    for stage in pipeline.USUAL[: pipeline.USUAL.index("convert") + 1]:
        assert chain.load(stage)(case.words()) == 0, stage
    for number, handler in handlers.items():
        signal.signal(number, handler)
    return case


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole demo, made once; do not write in it. The base model comes from the cache where it is there."""
    from tests import whole_run

    return whole_run.make(tmp_path_factory.mktemp("runs"))
