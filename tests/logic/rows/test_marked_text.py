"""Turns marked in a text are parted where all of the text is a turn's or the markup's, and refused elsewhere."""

import pytest

from jobs.logic.rows.marked_text import PREAMBLES, family, parted
from jobs.logic.rows.strict_json import BadRow

LLAMA = "<|start_header_id|>{}<|end_header_id|>\n\n{}<|eot_id|>"


@pytest.mark.parametrize(
    ("name", "text", "talk"),
    [
        ("ChatML", "<|im_start|>user\nq\n<|im_end|>\n<|im_start|>assistant\n  a<|im_end|>\n", "user:q\n|assistant:  a"),
        (
            "ChatML",
            "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\na<|im_end|>",
            "system:s|user:q|assistant:a",
        ),
        (
            "Llama 3",
            "<|begin_of_text|>" + LLAMA.format("user", "q") + LLAMA.format("assistant", "a"),
            "user:q|assistant:a",
        ),
        (
            "Gemma",
            "<bos><start_of_turn>user\nq<end_of_turn>\n<start_of_turn>model\na<end_of_turn>\n",
            "user:q|assistant:a",
        ),
        ("Zephyr or Phi", "<|user|>\nq</s>\n<|assistant|>\na</s>\n", "user:q|assistant:a"),
        ("Zephyr or Phi", "<|user|>\nq<|end|>\n<|assistant|>\na<|end|>\n<|endoftext|>", "user:q|assistant:a"),
        ("[INST]", "<s>[INST] q [/INST] a </s><s>[INST] p [/INST] b </s>", "user:q|assistant:a|user:p|assistant:b"),
        ("[INST]", "<s>[INST] <<SYS>>\ns\n<</SYS>>\n\nq [/INST] a </s>", "system:s|user:q|assistant:a"),
        ("[INST]", "[INST]q[/INST]a", "user:q|assistant:a"),
        ("Alpaca", f"{PREAMBLES[1]}\n\n### Instruction:\nq\n\n### Response:\n    a = 1", "user:q|assistant:    a = 1"),
        (
            "Alpaca",
            f"{PREAMBLES[0]}\n\n### Instruction:\nq\n\n### Input:\nc\n\n### Response:\na</s>",
            "user:q\n\nc|assistant:a",
        ),
        (
            "Alpaca",
            "Be brief.\n\n### Instruction:\nq\n\n### Response:\na\n\n### End",
            "system:Be brief.|user:q|assistant:a",
        ),
        ("Alpaca", f"{PREAMBLES[3]}\n\n### 指示:\nq\n\n### 応答:\na", "user:q|assistant:a"),
        ("Alpaca", "### Instruction: q\n### Response: a", "user:q|assistant:a"),
        (
            "### Human",
            "### Human: q### Assistant: a### Human: p### Assistant: b",
            "user:q|assistant:a|user:p|assistant:b",
        ),
        (
            "USER:",
            "A chat. USER: q ASSISTANT: a</s>USER: p ASSISTANT: b</s>",
            "system:A chat.|user:q|assistant:a|user:p|assistant:b",
        ),
        ("Human:", "\n\nHuman: q\n\nAssistant: a\nand more", "user:q|assistant:a\nand more"),
        ("Human:", "User: q\nAssistant: a", "user:q|assistant:a"),
        ("Q:", "Q: q\nA: a", "user:q|assistant:a"),
        ("ユーザー：", "ユーザー：q\nアシスタント：a", "user:q|assistant:a"),
        ("ユーザー：", "質問: q\n回答: a", "user:q|assistant:a"),
    ],
)
def test_turns_are_parted(name: str, text: str, talk: str) -> None:
    found = family(text)
    assert found is not None
    assert found.name == name
    assert "|".join(f"{role}:{content}" for role, content in parted(text, "`text`", {})) == talk


def test_alpacas_preamble_is_left_out_with_a_word() -> None:
    changes: dict[str, str] = {}
    parted(f"{PREAMBLES[1]}\n\n### Instruction:\nq\n\n### Response:\na", "`text`", changes)
    assert changes == {"preamble": "Below is an instruction that describes a task. Write a resp…"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("once upon a time", "has no turns marked in it: it begins with 'once upon a time'"),
        ("The user: said so. Assistant: no", "has no turns marked in it"),
        ("<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\na", "turn at character .* has no <|im_end|>"),
        ("<|im_start|>user\nq<|im_end|>\nxx<|im_start|>assistant\na<|im_end|>", "'xx' stands between turns"),
        ("<|im_start|>user\nq<|im_end|>\n<|im_start|>tool\nt<|im_end|>\n<|im_start|>assistant\na<|im_end|>", "'tool'"),
        ("<|im_start|>user\nq<|im_end|>\n<|im_start|>bob\nt<|im_end|>\n<|im_start|>assistant\na<|im_end|>", "'bob'"),
        ("Human: q <|im_end|>\n\nAssistant: a", "<|im_end|> stands inside a turn"),
        ("### Human: q### Assistant: a [INST] b", "stands inside a turn"),
    ],
)
def test_what_is_not_wholly_understood_is_refused(text: str, said: str) -> None:
    with pytest.raises(BadRow, match=said.replace("|", r"\|").replace("[INST]", r"\[INST\]")):
        parted(text, "`text`", {})
