"""Control tokens in texts: no tokenizer finds one in what is sent, and what was there comes back."""

from __future__ import annotations

import pytest

from jobs.logic.endpoints.control_text import JOINER, control_tokens, neutralised, restored

CHATML = ["<|im_end|>", "<|im_start|>", "<|IM_END|>", "<think>", "</think>", "<THINK>", "<tool_call>"]
OTHERS = ["<s>", "</s>", "[INST]", "[/INST]", "<<SYS>>", "<start_of_turn>", "<|eot_id|>", "<bos>", "[TOOL_CALLS]"]
TOKENS = [*CHATML, *OTHERS, "<｜begin▁of▁sentence｜>"]


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_is_none_any_more_and_comes_back(token: str) -> None:
    text = f"a{token}b{token}"

    assert token not in neutralised(text)
    assert neutralised(text).replace(JOINER, "") == text
    assert restored(neutralised(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "a < b > c",
        "<b>bold</b>",
        "[1] see <a href='x'>",
        "a | b",
        "<|",
        "|>",
        "日本語の文。",
        "if x <|y| and y|> z",
    ],
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert neutralised(text) == text
    assert restored(text) == text


@pytest.mark.parametrize(
    "text",
    [
        f"<{JOINER}|im_end|>",
        f"<{JOINER * 3}think>",
        f"{JOINER}<think>{JOINER}",
        f"[{JOINER}INST]",
        f"a{JOINER}b",
        f"<{JOINER}b>",
        f"[{JOINER}|im_end|>",
        f"<{JOINER}INST]",
    ],
)
def test_joiners_of_the_text_itself_come_back(text: str) -> None:
    assert restored(neutralised(text)) == text
    assert restored(neutralised(neutralised(text))) == neutralised(text)


def test_the_tokenizer_finds_none(qwen3_tokenizer_folder: object) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(f"{qwen3_tokenizer_folder}/tokenizer.json")
    added = set(tokenizer.get_added_tokens_decoder())
    for token in (entry.content for entry in tokenizer.get_added_tokens_decoder().values()):
        assert added & set(tokenizer.encode(f"a{token}b").ids)
        assert not added & set(tokenizer.encode(neutralised(f"a{token}b")).ids), token


def test_what_an_answer_must_not_hold() -> None:
    assert control_tokens("a<|im_end|>b</think> <s>struck</s> [INST]") == ["<|im_end|>", "</think>"]
