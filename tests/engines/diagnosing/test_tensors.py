"""A header of safetensors that is none is said, in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.engines.diagnosing.tensors import header


@pytest.mark.parametrize(
    ("told", "why"),
    [(b"[" * 100_000, "no JSON"), (b"{cut", "no JSON"), (b"[]", "no JSON object")],
    ids=["deep", "cut", "list"],
)
def test_a_header_that_is_none(tmp_path: Path, told: bytes, why: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(told).to_bytes(8, "little") + told)
    with pytest.raises(ValueError, match=f"its safetensors header is {why}; the file is damaged"):
        list(header(path))


def test_a_file_that_is_shorter_than_its_header(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes((1_000).to_bytes(8, "little") + b"{}")
    with pytest.raises(ValueError, match="cut or another one"):
        list(header(path))
