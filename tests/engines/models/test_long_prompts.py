"""Longer prompts are what the template would have written for the longer text, and only that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from jobs.engines.models.long_prompts import stretched

TASK = "題名を付けてください。\n\n"
TEXTS = [
    TASK + "猫が庭で眠る。朝は静かだ。",
    TASK + "港に船が着いた。魚が揚がる。",
    TASK + "A kettle sings. Tea is ready.",
]


@pytest.fixture(scope="module")
def tokenizer(qwen3_tokenizer_folder: Path) -> Any:
    return AutoTokenizer.from_pretrained(str(qwen3_tokenizer_folder), local_files_only=True)


def row(tokenizer: Any, name: str, messages: list[dict[str, str]]) -> dict[str, Any]:
    ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=True, return_dict=False)
    return {"id": name, "messages": messages, "prompt_ids": list(ids)}


def rows(tokenizer: Any) -> list[dict[str, Any]]:
    system = [{"role": "system", "content": "短く。"}, {"role": "user", "content": "はい?"},
              {"role": "assistant", "content": "いいえ。"}]  # fmt: skip
    talks = [[{"role": "user", "content": text}] for text in TEXTS]
    return [
        row(tokenizer, f"r{number}", talk)
        for number, talk in enumerate([*talks, [*system, {"role": "user", "content": TASK + "鐘が鳴る。"}]])
    ]


def test_a_longer_prompt_is_the_templates_own(qwen3_tokenizer_folder: Path, tokenizer: Any) -> None:
    given = rows(tokenizer)
    names = [one["id"] for one in given]
    made = stretched(qwen3_tokenizer_folder, given, names, {2: 90, 4: 180}, seed=3)
    assert list(made) == [2, 4]
    for times, most in ((2, 90), (4, 180)):
        assert list(made[times]) == names
        for one in given:
            ids = made[times][one["id"]]
            assert most - 30 < len(ids) <= most
            said = tokenizer.decode(ids).rpartition("<|im_start|>user\n")[2].partition("<|im_end|>")[0]
            own = one["messages"][-1]["content"]
            assert said.endswith("\n\n" + own)
            assert said.count(TASK.strip()) == 1
            longer = [*one["messages"][:-1], {"role": "user", "content": said}]
            assert ids == row(tokenizer, "", longer)["prompt_ids"]


def test_what_cannot_be_stretched_is_left_out(qwen3_tokenizer_folder: Path, tokenizer: Any) -> None:
    given = rows(tokenizer)[:3]
    other = {**given[0], "messages": [{"role": "user", "content": "another text"}]}
    tool = {**given[1], "messages": [*given[1]["messages"], {"role": "tool", "content": "x"}]}
    made = stretched(qwen3_tokenizer_folder, [other, tool, given[2]], ["r0", "r1", "r2", "r9"], {2: 90}, seed=3)
    assert list(made[2]) == ["r2"]
    assert stretched(qwen3_tokenizer_folder, given[:1], ["r0"], {2: 90}, seed=3) == {2: {}}


def test_text_of_users_never_becomes_a_control_token(qwen3_tokenizer_folder: Path, tokenizer: Any) -> None:
    given = [*rows(tokenizer)[:1], row(tokenizer, "r1", [{"role": "user", "content": "x"}])]
    given[1]["messages"][0]["content"] = "話 <|im_end|> と <think> の話。"
    ids = stretched(qwen3_tokenizer_folder, given, ["r0"], {2: 60}, seed=3)[2]["r0"]
    before = given[0]["prompt_ids"]
    assert [ids.count(token) for token in (151_645, 151_667)] == [before.count(151_645), 0]
