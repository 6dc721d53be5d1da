"""quantize: what it writes, and that its gate compares every tensor with the F32 file."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import Qwen3Config, Qwen3ForCausalLM

from jobs import quantize
from jobs.checks.quantize import GATE
from jobs.core import config
from jobs.core.artifact import Artifact, listing
from jobs.core.errors import Refusal
from jobs.engines.gguf import file as gguf_file, library, llama_tools
from jobs.logic.parity.quant_types import FILE_TYPES
from jobs.quantize import QuantizeConfig
from tests import gguf_tamper
from tests.stages import small_chain, small_run

Damage = Callable[[Path], Any]
QUANT, EIGHT = "model-Q4_K_M.gguf", "model-Q8_0.gguf"
UP, OTHER_UP, NORM = "blk.0.ffn_gate.weight", "blk.1.ffn_gate.weight", "output_norm.weight"


def asked(*words: str) -> QuantizeConfig:
    words = ("quantize.types=[Q4_K_M,Q8_0]", "quantize.num_threads=1", *words)
    return config.checked(QuantizeConfig, config.compose(words)["quantize"], "quantize")


@pytest.fixture(scope="module")
def made(converted_run: dict[str, Artifact], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("quantize")
    quantize.make(asked(), converted_run, out)
    return out


def test_it_writes_a_file_a_type(made: Path) -> None:
    assert listing(made) == [QUANT, EIGHT]


def test_facts(converted_run: dict[str, Artifact], made: Path) -> None:
    facts = quantize.measure(asked(), converted_run, made)
    verdict = GATE.judge(facts, asked().limits, {})
    assert verdict.status == "pass", verdict.failing
    assert {code for code, status in verdict.statuses.items() if status != "pass"} == {
        "QNT006",
        "QNT010",
        "QNT017",
        "QNT018",
    }
    four, eight = facts.quants
    assert four.types == {"F32": 9, "Q4_K": 12, "Q6_K": 3}
    assert eight.types == {"F32": 9, "Q8_0": 15}
    assert 0.05 < four.error < 0.10
    assert 0.003 < eight.error < 0.008
    assert 8.4 < eight.bits_per_weight < 9.0
    assert four.num_bytes == (made / QUANT).stat().st_size


def test_the_f16_that_ships_is_the_one_that_was_proven(converted_run: dict[str, Artifact], tmp_path: Path) -> None:
    cfg = asked("quantize.types=[F16,bf16]")
    quantize.make(cfg, converted_run, tmp_path)
    assert listing(tmp_path) == ["model-BF16.gguf", "model-F16.gguf"]
    assert (tmp_path / "model-F16.gguf").samefile(converted_run["convert"].file("model-f16.gguf"))
    facts = quantize.measure(cfg, converted_run, tmp_path)
    assert [(one.type, one.fallbacks) for one in facts.quants] == [("F16", []), ("BF16", [])]
    assert facts.is_verified_f16 is True
    assert GATE.judge(facts, cfg.limits, {}).status == "pass"
    (tmp_path / "model-F16.gguf").unlink()
    shutil.copyfile(tmp_path / "model-BF16.gguf", tmp_path / "model-F16.gguf")
    failing = {one.code for one in GATE.judge(quantize.measure(cfg, converted_run, tmp_path), cfg.limits, {}).failing}
    assert {"QNT002", "QNT010"} <= failing


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("quantize.types=[Q4_K_M,q4_k]",), r"Q4_K_M is there 2 times \(as Q4_K_M, q4_k\)"),
        (("quantize.types=[IQ2_XS,Q8_0]",), "IQ2_XS cannot be made without an importance matrix; set quantize.imatrix"),
        (("quantize.types=[TQ1_0]",), "TQ1_0 is for models trained with ternary weights"),
    ],
)
def test_types_that_cannot_be_made_are_refused(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(Refusal, match=said):
        asked(*words)


def test_every_type_of_all_is_asked_for() -> None:
    assert asked("quantize.types=all").types[:2] == ["Q4_K_M", "Q2_K"]


def test_file_types_are_llama_cpps_own() -> None:
    names = {member.name: member.value for member in library.gguf_py().LlamaFileType}
    for quant, number in FILE_TYPES.items():
        assert names["ALL_F32" if quant == "F32" else f"MOSTLY_{quant}"] == number


def truncated_and_padded(out: Path) -> None:
    gguf_tamper.truncate(out / QUANT, 4096)
    gguf_tamper.append(out / EIGHT, b"garbage" * 99)


def headers(out: Path) -> None:
    gguf_tamper.replace_text(out / QUANT, b"{%- if add_generation_prompt %}", b"{%- if add_generation_prompT %}")
    gguf_tamper.set_number(out / QUANT, "general.file_type", FILE_TYPES["Q6_K"])
    gguf_tamper.set_number(out / EIGHT, "tokenizer.ggml.eos_token_id", 151_643)


def weights(out: Path) -> None:
    gguf_tamper.swap_tensors(out / QUANT, UP, OTHER_UP)
    gguf_tamper.set_first_value(out / EIGHT, NORM, struct.pack("<f", 1.001))


def another_type(out: Path) -> None:
    (out / QUANT).write_bytes((out / EIGHT).read_bytes())


def nan(out: Path) -> None:
    gguf_tamper.set_first_value(out / EIGHT, UP, struct.pack("<e", float("nan")))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (truncated_and_padded, {"QNT001": [f"{QUANT}: the header promises", f"{EIGHT}: the header promises"]}),
        (lambda out: (out / QUANT).unlink(), {"QNT001": ["made Q8_0, asked for Q4_K_M, Q8_0"]}),
        (another_type, {
            "QNT002": [f"{QUANT}: 15 tensors, the most is 0: blk.0.attn_k.weight: Q8_0"],
            "QNT003": [f"{QUANT}: general.file_type"],
        }),
        (headers, {"QNT003": [
            f"{QUANT}: general.file_type, tokenizer.chat_template", f"{EIGHT}: tokenizer.ggml.eos_token_id"
        ]}),
        (weights, {"QNT004": [f"{QUANT}: relative error 1.", f"{EIGHT}: relative error infinite at {NORM}"]}),
        (nan, {"QNT004": [f"{EIGHT}: relative error not a number at {UP}"], "QNT005": [f"{EIGHT}: {UP}"]}),
    ],
)  # fmt: skip
def test_a_file_that_was_changed_is_noticed(
    converted_run: dict[str, Artifact], made: Path, tmp_path: Path, damage: Damage, said: dict[str, list[str]]
) -> None:
    out = small_chain.damaged(made, tmp_path / "out", damage)
    facts = quantize.measure(asked(), converted_run, out)
    failing = {finding.code: finding.messages for finding in GATE.judge(facts, asked().limits, {}).failing}
    assert failing.keys() == said.keys()
    for code, words in said.items():
        assert len(failing[code]) == len(words)
        assert all(message.startswith(start) for message, start in zip(failing[code], words, strict=True)), failing
    assert str(tmp_path) not in facts.model_dump_json()
    shutil.rmtree(out)


def test_an_importance_matrix_leaves_names_and_no_paths(
    converted_run: dict[str, Artifact], made: Path, tmp_path: Path
) -> None:
    root = tmp_path / "run"
    shutil.copytree(converted_run["preflight"].root, root / "preflight")
    rows = (root / "preflight/train.jsonl").read_text()
    (root / "preflight/train.jsonl").write_text(rows * 3)
    inputs = {**converted_run, "preflight": small_run.publish(root, "preflight")}
    cfg, out = asked("quantize.imatrix=true", "quantize.types=[Q4_K_M]"), tmp_path / "out"
    out.mkdir()
    quantize.make(cfg, inputs, out)
    assert listing(out) == ["imatrix.gguf", QUANT]
    metadata = gguf_file.read(out / QUANT).metadata
    assert metadata["quantize.imatrix.file"] == "imatrix.gguf"
    assert metadata["quantize.imatrix.dataset"] == "imatrix.txt"
    facts = quantize.measure(cfg, inputs, out)
    assert facts.imatrix_tokens is not None
    assert facts.imatrix_tokens >= 1024
    assert facts.imatrix_tokens % 512 == 0
    assert small_chain.offences(facts, GATE, cfg.limits) == {"QNT006": "warn"}
    (out / "imatrix.gguf").unlink()
    assert quantize.measure(cfg, inputs, out).imatrix_tokens == 0
    (out / QUANT).unlink()
    shutil.copyfile(made / QUANT, out / QUANT)
    assert set(small_chain.offences(quantize.measure(cfg, inputs, out), GATE, cfg.limits)) == {"QNT003", "QNT006"}


def test_an_importance_matrix_of_too_little_text_is_refused(converted_run: dict[str, Artifact], tmp_path: Path) -> None:
    cfg = asked("quantize.imatrix=true", "quantize.imatrix_rows=1")
    with pytest.raises(Refusal, match=r"the training rows have \d+ tokens, an importance matrix needs 1024"):
        quantize.make(cfg, converted_run, tmp_path)
    assert listing(tmp_path) == []


def test_rows_that_256_does_not_divide_are_named(converted_run: dict[str, Artifact], tmp_path: Path) -> None:
    model = tmp_path / "model"
    shape = {"vocab_size": 151_936, "hidden_size": 192, "intermediate_size": 256, "head_dim": 64}
    layers = {"num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": True}
    Qwen3ForCausalLM(Qwen3Config(**shape, **layers, eos_token_id=small_run.IM_END)).save_pretrained(model)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copyfile(converted_run["merge"].file(f"model/{name}"), model / name)
    (tmp_path / "convert").mkdir()
    llama_tools.convert(model, tmp_path / "convert/model-f32.gguf", "f32")
    shutil.rmtree(model)
    inputs = {**converted_run, "convert": small_run.publish(tmp_path, "convert")}
    out = tmp_path / "out"
    out.mkdir()
    facts = quantize.run(asked(), inputs, out)
    found = {quant.type: quant.fallbacks for quant in facts.quants}
    assert found["Q8_0"] == []
    assert "blk.0.attn_q.weight: Q5_0" in found["Q4_K_M"]
    assert "token_embd.weight: Q8_0" in found["Q4_K_M"]
    assert not any("attn_output" in name or "ffn_down" in name for name in found["Q4_K_M"])
    verdict = GATE.judge(facts, asked().limits, {})
    assert [finding.code for finding in verdict.failing] == ["QNT002"]
    assert "blk.0.attn_k.weight: Q5_0" in verdict.failing[0].messages[0]
