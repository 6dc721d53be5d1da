"""A template whose generation prompt opens the thinking block: the model is graded on what it has to write."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from jobs import preflight
from tests.stages.test_preflight import THINK, build, config, failing_anew, read, row

PROMPT = "{%- if add_generation_prompt %}"


def opened(tokenizer: Path, folder: Path) -> Path:
    """The tokenizer with the only generation prompt of Qwen3-*-Thinking-2507."""
    shutil.copytree(tokenizer, folder)
    template = folder / "chat_template.jinja"
    before = template.read_text(encoding="utf-8").rpartition(PROMPT)[0]
    prompt = PROMPT + "{{- '<|im_start|>assistant\\n<think>\\n' }}{%- endif %}"
    template.write_text(before + prompt, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("thoughts", "thinking_block", "codes"),
    [
        ("<think>\nwell\n</think>\n\n", "keep", []),
        ("", "keep", ["TOK004", "TOK008", "TOK033"]),
        ("", "empty", ["TOK004", "TOK008"]),
        ("", "none", ["TOK006", "TOK008"]),
    ],
)
def test_a_template_whose_prompt_opens_the_block(
    qwen3_tokenizer_folder: Path, tmp_path: Path, thoughts: str, thinking_block: str, codes: list[str]
) -> None:
    train, val = ([row(f"{name}{number}", "q", f"{thoughts}a") for number in range(2)] for name in "tv")
    inputs = build(tmp_path, opened(qwen3_tokenizer_folder, tmp_path / "opened"), train, val)
    cfg, out = config(chat__thinking_block=thinking_block), tmp_path / "preflight"
    assert failing_anew(cfg, inputs, out) == codes
    facts = preflight.measure(cfg, inputs, out)
    assert facts.opening == "<think>\n"
    prompts, rows = read(out / "prompts.jsonl"), read(out / "train.jsonl")
    assert [(one["opening"], one["opening_no_thinking"]) for one in prompts] == [("<think>\n", None)] * 2
    if not codes:  # what the prompt has, `<think>` and its newline, is not graded, and all that follows is
        given = rows[0]["input_ids"].index(THINK[0]) + 2
        assert rows[0]["input_ids"][:given] == prompts[0]["prompt_ids"]
        assert rows[0]["labels"] == [-100] * given + rows[0]["input_ids"][given:-1] + [-100]
