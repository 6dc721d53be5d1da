"""What the tokens of the batches since the last log cost, by what they are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from jobs.engines.training import ranks

GRADED = ("content", "template")
KINDS = (*GRADED, "prompt")
ROWS = "rows"
"""What each held-out row cost at an evaluation: in the trainer's history, and so in its checkpoints."""
DECIMALS = 6


class Tally:
    """Sums of negative log-likelihood: of graded tokens, content and template apart, and of weighed prompts."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.nll = dict.fromkeys(KINDS, 0.0)
        self.tokens = dict.fromkeys(KINDS, 0)

    def add(
        self, nll: torch.Tensor, labels: torch.Tensor, template: torch.Tensor, prompt: torch.Tensor | None = None
    ) -> None:
        """`nll` is [batch, length - 1], of the tokens `labels[:, 1:]`; `template` and `prompt` mark which are that."""
        graded, is_template = labels[:, 1:] != -100, template[:, 1:].bool()
        masks = {"content": graded & ~is_template, "template": graded & is_template}
        if prompt is not None:
            masks["prompt"] = prompt[:, 1:]
        for name, mask in masks.items():
            self.nll[name] += float(nll[mask].double().sum())
            self.tokens[name] += int(mask.sum())

    def share(self) -> None:
        """Take what every process has counted."""
        found = ranks.summed([*self.nll.values(), *self.tokens.values()])
        self.nll = dict(zip(KINDS, found[: len(KINDS)], strict=True))
        self.tokens = dict(zip(KINDS, map(int, found[len(KINDS) :]), strict=True))

    def means(self) -> dict[str, float]:
        """Mean nats a token: all graded tokens, then each kind; without what was not seen."""
        total = sum(self.tokens[name] for name in GRADED)
        found = {"loss": sum(self.nll[name] for name in GRADED) / total} if total else {}
        return found | {f"{name}_loss": self.nll[name] / count for name, count in self.tokens.items() if count}


class RowTally:
    """Sums of the same over each held-out row, content and template apart, for one evaluation."""

    def __init__(self, num_rows: int) -> None:
        self.num_rows = num_rows
        self.reset()

    def reset(self) -> None:
        self.nll = {name: np.zeros(self.num_rows) for name in GRADED}

    def add(self, nll: torch.Tensor, labels: torch.Tensor, template: torch.Tensor, numbers: torch.Tensor) -> None:
        """As `Tally.add`; `numbers` [batch, length]: the row that each token is of."""
        graded, is_template = labels[:, 1:] != -100, template[:, 1:].bool()
        for name, mask in (("content", graded & ~is_template), ("template", graded & is_template)):
            rows, costs = (one[mask].cpu().numpy() for one in (numbers[:, 1:], nll.double()))
            self.nll[name] += np.bincount(rows, weights=costs, minlength=self.num_rows)

    def taken(self) -> dict[str, list[Any]]:
        """What all processes have counted, each row being one process's, from where it begins anew.

        Nats to six decimals; what is not finite as its name, which JSON can hold.
        """
        found = ranks.summed([float(one) for name in GRADED for one in self.nll[name]])
        self.reset()
        shown = [round(one, DECIMALS) if math.isfinite(one) else str(one) for one in found]
        return {name: shown[place * self.num_rows :][: self.num_rows] for place, name in enumerate(GRADED)}
