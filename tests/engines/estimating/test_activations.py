"""The counted bytes of activations against what autograd saves in a real forward pass of a small Qwen3."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.logic.estimating.activations import head_bytes, layers_bytes
from jobs.logic.estimating.shapes import Shape

SHAPE = Shape(hidden=96, inner=224, layers=3, heads=4, kv_heads=2, head_dim=40, vocabulary=1000, tied=True)
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
ROWS = [
    {"input_ids": [*range(start, start + 50)], "labels": [-100] * 10 + [1] * 40, "template": [0] * 50}
    for start in (5, 400)
]


def saved_bytes(dtype: str, targets: list[str], dropout: float) -> tuple[int, int]:
    """Bytes of the tensors that are kept in the layers and in the head, the model's own left out, each storage once."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    from jobs.engines.training import laid_out, sft
    from jobs.engines.training.trl_cpu import LogProbs

    torch.manual_seed(0)
    config = Qwen3Config(**SHAPE.as_config(), tie_word_embeddings=True, attn_implementation=laid_out.NAME)
    bare = Qwen3ForCausalLM(config).to(getattr(torch, dtype))
    model = sft.add_lora(bare, sft.Lora(16, 32.0, dropout, False, targets), seed=0).train()
    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    found: dict[int, Any] = {}

    def keep(tensor: Any) -> Any:
        if tensor.untyped_storage().data_ptr() not in own:
            found[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    def total() -> int:
        return sum(tensor.untyped_storage().nbytes() for tensor in found.values())

    run = laid_out.run_of(ROWS)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        hidden = model.get_base_model().model(
            input_ids=run.inputs["input_ids"], position_ids=run.inputs["position_ids"], use_cache=False,
            spans=run.spans(next(model.parameters())),
        ).last_hidden_state  # fmt: skip
        of_layers = total()
        found.clear()
        graded = run.inputs["labels"][:, 1:] != -100
        fields = ("hidden", "weight")
        LogProbs.apply(
            hidden[:, :-1][graded], bare.lm_head.weight, None, run.inputs["labels"][:, 1:][graded], 1.0, 512, None,
            1.0, fields,
        )  # fmt: skip
        odds = sum(one.untyped_storage().nbytes() for one in found.values() if one.shape[-1:] == (SHAPE.vocabulary,))
    return of_layers, odds


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("targets", [ALL, ALL[:4]])
def test_counted_activations_are_those_that_autograd_keeps(dtype: str, targets: list[str]) -> None:
    num_tokens = sum(len(row["input_ids"]) for row in ROWS)
    of_layers, odds = saved_bytes(dtype, targets, 0.0)
    assert of_layers == num_tokens * layers_bytes(SHAPE, dtype, 16, targets)
    assert odds == head_bytes(SHAPE, dtype, graded=80, on_gpu=False)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_with_dropout_they_are_about_that(dtype: str) -> None:
    of_layers, _ = saved_bytes(dtype, ALL, 0.1)
    assert of_layers == pytest.approx(100 * layers_bytes(SHAPE, dtype, 16, ALL, 0.1), rel=0.1)


@pytest.mark.parametrize("targets", [["q_proj", "v_proj"], ALL[4:], ["down_proj"], ["v_proj"]])
def test_where_attention_is_not_adapted_it_is_an_upper_bound(targets: list[str]) -> None:
    of_layers, _ = saved_bytes("float32", targets, 0.0)
    counted = 100 * layers_bytes(SHAPE, "float32", 16, targets)
    assert of_layers <= counted <= 1.5 * of_layers
