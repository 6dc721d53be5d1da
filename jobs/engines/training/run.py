"""One training run from preflight's rows to the best adapter, resumable at any step."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerState

from jobs.core import checkpoint, process, terminal
from jobs.core.errors import EnvironmentProblem, Interrupted
from jobs.engines.training import ranks, sft
from jobs.engines.training.callbacks import Follower, Keeper, best_evaluation, nonfinite_step, write_log


@dataclass(frozen=True)
class Places:
    """The folders a run reads and writes."""

    base: Path
    tokenizer: Path
    out: Path
    tracker: Path


@dataclass(frozen=True)
class Settings:
    """What is trained and how; `base_id` names the base in the adapter's config instead of a path."""

    backend: str
    lora: sft.Lora
    schedule: sft.Schedule
    dtype: str
    device: str
    seed: int
    tracker: str
    run_name: str
    base_id: str
    num_processes: int


@dataclass(frozen=True)
class Outcome:
    """What happened, as far as the adapter and the log do not tell it."""

    base_id: str
    planned_steps: int
    num_steps: int
    steps_per_epoch: int
    chosen_step: int
    best_eval_loss: float
    restored_step: int
    nonfinite_step: int | None


class NotFirst(Exception):
    """This process trained beside the first one, which writes what they made."""


def fit(
    settings: Settings,
    places: Places,
    train_rows: list[sft.Row],
    val_rows: list[sft.Row],
    stop_file: Path | None = None,
) -> Outcome:
    """Train, keep the best step by validation loss, and write `adapter/` and `log.jsonl` into `places.out`.

    Raises Interrupted after a stop, with the state saved. In a process of its own (`processes`) a stop is that
    `stop_file` is there. Where several train, all but the first raise NotFirst at the end.
    """
    schedule, saved = settings.schedule, places.out / "checkpoints"
    epoch = schedule.steps_per_epoch(len(train_rows))
    planned = math.ceil(epoch * schedule.num_epochs)
    keeper = Keeper(saved, schedule.patience, schedule.keep_checkpoints, stop_file)
    trainer, model = _train(settings, places, train_rows, val_rows, keeper, planned)
    history, steps = list(trainer.state.log_history), trainer.state.global_step
    if ranks.first():
        write_log(places.out / "log.jsonl", history)
    if keeper.told_to_stop() and steps < planned:
        raise Interrupted(f"step {steps} of {planned} is saved")
    if not ranks.first():
        raise NotFirst
    chosen, restored_step = _restore(model, saved, history)
    sft.save_adapter(model, places.out / "adapter", settings.base_id)
    return Outcome(
        base_id=settings.base_id,
        planned_steps=planned,
        num_steps=steps,
        steps_per_epoch=epoch,
        chosen_step=chosen[0],
        best_eval_loss=chosen[1],
        restored_step=restored_step,
        nonfinite_step=nonfinite_step(history),
    )


def _train(
    settings: Settings, places: Places, train_rows: list[sft.Row], val_rows: list[sft.Row], keeper: Keeper, planned: int
) -> tuple[sft.GradedTrainer, Any]:
    """Run the trainer to its end: (trainer, model with the last step's adapter)."""
    device = sft.resolve_device(settings.device)
    for variable in ("TRACKIO_DIR", "TENSORBOARD_LOGGING_DIR", "WANDB_DIR"):
        os.environ[variable] = str(places.tracker)
    if settings.tracker != "none":
        places.tracker.mkdir(parents=True, exist_ok=True)
        terminal.say(f"train: tracked by {settings.tracker} in {places.tracker}")
    longest = max(len(row["input_ids"]) for row in train_rows + val_rows)
    model = _loader(settings.backend)(places.base, settings.lora, settings.dtype, device, settings.seed, longest)
    work = places.out / "saving"
    found = checkpoint.newest_whole(places.out / "checkpoints")
    if settings.num_processes == 1 and keeper.asked():  # several have to agree on it, and cannot yet
        raise Interrupted(f"step {found[0]} of {planned} is saved" if found else "nothing was trained yet")
    if found:
        terminal.say(f"train: goes on from step {found[0]}")
    args = sft.arguments(
        settings.schedule, len(train_rows), work, settings.seed, settings.tracker, settings.run_name, device == "cpu",
        fresh=found is None, num_processes=settings.num_processes,
    )  # fmt: skip
    if ranks.first():
        shutil.rmtree(work, ignore_errors=True)
    try:
        quiet = contextlib.redirect_stdout(io.StringIO())  # trackers announce uploads that do not take place
        with quiet, process.deferred_stop(), terminal.progress("train", planned) as bar:
            callbacks = [keeper, *([Follower(places.out / "log.jsonl", bar)] if ranks.first() else [])]
            trainer = sft.trainer(model, places.tokenizer, train_rows, val_rows, args, callbacks)
            history = TrainerState.load_from_json(str(found[1] / "trainer_state.json")) if found else None
            if history is not None and keeper.stopped_early(history.log_history):
                trainer.state = history  # it had ended when it was interrupted
            else:
                trainer.train(resume_from_checkpoint=str(found[1]) if found else None)
    except torch.OutOfMemoryError as error:
        raise EnvironmentProblem(
            f"out of GPU memory ({str(error).splitlines()[0]}); lower train.schedule.batch_size and raise "
            "train.schedule.gradient_accumulation"
        ) from None
    return trainer, model


def _loader(backend: str) -> Callable[..., Any]:
    if backend == "unsloth":
        from jobs.engines.training import unsloth

        return unsloth.load
    return sft.load_hf


def _restore(model: Any, saved: Path, history: list[dict[str, Any]]) -> tuple[tuple[int, float], int]:
    """Load the best step's adapter: (its step and loss as logged, the step of the checkpoint it came from)."""
    best = best_evaluation(history)
    if best is None:
        return (-1, math.nan), -1
    folder = saved / f"step-{best[0]}"
    why = checkpoint.problem(folder)
    if why:
        raise RuntimeError(f"the checkpoint of the best step {best[0]} cannot be restored: {why}")
    sft.load_adapter(model, folder / "adapter_model.safetensors")
    return best, int(json.loads((folder / checkpoint.MANIFEST).read_text())["step"])
