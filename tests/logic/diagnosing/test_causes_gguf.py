"""What a GGUF's header says by itself."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.logic.diagnosing import causes_gguf as causes
from jobs.logic.diagnosing.evidence import Evidence
from tests.logic.diagnosing.model_evidence import quant

MADE = {"imatrix_file": "imatrix.gguf", "num_blocks": 28}


@pytest.mark.parametrize(
    ("check", "header", "says"),
    [
        (causes.imatrix_of_another_model, {}, "ruled out"),
        (causes.imatrix_of_another_model, MADE | {"imatrix_entries": 7 * 28}, "not checked"),
        (causes.imatrix_of_another_model, MADE | {"imatrix_entries": 7 * 28 + 1}, "not checked"),
        (causes.imatrix_of_another_model, MADE | {"imatrix_entries": 7 * 36}, "proven"),
        (causes.gguf_adds_bos, {"add_bos": True}, "proven"),
        (causes.gguf_adds_bos, {"add_bos": False}, "ruled out"),
        (causes.gguf_stop_token_altered, {"eos_id": 1, "eos_text": "!", "eos_kind": "normal"}, "proven"),
        (
            causes.gguf_stop_token_altered,
            {"eos_id": 151643, "eos_text": "<|endoftext|>", "eos_kind": "control", "template": "<|im_end|>"},
            "proven",
        ),
        (causes.gguf_rope_altered, {"rope_base": 10_000.0}, "consistent with"),
        (causes.gguf_rope_altered, {"rope_base": 1_000_000.0}, "not checked"),
        (causes.gguf_template_altered, {}, "consistent with"),
        (causes.gguf_damaged, {"problems": ("is cut",)}, "proven"),
        (causes.quant_type_fallen_back, {"fallen_back": ("blk.0.ffn_up.weight: F16",), "narrow": 3}, "proven"),
    ],
)
def test_a_header(check: Any, header: dict[str, Any], says: str) -> None:
    assert check(Evidence(ggufs=(quant(**header),))).certainty.value == says


def test_without_a_gguf_nothing_is_said() -> None:
    assert causes.gguf_damaged(Evidence()).decides == (causes.GGUF,)
