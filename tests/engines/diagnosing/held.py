"""Small random models, adapters and merges, and what a diagnosis sees of them."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from jobs.engines.diagnosing import adapters, folders, looking, model_files, weights
from jobs.engines.gguf import file as gguf_file, library
from jobs.engines.models import adapter
from jobs.logic.diagnosing.every_cause import CAUSES
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.model_seen import WeightsSeen

library.gguf_py()  # says where it is
import gguf  # noqa: E402


def merge(base: Path, tuned: Path, into: Path, times: float = 1.0, leave_out: str = "", dtype: str = "float32") -> Path:
    """Base plus `times` the update, whatever is asked; with the base's other files."""
    tensors = {name: tensor.float() for name, tensor in load_file(base / "model.safetensors").items()}
    for module, update in adapter.updates(adapter.load(tuned)):
        if not leave_out or leave_out not in module:
            tensors[f"{module}.weight"] += times * update
    into.mkdir(parents=True, exist_ok=True)
    for path in base.iterdir():
        (into / path.name).write_bytes(path.read_bytes())
    kept = {name: tensor.to(getattr(torch, dtype)) for name, tensor in tensors.items()}
    save_file(kept, into / "model.safetensors", {"format": "pt"})
    return into


def small_gguf(folder: Path, into: Path, architecture: str = "qwen3") -> Path:
    """A model of `small_model` as the converter would write it in F32, which knows no tokenizer of 76 words."""
    config, tokenizer = (json.loads((folder / name).read_text()) for name in ("config.json", "tokenizer.json"))
    texts = {place: text for text, place in tokenizer["model"]["vocab"].items()}
    added = {one["id"]: one["content"] for one in tokenizer["added_tokens"]}
    rows = range(config["vocab_size"])
    writer = gguf.GGUFWriter(into, architecture)
    writer.add_file_type(0)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list([added.get(row) or texts.get(row) or f"[PAD{row}]" for row in rows])
    writer.add_token_types([3 if row in added else 1 if row in texts else 5 for row in rows])
    writer.add_token_merges(["w 1"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_chat_template((folder / "chat_template.jinja").read_text())
    for name, tensor in load_file(folder / "model.safetensors").items():
        writer.add_tensor(gguf_file.gguf_name(name, config["num_hidden_layers"]), tensor.float().numpy())
    return written(writer, into)


def written(writer: gguf.GGUFWriter, into: Path) -> Path:
    """The file, whole."""
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return into


def adapter_gguf(folder: Path, into: Path) -> Path:
    """The adapter as llama.cpp's converter writes one: its factors, and lora_alpha alone."""
    opened = adapter.load(folder)
    writer = gguf.GGUFWriter(into, "qwen3")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(opened.config["lora_alpha"]))
    for module in opened.modules:
        for side, factor in zip("ab", opened.factors(module), strict=True):
            writer.add_tensor(f"{gguf_file.gguf_name(f'{module}.weight', 2)}.lora_{side}", factor.numpy())
    return written(writer, into)


def evidence(*paths: str | Path) -> Evidence:
    """What is seen of these files of models."""
    seen = model_files.read(looking.look(paths))
    return Evidence(
        taken=seen.looked.taken,
        base=seen.base,
        adapter=seen.adapter,
        merged=seen.merged,
        weights=seen.weights,
        ggufs=seen.ggufs,
        modelfile=seen.modelfile,
    )


def found(seen: Evidence) -> dict[str, str]:
    """Names of the causes that are found, with their class."""
    asked = [one for one in CAUSES if one.code[:4] in ("CAU3", "CAU4")]
    told = {one.name: one.check(seen).certainty for one in asked}
    return {name: certainty.value for name, certainty in told.items() if certainty.found}


def held(base: Path, tuned: Path, merged: Path) -> WeightsSeen:
    """The three held against each other."""
    update = weights.OfAdapter(adapters.opened(tuned, "adapter"))
    target = folders.stored(merged, "merged")
    comparison = weights.Comparison(folders.stored(base, "base"), update, target)
    weights.pass_over(target, [comparison])
    return comparison.seen()
