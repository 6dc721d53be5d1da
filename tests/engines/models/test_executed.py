"""llama.cpp runs a chat template as Hugging Face does, or it is told where the two part."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from jobs.checks.templates import ModelfileFacts, RenderConfig, TemplateFacts
from jobs.core.provenance import ROOT
from jobs.engines.gguf import llama_tools
from jobs.engines.models import executed
from jobs.engines.models.templates import Asked
from jobs.engines.models.tokenizer import ChatTokenizer
from jobs.logic.chat.probes import TEXTS
from tests import gguf_tamper

BOUNDS = RenderConfig(seconds=10.0, mean_seconds=0.1, megabytes=512, added_characters=20_000)
ROWS = [
    [{"role": "user", "content": "猫の飼い方。"}],
    [{"role": "system", "content": "短く。"}, {"role": "user", "content": " 犬は?\n"}],
    [{"role": "user", "content": "一"}, {"role": "assistant", "content": "1"}, {"role": "user", "content": "二"}],
]
TYPED = [{"role": "user", "content": "What is <|im_end|>?"}]
HYBRID = (llama_tools.tree().src / "models/templates/Qwen-Qwen3-0.6B.jinja").read_text(encoding="utf-8")
PLAIN = (ROOT / "conf/chat/templates/plain.jinja").read_text(encoding="utf-8")
GENERATION = HYBRID.index("{%- if add_generation_prompt %}")
THINKING_2507 = (
    HYBRID[:GENERATION] + "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n<think>\\n' }}{%- endif %}"
)
ANSWER, CALLS = (
    HYBRID.index("        {%- set content = message.content %}"),
    HYBRID.index("        {%- if message.tool_calls"),
)
INSTRUCT_2507 = (
    HYBRID[:ANSWER]
    + "        {%- set content = message.content if message.content is string else '' %}\n"
    + "        {{- '<|im_start|>' + message.role + '\\n' + content }}\n"
    + HYBRID[CALLS:GENERATION]
    + "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)


def preflight(folder: Path, tokenizer: Path, template: str, rows: list[list[dict[str, str]]]) -> Path:
    """What `preflight` leaves: a tokenizer with the template, and prompts made by it."""
    folder.mkdir()
    shutil.copytree(tokenizer, folder / "tokenizer", ignore=shutil.ignore_patterns("*.safetensors"))
    (folder / "tokenizer/chat_template.jinja").write_text(template, encoding="utf-8")
    made = ChatTokenizer(folder / "tokenizer", BOUNDS)
    lines = []
    for number, messages in enumerate(rows):
        shielded = [{**message, "content": made.shielded(message["content"])} for message in messages]
        texts = made.render([Asked(shielded, ask=True), Asked(shielded, ask=True, enable_thinking=False)])
        default, without = made.encode_rendered(texts)
        lines.append({"id": f"r{number}", "messages": messages, "prompt_ids": default,
                      "prompt_ids_no_thinking": without if without != default else None})  # fmt: skip
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (folder / "prompts.jsonl").write_text(text, encoding="utf-8")
    return folder


def facts(tmp_path: Path, tiny_model: Path, f16_gguf: Path, template: str) -> tuple[TemplateFacts, executed.Expected]:
    gguf = tmp_path / "model.gguf"
    shutil.copyfile(f16_gguf, gguf)
    padded = template if template == HYBRID else gguf_tamper.replace_template(gguf, HYBRID, template)
    wanted = executed.expected(preflight(tmp_path / "preflight", tiny_model, padded, [*ROWS, TYPED]), 10, 2, BOUNDS)
    found = TemplateFacts(**executed.compare(gguf, wanted, num_threads=1))
    gguf.unlink()
    return found, wanted


@pytest.mark.parametrize(
    ("template", "not_rendered", "num_asked", "block", "prompt"),
    [
        (HYBRID, ["a call with content: null", "an answer with content: null", "a question with content: null"], 4,
         "empty", ""),
        (PLAIN, ["tools on offer", "turns of tools", "a call with content: null", "an answer with content: null",
                 "a question with content: null"], 2, "none", ""),
        (INSTRUCT_2507, ["a question with content: null"], 2, "none", ""),
        (THINKING_2507, ["a call with content: null", "an answer with content: null", "a question with content: null"],
         2, "keep", "<think>\n"),
    ],
    ids=["hybrid", "plain", "Instruct-2507", "Thinking-2507"],
)  # fmt: skip
def test_the_templates_that_people_train_with_are_rendered_alike(
    tmp_path: Path, tiny_model: Path, f16_gguf: Path, template: str, not_rendered: list[str], num_asked: int,
    block: str, prompt: str,
) -> None:  # fmt: skip
    found, wanted = facts(tmp_path, tiny_model, f16_gguf, template)

    assert (found.failure, found.refused, found.differing, found.untrained, found.other_tokens) == (
        None,
        [],
        [],
        [],
        [],
    )
    assert [told.split(" (")[0] for told in found.not_rendered] == not_rendered
    assert (found.num_rows, found.num_typed, found.num_asked) == (4, 1, num_asked)
    assert found.num_probes >= len(TEXTS)
    assert found.num_equal == 3 * (found.num_rows + found.num_probes)
    opening = executed.modelfile.opening(block, prompt)
    ollama = ModelfileFacts(**executed.modelfile_facts(wanted, block, opening))
    assert ollama.differing == []
    assert ollama.num_equal + len(ollama.other) == 4 + len(TEXTS)
    assert set(ollama.other) <= {"the end of a thought", "a thought in an earlier answer"}


MESSAGE = "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
LOOP = f"{{%- for message in messages %}}{MESSAGE}{{%- endfor %}}"
GO_ON = "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"


@pytest.mark.parametrize(
    ("template", "what", "ours", "theirs"),
    [
        (LOOP.replace("message.content", "'%s'|format(message.content)") + GO_ON, "held-out r0", "猫の飼い方", "%s"),
        (LOOP.replace("message.content", "message.content|trim") + GO_ON, "ideographic spaces around the text",
         "user⏎全角", "user⏎‹U+3000›全角"),
        (LOOP.replace("message.content", "(message.content if message.content|length < 20 else 'long')") + GO_ON,
         "ideographic spaces around the text", "‹U+3000›全角", "long"),
        (LOOP + GO_ON.replace("%}{{-", "%}{{- '<think>' if enable_thinking is not defined }}{{-", 1),
         "held-out r0", "<think>", "<|im_start|>assistant"),
    ],
    ids=["format", "trim", "length", "enable_thinking that is not sent"],
)  # fmt: skip
def test_where_the_two_part_is_shown(
    tmp_path: Path, tiny_model: Path, f16_gguf: Path, template: str, what: str, ours: str, theirs: str
) -> None:
    found, _ = facts(tmp_path, tiny_model, f16_gguf, template)

    assert found.num_differing > 0
    assert found.differing[0].what == what
    assert ours in found.differing[0].expected
    assert theirs in found.differing[0].found
    assert found.differing[0].expected != found.differing[0].found
    assert found.num_untrained == 0


def test_a_template_that_llama_cpp_cannot_run(tmp_path: Path, tiny_model: Path, f16_gguf: Path) -> None:
    counted = LOOP.replace("message.content", "(message.content if message.content.count('x') >= 0 else '')")
    found, _ = facts(tmp_path, tiny_model, f16_gguf, counted + GO_ON)

    assert found.failure is not None
    assert "Callee is not a function: got Undefined (hint: 'count')" in found.failure
    assert str(tmp_path) not in found.failure
    assert (found.num_rows, found.num_probes, found.num_equal) == (0, 0, 0)


def test_prompts_of_another_template_are_not_those_that_were_trained(tmp_path: Path, tiny_model: Path) -> None:
    folder = preflight(tmp_path / "preflight", tiny_model, PLAIN, ROWS)
    (folder / "tokenizer/chat_template.jinja").write_text(THINKING_2507, encoding="utf-8")

    wanted = executed.expected(folder, 10, 1, BOUNDS)

    assert sum(one.trained is not None and one.text != one.trained for one in wanted.held_out) == len(ROWS)


def test_rows_are_spread_over_turns_and_lengths() -> None:
    rows = [{"id": n, "messages": [0] * (1 + n // 5), "prompt_ids": [0] * (10 - n)} for n in range(10)]

    assert [row["id"] for row in executed.spread(rows, 3)] == [4, 0, 5]
    assert [row["id"] for row in executed.spread(rows, 1)] == [4]
    assert len(executed.spread(rows, 99)) == 10
