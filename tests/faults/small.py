"""The small model of the gallery, its rows, and the healthy run and stranger's folder that faults are put into.

A Qwen3 of two layers and 64 columns with the real tokenizer, taught for a minute to name the subject of a short article
and to stop. A fine-tune then teaches it the title's form. It is too small to get a title right, so limits that ask for
that are open; every gate is asked, and nothing is waived.
"""

from __future__ import annotations

import json
import random
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.core.provenance import ROOT
from jobs.logic.demo.rows import DemoRow, demo_rows
from jobs.logic.demo.world import World, conversation, parse_world
from tests import qwen3_tokenizer
from tests.torture import cases

NUM_ROWS, WIDTH, NAME = 120, 64, "case"
STEPS, ROWS_PER_STEP, PRETRAINING_RATE = 200, 8, 4e-3
TURN, TEXT, ENTRIES = 151_645, 151_643, 151_669
WORDS = {
    "train.lora.rank": "32", "train.lora.alpha": "32", "train.lora.dropout": "0",
    "train.schedule.learning_rate": "2e-3",
    "preflight.limits.max_heat": "2e-3", "train.limits.max_heat": "2e-3", "train.schedule.num_epochs": "4",
    "train.schedule.batch_size": "8", "train.schedule.evals_per_epoch": "2",
    "train.schedule.checkpoint_every_steps": "50", "train.limits.max_loss_of_a_guess": "1",
    "train.limits.min_improvement": "0.02", "train.limits.max_validation_rise": "0.1", "train.limits.max_gap": "0.5",
    "train.limits.implausible_loss": "0.05", "train.gap_rows": "16",
    "preflight.max_length": "512", "chat.grade_thinking_block": "true",
    "prepare.belonging.min_displaced": "0.25", "prepare.limits.min_distinct_share": "0.02",
    "prepare.split.val_fraction": "0.2", "prepare.workers": "1",
    "smoke.num_rows": "10", "smoke.min_new_tokens": "8", "smoke.max_new_tokens": "48",
    "smoke.limits.min_stop_rate": "0.5", "verify.limits.min_stop_rate": "0.5",
    "verify.limits.min_effect": "1e-4", "verify.limits.min_effect_over_noise": "100",
    "verify.limits.min_retention.F16": "0.9", "verify.limits.min_retention.Q8_0": "0.9",
    "verify.max_tokens": "300", "verify.noise_rows": "2", "verify.lengths.times": "[2]", "verify.lengths.num_rows": "2",
}  # fmt: skip
"""Beside the small case's words: its limits that a model which learnt something can keep are the product's again."""


@dataclass(frozen=True)
class Small:
    """Where one seed's model and rows lie."""

    root: Path
    seed: int

    @property
    def model(self) -> Path:
        return self.root.parent / "model"

    @property
    def rows(self) -> Path:
        return self.root / "rows.jsonl"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def whole(self) -> Path:
        return self.runs / NAME

    @property
    def stranger(self) -> Path:
        return self.root / "stranger"

    def words(self, rows: Path | None = None) -> list[str]:
        """What a stage of ours is told, without where its run is."""
        known = dict(word.split("=", 1) for word in cases.WORDS_OF_CONFIG if not word.startswith("fetch="))
        known |= {"model.id": "test/gallery", **WORDS}
        return [
            "fetch=local", f"run.name={NAME}", f"run.seed={self.seed}", f"fetch.source.folder={self.model}",
            f"prepare.files=[{rows or self.rows}]", *(f"{key}={value}" for key, value in known.items()),
        ]  # fmt: skip


def world() -> World:
    """The demo's."""
    return parse_world(tomllib.loads((ROOT / "data/demo/world.toml").read_text(encoding="utf-8")))


def drawn(seed: int, num_rows: int = NUM_ROWS) -> list[DemoRow]:
    """Clean rows, three in ten of them English."""
    plan = {"seed": seed, "clean": num_rows, "decomposed": 0, "max_likeness": 0.55}
    return demo_rows(world(), plan | {"spoiled": {"duplicate": 0, "near-duplicate": 0}})


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """One JSON object a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write_model(folder: Path, steps: int = STEPS) -> None:
    """Make and teach the model; the same bytes on the same machine."""
    import torch
    from transformers import GenerationConfig, Qwen3Config, Qwen3ForCausalLM

    qwen3_tokenizer.put(folder)
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=151_936, hidden_size=WIDTH, intermediate_size=2 * WIDTH, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=32, max_position_embeddings=1024, tie_word_embeddings=True, bos_token_id=None,
        rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
        eos_token_id=TURN, pad_token_id=TEXT, initializer_range=0.05,
    )  # fmt: skip
    model = Qwen3ForCausalLM(config)
    teach(model, folder, steps)
    with torch.no_grad():
        weights = model.get_output_embeddings().weight
        weights[ENTRIES:] = weights[ENTRIES : ENTRIES + 1] + 0.01 * torch.randn(weights.shape[0] - ENTRIES, WIDTH)
    model.generation_config = GenerationConfig(eos_token_id=[TURN, TEXT], pad_token_id=TEXT)
    model.to(torch.bfloat16).save_pretrained(folder)


def teach(model: Any, tokenizer_folder: Path, steps: int) -> None:
    """Name the subject of an article, in the form of an instruct model that need not think."""
    import torch
    from transformers import AutoTokenizer

    from tests.faults import peer

    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    rng = random.Random(0)
    talks = [
        conversation(row.prompt, f"{row.subject.topic.name} {row.subject.aspect.name}") for row in drawn(1000, 300)
    ]
    made = [peer.encoded(tokenizer, peer.rendered(talk)) for talk in talks]
    optimizer = torch.optim.AdamW(model.parameters(), lr=PRETRAINING_RATE, weight_decay=0.0, fused=True)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = PRETRAINING_RATE * min(1.0, (step + 1) / 20, 2 * (steps - step) / steps)
        loss = peer.loss_of(model, rng.sample(made, ROWS_PER_STEP))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
