"""The Modelfile's Go template renders the turns that the model was trained on.

There is no Ollama here: its template is run by `go_template`, which is held against Go's own text/template.
"""

from __future__ import annotations

import re

import pytest

from jobs.logic.pages.modelfile import EMPTY_BLOCK, modelfile, opening, rendered, template

Message = tuple[str, str]


def chatml(messages: list[Message], block: str) -> str:
    """The turns as `preflight` renders them, and the prompt for the next answer."""
    closed = messages[:-1] if messages[-1][0] == "assistant" else messages
    text = "".join(f"<|im_start|>{role}\n{said}<|im_end|>\n" for role, said in closed)
    return text + (
        f"<|im_start|>assistant\n{messages[-1][1]}" if closed != messages else f"<|im_start|>assistant\n{block}"
    )


SYSTEM, USER, ANSWER = ("system", " 短く。\n"), ("user", "  {{ .System }} こんにちは\n\n"), ("assistant", "港の夕暮れ")


@pytest.mark.parametrize("opening", ["", EMPTY_BLOCK, "<think>\n"])
@pytest.mark.parametrize(
    "messages",
    [[USER], [SYSTEM, USER], [USER, ANSWER, USER], [SYSTEM, USER, ANSWER, USER], [USER, ANSWER]],
    ids=["user", "system", "turns", "system and turns", "open answer"],
)
def test_template_renders_chatml(messages: list[Message], opening: str) -> None:
    turns = [{"role": role, "content": said} for role, said in messages]
    assert rendered(opening, turns) == chatml(messages, opening)


def test_an_answer_opens_as_the_rows_did_or_as_the_models_own_prompt() -> None:
    assert opening("empty", "") == opening("empty", "<think>\n") == EMPTY_BLOCK
    assert opening("keep", "<think>\n") == "<think>\n"
    assert opening("none", "") == opening(None, "") == ""


def test_modelfile_has_what_ollama_needs() -> None:
    text = modelfile("model-Q4_K_M.gguf", EMPTY_BLOCK, 2048, ["title\nFROM evil", "note"])
    found = re.fullmatch(r'((?:# .*\n)*)FROM (\S+)\nTEMPLATE """(.*?)"""\n(.*)', text, re.DOTALL)
    assert found
    assert found[1] == "# title FROM evil\n# note\n"
    assert found[2] == "./model-Q4_K_M.gguf"
    assert found[3] == template(EMPTY_BLOCK)
    assert found[4].splitlines() == [
        'PARAMETER stop "<|im_end|>"', 'PARAMETER stop "<|endoftext|>"', "PARAMETER temperature 0",
        "PARAMETER repeat_penalty 1", "PARAMETER presence_penalty 0", "PARAMETER frequency_penalty 0",
        "PARAMETER num_ctx 2048",
    ]  # fmt: skip


def test_template_has_no_quotes_that_would_end_it() -> None:
    assert '"""' not in template(EMPTY_BLOCK)


def test_context_is_left_to_ollama_where_it_is_not_known() -> None:
    assert "num_ctx" not in modelfile("m.gguf", "", None, [])
