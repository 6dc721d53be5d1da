"""What happens around the trainer's steps: checkpoints, early stopping, a stop from outside, the log, the bar.

All decisions are taken from the trainer's own log history, which a checkpoint carries: a resumed run decides as an
uninterrupted one does.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from jobs.core import checkpoint, process
from jobs.core.errors import Interrupted
from jobs.core.terminal import Progress
from jobs.engines.training import ranks, saving
from jobs.engines.training.tally import ROWS
from jobs.logic.pages.amounts import loss

TRAIN_FIELDS = (
    "loss", "content_loss", "template_loss", "graded_tokens", "tokens", "computed_tokens", "prompt_loss",
    "prompt_tokens", "grad_norm", "learning_rate",
)  # fmt: skip
EVAL_FIELDS = ("eval_loss", "eval_content_loss", "eval_template_loss")


def log_lines(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The deterministic part of the trainer's log history: one entry per logged step or evaluation."""
    lines = []
    for entry in history:
        fields = EVAL_FIELDS if "eval_loss" in entry else TRAIN_FIELDS if "loss" in entry else ()
        if fields:
            lines.append(
                {
                    "step": entry["step"],
                    "epoch": round(entry["epoch"], 6),
                    **{name: entry[name] for name in fields if name in entry},
                }
            )
    return lines


def write_log(path: Path, history: list[dict[str, Any]], mode: str = "w") -> None:
    """`log.jsonl`; NaN and infinity are written as JSON strings."""
    with path.open(mode, encoding="utf-8") as file:
        for line in log_lines(history):
            safe = {k: v if not isinstance(v, float) or math.isfinite(v) else str(v) for k, v in line.items()}
            file.write(json.dumps(safe) + "\n")


def write_row_losses(path: Path, history: list[dict[str, Any]], rows: Sequence[Mapping[str, Any]]) -> None:
    """`row_losses.jsonl`: held-out `rows` with sources and graded tokens, then an evaluation a line, in summed nats."""
    tokens = {name: [_num_graded(row, name == "template") for row in rows] for name in ("content", "template")}
    names = {"ids": [row["id"] for row in rows], "sources": [row.get("source") for row in rows]}
    lines = [{**names, **{f"{name}_tokens": found for name, found in tokens.items()}}]
    for entry in history:
        if ROWS in entry:  # those that filled up a batch of several processes come last
            lines.append({"step": entry["step"], **{name: costs[: len(rows)] for name, costs in entry[ROWS].items()}})
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


def _num_graded(row: Mapping[str, Any], template: bool) -> int:
    """Graded tokens of the template, or of the content; the first token is nobody's prediction."""
    graded = zip(row["labels"][1:], row["kinds"][1:], strict=True)
    return sum(label != -100 and (kind == "t") == template for label, kind in graded)


def best_evaluation(history: list[dict[str, Any]]) -> tuple[int, float] | None:
    """(step, loss) of the lowest validation loss after step 0; the earliest of equals; None without one."""
    found = [
        (entry["eval_loss"], entry["step"])
        for entry in history
        if "eval_loss" in entry and entry["step"] > 0 and math.isfinite(entry["eval_loss"])
    ]
    return (min(found)[1], min(found)[0]) if found else None


def nonfinite_step(history: list[dict[str, Any]]) -> int | None:
    """The first step whose training or validation loss is NaN or infinite."""
    for entry in history:
        if not math.isfinite(entry.get("loss", entry.get("eval_loss", 0.0))):
            return int(entry["step"])
    return None


class Keeper(TrainerCallback):  # type: ignore[misc]
    """Publishes what the trainer saves, keeps the best and the newest, and stops early or when told to.

    A stop raises Interrupted between two batches, of training or of an evaluation; then `save` saves.
    """

    def __init__(self, folder: Path, patience: int, keep: int, planned: int, stop_file: Path | None = None) -> None:
        self.folder, self.patience, self.keep, self.planned = folder, patience, keep, planned
        self.stop_file = stop_file
        self.step = 0
        self.saved = (0, 0)
        """The step that is on disk, and how much had been logged by then."""
        self.random_state: saving.RandomState | None = None
        """At the end of the last whole step or of its evaluation."""

    def asked(self) -> bool:
        """Whether a stop was asked for: by the file where there is one, else by a signal to this process."""
        return self.stop_file.exists() if self.stop_file is not None else process.stop_requested()

    def waiting(self) -> str:
        """What a stop waits for."""
        return (
            f"train: stop asked for; saving after the batch in hand, {self.step} of {self.planned} steps are done ..."
        )

    def interruption(self) -> Interrupted:
        """How a stop ends."""
        step = self.saved[0]
        return Interrupted(f"step {step} of {self.planned} is saved" if step else "nothing was trained yet")

    def answer(self) -> None:
        """Raise Interrupted where any process was asked to stop: all at the same place, or some would wait forever."""
        if ranks.any_of(self.asked()):
            raise Interrupted

    def resume(self, state: Any) -> None:
        """Training goes on from a checkpoint."""
        self.step, self.saved = state.global_step, (state.global_step, len(state.log_history))

    def save(self, trainer: Any) -> None:
        """Save what was trained since the last checkpoint, without the part of a step that was begun."""
        state = trainer.state
        if state.global_step and self.saved != (state.global_step, len(state.log_history)):
            assert self.random_state is not None
            saving.save(trainer, self.random_state)

    def ended(self, state: Any) -> bool:
        """Whether nothing is left to train."""
        return state.global_step >= self.planned or self.stopped_early(state.log_history)

    def stopped_early(self, history: list[dict[str, Any]]) -> bool:
        """Whether the last `patience` evaluations were no better than the best one, or a loss was not finite."""
        best = best_evaluation(history)
        later = [entry for entry in history if "eval_loss" in entry and best is not None and entry["step"] > best[0]]
        return nonfinite_step(history) is not None or bool(self.patience and len(later) >= self.patience)

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.random_state = saving.RandomState.now()
        best = best_evaluation(state.log_history)
        if state.global_step == 0:
            return
        control.should_save = (best is not None and best[0] == state.global_step) or control.should_save
        if self.stopped_early(state.log_history):
            control.should_training_stop = True

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        if nonfinite_step(state.log_history[-1:]) is not None:
            control.should_training_stop = True
        if "loss" in (logs or {}):
            self.step, self.random_state = state.global_step, saving.RandomState.now()
            self.answer()

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.answer()

    def on_substep_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.answer()

    def on_prediction_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.answer()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step >= state.max_steps:
            control.should_evaluate = True

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        ranks.wait()  # every process has put its random state there
        if ranks.first():
            work = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            best = best_evaluation(state.log_history)
            checkpoint.publish(work, self.folder, state.global_step, {best[0]} - {state.global_step} if best else ())
            checkpoint.rotate(self.folder, state.global_step, self.keep)
        self.saved = (state.global_step, len(state.log_history))
        ranks.wait()


class Follower(TrainerCallback):  # type: ignore[misc]
    """The bar on the terminal, and `log.jsonl` while it grows."""

    def __init__(self, log: Path, bar: Progress) -> None:
        self.log, self.bar, self.validation = log, bar, ""
        self.written = 0

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        logs = logs or {}
        if "eval_loss" in logs:
            self.validation = f", validation {loss(logs['eval_loss'])}"
        if "loss" in logs:
            self.bar(state.global_step, f"loss {loss(logs['loss'])}{self.validation}")
        write_log(self.log, state.log_history[self.written :], "a" if self.written else "w")
        self.written = len(state.log_history)
