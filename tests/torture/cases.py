"""The small case: a random Qwen3 of two layers with the real tokenizer, a few rows, and a whole run of them.

Limits that ask for a good model are set so that a random one passes; every gate is still asked, and nothing is waived.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.core.provenance import ROOT as ROOT
from tests import qwen3_tokenizer

NAME = "case"
WIDTH, NUM_ROWS = 32, 28
WORDS = [
    "harbour", "lantern", "meadow", "copper", "winter", "bridge", "orchard", "violin", "ladder", "pepper", "garden",
    "silver", "window", "mirror", "castle", "basket", "thunder", "island", "pencil", "ribbon", "candle", "marble",
    "falcon", "saddle", "anchor", "barley", "cellar", "dragon", "ember", "forest", "glacier", "hammer", "ivory",
    "jungle", "kettle", "linen", "magnet", "needle", "ocean", "parcel", "quarry", "river", "shovel", "temple",
    "umbrella", "valley", "walnut", "yellow", "zipper", "acorn", "beacon", "cotton", "desert", "engine", "feather",
    "gravel", "helmet", "insect", "jacket", "kitchen", "lemon", "mountain",
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """Where the case lies: the model, the rows, and `whole`, the folder of its finished run."""

    root: Path

    @property
    def model(self) -> Path:
        return self.root / "model"

    @property
    def rows(self) -> Path:
        return self.root / "rows.jsonl"

    @property
    def whole(self) -> Path:
        return self.root / "runs" / NAME

    def words(self, folder: Path | None = None) -> list[str]:
        """The command's words, for a run below `folder`."""
        return [
            f"run.folder={folder or self.whole.parent}",
            f"run.name={NAME}",
            f"fetch.source.folder={self.model}",
            f"prepare.files=[{self.rows}]",
            *WORDS_OF_CONFIG,
        ]


# One thread and one process everywhere: a child that is forked from a warm process must not need a pool of its own,
# and the bytes of a run are then the same for whoever makes it.
# So hot a training gets worse after its best step and stops early: the best checkpoint is not the newest.
WORDS_OF_CONFIG = [
    "fetch=local", "model.id=test/torture", "model.revision=none", "model.length=512",
    # Words of an answer never stand in its own prompt, and often in another's.
    "prepare.belonging.min_displaced=1",
    "prepare.workers=1", "prepare.limits.min_distinct_share=0", "prepare.split.val_fraction=0.25",
    "chat.grade_thinking_block=false", "preflight.limits.max_heat=100", "train.limits.max_heat=100",
    "preflight.max_length=128", "preflight.preview.terminal_rows=0",
    "train.device=cpu", "train.tracker=none", "train.gap_rows=4",
    "train.lora.rank=2", "train.lora.alpha=32", "train.lora.dropout=0.1", "train.limits.max_gap=100",
    "train.limits.max_loss_of_a_guess=100",
    "train.limits.min_improvement=-10", "train.limits.max_validation_rise=100", "train.limits.implausible_loss=0",
    "train.schedule.learning_rate=0.02", "train.schedule.num_epochs=4", "train.schedule.batch_size=4",
    "train.schedule.gradient_accumulation=1", "train.schedule.eval_batch_size=8", "train.schedule.evals_per_epoch=2",
    "train.schedule.patience=3", "train.schedule.checkpoint_every_steps=3", "train.schedule.keep_checkpoints=2",
    "smoke.device=cpu", "smoke.num_rows=2", "smoke.min_new_tokens=2", "smoke.max_new_tokens=4", "smoke.num_samples=2",
    "smoke.limits.min_rows=1", "smoke.limits.min_stop_rate=0", "smoke.limits.max_loop_rate=1",
    "smoke.limits.max_repeat_rate=1", "smoke.limits.max_empty_rate=1", "smoke.limits.max_markup_rate=1",
    "smoke.limits.max_think_leak_rate=1", "smoke.limits.min_agreement_gain=-1", "smoke.limits.max_copy_rate=1",
    "smoke.limits.max_overlap_gain=1",
    "merge.device=cpu", "merge.num_rows=1", "convert.num_rows=1", "convert.num_threads=1",
    "quantize.types=[Q8_0]", "quantize.num_threads=1",
    "verify.device=cpu", "verify.num_threads=1", "verify.num_resamples=100", "verify.noise_rows=1",
    "verify.max_tokens=40", "verify.num_parallel=1", "verify.limits.min_effect=0",
    "verify.limits.min_effect_over_noise=0", "verify.limits.min_retention.F16=-1e9",
    "verify.limits.min_retention.Q8_0=-1e9",
    "verify.limits.min_stop_rate=0", "verify.limits.max_agreement_loss=1",
    "report.num_samples=2",
]  # fmt: skip


def build(root: Path) -> Case:
    """The model and the rows below `root`; the same bytes each time."""
    case = Case(root)
    root.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows()]
    case.rows.write_text("".join(lines), encoding="utf-8")
    write_model(case.model)
    return case


def rows(count: int = NUM_ROWS, seed: int = 5) -> list[dict[str, Any]]:
    """Short questions about words, each with a title as the answer."""
    draw, made = random.Random(seed), []
    for number in range(count):
        seen = draw.sample(WORDS, 9)
        question = f"Write a title about the {' '.join(seen[:6])} number {number}."
        answer = f"The {seen[6]} and the {seen[7]} of {seen[8]}"
        talk = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        made.append({"id": f"r{number}", "messages": talk})
    return made


def write_model(folder: Path) -> None:
    """A random Qwen3 that looks post-trained; its tokenizer is the real one, from the pinned tree."""
    import torch
    from transformers import GenerationConfig, Qwen3Config, Qwen3ForCausalLM

    turn, text, entries = 151_645, 151_643, 151_669
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=151_936, hidden_size=WIDTH, intermediate_size=2 * WIDTH, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=WIDTH, max_position_embeddings=512, tie_word_embeddings=True, bos_token_id=None,
        rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
        eos_token_id=turn, pad_token_id=text, initializer_range=0.1,
    )  # fmt: skip
    model = Qwen3ForCausalLM(config)
    with torch.no_grad():
        # Rows that were never used lie close together; the end of turn was trained away from them.
        weights = model.get_output_embeddings().weight
        weights[entries:] = weights[-1] + 0.01 * torch.randn(weights.shape[0] - entries, WIDTH)
        weights[turn] = 1.5 * weights[turn - 1]
    model.generation_config = GenerationConfig(eos_token_id=[turn, text], pad_token_id=text)
    model.save_pretrained(folder)
    qwen3_tokenizer.put(folder)


def link(case: Case, to: Path, stages: Sequence[str]) -> Path:
    """The artifacts of some stages of the finished run, hard-linked into a run below `to`: no stage writes in them."""
    run = to / NAME
    run.mkdir(parents=True)
    for stage in stages:
        shutil.copytree(case.whole / stage, run / stage, copy_function=os.link)
    return run
