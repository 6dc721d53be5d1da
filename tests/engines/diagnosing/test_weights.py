"""Base, adapter and merged weights held against each other: the strength of the update, and what else moved."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines.diagnosing import held as made
from tests.engines.models import small_model


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model.write(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def tuned(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model.adapter(base, tmp_path_factory.mktemp("tuned"))


@pytest.mark.parametrize("times", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_strength_is_found_in_every_module(base: Path, tuned: Path, tmp_path: Path, times: float, dtype: str) -> None:
    seen = made.held(base, tuned, made.merge(base, tuned, tmp_path / "merged", times, dtype=dtype))
    assert len(seen.modules) == 14
    assert all(abs(one.scale - times) < 0.01 for one in seen.modules)
    assert seen.base_is_same == (times == 0)
    assert not seen.other_changed
    assert not seen.swapped
    assert all(one.exact for one in seen.modules) == (times == 1)
