"""What a training log says: where losses began and ended, and the gap between training and held-out rows."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

RESAMPLES = 2000


def read_log(text: str) -> list[dict[str, Any]]:
    """The lines of `log.jsonl`, with the strings "nan" and "inf" as floats again."""
    lines = []
    for line in text.splitlines():
        entry = json.loads(line)
        lines.append({name: float(value) if isinstance(value, str) else value for name, value in entry.items()})
    return lines


def summary(log: Sequence[dict[str, Any]], chosen_step: int) -> dict[str, Any]:
    """First, last and best values of the losses (nats a token) and the largest gradient norm; NaN where there is none.

    The first evaluation is the base model's only if it was made before the first step.
    """
    trained = [entry for entry in log if "loss" in entry]
    evaluated = [entry for entry in log if "eval_loss" in entry]
    last = trained[-max(1, len(trained) // 10) :]
    best = next((entry for entry in evaluated if entry["step"] == chosen_step), {})
    return {
        "first_eval_loss": evaluated[0]["eval_loss"] if evaluated and evaluated[0]["step"] == 0 else math.nan,
        "last_eval_loss": evaluated[-1]["eval_loss"] if evaluated else math.nan,
        "first_train_loss": trained[0]["loss"] if trained else math.nan,
        "last_train_loss": float(np.mean([entry["loss"] for entry in last])) if last else math.nan,
        "best_content_loss": best.get("eval_content_loss"),
        "best_template_loss": best.get("eval_template_loss"),
        "max_grad_norm": float(np.max([entry.get("grad_norm", math.nan) for entry in trained] or [math.nan])),
    }


def first_epoch_tokens(log: Sequence[dict[str, Any]], steps_per_epoch: int, field: str = "graded_tokens") -> int | None:
    """Tokens the trainer counted in its first epoch; None where it did not get that far or did not count."""
    seen = [entry[field] for entry in log if field in entry][:steps_per_epoch]
    return sum(seen) if len(seen) == steps_per_epoch else None


def gap(train: Sequence[tuple[float, int]], val: Sequence[tuple[float, int]], seed: int) -> dict[str, float]:
    """Validation minus training loss a content token, with a 95 % bootstrap interval over rows.

    Rows are (summed nats, number of tokens); rows without tokens are left out.
    """
    sides = [np.array([row for row in rows if row[1] > 0], dtype=np.float64).reshape(-1, 2) for rows in (train, val)]
    if any(len(side) == 0 for side in sides):
        return dict.fromkeys(("train_content_loss", "val_content_loss", "gap", "gap_low", "gap_high"), math.nan)
    means = [float(side[:, 0].sum() / side[:, 1].sum()) for side in sides]
    generator = np.random.default_rng(seed)
    drawn = []
    for side in sides:
        picks = generator.integers(0, len(side), size=(RESAMPLES, len(side)))
        drawn.append(side[picks, 0].sum(axis=1) / side[picks, 1].sum(axis=1))
    low, high = np.percentile(drawn[1] - drawn[0], [2.5, 97.5])
    return {
        "train_content_loss": means[0],
        "val_content_loss": means[1],
        "gap": means[1] - means[0],
        "gap_low": float(low),
        "gap_high": float(high),
    }
