"""What the rows cost the model that was saved: base and adapter as they are on disk, loaded anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jobs.engines.models import hf
from jobs.logic.parity.divergence import label_nll


@dataclass(frozen=True)
class RowLoss:
    """Summed negative log-likelihood of one row's graded tokens, in nats, and their number; content apart."""

    nll: float
    num_tokens: int
    content_nll: float
    num_content: int


def measure(
    base: Path, adapter: Path | None, rows: Sequence[dict[str, Any]], dtype: str, device: str, batch_size: int
) -> list[RowLoss]:
    """Teacher-forced losses of preflight's rows under base + adapter, or the base alone, in the order of the rows."""
    model = hf.load(base, adapter, dtype=dtype, device=device)
    graded = [[i for i, label in enumerate(row["labels"]) if label != -100 and i > 0] for row in rows]
    positions = [[i - 1 for i in places] for places in graded]
    losses: list[RowLoss] = [RowLoss(0.0, 0, 0.0, 0)] * len(rows)
    for number, logits in hf.score(model, [row["input_ids"] for row in rows], positions, batch_size):
        row, places = rows[number], graded[number]
        nll = label_nll(logits, np.array([row["input_ids"][i] for i in places], np.int64))
        content = nll[[row["kinds"][i] == "c" for i in places]]
        losses[number] = RowLoss(float(nll.sum()), len(nll), float(content.sum()), len(content))
    return losses


def mean(losses: Sequence[RowLoss]) -> float:
    """Nats a graded token, over all rows; NaN without any."""
    tokens = sum(loss.num_tokens for loss in losses)
    return sum(loss.nll for loss in losses) / tokens if tokens else float("nan")


def content(losses: Sequence[RowLoss]) -> list[tuple[float, int]]:
    """Per row the summed loss of its content tokens and their number."""
    return [(loss.content_nll, loss.num_content) for loss in losses]


def spread(rows: Sequence[Any], most: int) -> list[Any]:
    """At most `most` items, evenly spaced."""
    if len(rows) <= most:
        return list(rows)
    return [rows[i * len(rows) // most] for i in range(most)]
