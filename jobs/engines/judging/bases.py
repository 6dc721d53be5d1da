"""What the base is, as a GGUF: quantized without the importance matrix of the rows, which only the tune has."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.core.errors import Refusal
from jobs.logic.parity.quant_sizes import ROUNDED
from jobs.logic.parity.quant_types import NEED_IMATRIX


def require_quantizable(quant: str, ships: Sequence[str]) -> None:
    """Raises Refusal for a type that needs a matrix. `ships`: the types that could be judged instead."""
    if quant not in NEED_IMATRIX:
        return
    others = [name for name in ships if name not in NEED_IMATRIX]
    way = f"judge.type={others[0]}" if others else "ship another type too (quantize.types), such as Q4_K_M"
    raise Refusal(
        f"judge.type: the base cannot be had as a GGUF in {quant}, which needs an importance matrix of the training "
        f"rows; {way}",
        words=[way] if others else [],
    )


def named(quant: str, weighed: bool) -> str:
    """`weighed`: the GGUF that is judged was quantized with an importance matrix."""
    apart = ", without the importance matrix" if weighed and quant not in ROUNDED else ""
    return f"the base in {quant}{apart}"
