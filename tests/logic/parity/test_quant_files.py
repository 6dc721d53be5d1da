"""Names of the files of a quant."""

from __future__ import annotations

import pytest

from jobs.logic.parity import quant_files

PARTS = [f"model-Q4_K_M-0000{number}-of-00003.gguf" for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("name", "quant", "parts", "merged"),
    [
        ("model-Q4_K_M.gguf", "Q4_K_M", ["model-Q4_K_M.gguf"], "model-Q4_K_M.gguf"),
        (PARTS[0], "Q4_K_M", PARTS, "model-Q4_K_M.gguf"),
        ("imatrix.gguf", None, ["imatrix.gguf"], "imatrix.gguf"),
        ("model-Q4_K_M-1-of-3.gguf", None, ["model-Q4_K_M-1-of-3.gguf"], "model-Q4_K_M-1-of-3.gguf"),
    ],
)
def test_a_name_says_what_it_is(name: str, quant: str | None, parts: list[str], merged: str) -> None:
    assert quant_files.type_of(name) == quant
    assert quant_files.parts(name) == parts
    assert quant_files.merged(name) == merged


def test_names_are_made_as_they_are_read() -> None:
    assert [quant_files.part("Q4_K_M", number, 3) for number in (1, 2, 3)] == PARTS
    assert quant_files.whole("IQ4_XS") == "model-IQ4_XS.gguf"


def test_a_quant_is_loaded_from_its_first_file() -> None:
    names = [*PARTS, "model-f16.gguf", "imatrix.gguf", "model-Q8_0-00002-of-00002.gguf", "split.json"]
    assert quant_files.first_files(names) == {"Q4_K_M": PARTS[0], "f16": "model-f16.gguf"}
