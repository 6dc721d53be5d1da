"""One training run from preflight's rows to the best adapter, resumable at any step."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from jobs.core import checkpoint, process, terminal
from jobs.core.errors import EnvironmentProblem, Interrupted
from jobs.engines.training import ranks, saving, sft
from jobs.engines.training.callbacks import (
    Follower,
    Keeper,
    best_evaluation,
    nonfinite_step,
    write_log,
    write_row_losses,
)


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
    neftune_alpha: float
    """Of the noise on embeddings while it trains; 0 is none."""
    prompt_loss_weight: float
    """What a prompt's token counts for beside a graded one's 1; 0 is nothing."""
    dtype: str
    device: str
    seed: int
    tracker: str
    run_name: str
    base_id: str
    num_processes: int

    @property
    def steps(self) -> sft.Schedule:
        """The schedule as it is carried out: Unsloth has batches of its own, NEFTune's noise is for padded ones."""
        padding = self.schedule.padding or self.backend == "unsloth" or self.neftune_alpha > 0
        return replace(self.schedule, padding=padding)


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
    """Train, keep the best step by validation loss, and write `adapter/`, `log.jsonl` and `row_losses.jsonl` into
    `places.out`.

    Raises Interrupted after a stop, with the state saved. In a process of its own (`processes`) a stop is that
    `stop_file` is there. Where several train, all but the first raise NotFirst at the end. Raises EnvironmentProblem
    where the best step cannot be read back.
    """
    schedule, saved = settings.schedule, places.out / "checkpoints"
    epoch = schedule.steps_per_epoch(len(train_rows))
    planned = math.ceil(epoch * schedule.num_epochs)
    keeper = Keeper(saved, schedule.patience, schedule.keep_checkpoints, planned, stop_file)
    trainer, model = _trained(settings, places, train_rows, val_rows, keeper)
    history, steps = list(trainer.state.log_history), trainer.state.global_step
    if not ranks.first():
        raise NotFirst
    write_log(places.out / "log.jsonl", history)
    write_row_losses(places.out / "row_losses.jsonl", history, val_rows)
    chosen, restored_step = _restore(model, saved, history, saving.state_files(settings.num_processes))
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


def _trained(
    settings: Settings, places: Places, train_rows: list[sft.Row], val_rows: list[sft.Row], keeper: Keeper
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
    found = checkpoint.newest_whole(keeper.folder, saving.state_files(settings.num_processes))
    if found:
        keeper.resume(saving.load_state(found[1]))
    if settings.num_processes == 1 and keeper.asked():  # several have to agree on it, and cannot yet
        raise keeper.interruption()
    if found:
        terminal.say(f"train: goes on from step {found[0]}")
    schedule = settings.steps
    args = sft.arguments(
        schedule, len(train_rows), work, settings.seed, settings.tracker, settings.run_name, device == "cpu",
        fresh=found is None, num_processes=settings.num_processes,
    )  # fmt: skip
    args.neftune_noise_alpha = settings.neftune_alpha or None
    if ranks.first():
        shutil.rmtree(work, ignore_errors=True)
    quiet = contextlib.redirect_stdout(io.StringIO())  # trackers announce uploads that do not take place
    with quiet, terminal.progress("train", keeper.planned) as bar:
        follower = [Follower(places.out / "log.jsonl", bar)] if ranks.first() else []
        callbacks = [*follower, keeper]  # which may raise, after the other has written
        trainer = sft.trainer(
            model, places.tokenizer, train_rows, val_rows, args, callbacks, settings.prompt_loss_weight,
            None if schedule.padding else schedule.most_tokens(longest, device == "cpu"),
        )  # fmt: skip
        try:
            _train(trainer, keeper, found[1] if found else None)
        except torch.OutOfMemoryError as error:
            raise EnvironmentProblem(
                f"out of GPU memory ({str(error).splitlines()[0]}); lower train.schedule.batch_size and raise "
                "train.schedule.gradient_accumulation"
            ) from None
        finally:
            trainer.end_trackers()
    return trainer, model


def _train(trainer: sft.GradedTrainer, keeper: Keeper, saved: Path | None) -> None:
    """Train to the end, from a checkpoint where there is one; raises Interrupted after a stop, with the state saved."""
    with process.deferred_stop(keeper.waiting):
        try:
            if saved is not None:
                trainer.state = saving.load_state(saved)
            keeper.answer()
            if saved is None:
                trainer.train()
                return
            if saving.evaluation_is_due(trainer.state) or keeper.ended(trainer.state):
                sft.load_adapter(trainer.model, saved / saving.ADAPTER)
            if saving.evaluation_is_due(trainer.state):
                saving.evaluate(trainer, saved)
            if not keeper.ended(trainer.state):
                trainer.train(resume_from_checkpoint=str(saved))
        except Interrupted:
            keeper.save(trainer)
            raise keeper.interruption() from None


def _loader(backend: str) -> Callable[..., Any]:
    if backend == "unsloth":
        from jobs.engines.training import unsloth

        return unsloth.load
    return sft.load_hf


def _restore(
    model: Any, saved: Path, history: list[dict[str, Any]], files: Sequence[str]
) -> tuple[tuple[int, float], int]:
    """Load the best step's adapter: (its step and loss as logged, the step of the checkpoint it came from)."""
    best = best_evaluation(history)
    if best is None:
        return (-1, math.nan), -1
    folder = saved / f"step-{best[0]}"
    why = checkpoint.problem(folder, files)
    if why:
        raise EnvironmentProblem(
            f"{folder}: was damaged while training went on ({why}); see to the disk, the same command trains it again"
        )
    sft.load_adapter(model, folder / saving.ADAPTER)
    return best, int(json.loads((folder / checkpoint.MANIFEST).read_text())["step"])
