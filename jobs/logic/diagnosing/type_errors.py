"""How far a matrix usually is from what it was quantized from, by its tensor type: norm against norm.

Measured with the pinned llama.cpp on matrices of normal values; trained ones are within a third of it. Another model's
matrices are 1.4 away.
"""

from __future__ import annotations

USUAL = {
    "F32": 1e-6, "F64": 1e-6, "F16": 3e-4, "BF16": 2.5e-3,
    "Q8_0": 0.006, "Q6_K": 0.02, "Q5_K": 0.038, "Q5_1": 0.04, "Q5_0": 0.045, "Q4_K": 0.075, "Q4_1": 0.082,
    "Q4_0": 0.09, "IQ4_NL": 0.08, "IQ4_XS": 0.08, "Q3_K": 0.16, "IQ3_S": 0.175, "IQ3_XXS": 0.26, "Q2_K": 0.31,
    "IQ2_S": 0.33, "IQ2_XS": 0.33, "IQ2_XXS": 0.38, "IQ1_M": 0.5, "IQ1_S": 0.55,
}  # fmt: skip


def usual_error(type: str) -> float:
    """Of one type; of one that is not known, that of the coarsest."""
    return USUAL.get(type, 0.55)
