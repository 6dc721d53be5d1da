"""Faults of the recipe."""

from __future__ import annotations

from random import Random

from tests.faults import on_a_run
from tests.faults.fault import Fault, Ours, Rows, Theirs
from tests.faults.peer import Recipe, but

HEALTHY = Recipe()


def few(rows: Rows, rng: Random) -> Rows:
    """Three in ten rows."""
    return rng.sample(rows, round(0.3 * len(rows)))


FAULTS = [
    Fault(
        "learning rate ten times too high",
        "learning-rate-too-high",
        Ours("TOK021", words=("train.schedule.learning_rate=1e-2",)),
        Theirs(ways=but(HEALTHY, learning_rate=1e-2)),
    ),
    Fault(
        "learning rate a hundred times too low",
        "learning-rate-too-low",
        Ours("TRN005 GEN007", words=("train.schedule.learning_rate=1e-5",)),
        Theirs(ways=but(HEALTHY, learning_rate=1e-5)),
    ),
    Fault(
        "rsLoRA with alpha twice the rank",
        "scale-of-rslora learning-rate-too-high",
        Ours("TOK021", words=("train.lora.rslora=true", "train.lora.alpha=64")),
        Theirs(ways=but(HEALTHY, rslora=True, alpha=64)),
    ),
    Fault(
        "rank 1 on a wide task",
        "rank-too-small",
        Ours("TRN005 GEN007", words=("train.lora.rank=1", "train.lora.alpha=1")),
        Theirs(ways=but(HEALTHY, rank=1, alpha=1)),
    ),
    Fault(
        "30 epochs",
        "too-many-epochs trained-too-long rows-known-by-heart",
        Ours(
            "TRN007 TRN008",
            rows=few,
            words=("train.schedule.num_epochs=30", "train.schedule.patience=0", "train.schedule.evals_per_epoch=1"),
        ),
        Theirs(rows=few, ways=but(HEALTHY, epochs=30)),
    ),
    Fault(
        "30 epochs without validation",
        "too-many-epochs no-validation",
        None,
        Theirs(rows=few, ways=but(HEALTHY, epochs=30, evaluates=False)),
    ),
    Fault(
        "max_length too short",
        "rows-longer-than-max-length answers-cut-by-length",
        Ours("TOK009", words=("preflight.max_length=96",)),
        Theirs(ways=but(HEALTHY, max_length=96)),
    ),
    Fault(
        "stale checkpoint taken for the best",
        "best-step-not-kept merged-of-another-adapter",
        Ours("TRN002", stage="train", spoil=on_a_run.another_adapter),
        None,
    ),
    Fault(
        "adapter as before the first step",
        "adapter-is-zero",
        Ours("TRN003", stage="train", spoil=on_a_run.zero_adapter),
        Theirs(
            after=lambda folder: on_a_run.zero(folder / "adapter/adapter_model.safetensors"),
            remake="merged converted answered",
        ),
    ),
    Fault(
        "adapter's settings with another scale",
        "merged-with-wrong-scale",
        Ours("TRN012", stage="train", spoil=on_a_run.adapter_scale_altered),
        Theirs(after=lambda folder: on_a_run.scale_doubled(folder / "adapter/adapter_config.json")),
    ),
]
