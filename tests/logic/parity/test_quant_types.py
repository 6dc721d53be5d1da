"""Which tensor types a quantized file may have."""

from __future__ import annotations

import re
import subprocess

import pytest

from jobs.engines.gguf import llama_tools
from jobs.logic.parity.blame import next_larger
from jobs.logic.parity.quant_types import (
    ALIASES,
    ALLOWED,
    FILE_TYPES,
    NEED_IMATRIX,
    NOT_MADE,
    asked_types,
    fallbacks,
)


def test_every_type_of_the_pinned_quantizer_is_made_or_has_a_reason() -> None:
    done = subprocess.run(
        [llama_tools.tree().bin / "llama-quantize", "--help"],
        env=llama_tools.child_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    offered = set(re.findall(r"^ +(?:\d+ +or +)?([A-Z]+[A-Z0-9_]*) +:", done.stdout + done.stderr, re.MULTILINE))
    assert offered == {*ALLOWED, *ALIASES, *NOT_MADE}
    assert set(FILE_TYPES) == {*ALLOWED, "F32"}
    assert len(set(FILE_TYPES.values())) == len(FILE_TYPES)
    assert set(ALLOWED) > NEED_IMATRIX


def test_each_type_has_a_next_larger_one_but_the_last() -> None:
    assert {quant for quant in ALLOWED if next_larger(quant) is None} == {"F16"}
    assert {next_larger(quant) for quant in ALLOWED} - {None} <= set(ALLOWED)


@pytest.mark.parametrize(
    ("asked", "types"),
    [
        (["Q4_K_M", "F16"], ["Q4_K_M", "F16"]),
        (["q4_k_m", "Iq4_xs", "bf16"], ["Q4_K_M", "IQ4_XS", "BF16"]),
        (["Q5_K"], ["Q5_K_M"]),
    ],
)
def test_names_are_read_as_llama_cpp_spells_them(asked: list[str], types: list[str]) -> None:
    assert asked_types(asked) == types


def test_all_is_what_needs_no_importance_matrix() -> None:
    found = asked_types("all")
    assert found[0] == "Q4_K_M"
    assert len(found) == len(set(found))
    assert set(found) == set(ALLOWED) - NEED_IMATRIX


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["Q4_K_M", "q4_k_m"], r"Q4_K_M is there 2 times \(as Q4_K_M, q4_k_m\)"),
        (["Q4_K", "Q8_0", "Q4_K_M"], r"Q4_K_M is there 2 times \(as Q4_K, Q4_K_M\)"),
        (["TQ1_0"], "TQ1_0 is for models trained with ternary weights"),
        (["MXFP4_MOE"], "is for mixtures of experts"),
        (["F32"], r"model-f32\.gguf"),
        (["Q4_KM"], "did you mean Q4_K_M"),
        (["Q4"], "did you mean Q4_K_M"),
        (["int8"], "there are: IQ1_S, "),
        ("Q4_K_M", r"for example \[Q4_K_M\]"),
        (["all"], "quantize.types=all"),
    ],
)
def test_what_cannot_be_asked_for_is_answered(asked: str | list[str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        asked_types(asked)


@pytest.mark.parametrize(
    ("quant", "types", "found"),
    [
        ("Q4_K_M", {"a": ("Q4_K", 2), "b": ("Q6_K", 2), "norm": ("F32", 1)}, []),
        ("Q4_K_M", {"b": ("Q5_0", 2), "a": ("Q8_0", 2), "c": ("Q4_K", 2)}, ["a: Q8_0", "b: Q5_0"]),
        ("Q4_K_M", {"a": ("Q5_K", 2)}, ["a: Q5_K"]),
        ("Q4_K_S", {"a": ("Q5_K", 2)}, []),
        ("Q8_0", {"a": ("F16", 2), "b": ("Q8_0", 2)}, ["a: F16"]),
        ("Q8_0", {"norm": ("F16", 1)}, ["norm: F16"]),
        ("Q6_K", {"a": ("F32", 2)}, ["a: F32"]),
        ("Q2_K", {"a": ("IQ4_NL", 2)}, ["a: IQ4_NL"]),
        ("Q4_K_M", {}, []),
    ],
)
def test_fallbacks_are_named(quant: str, types: dict[str, tuple[str, int]], found: list[str]) -> None:
    assert fallbacks(quant, types) == found
