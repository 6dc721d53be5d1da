from __future__ import annotations

import pytest

from jobs.logic.estimating import shapes


@pytest.mark.parametrize(
    ("size", "num_weights"),
    [
        # 28 x (1024 x 15,360 [q, k, v, o 2048+1024+1024+2048, MLP 3 x 3072] + 2 x 1024 + 2 x 128) + 1024 + 155,582,464
        ("0.6B", 28 * (1024 * 15_360 + 2304) + 1024 + 155_582_464),
        ("8B", 36 * (4096 * 47_104 + 8448) + 4096 + 2 * 622_329_856),
        ("32B", 32_762_123_264),
    ],
)
def test_weights_of_the_published_models(size: str, num_weights: int) -> None:
    assert shapes.KNOWN[size].num_weights == num_weights


def test_a_hubs_file_may_have_a_tied_head_twice() -> None:
    assert shapes.KNOWN["0.6B"].file_weights == 751_632_384
    assert shapes.KNOWN["8B"].file_weights == shapes.KNOWN["8B"].num_weights


def test_an_adapter_and_a_cache_by_hand() -> None:
    small = shapes.KNOWN["0.6B"]
    # rank x (in + out): q 3072, k and v 2048 each, o 3072, gate, up and down 4096 each, in 28 layers
    assert small.lora_weights(16, ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]) == (
        28 * 16 * (3072 + 2048 + 2048 + 3072 + 3 * 4096)
    )
    assert small.kv_bytes(2) == 2 * 28 * 1024 * 2


def test_a_config_json_is_the_same_shape() -> None:
    known = shapes.KNOWN["8B"]
    assert shapes.of_config({**known.as_config(), "tie_word_embeddings": False}) == known
    without = {key: value for key, value in known.as_config().items() if key not in ("head_dim", "num_key_value_heads")}
    assert shapes.of_config(without).kv_heads == known.heads
    assert shapes.of_config(without).head_dim == 128
    with pytest.raises(ValueError, match="1 and more"):
        shapes.of_config({**known.as_config(), "num_hidden_layers": 0})
    with pytest.raises(KeyError):
        shapes.of_config({})
