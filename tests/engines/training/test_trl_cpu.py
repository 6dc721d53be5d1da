"""The loss on a CPU: log-probabilities and their gradient, as plain torch has them."""

from __future__ import annotations

import pytest
import torch

from jobs.engines.training import trl_cpu


@pytest.mark.parametrize("count", [0, 1, 7, 40])
def test_log_probabilities_and_gradients(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trl_cpu, "POSITIONS_PER_CHUNK", 16)
    torch.manual_seed(count)
    weight, labels = torch.randn(90, 12), torch.randint(0, 90, (count,))
    hidden = (torch.randn(count, 12) * 3).requires_grad_()
    expected = torch.log_softmax(hidden @ weight.T, dim=-1)
    picked = expected.gather(1, labels[:, None])[:, 0]
    found = trl_cpu.LogProbs.apply(hidden, weight, None, labels, 1.0, 256, None, 1.0, ("log_probs",))
    assert torch.allclose(found[0], picked, atol=1e-5)
    assert torch.equal(found[4], expected.argmax(dim=-1) == labels)
    share = torch.rand(count)
    (gradient,) = torch.autograd.grad((found[0] * share).sum(), hidden)
    (plain,) = torch.autograd.grad((picked * share).sum(), hidden)
    assert torch.allclose(gradient, plain, atol=1e-5)


def test_logits_beyond_what_exp_can_bear() -> None:
    hidden, weight = torch.full((1, 2), 1000.0), torch.tensor([[1.0, 1.0], [0.5, 0.5], [-1.0, -1.0]])
    with torch.no_grad():
        found = [
            float(trl_cpu.LogProbs.apply(hidden, weight, None, torch.tensor([k]), 1.0, 1, None, 1.0, ())[0])
            for k in range(3)
        ]
    assert found == [0.0, -1000.0, -4000.0]


def test_a_head_that_is_not_qwen3s_is_an_error() -> None:
    hidden, weight, labels = torch.ones(1, 2), torch.ones(3, 2), torch.tensor([0])
    with pytest.raises(ValueError, match="frozen head"):
        trl_cpu.LogProbs.apply(hidden, weight, None, labels, 0.7, 1, None, 1.0, ())
