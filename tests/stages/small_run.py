"""Ancestors for the stages that need a model: a random Qwen3 with the real tokenizer, and a random adapter."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer
from transformers import GenerationConfig, Qwen3Config, Qwen3ForCausalLM

from jobs.core.artifact import Artifact, Key, Record, hash_files, write_record
from jobs.core.rule import Verdict
from jobs.engines.gguf import llama_tools
from tests import qwen3_tokenizer

IM_START, IM_END, END_OF_TEXT, NEWLINE = 151_644, 151_645, 151_643, 198
THINK = [151_667, 271, 151_668, 271]
NUM_ROWS, NUM_LAYERS = 12, 2


def build(root: Path, num_rows: int = NUM_ROWS, num_layers: int = NUM_LAYERS, article: int = 3) -> dict[str, Artifact]:
    """fetch, preflight and train; `article` is how often a sentence is repeated in a prompt."""
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=151_936,
        hidden_size=256,
        intermediate_size=512,
        num_hidden_layers=num_layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        max_position_embeddings=1024,
        rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=IM_END,
        pad_token_id=END_OF_TEXT,
        initializer_range=0.1,
    )
    base = Qwen3ForCausalLM(config)
    base.generation_config = GenerationConfig(eos_token_id=[IM_END, END_OF_TEXT], pad_token_id=END_OF_TEXT)
    base.save_pretrained(root / "fetch/model")
    qwen3_tokenizer.put(root / "fetch/model")
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    tuned = get_peft_model(
        base, LoraConfig(r=4, lora_alpha=8, target_modules=targets, init_lora_weights=False, task_type="CAUSAL_LM")
    )
    tuned.save_pretrained(root / "train/adapter")
    preflight(root / "preflight", root / "fetch/model", num_rows, article)
    rows = [json.loads(line)["input_ids"] for line in (root / "preflight/val.jsonl").read_text().splitlines()]
    facts = {"fetch": {"length": 1024}, "preflight": {"train": {"longest": max(map(len, rows))}}}
    return {stage: publish(root, stage, facts.get(stage)) for stage in ("fetch", "preflight", "train")}


def preflight(out: Path, model: Path, num_rows: int, article: int) -> None:
    """Rows of one turn, in the shape that `preflight` writes them."""
    out.mkdir()
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))

    def ids(text: str) -> list[int]:
        found: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
        return found

    rows, prompts = [], []
    for number in range(num_rows):
        question, answer = f"記事{number}:猫の飼い方。" * (article + number % 3), f"第{number}回 猫と暮らす"
        head = [IM_START, *ids("user\n" + question), IM_END, NEWLINE, IM_START, *ids("assistant\n")]
        body = [*THINK, *ids(answer), IM_END, NEWLINE]
        rows.append(
            {
                "id": f"v{number}",
                "input_ids": head + body,
                "labels": [-100] * len(head) + body,
                "kinds": "p" * len(head) + "tttt" + "c" * (len(body) - 6) + "tt",
            }
        )
        prompts.append(
            {
                "id": f"v{number}",
                "prompt_ids": head,
                "prompt_ids_no_thinking": head + THINK,
                "opening": "",
                "opening_no_thinking": "<think>\n\n</think>\n\n",
                "reference": answer,
                "messages": [{"role": "user", "content": question}],
            }
        )
    stops = {"end_of_turn": IM_END, "end_of_text": END_OF_TEXT, "stop_ids": [IM_END, END_OF_TEXT],
             "think_open": THINK[0], "think_close": THINK[2]}  # fmt: skip
    (out / "stops.json").write_text(json.dumps(stops))
    write_lines(out / "val.jsonl", rows)
    write_lines(out / "prompts.jsonl", prompts)
    write_lines(out / "answers.jsonl", [{"id": f"t{number}", "answer": f"犬と歩く {number}"} for number in range(20)])
    shutil.copytree(
        model,
        out / "tokenizer",
        ignore=shutil.ignore_patterns("*.safetensors", "config.json", "generation_config.json"),
    )


def publish(root: Path, stage: str, facts: dict[str, Any] | None = None) -> Artifact:
    """Record what is in a stage's folder, passed."""
    record = Record(
        schema_version=1,
        stage=stage,
        key=Key(config={}, inputs={}, outside={}),
        files=hash_files(root / stage),
        facts=facts or {},
        verdict=Verdict(status="pass", findings=[], notes=[]),
        made_by={},
    )
    write_record(root / stage, record)
    return Artifact.open(root / stage)


def with_template(run: dict[str, Artifact], root: Path, template: str) -> dict[str, Artifact]:
    """A run whose tokenizer and merged folder have another chat template; the other files are the same ones."""
    for stage in ("preflight", "merge"):
        shutil.copytree(run[stage].root, root / stage, copy_function=os.link)
        for path in (root / stage).rglob("chat_template.jinja"):
            path.unlink()
            path.write_text(template)
    return {**run, **{stage: publish(root, stage) for stage in ("preflight", "merge")}}


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def ship(root: Path, quant: str = "Q4_K_M") -> dict[str, Artifact]:
    """merge, convert and quantize of what `build` made: folded by PEFT, converted by the pinned llama.cpp."""
    from jobs.engines.models import hf

    base, merged = root / "fetch/model", root / "merge/model"
    model = hf.load(base, root / "train/adapter", device="cpu").merge_and_unload()
    model.generation_config = GenerationConfig(eos_token_id=[IM_END, END_OF_TEXT], pad_token_id=END_OF_TEXT)
    model.save_pretrained(merged)
    for path in base.iterdir():
        if not (merged / path.name).exists() and path.suffix != ".safetensors":
            shutil.copy(path, merged / path.name)
    (root / "convert").mkdir()
    (root / "quantize").mkdir()
    wide = root / "convert/model-f32.gguf"
    llama_tools.convert(merged, wide, "f32")
    llama_tools.quantize(wide, root / "convert/model-f16.gguf", "F16")
    llama_tools.quantize(wide, root / f"quantize/model-{quant}.gguf", quant)
    return {stage: publish(root, stage) for stage in ("merge", "convert", "quantize")}
