"""The Modelfile's Go template renders the turns that the model was trained on.

There is no Ollama here. `go_template` below knows exactly the actions that the template uses and refuses any other.
"""

from __future__ import annotations

import re

import pytest

from jobs.logic.pages.modelfile import EMPTY_BLOCK, modelfile, template

Message = tuple[str, str]
NODES = re.compile(r"(\{\{-? .*? ?-?\}\})", re.DOTALL)
CONDITIONS = {
    'not (and $last (eq $message.Role "assistant"))': lambda role, last: not (last and role == "assistant"),
    'and $last (ne $message.Role "assistant")': lambda role, last: last and role != "assistant",
}


def go_template(text: str, messages: list[Message]) -> str:
    """What text/template writes: trim markers eat space beside them, the rest is loops, conditions and values."""
    pieces = NODES.split(text)
    for i in range(1, len(pieces), 2):
        if pieces[i].startswith("{{-"):
            pieces[i - 1] = pieces[i - 1].rstrip()
        if pieces[i].endswith("-}}"):
            pieces[i + 1] = pieces[i + 1].lstrip()
    actions = [piece.strip("{}").strip("-").strip() if i % 2 else piece for i, piece in enumerate(pieces)]
    assert actions[:2] == ["", "range $i, $message := .Messages"]
    assert actions[-2:] == ["end", ""]
    body = actions[2:-2]
    return "".join(_turn(body, role, said, i == len(messages) - 1) for i, (role, said) in enumerate(messages))


def _turn(body: list[str], role: str, said: str, last: bool) -> str:
    written, shown = "", [True]
    for i, piece in enumerate(body):
        if i % 2 == 0:
            written += piece if all(shown) else ""
        elif piece == "end":
            shown.pop()
        elif piece.startswith("if "):
            shown.append(CONDITIONS[piece.removeprefix("if ")](role, last))
        elif piece == "$last := eq (len (slice $.Messages $i)) 1":
            pass
        else:
            written += {"$message.Role": role, "$message.Content": said}[piece] if all(shown) else ""
    assert shown == [True]
    return written


def chatml(messages: list[Message], block: str) -> str:
    """The turns as `preflight` renders them, and the prompt for the next answer."""
    closed = messages[:-1] if messages[-1][0] == "assistant" else messages
    text = "".join(f"<|im_start|>{role}\n{said}<|im_end|>\n" for role, said in closed)
    return text + (
        f"<|im_start|>assistant\n{messages[-1][1]}" if closed != messages else f"<|im_start|>assistant\n{block}"
    )


SYSTEM, USER, ANSWER = ("system", " 短く。\n"), ("user", "  {{ .System }} こんにちは\n\n"), ("assistant", "港の夕暮れ")


@pytest.mark.parametrize("empty_block", [True, False])
@pytest.mark.parametrize(
    "messages",
    [[USER], [SYSTEM, USER], [USER, ANSWER, USER], [SYSTEM, USER, ANSWER, USER], [USER, ANSWER]],
    ids=["user", "system", "turns", "system and turns", "open answer"],
)
def test_template_renders_chatml(messages: list[Message], empty_block: bool) -> None:
    expected = chatml(messages, EMPTY_BLOCK if empty_block else "")
    assert go_template(template(empty_block), messages) == expected


def test_modelfile_has_what_ollama_needs() -> None:
    text = modelfile("model-Q4_K_M.gguf", True, 2048, ["title\nFROM evil", "note"])
    found = re.fullmatch(r'((?:# .*\n)*)FROM (\S+)\nTEMPLATE """(.*?)"""\n(.*)', text, re.DOTALL)
    assert found
    assert found[1] == "# title FROM evil\n# note\n"
    assert found[2] == "./model-Q4_K_M.gguf"
    assert found[3] == template(True)
    assert found[4].splitlines() == [
        'PARAMETER stop "<|im_end|>"', 'PARAMETER stop "<|endoftext|>"', "PARAMETER temperature 0",
        "PARAMETER repeat_penalty 1", "PARAMETER presence_penalty 0", "PARAMETER frequency_penalty 0",
        "PARAMETER num_ctx 2048",
    ]  # fmt: skip


def test_template_has_no_quotes_that_would_end_it() -> None:
    assert '"""' not in template(True)


def test_context_is_left_to_ollama_where_it_is_not_known() -> None:
    assert "num_ctx" not in modelfile("m.gguf", False, None, [])
