"""A demo model built in a few steps: the files, the shapes, and the same bytes again."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer

from jobs.engines.demo.model import DemoRecipe, build

ROOT = Path(__file__).resolve().parents[3]
SOURCE = Path(os.environ.get("LLAMA_CPP_SOURCE", ROOT / "vendor/llama.cpp/build/src"))
WORLD = ROOT / "data/demo/world.toml"
RECIPE = DemoRecipe(
    seed=1,
    hidden_size=256,
    intermediate_size=256,
    num_layers=1,
    num_heads=4,
    num_kv_heads=2,
    max_positions=512,
    init_std=0.05,
    steps=3,
    rows_per_step=2,
    learning_rate=2e-3,
    warmup_steps=1,
    weight_decay=0.0,
    max_grad_norm=1.0,
    prompt_weight=0.1,
    unseen_share=0.25,
    talk_share=0.05,
)

pytestmark = pytest.mark.skipif(
    not (SOURCE / "models/ggml-vocab-qwen2.gguf").exists(), reason="the llama.cpp source is not unpacked"
)


def built(recipe: DemoRecipe, into: Path) -> list[tuple[int, int, float]]:
    seen: list[tuple[int, int, float]] = []
    build(recipe, WORLD, SOURCE, into, lambda step, total, loss: seen.append((step, total, loss)))
    return seen


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    into = tmp_path_factory.mktemp("demo")
    steps = built(RECIPE, into)
    assert [step[:2] for step in steps] == [(1, 3), (2, 3), (3, 3)]
    assert 5 < steps[0][2] < 15  # a random model is near log(151,936) = 11.9 nats
    return into


def test_files(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == [
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def test_settings(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    generation = json.loads((folder / "generation_config.json").read_text())
    expected = {"model_type": "qwen3", "vocab_size": 151_936, "tie_word_embeddings": True, "eos_token_id": 151_645}
    assert {key: config[key] for key in expected} == expected
    assert config["architectures"] == ["Qwen3ForCausalLM"]
    assert config["rope_parameters"]["rope_theta"] == 1_000_000
    assert (generation["eos_token_id"], generation["pad_token_id"]) == ([151_645, 151_643], 151_643)


def test_matrices_suit_k_quants(folder: Path) -> None:
    with safe_open(folder / "model.safetensors", "pt") as file:
        names = set(file.keys())
        shapes = [file.get_slice(name).get_shape() for name in names]
        assert file.get_tensor("model.embed_tokens.weight").dtype == torch.bfloat16
    assert "lm_head.weight" not in names
    assert all(shape[1] % 256 == 0 for shape in shapes if len(shape) == 2)


def test_answers_with_finite_logits(folder: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    logits = model(**tokenizer("土鍋の手入れ", return_tensors="pt")).logits
    assert logits.shape[-1] == 151_936
    assert bool(torch.isfinite(logits).all())


def test_same_recipe_same_bytes(folder: Path, tmp_path: Path) -> None:
    built(RECIPE, tmp_path)
    for path in folder.iterdir():
        assert digest(tmp_path / path.name) == digest(path), path.name


def test_another_seed_other_weights(folder: Path, tmp_path: Path) -> None:
    built(replace(RECIPE, seed=2), tmp_path)
    assert digest(tmp_path / "model.safetensors") != digest(folder / "model.safetensors")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
