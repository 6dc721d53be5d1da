"""Quantization types of llama.cpp: what each asks for, tensor by tensor, and which is the next larger."""

from __future__ import annotations

ALLOWED: dict[str, frozenset[str]] = {
    "Q2_K": frozenset({"Q2_K", "Q3_K", "Q4_K", "Q6_K"}),
    "Q3_K_S": frozenset({"Q3_K", "Q4_K", "Q6_K"}),
    "Q3_K_M": frozenset({"Q3_K", "Q4_K", "Q5_K", "Q6_K"}),
    "Q3_K_L": frozenset({"Q3_K", "Q5_K", "Q6_K"}),
    "Q4_K_S": frozenset({"Q4_K", "Q5_K", "Q6_K"}),
    "Q4_K_M": frozenset({"Q4_K", "Q6_K"}),
    "Q5_K_S": frozenset({"Q5_K", "Q6_K"}),
    "Q5_K_M": frozenset({"Q5_K", "Q6_K"}),
    "Q6_K": frozenset({"Q6_K"}),
    "Q8_0": frozenset({"Q8_0"}),
}
"""Types that a matrix may have in a file of each kind; anything else is a fallback. Norms are F32 in all of them."""

FILE_TYPES = {
    "F32": 0, "F16": 1, "Q8_0": 7, "Q2_K": 10, "Q3_K_S": 11, "Q3_K_M": 12, "Q3_K_L": 13, "Q4_K_S": 14, "Q4_K_M": 15,
    "Q5_K_S": 16, "Q5_K_M": 17, "Q6_K": 18,
}  # fmt: skip
"""`general.file_type` of a file of each kind: what llama.cpp's `llama_ftype` numbers them."""

LARGER = ("Q2_K", "Q3_K_S", "Q3_K_M", "Q3_K_L", "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K", "Q8_0", "F16")
"""From small to large."""


def next_larger(quant: str) -> str:
    """The type to try where `quant` falls short; F16 is its own."""
    return LARGER[min(LARGER.index(quant) + 1, len(LARGER) - 1)]


def fallbacks(quant: str, types: dict[str, tuple[str, int]]) -> list[str]:
    """Tensors that did not get what was asked: `name: type found`.

    `types` maps tensor names to (type, number of dimensions). One-dimensional tensors stay F32.
    """
    return [
        f"{name}: {found}"
        for name, (found, dimensions) in sorted(types.items())
        if found not in (ALLOWED[quant] if dimensions > 1 else {"F32"})
    ]
