"""Names that other programs have for settings are answered by what there is here, not by a look-alike."""

from __future__ import annotations

import functools
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from jobs.core import chain, compose, config, other_names
from jobs.core.errors import Refusal

KEY = re.compile(r"\b[a-z]+(?:\.[a-z_]+)+\b")
FILES = re.compile(r"conf/[\w/.]*")
PARTS = frozenset(path.name for path in compose.CONF.iterdir() if path.is_dir()) | {"run", "waivers", "redo"}


@functools.cache
def composed() -> dict[str, Any]:
    return config.compose([])


@functools.cache
def known() -> set[str]:
    return {name for name in compose.flatten(composed()) if not name.startswith(compose.ECHOES)}


@pytest.mark.parametrize("name", sorted(other_names.table()))
def test_every_answer_names_keys_that_there_are(name: str) -> None:
    found = other_names.table()[name]
    assert set(found) <= {"names", "key", "says"}
    assert {"key", "says"} & set(found)
    said = other_names.answer(f"train.{name}", PARTS) or ""
    keys = KEY.findall(FILES.sub("", said))
    assert set(keys) <= known(), said
    assert keys or FILES.search(said) or "redo=true" in said, f"{said}: leads nowhere"
    assert "\n" not in said


def test_no_name_is_told_twice() -> None:
    names = re.findall(r'"(\w+)"', "".join(re.findall(r"names = \[.*?\]", other_names.TABLE.read_text(), re.DOTALL)))
    assert len(names) == len(set(names)) == len(other_names.table())


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("train.lora.use_dora=true", ["there is no such setting", "DoRA", "train.lora.rank"]),
        ("train.lora.bias=all", ["no such setting", "no bias"]),
        ("train.lora.modules_to_save=[lm_head]", ["no such setting", "train.lora.target_modules"]),
        ("train.lora.r=16", ["here it is train.lora.rank"]),
        ("lora.r=16", ["here it is train.lora.rank"]),
        ("lora_r=16", ["here it is train.lora.rank"]),
        ("train.lora.lora_alpha=16", ["here it is train.lora.alpha"]),
        ("train.lora.init_lora_weights=pissa", ["no such setting", "PiSSA"]),
        ("train.lora.use_rslora=true", ["here it is train.lora.rslora"]),
        ("train.schedule.lr=1e-4", ["here it is train.schedule.learning_rate"]),
        ("--lr=1e-4", ["here it is train.schedule.learning_rate"]),
        ("train.learning_rate=1e-4", ["did you mean train.schedule.learning_rate"]),
        ("learning_rate=1e-4", ["did you mean train.schedule.learning_rate"]),
        ("--learning-rate=1e-4", ["did you mean train.schedule.learning_rate"]),
        ("lora.rank=4", ["did you mean train.lora.rank"]),
        ("train.schedule.rank=4", ["did you mean train.lora.rank"]),
        ("fetch.source.id=me/mine", ["did you mean fetch.id"]),
        ("train.weight_decay=0.1", ["did you mean train.schedule.weight_decay"]),
        ("train.num_train_epochs=3", ["here it is train.schedule.num_epochs"]),
        ("train.schedule.per_device_train_batch_size=2", ["here it is train.schedule.batch_size"]),
        ("train.gradient_accumulation_steps=2", ["here it is train.schedule.gradient_accumulation"]),
        ("train.schedule.lr_scheduler_type=linear", ["here it is train.schedule.kind", "constant"]),
        ("train.schedule.warmup_ratio=0.1", ["here it is train.schedule.warmup_fraction"]),
        ("train.schedule.warmup_steps=10", ["here it is train.schedule.warmup_fraction", "part of all steps"]),
        ("train.neftune_noise_alpha=5", ["here it is train.neftune_alpha"]),
        ("train.packing=true", ["no such setting", "padded"]),
        ("train.max_seq_length=512", ["here it is preflight.max_length"]),
        ("preflight.max_seq_length=512", ["here it is preflight.max_length"]),
        ("train.optim=adamw_8bit", ["no such setting", "AdamW in 32 bit"]),
        ("train.load_in_4bit=true", ["no such setting", "train.dtype=bfloat16"]),
        ("model.load_in_4bit=true", ["no such setting", "quantize.types"]),
        ("train.bf16=true", ["here it is train.dtype"]),
        ("train.save_steps=10", ["here it is train.schedule.checkpoint_every_steps"]),
        ("train.eval_steps=10", ["here it is train.schedule.evals_per_epoch"]),
        ("seed=1", ["here it is run.seed"]),
        ("train.report_to=wandb", ["here it is train.tracker"]),
        ("train.max_steps=100", ["no such setting", "train.schedule.num_epochs"]),
        ("train.gradient_checkpointing=true", ["no such setting", "train.schedule.batch_size"]),
        ("train.train_on_responses_only=true", ["no such setting", "chat.graded_turns"]),
        ("train.skip_memory_metrics=true", ["no such setting", "conf/train/default.yaml"]),
        ("smoke.tools=1", ["smoke has"]),
    ],
)  # fmt: skip
def test_what_people_type(word: str, parts: list[str]) -> None:
    key = word.partition("=")[0]
    with pytest.raises(Refusal) as caught:
        compose._require_key(key, composed())
    assert str(caught.value).startswith(f"{key}: unknown key; ")
    assert all(part in str(caught.value) for part in parts), caught.value


def test_it_is_said_by_the_whole_command_line() -> None:
    with pytest.raises(Refusal, match=r"use_dora: unknown key; there is no such setting: DoRA"):
        config.compose(["train.lora.use_dora=true"])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("train:\n  lora:\n    use_dora: true\n", ["train.lora.use_dora: unknown key", "DoRA"]),
        ("train:\n  lora:\n    use_qdora: true\n", ["train.lora.use_qdora: unknown key; there are: rank"]),
        ("train:\n  schedule:\n    lr: 1.0\n", ["train.schedule.lr: unknown key; here it is train.schedule.lea"]),
        ("train:\n  lora:\n    rnak: 4\n", ["did you mean rank"]),
        ("lora_r: 16\n", ["lora_r: unknown key; here it is train.lora.rank"]),
    ],
)
def test_what_people_write(text: str, parts: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(compose.CONF, tmp_path / "conf")
    monkeypatch.setattr(compose, "CONF", tmp_path / "conf")
    (tmp_path / "conf/experiment/theirs.yaml").write_text(f"# @package _global_\n{text}")
    with pytest.raises(Refusal) as caught:
        chain.load("train").slice(config.compose(["experiment=theirs"]))
    assert all(part in str(caught.value) for part in parts), caught.value
