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

    Returns TRL's five fields, each [n]: log-probabilities, entropy, sum of squared probabilities and mean logit (not
    computed: None), and whether the label is the top token. Gradients flow to the hidden states only.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, labels: torch.Tensor,
        temperature: float, chunk_size: int, softcap: float | None, logit_scale: float, outputs: tuple[str, ...],
    ) -> Fields:  # fmt: skip
        if bias is not None or temperature != 1.0 or softcap is not None or logit_scale != 1.0 or weight.requires_grad:
            raise ValueError("only a frozen head without bias, temperature, softcap and scale is known: Qwen3's")
        log_probs, entropies, tops, probabilities = [], [], [], []
        for start in range(0, len(labels), POSITIONS_PER_CHUNK):
            part = slice(start, start + POSITIONS_PER_CHUNK)
            logits = (hidden[part] @ weight.T).float()
            total = torch.logsumexp(logits, dim=-1)
            picked = logits.gather(1, labels[part, None])[:, 0]
            probs = torch.exp(logits - total[:, None])
            log_probs.append(picked - total)
            entropies.append(total - torch.einsum("nv,nv->n", probs, logits))
            tops.append(logits.argmax(dim=-1) == labels[part])
            probabilities.append(probs)
        ctx.save_for_backward(weight, labels, *probabilities)
        empty = hidden.new_zeros(0, dtype=torch.float32)
        joined = [torch.cat([empty, *parts]) for parts in (log_probs, entropies)]
        top = torch.cat([torch.zeros(0, dtype=torch.bool, device=labels.device), *tops])
        ctx.mark_non_differentiable(joined[1], top)
        return joined[0], joined[1], None, None, top

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        weight, labels, *probabilities = ctx.saved_tensors
        rows = weight[labels].float()
        expected = [probs.to(weight.dtype) @ weight for probs in probabilities]
        pulled = rows - torch.cat([*expected, rows.new_zeros(0, rows.shape[1])]).float()
        return (gradients[0][:, None] * pulled).to(weight.dtype), *([None] * 8)


def install(on_cpu: bool) -> None:
    """Give TRL this function where its kernel could not be imported or training is on a CPU; else its own stays."""
    if on_cpu or utils._ChunkedLogProbFunction is None:
        utils._ChunkedLogProbFunction = LogProbs
