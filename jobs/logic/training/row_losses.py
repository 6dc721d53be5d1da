"""What `row_losses.jsonl` says: the losses of the held-out rows at every evaluation."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from jobs.logic.training.overfitting import Evaluation, HeldOut

KINDS = ("content", "template")


@dataclass(frozen=True)
class RowLosses:
    """Sums of nats by row, content and template apart."""

    ids: tuple[str, ...]
    sources: tuple[str | None, ...]
    tokens: dict[str, tuple[int, ...]]
    steps: tuple[int, ...]
    nll: dict[str, tuple[tuple[float, ...], ...]]
    """Kind to [evaluations][rows]."""

    def graded(self) -> list[Evaluation]:
        """All graded tokens' mean at each evaluation."""
        total = sum(sum(self.tokens[kind]) for kind in KINDS)
        sums = [math.fsum(x for kind in KINDS for x in self.nll[kind][place]) for place in range(len(self.steps))]
        return [Evaluation(step, one / total) for step, one in zip(self.steps, sums, strict=True)] if total else []

    def held_out(self, kind: str = "content") -> HeldOut:
        """Rows that have tokens of a kind."""
        kept = [place for place, num in enumerate(self.tokens[kind]) if num]
        return HeldOut(
            [[row[place] for place in kept] for row in self.nll[kind]],
            [self.tokens[kind][place] for place in kept],
            [self.sources[place] for place in kept],
        )

    def rise(self, kind: str, best: int | None, last: int | None) -> float | None:
        """Relative, of a kind's mean from one step to another; None where it cannot be said."""
        if best not in self.steps or last not in self.steps:
            return None
        before, after = (math.fsum(self.nll[kind][self.steps.index(step)]) for step in (best, last))
        return after / before - 1 if before > 0 and math.isfinite(after) else None


def read(text: str) -> RowLosses:
    """Raises ValueError, KeyError or TypeError where it is not such a file."""
    first, *rest = [json.loads(line) for line in text.split("\n") if line.strip()]
    num = len(first["ids"])
    tokens = {kind: tuple(int(one) for one in first[f"{kind}_tokens"]) for kind in KINDS}
    nll = {kind: tuple(_numbers(entry[kind]) for entry in rest) for kind in KINDS}
    if any(len(one) != num for kind in KINDS for one in (tokens[kind], first["sources"], *nll[kind])):
        raise ValueError(f"a list that is not of {num} rows")
    return RowLosses(tuple(first["ids"]), tuple(first["sources"]), tokens, tuple(int(e["step"]) for e in rest), nll)


def _numbers(values: list[Any]) -> tuple[float, ...]:
    return tuple(float(one) for one in values)
