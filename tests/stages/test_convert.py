"""convert: what it writes, and that its gate reads the two files and not what was meant to be in them."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs import convert
from jobs.checks.convert import GATE
from jobs.convert import F16, F32, ConvertConfig
from jobs.core.artifact import Artifact, listing
from jobs.engines.gguf import llama_tools
from tests import gguf_tamper
from tests.stages import small_chain, small_run

Damage = Callable[[Path], Any]
IM_END, END_OF_TEXT = 151_645, 151_643
UP, OTHER_UP = "blk.0.ffn_up.weight", "blk.1.ffn_up.weight"


def test_it_writes_two_files(converted: Path) -> None:
    assert listing(converted) == [F16, F32]


def test_facts(convert_config: ConvertConfig, merged_run: dict[str, Artifact], converted: Path) -> None:
    facts = convert.measure(convert_config, merged_run, converted)
    assert listing(converted) == [F16, F32]
    verdict = GATE.judge(facts, convert_config.limits, {})
    assert set(verdict.statuses.values()) == {"pass"}, verdict.failing
    f32, f16 = facts.files
    assert (f32.file, f16.file) == (F32, F16)
    assert (f32.types, f16.types) == ({"F32": 24}, {"F32": 9, "F16": 15})
    assert f32.eos_id == f16.eos_id == IM_END
    assert f32.name == f16.name == "first"
    assert f32.sampling == f16.sampling == {"temp": 0.6, "penalty_repeat": 1.05}
    assert {IM_END, END_OF_TEXT} <= set(f32.eog_ids)
    assert facts.num_equal_tensors == 24
    assert facts.num_texts > 27
    assert facts.known_to_differ > 0
    assert (facts.num_rows, facts.num_tokens) == (1, 15)
    assert facts.logits_kl is not None
    assert 0 <= facts.logits_kl < 1e-9
    assert str(converted) not in facts.model_dump_json()


def template_and_eos(out: Path) -> None:
    gguf_tamper.replace_text(out / F32, b"{%- if add_generation_prompt %}", b"{%- if add_generation_prompT %}")
    gguf_tamper.set_number(out / F16, "tokenizer.ggml.eos_token_id", END_OF_TEXT)


def layers_swapped(out: Path) -> None:
    gguf_tamper.swap_tensors(out / F32, UP, OTHER_UP)


def rounded_from_another(out: Path) -> None:
    other = out / "other.gguf"
    (out / F32).rename(other)
    gguf_tamper.swap_tensors(other, "blk.0.attn_q.weight", "blk.1.attn_q.weight")
    llama_tools.quantize(other, out / F16, "F16", num_threads=1)
    gguf_tamper.swap_tensors(other, "blk.0.attn_q.weight", "blk.1.attn_q.weight")
    other.rename(out / F32)


def not_rounded_at_all(out: Path) -> None:
    (out / F16).write_bytes((out / F32).read_bytes())


def weights_and_headers(out: Path) -> None:
    gguf_tamper.set_number(out / F32, "qwen3.rope.freq_base", 10_000.0)
    gguf_tamper.set_number(out / F16, "qwen3.attention.layer_norm_rms_epsilon", 1e-3)
    gguf_tamper.set_first_value(out / F16, UP, struct.pack("<e", float("nan")))


def of_another_name(out: Path) -> None:
    named = b"general.name\x08\0\0\0\x05\0\0\0\0\0\0\0"
    gguf_tamper.replace_text(out / F32, named + b"first", named + b"worst")


def of_an_invented_author(out: Path) -> None:
    for name in (F32, F16):
        gguf_tamper.replace_text(out / name, b"general.size_label", b"general.sized_by__")


def truncated_and_padded(out: Path) -> None:
    gguf_tamper.truncate(out / F32, 4096)
    gguf_tamper.append(out / F16, b"garbage" * 99)


def of_another_architecture(out: Path) -> None:
    gguf_tamper.replace_text(out / F32, b"general.architecture\x08\0\0\0\x05\0\0\0\0\0\0\0qwen3",
                             b"general.architecture\x08\0\0\0\x05\0\0\0\0\0\0\0qwenX")  # fmt: skip


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (template_and_eos, {
            "GGF002": f"{F32}: tokenizer.chat_template is not chat_template.jinja byte for byte",
            "GGF003": f"{F16}: tokenizer.ggml.eos_token_id is {END_OF_TEXT}, expected {IM_END}",
            "GGF007": f"{F16}: tokenizer.chat_template is not the F32 file's",
        }),
        (layers_swapped, {
            "GGF005": f"2 tensors differ, the most is 0: {UP}, {OTHER_UP}",
            "GGF006": f"2 tensors, the most is 0: {UP}, {OTHER_UP}",
            "GGF008": "KL ",
        }),
        (rounded_from_another, {"GGF006": "2 tensors, the most is 0: blk.0.attn_q.weight, blk.1.attn_q.weight"}),
        (not_rounded_at_all, {"GGF006": "15 tensors", "GGF007": f"{F16}: general.file_type is not"}),
        (weights_and_headers, {
            "GGF006": f"1 tensors, the most is 0: {UP}",
            "GGF007": f"{F32}: rope_freq_base is 10000.0, expected 1000000.0",
            "GGF008": "KL ",
        }),
        (of_another_name, {"GGF007": f"{F32}: general.name is 'worst', expected 'first'"}),
        (of_an_invented_author, {"GGF007": f"{F32}: general.sized_by__ is "}),
        (truncated_and_padded, {"GGF001": f"{F32}: the header promises"}),
        (of_another_architecture, {"GGF001": f"{F32}: general.architecture is qwenX, expected qwen3"}),
        (lambda out: (out / F16).unlink(), {"GGF001": "1 files, expected the F32 and the F16 one"}),
    ],
)  # fmt: skip
def test_a_file_that_was_changed_is_noticed(
    convert_config: ConvertConfig,
    merged_run: dict[str, Artifact],
    converted: Path,
    tmp_path: Path,
    damage: Damage,
    said: dict[str, str],
) -> None:
    out = small_chain.damaged(converted, tmp_path / "out", damage)
    facts = convert.measure(convert_config, merged_run, out)
    failing = {finding.code: finding.messages[0] for finding in GATE.judge(facts, convert_config.limits, {}).failing}
    assert failing.keys() == said.keys()
    assert all(failing[code].startswith(words) for code, words in said.items()), failing
    assert str(tmp_path) not in facts.model_dump_json()
    shutil.rmtree(out)


LOSES_TEXT = """{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\\n' + '%s'|format(message.content) + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""
REFUSED = LOSES_TEXT.replace(
    "'%s'|format(message.content)", "(message.content if message.content.count('x') >= 0 else '')"
)


@pytest.mark.parametrize(
    ("template", "code", "said"),
    [
        (LOSES_TEXT, "GGF011", "model-f16.gguf, held-out v0, from byte 17 on: Hugging Face <|im_start|>user⏎記事"),
        (
            REFUSED,
            "GGF010",
            "model-f16.gguf: llama-server ended with exit code 1:\n  E srv          init: init: chat template",
        ),
    ],
)
def test_a_template_that_llama_cpp_runs_otherwise_ends_here(
    convert_config: ConvertConfig,
    merged_run: dict[str, Artifact],
    converted: Path,
    tmp_path: Path,
    template: str,
    code: str,
    said: str,
) -> None:
    """Its bytes are the same in Hugging Face's folder and in both files: nothing but running it tells."""
    out = small_chain.damaged(converted, tmp_path / "convert", lambda out: None)
    own = merged_run["merge"].file("model/chat_template.jinja").read_text()
    padded = [gguf_tamper.replace_template(out / name, own, template) for name in (F32, F16)]
    inputs = small_run.with_template(merged_run, tmp_path, padded[0])

    facts = convert.measure(convert_config, inputs, out)

    failing = {finding.code: finding.messages for finding in GATE.judge(facts, convert_config.limits, {}).failing}
    assert code in failing
    assert failing.keys() <= {"GGF010", "GGF011", "GGF012", "GGF013"}
    assert failing[code][0].startswith(said), failing
    assert str(tmp_path) not in facts.model_dump_json()
    shutil.rmtree(out)
