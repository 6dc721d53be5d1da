"""Sizes that training needs, before anything is loaded."""

from __future__ import annotations

from jobs.logic.training.sizes import BESIDE, lora_weights, training_bytes

DEMO = {
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 64,
}
ALL = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def test_weights_of_the_demos_adapter() -> None:
    assert lora_weights(DEMO, 32, ALL) == 262_144  # as PEFT makes it
    assert lora_weights(DEMO, 32, ["down_proj"]) == 2 * 32 * (512 + 256)
    assert lora_weights(DEMO | {"head_dim": None}, 16, ["k_proj"]) == 2 * 16 * (256 + 128)


def test_bytes_of_a_run() -> None:
    assert training_bytes(1_000_000, keep_checkpoints=3) == 5 * 12_000_000 + 4_000_000 + BESIDE
