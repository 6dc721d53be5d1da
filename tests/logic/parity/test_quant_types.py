"""Which tensor types a quantized file may have."""

from __future__ import annotations

from typing import get_args

import pytest

from jobs.logic.parity.quant_types import ALLOWED, FILE_TYPES, LARGER, fallbacks, next_larger
from jobs.quantize import QuantType


def test_every_type_that_can_be_asked_for_is_known() -> None:
    assert set(ALLOWED) == set(get_args(QuantType))
    assert set(LARGER) == {*ALLOWED, "F16"}
    assert set(FILE_TYPES) == {*ALLOWED, "F16", "F32"}
    assert len(set(FILE_TYPES.values())) == len(FILE_TYPES)


@pytest.mark.parametrize(
    ("quant", "larger"), [("Q2_K", "Q3_K_S"), ("Q4_K_M", "Q5_K_S"), ("Q8_0", "F16"), ("F16", "F16")]
)
def test_next_larger(quant: str, larger: str) -> None:
    assert next_larger(quant) == larger


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
