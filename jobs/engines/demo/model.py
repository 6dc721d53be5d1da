"""A small Qwen3 that a fine-tune can stand on, trained on the spot from text of our own.

It has Qwen3's architecture, tokenizer, chat template and 151,936 vocabulary rows, and behaves as a post-trained model:
it answers questions about short articles, opens with the empty think block and ends its turn with `<|im_end|>`.
Nothing is downloaded, and the same recipe gives the same bytes on the same number of threads.
"""

import math
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from safetensors.torch import save_file
from transformers import AutoTokenizer, GenerationConfig, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from jobs.engines.demo.tokenizer import build_tokenizer
from jobs.logic.demo.world import base_conversation, parse_world, split_subjects

NUM_ROWS = 151_936
"""Vocabulary rows of every Qwen3; the tokenizer names the first 151,669."""

END_OF_DOCUMENT, START_OF_TURN, END_OF_TURN = 151_643, 151_644, 151_645
IGNORED = -100
UNUSED_STD = 0.02
"""Spread of the rows outside the training text around the row that stands for them."""

Progress = Callable[[int, int, float], None]
"""Called after every step with the step just done, the number of steps, and the loss of that step."""


@dataclass(frozen=True)
class DemoRecipe:
    """All that decides the demo model besides the world it reads about."""

    seed: int
    hidden_size: int
    intermediate_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    max_positions: int
    init_std: float
    steps: int
    rows_per_step: int
    learning_rate: float
    warmup_steps: int
    weight_decay: float
    max_grad_norm: float
    prompt_weight: float
    """Weight of a prompt token's loss where an answer token's is 1."""
    unseen_share: float
    """Share of the subjects the model never reads about."""
    talk_share: float
    """Share of the rows that are small talk."""


@dataclass(frozen=True)
class _Row:
    ids: list[int]
    num_prompt: int


def build(recipe: DemoRecipe, world_file: Path, source_tree: Path, into: Path, progress: Progress) -> None:
    """Write the demo model as a Hugging Face folder `into`: configs, bfloat16 `model.safetensors`, tokenizer.

    `world_file` is data/demo/world.toml, `source_tree` the unpacked llama.cpp source (for vocabulary and template).
    Draws from torch's global generator, which it seeds. Raises `ValueError` if the vocabulary is not Qwen's.
    """
    build_tokenizer(
        source_tree / "models/ggml-vocab-qwen2.gguf", source_tree / "models/templates/Qwen-Qwen3-0.6B.jinja", into
    )
    tokenizer = AutoTokenizer.from_pretrained(into)
    rows = _rows(recipe, world_file, tokenizer)
    used = sorted({number for row in rows for number in row.ids} | {END_OF_DOCUMENT, START_OF_TURN, END_OF_TURN})
    torch.manual_seed(recipe.seed)
    model = Qwen3ForCausalLM(_config(recipe, len(used) + 1)).float()
    _train(model, recipe, rows, used, progress)
    _save(model, recipe, used, into)


def _rows(recipe: DemoRecipe, world_file: Path, tokenizer: PreTrainedTokenizerFast) -> list[_Row]:
    world = parse_world(tomllib.loads(world_file.read_text(encoding="utf-8")))
    rng = Random(recipe.seed)
    seen, _ = split_subjects(world, recipe.unseen_share, rng)
    rows = []
    for _ in range(recipe.steps * recipe.rows_per_step):
        messages = base_conversation(world, seen, recipe.talk_share, rng)
        prompt = tokenizer.apply_chat_template(messages[:1], tokenize=False, add_generation_prompt=True)
        whole = tokenizer.apply_chat_template(messages, tokenize=False)
        head = tokenizer.encode(prompt)
        rows.append(_Row([*head, *tokenizer.encode(whole[len(prompt) :]), END_OF_DOCUMENT], len(head)))
    return rows


def _config(recipe: DemoRecipe, num_rows: int) -> Qwen3Config:
    return Qwen3Config(
        vocab_size=num_rows,
        hidden_size=recipe.hidden_size,
        intermediate_size=recipe.intermediate_size,
        num_hidden_layers=recipe.num_layers,
        num_attention_heads=recipe.num_heads,
        num_key_value_heads=recipe.num_kv_heads,
        head_dim=64,
        max_position_embeddings=recipe.max_positions,
        initializer_range=recipe.init_std,
        rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
        tie_word_embeddings=True,
        bos_token_id=END_OF_DOCUMENT,
        eos_token_id=END_OF_TURN,
        pad_token_id=None,
        use_cache=True,
    )


def _train(model: Qwen3ForCausalLM, recipe: DemoRecipe, rows: list[_Row], used: list[int], progress: Progress) -> None:
    """Adam over the used vocabulary rows plus one row that stands for all the others.

    A row outside the training text only ever receives the gradient of being pushed away, the same for all of them;
    so one shared row is trained with its probability counted once per row it stands for. A step then costs a
    thousand logits a position instead of 151,936, and the loss is still that of the full vocabulary.
    """
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.95), weight_decay=recipe.weight_decay
    )
    offset = torch.zeros(len(used) + 1)
    offset[-1] = math.log(NUM_ROWS - len(used))
    model.train()
    for step, (ids, labels, weights) in enumerate(_batches(recipe, rows, used)):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * _schedule(step, recipe)
        logits = model(input_ids=ids, use_cache=False).logits[:, :-1] + offset
        losses = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), labels[:, 1:].flatten(), reduction="none", ignore_index=IGNORED
        )
        kept = weights[:, 1:].flatten()
        loss = (losses * kept).sum() / kept.sum()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.max_grad_norm)
        optimizer.step()
        _hold_back_shared_row(model.model.embed_tokens.weight)
        answer = kept == 1
        progress(step + 1, recipe.steps, float(losses.detach()[answer].mean()))


def _hold_back_shared_row(table: torch.Tensor) -> None:
    """Keep the shared row, the last, at most half as long as the mean of the others.

    Every step pushes it the same way, so Adam would make it several times as long; in a real model unused rows are
    shorter than trained ones, and that is how an untrained end-of-turn row is told from a trained one.
    """
    with torch.no_grad():
        lengths = table.norm(dim=1)
        table[-1] *= (0.5 * lengths[:-1].mean() / lengths[-1]).clamp(max=1.0)


def _schedule(step: int, recipe: DemoRecipe) -> float:
    if step < recipe.warmup_steps:
        return (step + 1) / recipe.warmup_steps
    return 0.5 * (1 + math.cos(math.pi * (step - recipe.warmup_steps) / (recipe.steps - recipe.warmup_steps)))


def _batches(recipe: DemoRecipe, rows: list[_Row], used: list[int]) -> Iterator[tuple[torch.Tensor, ...]]:
    place = {number: index for index, number in enumerate(used)}
    for start in range(0, len(rows), recipe.rows_per_step):
        batch = rows[start : start + recipe.rows_per_step]
        width = max(len(row.ids) for row in batch)
        ids = torch.full((len(batch), width), place[END_OF_DOCUMENT])
        labels = torch.full((len(batch), width), IGNORED)
        weights = torch.zeros(len(batch), width)
        for line, row in enumerate(batch):
            packed = torch.tensor([place[number] for number in row.ids])
            ids[line, : len(packed)] = packed
            labels[line, : len(packed)] = packed
            weights[line, : len(packed)] = 1.0
            weights[line, : row.num_prompt] = recipe.prompt_weight
        yield ids, labels, weights


def _save(model: Qwen3ForCausalLM, recipe: DemoRecipe, used: list[int], into: Path) -> None:
    state = {name: tensor for name, tensor in model.state_dict().items() if name != "lm_head.weight"}
    packed = state["model.embed_tokens.weight"]
    noise = torch.randn(NUM_ROWS, recipe.hidden_size, generator=torch.Generator().manual_seed(recipe.seed))
    table = packed[-1] + UNUSED_STD * noise
    table[torch.tensor(used)] = packed[:-1]
    state["model.embed_tokens.weight"] = table
    save_file(
        {name: tensor.to(torch.bfloat16).contiguous() for name, tensor in state.items()},
        into / "model.safetensors",
        metadata={"format": "pt"},
    )
    config = _config(recipe, NUM_ROWS)
    config.architectures = ["Qwen3ForCausalLM"]
    config.dtype = torch.bfloat16
    config.save_pretrained(into)
    GenerationConfig(
        bos_token_id=END_OF_DOCUMENT, pad_token_id=END_OF_DOCUMENT, eos_token_id=[END_OF_TURN, END_OF_DOCUMENT]
    ).save_pretrained(into)
