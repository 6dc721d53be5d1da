"""What a GGUF's header says by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jobs.logic.diagnosing import causes_gguf as causes
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.model_seen import HeaderAsked
from tests.logic.diagnosing.model_evidence import quant

DYNAMIC = {
    "fallen_back": ("blk.0.ffn_up.weight: Q8_0",), "types": {"Q4_K": 90, "Q8_0": 1}, "imatrix_file": "imatrix.gguf",
}  # fmt: skip
"""As Unsloth's dynamic quants are: some matrices have a type of their own."""
MADE = {"imatrix_file": "imatrix.gguf", "num_blocks": 28}


@pytest.mark.parametrize(
    ("check", "header", "says"),
    [
        (causes.imatrix_of_another_model, {}, "ruled out"),
        (causes.imatrix_of_another_model, MADE | {"imatrix_entries": 7 * 28}, "not checked"),
        (causes.imatrix_of_another_model, MADE | {"imatrix_entries": 7 * 28 + 1}, "not checked"),
        (causes.imatrix_of_another_model, MADE | {"imatrix_entries": 7 * 36}, "proven"),
        (causes.gguf_adds_bos, {"add_bos": True, "eos_text": "<|im_end|>"}, "proven"),
        (causes.gguf_adds_bos, {"add_bos": True, "eos_text": "<｜end▁of▁sentence｜>"}, "ruled out"),
        (causes.gguf_adds_bos, {"add_bos": False}, "ruled out"),
        (causes.gguf_stop_token_altered, {"eos_id": 1, "eos_text": "!", "eos_kind": "normal"}, "proven"),
        (
            causes.gguf_stop_token_altered,
            {"eos_id": 151643, "eos_text": "<|endoftext|>", "eos_kind": "control", "template": "<|im_end|>"},
            "consistent with",
        ),
        (causes.gguf_rope_altered, {"rope_base": 10_000.0}, "consistent with"),
        (causes.gguf_rope_altered, {"rope_base": 1_000_000.0}, "not checked"),
        (causes.gguf_template_altered, {}, "consistent with"),
        (causes.gguf_damaged, {"problems": ("is cut",)}, "proven"),
        (causes.quant_type_fallen_back, {"fallen_back": ("blk.0.ffn_up.weight: F16",), "narrow": 3}, "proven"),
        (causes.quant_type_fallen_back, DYNAMIC, "consistent with"),
        (causes.quant_type_fallen_back, DYNAMIC | {"imatrix_file": None, "types": {"Q5_0": 1}}, "proven"),
    ],
)
def test_a_header(check: Any, header: dict[str, Any], says: str) -> None:
    assert check(Evidence(ggufs=(quant(**header),))).certainty.value == says


def test_without_a_gguf_nothing_is_said() -> None:
    assert causes.gguf_damaged(Evidence()).decides == (causes.GGUF,)


ASKED = HeaderAsked("merged", False, "{{ ours }}", 151645, 1_000_000.0, 40_960, 3, ("<|im_end|>: is normal",))
THEIRS = {"eos_id": 128009, "eos_text": "<|eot_id|>", "eos_kind": "control", "template": "x", "rope_base": 5e5}
OF_HEADERS = (
    causes.gguf_template_altered, causes.gguf_stop_token_altered, causes.gguf_token_types_altered,
    causes.gguf_rope_altered, causes.quant_type_fallen_back, causes.imatrix_of_another_model, causes.gguf_adds_bos,
    causes.gguf_of_another_tokenizer,
)  # fmt: skip


@pytest.mark.parametrize("check", OF_HEADERS)
def test_another_architecture_is_not_checked_and_named(check: Any) -> None:
    """Whatever its header says, nothing is known of what it should say."""
    odd = {"architecture": "llama", "add_bos": True, "ordinary": ("<|im_end|>: is user-defined",), "asked": ASKED}
    file = quant(**THEIRS, **odd, fallen_back=("blk.0.ffn_up.weight: F16",), narrow=3, **MADE, imatrix_entries=9)
    found = check(Evidence(ggufs=(replace(file, file="llama.gguf"),)))
    assert found.certainty.value == "not checked"
    assert "llama" in found.decides[0]


@pytest.mark.parametrize("check", [*OF_HEADERS[:4], OF_HEADERS[-1]])
@pytest.mark.parametrize(("of", "says"), [({}, "consistent with"), ({"other": "its block_count is 36"}, "not checked")])
def test_a_folder_beside_a_file_proves_nothing_of_it(check: Any, of: dict[str, Any], says: str) -> None:
    """Of a file whose tensors nobody held against the folder's: it may be anybody's."""
    file = quant(**{**THEIRS, "rope_base": 2e6}, asked=replace(ASKED, **of))
    assert check(Evidence(ggufs=(file,))).certainty.value == says


@pytest.mark.parametrize("check", [*OF_HEADERS[:4], OF_HEADERS[-1]])
def test_of_a_run_of_ours_it_is_proven(check: Any) -> None:
    file = quant(**THEIRS, asked=ASKED, file="runs/mine/convert/model-f16.gguf")
    assert check(Evidence(ggufs=(file,), facts={"convert": {}})).certainty.value == "proven"


def test_two_files_of_two_models_need_not_say_the_same() -> None:
    files = (quant(file="a.gguf", template="x", eos_id=1), quant(file="b.gguf", template="y", eos_id=2, rope_base=1e7))
    for check in OF_HEADERS[:4]:
        assert not check(Evidence(ggufs=files)).certainty.found
