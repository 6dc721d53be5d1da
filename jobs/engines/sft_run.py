"""One training run from preflight's rows to the best adapter, resumable at any step."""

from __future__ import annotations

import contextlib
import io
import math
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from jobs.core import checkpoint, process, terminal
from jobs.core.errors import EnvironmentProblem, Interrupted
from jobs.engines import sft
from jobs.engines.sft_callbacks import Follower, Keeper, best_evaluation, write_log


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
    gap_rows: int


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
    restored_eval_loss: float
    nonfinite_step: int | None
    first_epoch_graded_tokens: int | None
    train_row_losses: list[tuple[float, int]]
    val_row_losses: list[tuple[float, int]]


def fit(settings: Settings, places: Places, train_rows: list[sft.Row], val_rows: list[sft.Row]) -> Outcome:
    """Train, keep the best step by validation loss, and write `adapter/` and `log.jsonl` into `places.out`.

    Raises Interrupted after a stop, with the state saved.
    """
    schedule, saved = settings.schedule, places.out / "checkpoints"
    epoch = schedule.steps_per_epoch(len(train_rows))
    planned = math.ceil(epoch * schedule.num_epochs)
    keeper = Keeper(saved, schedule.patience, schedule.keep_checkpoints)
    trainer, model, resumed = _train(settings, places, train_rows, val_rows, keeper, planned)
    history, steps = list(trainer.state.log_history), trainer.state.global_step
    write_log(places.out / "log.jsonl", history)
    if process.stop_requested() and steps < planned:
        raise Interrupted(f"step {steps} of {planned} is saved")
    whole = not resumed and steps >= epoch and steps % epoch == 0
    chosen, restored = _restore(trainer, model, saved, history)
    sft.save_adapter(model, places.out / "adapter", settings.base_id)
    outcome = Outcome(
        base_id=settings.base_id,
        planned_steps=planned,
        num_steps=steps,
        steps_per_epoch=epoch,
        chosen_step=chosen[0],
        best_eval_loss=chosen[1],
        restored_step=restored[0],
        restored_eval_loss=restored[1],
        nonfinite_step=keeper.nonfinite_step,
        first_epoch_graded_tokens=trainer.graded_tokens_seen // (steps // epoch) if whole else None,
        train_row_losses=sft.row_losses(model, spread(train_rows, settings.gap_rows)),
        val_row_losses=sft.row_losses(model, spread(val_rows, settings.gap_rows)),
    )
    shutil.rmtree(saved, ignore_errors=True)
    shutil.rmtree(places.out / "saving", ignore_errors=True)
    return outcome


def _train(
    settings: Settings, places: Places, train_rows: list[sft.Row], val_rows: list[sft.Row], keeper: Keeper, planned: int
) -> tuple[sft.GradedTrainer, Any, bool]:
    """Run the trainer to its end: (trainer, model with the last step's adapter, whether it was resumed)."""
    device = sft.resolve_device(settings.device)
    for variable in ("TRACKIO_DIR", "TENSORBOARD_LOGGING_DIR", "WANDB_DIR"):
        os.environ[variable] = str(places.tracker)
    if settings.tracker != "none":
        places.tracker.mkdir(parents=True, exist_ok=True)
        terminal.say(f"train: tracked by {settings.tracker} in {places.tracker}")
    longest = max(len(row["input_ids"]) for row in train_rows + val_rows)
    model = _loader(settings.backend)(places.base, settings.lora, settings.dtype, device, settings.seed, longest)
    work = places.out / "saving"
    shutil.rmtree(work, ignore_errors=True)
    found = checkpoint.newest_whole(places.out / "checkpoints")
    if found:
        terminal.say(f"train: goes on from step {found[0]}")
    args = sft.arguments(
        settings.schedule, len(train_rows), work, settings.seed, settings.tracker, settings.run_name, device == "cpu",
        fresh=found is None,
    )  # fmt: skip
    try:
        quiet = contextlib.redirect_stdout(io.StringIO())  # trackers announce uploads that do not take place
        with quiet, process.deferred_stop(), terminal.progress("train", planned) as bar:
            callbacks = [keeper, Follower(places.out / "log.jsonl", bar)]
            trainer = sft.trainer(model, places.tokenizer, train_rows, val_rows, args, callbacks)
            trainer.train(resume_from_checkpoint=str(found[1]) if found else None)
    except torch.OutOfMemoryError as error:
        raise EnvironmentProblem(
            f"out of GPU memory ({str(error).splitlines()[0]}); lower train.schedule.batch_size and raise "
            "train.schedule.gradient_accumulation"
        ) from None
    trainer.callback_handler.callbacks.clear()  # evaluating once more is no part of the run
    return trainer, model, found is not None


def _loader(backend: str) -> Callable[..., Any]:
    if backend == "unsloth":
        from jobs.engines import sft_unsloth

        return sft_unsloth.load
    return sft.load_hf


def _restore(
    trainer: Any, model: Any, saved: Path, history: list[dict[str, Any]]
) -> tuple[tuple[int, float], tuple[int, float]]:
    """Load the best step's adapter and evaluate it again: (step, loss) as chosen and as restored."""
    best = best_evaluation(history)
    if best is None:
        return (-1, math.nan), (-1, math.nan)
    folder = saved / f"step-{best[0]}"
    why = checkpoint.problem(folder)
    if why:
        raise RuntimeError(f"the checkpoint of the best step {best[0]} cannot be restored: {why}")
    sft.load_adapter(model, folder / "adapter_model.safetensors")
    again = trainer.evaluate()
    return best, (best[0], float(again["eval_loss"]))


def spread(rows: list[sft.Row], most: int) -> list[sft.Row]:
    """At most `most` rows, evenly spaced."""
    if len(rows) <= most:
        return rows
    return [rows[i * len(rows) // most] for i in range(most)]
