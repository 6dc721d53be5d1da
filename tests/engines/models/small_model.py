"""A Qwen3 of a few hundred thousand weights with a tokenizer of 76 entries, that looks post-trained."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

NUM_ROWS, NUM_ENTRIES, WIDTH = 96, 76, 256
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>")
TEXT, START, TURN = 70, 71, 72
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
FILES = [
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
]


def write(folder: Path, seed: int = 0, **changes: Any) -> Path:
    """The model's folder; `changes` are of Qwen3Config."""
    torch.manual_seed(seed)
    settings = {
        "vocab_size": NUM_ROWS, "hidden_size": WIDTH, "intermediate_size": 512, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 64, "max_position_embeddings": 128,
        "tie_word_embeddings": True, "bos_token_id": None, "eos_token_id": TURN, "pad_token_id": TEXT,
        "initializer_range": 0.1,
    }  # fmt: skip
    model = Qwen3ForCausalLM(Qwen3Config(**{**settings, **changes}))
    with torch.no_grad():
        # Rows that were never used lie close together; the end of turn was trained away from them.
        rows = model.get_output_embeddings().weight
        rows[NUM_ENTRIES:] = rows[-1] + 0.01 * torch.randn(NUM_ROWS - NUM_ENTRIES, rows.shape[1])
        rows[TURN] = 1.5 * rows[START]
    model.generation_config = GenerationConfig(eos_token_id=[TURN, TEXT], pad_token_id=TEXT)
    model.save_pretrained(folder)
    words = Tokenizer(models.WordLevel({"[UNK]": 0} | {f"w{i}": i for i in range(1, TEXT)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.add_special_tokens([AddedToken(text, special=True) for text in (*CONTROL, "<tool_call>")])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    tokenizer.chat_template = "{% for message in messages %}{{ message.content }}<|im_end|>{% endfor %}"
    tokenizer.save_pretrained(folder)
    return folder


def change_json(path: Path, **changes: Any) -> None:
    """Set keys of a JSON object; None takes a key out."""
    data = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in data.items() if value is not None}))


def change_tensors(folder: Path, changes: Mapping[str, torch.Tensor | None]) -> None:
    """Replace tensors of `model.safetensors`; None takes one out."""
    path = folder / "model.safetensors"
    tensors = {**load_file(path), **changes}
    save_file({name: tensor for name, tensor in tensors.items() if tensor is not None}, path, {"format": "pt"})


def shard(folder: Path, num: int = 2) -> None:
    """Spread `model.safetensors` over `num` shards with an index."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names, where = sorted(tensors), {}
    for number in range(num):
        file = f"model-{number + 1:05}-of-{num:05}.safetensors"
        part = {name: tensors[name] for name in names[number::num]}
        save_file(part, folder / file, {"format": "pt"})
        where |= dict.fromkeys(part, file)
    index = {"metadata": {"total_size": sum(tensor.nbytes for tensor in tensors.values())}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def adapter(base: Path, into: Path, seed: int = 1, **changes: Any) -> Path:
    """A random rank-4 adapter on the seven linear layers, B not zero; `changes` are of LoraConfig."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    model = Qwen3ForCausalLM.from_pretrained(base)
    settings = {"r": 4, "lora_alpha": 8, "target_modules": TARGETS, "init_lora_weights": False}
    get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **{**settings, **changes})).save_pretrained(into)
    for path in into.iterdir():
        if path.name not in ("adapter_config.json", "adapter_model.safetensors"):
            path.unlink()
    return into
