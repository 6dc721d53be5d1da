"""The texts that both tokenizers are asked about."""

from __future__ import annotations

import unicodedata

from jobs.logic.chat.adversarial import KNOWN_TO_DIFFER, MUST_AGREE


def is_nfc(text: str) -> bool:
    return unicodedata.is_normalized("NFC", text)


def test_no_text_is_asked_twice_or_in_both_lists() -> None:
    texts = MUST_AGREE + KNOWN_TO_DIFFER
    assert len(set(texts)) == len(texts)


def test_texts_that_must_agree_are_nfc_and_hold_no_end_of_another_family() -> None:
    assert all(is_nfc(text) and "</s>" not in text for text in MUST_AGREE)


def test_known_differences_are_decomposed_or_another_familys_end() -> None:
    assert all(not is_nfc(text) or "</s>" in text for text in KNOWN_TO_DIFFER)
    assert any("</s>" in text for text in KNOWN_TO_DIFFER)


def test_the_list_covers_what_data_holds() -> None:
    whole = "".join(MUST_AGREE)
    for piece in ("\r\n", "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<think>", "\u200d", "ｶﾞ", "Ａ", "𠮷"):
        assert piece in whole
