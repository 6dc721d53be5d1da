"""TRL's fused output head where Triton is not, or cannot help: on a CPU.

TRL 1.15 computes its loss with a Triton kernel and has no other path, so on a CPU its SFTTrainer fails at the first
step: a CPU build of torch brings no Triton, and the kernel of a CUDA build takes no tensors of the CPU. This is the
same function in plain torch: log-probabilities of the labels from hidden states, a few hundred positions at a time,
never the logits of ungraded positions.
"""

from __future__ import annotations

from typing import Any

import torch
from trl.trainer import utils

POSITIONS_PER_CHUNK = 512
"""Logits of this many positions are in memory at a time: 0.3 GB at 151,936 entries."""

Fields = tuple[torch.Tensor | None, ...]


class LogProbs(torch.autograd.Function):  # type: ignore[misc]
    """log p(label) for hidden states [n, width] under a frozen head [vocabulary, width].

    Returns TRL's five fields, each [n]: log-probabilities; entropy, sum of squared probabilities and mean logit, which
    are not computed (zero and None: each is a pass over all logits, and nothing here reads them); and whether the label
    is the top token. Gradients flow to the hidden states only.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, labels: torch.Tensor,
        temperature: float, chunk_size: int, softcap: float | None, logit_scale: float, outputs: tuple[str, ...],
    ) -> Fields:  # fmt: skip
        if bias is not None or temperature != 1.0 or softcap is not None or logit_scale != 1.0 or weight.requires_grad:
            raise ValueError("only a frozen head without bias, temperature, softcap and scale is known: Qwen3's")
        empty = hidden.new_zeros(0, dtype=torch.float32)
        log_probs, tops, odds, totals = [empty], [torch.zeros(0, dtype=torch.bool, device=labels.device)], [], [empty]
        for start in range(0, len(labels), POSITIONS_PER_CHUNK):
            part = slice(start, start + POSITIONS_PER_CHUNK)
            logits = (hidden[part] @ weight.T).float()
            best, top = logits.max(dim=-1)
            picked = logits.gather(1, labels[part, None])[:, 0] - best
            relative = logits.sub_(best[:, None]).exp_()  # in place: one array of the vocabulary's size, not four
            total = relative.sum(dim=-1)
            log_probs.append(picked - torch.log(total))
            tops.append(top == labels[part])
            totals.append(total)
            if ctx.needs_input_grad[0]:
                odds.append(relative)
        found, top = torch.cat(log_probs), torch.cat(tops)
        ctx.save_for_backward(weight, labels, torch.cat(totals), *odds)
        entropy = torch.zeros_like(found)
        ctx.mark_non_differentiable(entropy, top)
        return found, entropy, None, None, top

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        weight, labels, totals, *odds = ctx.saved_tensors
        rows = weight[labels].float()
        summed = torch.cat([*(each.to(weight.dtype) @ weight for each in odds), rows.new_zeros(0, rows.shape[1])])
        pulled = rows - summed.float() / totals[:, None]
        return (gradients[0][:, None] * pulled).to(weight.dtype), *([None] * 8)


def install(on_cpu: bool) -> None:
    """Give TRL this function where its kernel could not be imported or training is on a CPU; else its own stays."""
    if on_cpu or utils._ChunkedLogProbFunction is None:
        utils._ChunkedLogProbFunction = LogProbs


def is_installed() -> bool:
    """Whether TRL computes its loss with this function."""
    return utils._ChunkedLogProbFunction is LogProbs
