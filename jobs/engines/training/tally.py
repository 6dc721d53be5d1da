"""What the tokens of the batches since the last log cost, by what they are."""

from __future__ import annotations

import torch

from jobs.engines.training import ranks

GRADED = ("content", "template")
KINDS = (*GRADED, "prompt")


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
