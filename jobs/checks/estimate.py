"""The config of `estimate`, and what the config of the stages says of a run's cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.checks.base_sizes import size_named
from jobs.core import chain, config
from jobs.core.errors import Refusal
from jobs.core.model import Count, Money, StrictModel, Text
from jobs.logic.estimating import shapes
from jobs.logic.estimating.recipe import Measuring, Recipe, Rows, RowSize, Training
from jobs.logic.estimating.shapes import Shape

HYBRID = ("empty", "keep")
"""Thinking blocks of templates with two generation prompts."""


class EstimateConfig(StrictModel):
    """Top-level `estimate`."""

    cards: list[Count]
    card: Count | None
    usd_per_hour: Money | None
    refuse: bool
    out: Text | None


@dataclass(frozen=True)
class Base:
    """The base model's shape, and where it was seen."""

    shape: Shape
    said: str


def settings(composed: Mapping[str, Any]) -> EstimateConfig:
    """Raises Refusal for a value that is wrong."""
    return config.checked(EstimateConfig, composed["estimate"], "estimate")


def base(composed: Mapping[str, Any]) -> Base:
    """By the config.json of a folder, by a recipe, or by the size that the model's name says.

    Raises Refusal where none of these says a shape.
    """
    source, named = composed["fetch"]["source"], str(composed["model"]["id"])
    if made := source.get("recipe"):
        heads = int(made["num_heads"])
        width = int(made["hidden_size"]) // heads
        found = Shape(
            int(made["hidden_size"]), int(made["intermediate_size"]), int(made["num_layers"]), heads,
            int(made["num_kv_heads"]), width, shapes.VOCABULARY, tied=True,
        )  # fmt: skip
        return Base(found, "its recipe")
    if source["kind"] == "local":
        return _of_folder(Path(str(source["folder"])))
    size = (size_named(named) or "").removesuffix("-2507")
    if size not in shapes.KNOWN:
        raise Refusal(
            f"model.id={named}: its name says none of the known sizes ({', '.join(shapes.KNOWN)}), and nothing "
            "is downloaded for an estimate; take a folder: fetch=local fetch.source.folder=FOLDER"
        )
    return Base(shapes.KNOWN[size], f"the published config.json of Qwen3 {size}")


def _of_folder(folder: Path) -> Base:
    path = folder / "config.json"
    try:
        found = shapes.of_config(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise Refusal(f"{path}: {error.strerror}; fetch.source.folder must be a Hugging Face folder") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        said = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise Refusal(f"{path}: no shape of a Qwen3 ({said})") from None
    return Base(found, str(path))


def recipe(composed: Mapping[str, Any], rows: Rows) -> Recipe:
    """What a run with this config does, once its slices are checked; raises Refusal for a value that is wrong."""
    stages = {
        name: chain.load(name).slice(composed) for name in ("train", "smoke", "merge", "convert", "quantize", "verify")
    }
    smoke, verify, quantize = stages["smoke"], stages["verify"], stages["quantize"]
    return Recipe(
        shape=base(composed).shape,
        training=_training(stages["train"]),
        measuring=Measuring(
            smoke_device=smoke.device,
            smoke_rows=smoke.num_rows,
            smoke_batch=smoke.batch_size,
            num_prompts=2 if composed["chat"]["thinking_block"] in HYBRID else 1,
            answer_factor=smoke.answer_factor,
            min_new_tokens=smoke.min_new_tokens,
            max_new_tokens=smoke.max_new_tokens,
            merge_device=stages["merge"].device,
            merge_dtype=stages["merge"].dtype,
            merge_rows=stages["merge"].num_rows,
            convert_device=stages["convert"].device,
            convert_rows=stages["convert"].num_rows,
            quants=tuple(quantize.types),
            splits=quantize.max_file_bytes is not None,
            verify_device=verify.device,
            verify_batch=verify.batch_size,
            verify_tokens=verify.max_tokens,
            verify_parallel=verify.num_parallel,
            length_times=tuple(verify.lengths.times),
            length_rows=verify.lengths.num_rows,
            gpu_layers=verify.gpu_layers,
        ),
        rows=rows,
        fetched=composed["fetch"]["source"]["kind"] == "hub",
        file_element=4 if "recipe" in composed["fetch"]["source"] else 2,
    )


def least(composed: Mapping[str, Any]) -> Recipe | None:
    """The same with rows that are next to nothing, so that no run needs less; None where the shape is not known, or
    nobody is to be refused."""
    if not settings(composed).refuse:
        return None
    row = RowSize(8, 4)
    try:
        return recipe(composed, Rows((row,), (row,), 1, 1))
    except Refusal:
        return None


def _training(train: Any) -> Training:
    schedule, lora = train.schedule, train.lora
    return Training(
        adopts=train.adopts,
        backend=train.backend,
        dtype=train.dtype,
        device=train.device,
        rank=lora.rank,
        targets=tuple(lora.target_modules),
        dropout=lora.dropout,
        batch_size=schedule.batch_size,
        gradient_accumulation=schedule.gradient_accumulation,
        padding=schedule.padding,
        max_tokens_per_batch=schedule.max_tokens_per_batch,
        eval_batch_size=schedule.eval_batch_size,
        num_epochs=schedule.num_epochs,
        evals_per_epoch=schedule.evals_per_epoch,
        keep_checkpoints=schedule.keep_checkpoints,
        gap_rows=train.gap_rows,
        num_processes=train.num_processes,
        neftune=train.neftune_alpha > 0,
    )
