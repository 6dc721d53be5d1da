"""Quantization types of the pinned llama.cpp: what can be asked for, and what each gives, tensor by tensor."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence

ALLOWED: dict[str, frozenset[str]] = {
    "IQ1_S": frozenset({"IQ1_S", "IQ2_XXS", "Q2_K", "Q4_K", "Q5_K"}),
    "IQ1_M": frozenset({"IQ1_M", "IQ2_XXS", "Q2_K", "Q4_K", "Q5_K"}),
    "IQ2_XXS": frozenset({"IQ2_XXS", "Q2_K", "Q4_K", "Q5_K"}),
    "IQ2_XS": frozenset({"IQ2_XS", "Q2_K", "Q4_K", "Q5_K"}),
    "IQ2_S": frozenset({"IQ2_XS", "IQ3_S", "Q4_K", "Q5_K"}),
    "IQ2_M": frozenset({"IQ2_S", "IQ3_S", "Q4_K", "Q5_K"}),
    "Q2_K_S": frozenset({"Q2_K", "Q4_K", "Q6_K"}),
    "Q2_K": frozenset({"Q2_K", "Q3_K", "Q4_K", "Q6_K"}),
    "IQ3_XXS": frozenset({"IQ3_XXS", "IQ2_S", "IQ3_S", "Q4_K", "Q5_K"}),
    "IQ3_XS": frozenset({"IQ3_S", "IQ3_XXS", "Q4_K", "Q6_K"}),
    "Q3_K_S": frozenset({"Q3_K", "Q4_K", "Q6_K"}),
    "IQ3_S": frozenset({"IQ3_S", "Q4_K", "Q6_K"}),
    "IQ3_M": frozenset({"IQ3_S", "Q4_K", "Q6_K"}),
    "Q3_K_M": frozenset({"Q3_K", "Q4_K", "Q5_K", "Q6_K"}),
    "Q3_K_L": frozenset({"Q3_K", "Q5_K", "Q6_K"}),
    "IQ4_XS": frozenset({"IQ4_XS", "Q5_K", "Q6_K"}),
    "Q4_0": frozenset({"Q4_0", "Q4_1", "Q6_K"}),
    "IQ4_NL": frozenset({"IQ4_NL", "Q5_K", "Q6_K"}),
    "Q4_K_S": frozenset({"Q4_K", "Q5_K", "Q6_K"}),
    "Q4_K_M": frozenset({"Q4_K", "Q6_K"}),
    "Q4_1": frozenset({"Q4_1", "Q6_K"}),
    "Q5_0": frozenset({"Q5_0", "Q5_1", "Q6_K"}),
    "Q5_K_S": frozenset({"Q5_K", "Q6_K"}),
    "Q5_K_M": frozenset({"Q5_K", "Q6_K"}),
    "Q5_1": frozenset({"Q5_1", "Q6_K"}),
    "Q6_K": frozenset({"Q6_K"}),
    "Q8_0": frozenset({"Q8_0"}),
    "BF16": frozenset({"BF16"}),
    "F16": frozenset({"F16"}),
}
"""Types that a matrix may have in a file of each kind, from small to large; anything else is a fallback. Norms are F32
in all of them. Read in `llama_tensor_get_type_impl` of the pinned src/llama-quant.cpp, for dense models."""

NEED_IMATRIX = frozenset({"IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "Q2_K_S", "IQ3_XXS", "IQ3_XS"})
"""What llama-quantize refuses without an importance matrix, some of them only on reaching such a tensor."""

ALIASES = {"Q3_K": "Q3_K_M", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M"}
"""llama-quantize's own other names."""

NOT_MADE = {
    "F32": "twice as large as F16, from which it cannot be told apart; `convert` keeps it as model-f32.gguf",
    "COPY": "copies the F32 file, which `convert` keeps as model-f32.gguf",
    "MXFP4_MOE": "is for mixtures of experts; of a dense model it makes Q8_0 under another name",
    "TQ1_0": "is for models trained with ternary weights; it leaves nothing of any other",
    "TQ2_0": "is for models trained with ternary weights; it leaves nothing of any other",
    "Q1_0": "is for models trained with binary weights; it leaves nothing of any other",
    "Q2_0": "is for models trained with 2-bit weights; it leaves nothing of any other",
}
"""Names that the pinned llama-quantize has and that are not made here, with the reason."""

FILE_TYPES = {
    "F32": 0, "F16": 1, "Q4_0": 2, "Q4_1": 3, "Q8_0": 7, "Q5_0": 8, "Q5_1": 9, "Q2_K": 10, "Q3_K_S": 11, "Q3_K_M": 12,
    "Q3_K_L": 13, "Q4_K_S": 14, "Q4_K_M": 15, "Q5_K_S": 16, "Q5_K_M": 17, "Q6_K": 18, "IQ2_XXS": 19, "IQ2_XS": 20,
    "Q2_K_S": 21, "IQ3_XS": 22, "IQ3_XXS": 23, "IQ1_S": 24, "IQ4_NL": 25, "IQ3_S": 26, "IQ3_M": 27, "IQ2_S": 28,
    "IQ2_M": 29, "IQ4_XS": 30, "IQ1_M": 31, "BF16": 32,
}  # fmt: skip
"""`general.file_type` of a file of each kind: what llama.cpp's `llama_ftype` numbers them."""

USUAL = ("Q4_K_M", "Q5_K_M", "Q3_K_M", "Q2_K", "Q6_K", "Q8_0")
"""Meant where a name is only begun, as in Q4."""
ALL = "all"
FIRST_OF_ALL = "Q4_K_M"
"""Of `all`, the one that goes into the Modelfile: what is shipped where nothing is said."""


def asked_types(asked: str | Sequence[str]) -> list[str]:
    """The types that are meant, as llama.cpp spells them; `all` is every one that needs no importance matrix.

    Raises ValueError for a name that is none, one that is not made here, and one that is there twice.
    """
    if isinstance(asked, str) and asked.lower() == ALL:
        return [FIRST_OF_ALL, *(quant for quant in ALLOWED if quant not in NEED_IMATRIX and quant != FIRST_OF_ALL)]
    if isinstance(asked, str):
        raise ValueError(f"expected a list of types, for example [{spelled(asked)}], or `{ALL}`")
    found = [spelled(name) for name in asked]
    twice = [quant for quant, count in Counter(found).items() if count > 1]
    if twice:
        written = [str(name) for name in asked if spelled(name) == twice[0]]
        raise ValueError(f"{twice[0]} is there {len(written)} times (as {', '.join(written)}); name each type once")
    return found


def spelled(name: object) -> str:
    """The type of a name in llama.cpp's spelling; raises ValueError where there is none, with the nearest."""
    upper = str(name).strip().upper()
    upper = ALIASES.get(upper, upper)
    if upper in ALLOWED:
        return upper
    if upper in NOT_MADE:
        raise ValueError(f"{upper} {NOT_MADE[upper]}")
    if upper == ALL.upper():
        raise ValueError(f"`{ALL}` stands for itself: quantize.types={ALL}")
    usual = [quant for quant in USUAL if quant.startswith(upper)]
    near = usual or difflib.get_close_matches(upper, ALLOWED, n=1, cutoff=0.6)
    raise ValueError(
        f"{str(name)[:40]} is no type that the pinned llama.cpp makes; "
        + (f"did you mean {near[0]}?" if near else f"there are: {', '.join(ALLOWED)}")
    )


def fallbacks(quant: str, types: dict[str, tuple[str, int]]) -> list[str]:
    """Tensors that did not get what was asked: `name: type found`.

    `types` maps tensor names to (type, number of dimensions). One-dimensional tensors stay F32.
    """
    return [
        f"{name}: {found}"
        for name, (found, dimensions) in sorted(types.items())
        if found not in (ALLOWED[quant] if dimensions > 1 else {"F32"})
    ]
