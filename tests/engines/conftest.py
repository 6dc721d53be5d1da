"""A tiny random Qwen3 with the real tokenizer, and the GGUFs made of it by the pinned llama.cpp."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import GenerationConfig, Qwen3Config, Qwen3ForCausalLM

from jobs.engines.gguf import llama_tools
from tests import qwen3_tokenizer

IM_END, ENDOFTEXT = 151_645, 151_643


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two layers, 256 wide, tied, random float32 weights; the matrix has Qwen3's 151,936 rows."""
    folder = tmp_path_factory.mktemp("tiny_model")
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=151_936,
        hidden_size=256,
        intermediate_size=512,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        max_position_embeddings=2048,
        rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=IM_END,
        pad_token_id=ENDOFTEXT,
        initializer_range=0.1,  # at the usual 0.02 the logits are nearly equal and any comparison passes
    )
    model = Qwen3ForCausalLM(config)
    model.generation_config = GenerationConfig(eos_token_id=[IM_END, ENDOFTEXT], pad_token_id=ENDOFTEXT)
    model.save_pretrained(folder)
    return qwen3_tokenizer.put(folder)


@pytest.fixture(scope="session")
def f32_gguf(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("gguf") / "tiny-f32.gguf"
    llama_tools.convert(tiny_model, out, "f32")
    return out


@pytest.fixture(scope="session")
def f16_gguf(f32_gguf: Path) -> Path:
    out = f32_gguf.with_name("tiny-f16.gguf")
    llama_tools.quantize(f32_gguf, out, "F16", num_threads=1)
    return out


@pytest.fixture(scope="session")
def q4_gguf(f32_gguf: Path) -> Path:
    out = f32_gguf.with_name("tiny-q4_k_m.gguf")
    llama_tools.quantize(f32_gguf, out, "Q4_K_M", num_threads=1)
    return out
