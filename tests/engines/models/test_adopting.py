"""Adapters from elsewhere: what can be folded is PEFT's own forward pass, what cannot is refused by its name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, VeloraConfig, get_peft_model
from peft.tuners.lora.config import BdLoraConfig, KasaConfig, MontecloraConfig
from safetensors.torch import load_file, save_file
from transformers import Qwen3ForCausalLM

from jobs.core.errors import Refusal
from jobs.engines.models import adopting, merging
from jobs.engines.models.adapter_files import CONFIG, PICKLE, WEIGHTS, digests
from tests.engines.models import small_model
from tests.engines.models.small_model import change_json

NUM_LAYERS, WIDTH = 3, 32
TINY = {
    "num_hidden_layers": NUM_LAYERS, "hidden_size": WIDTH, "intermediate_size": 64, "num_attention_heads": 2,
    "num_key_value_heads": 1, "head_dim": 16,
}  # fmt: skip
IDS = torch.tensor([[5, 9, 1, 33, 70, 2, 61, 8]])
REGEX = r".*\.layers\.[12]\.(self_attn|mlp)\.(q|v|down)_proj"
Change = Callable[[Path], Any]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model.write(tmp_path_factory.mktemp("base"), **TINY)


def adapter(base: Path, into: Path, **settings: Any) -> Path:
    """An adapter with these settings of PEFT, every factor random."""
    torch.manual_seed(3)
    chosen = {"r": 4, "lora_alpha": 8, "target_modules": small_model.TARGETS, "task_type": "CAUSAL_LM", **settings}
    model = get_peft_model(Qwen3ForCausalLM.from_pretrained(base), LoraConfig(**chosen))
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if ".lora_" in name:
                weights.copy_(0.2 * torch.randn(weights.shape))
    model.save_pretrained(into)
    (into / "README.md").unlink()
    change_json(into / CONFIG, base_model_name_or_path="Qwen/Qwen3-0.6B")
    return into


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"use_rslora": True},
        {"rank_pattern": {"q_proj": 2, r"layers\.1\.mlp\.up_proj": 8}},
        {"alpha_pattern": {"down_proj": 1, r"^model\.layers\.2\..*": 32}},
        {"rank_pattern": {"v_proj": 1}, "alpha_pattern": {"self_attn.v_proj": 5}, "use_rslora": True},
        {"target_modules": ["q_proj", "down_proj"], "layers_to_transform": [0, 2]},
        {"target_modules": ["v_proj"], "layers_to_transform": 1, "layers_pattern": "layers"},
        {"target_modules": "all-linear"},
        {"target_modules": REGEX},
        {"exclude_modules": ["mlp.gate_proj", "model.layers.0.self_attn.k_proj"]},
        {"exclude_modules": r".*layers\.0\..*"},
        {"lora_dropout": 0.5},
        {"init_lora_weights": "gaussian"},
        {"init_lora_weights": "orthogonal"},
        {"init_lora_weights": "mica"},
        {"velora_config": VeloraConfig(num_groups=4)},
    ],
    ids=str,
)
def test_what_is_folded_is_pefts_own_forward_pass(base: Path, tmp_path: Path, settings: dict[str, Any]) -> None:
    given = adapter(base, tmp_path / "given", **settings)
    adopting.adopt(given, base, "Qwen/Qwen3-0.6B", tmp_path / "adapter")
    assert sorted(path.name for path in (tmp_path / "adapter").iterdir()) == [CONFIG, WEIGHTS]
    assert digests(tmp_path / "adapter") == digests(given)
    merging.merge(base, tmp_path / "adapter", tmp_path / "merged", torch.float32)
    (tmp_path / "merged/config.json").write_bytes((base / "config.json").read_bytes())
    with torch.no_grad():
        plain = Qwen3ForCausalLM.from_pretrained(base).eval()
        before = plain(IDS).logits
        theirs = PeftModel.from_pretrained(plain, tmp_path / "adapter").eval()(IDS).logits
        ours = Qwen3ForCausalLM.from_pretrained(tmp_path / "merged").eval()(IDS).logits
    assert float((theirs - before).abs().max()) > 0.1
    assert torch.allclose(ours, theirs, atol=2e-4)
    proof = merging.prove(base, tmp_path / "adapter", tmp_path / "merged")
    scale = json.loads((given / CONFIG).read_text())["lora_alpha"] / (2 if settings.get("use_rslora") else 4)
    assert proof.num_merged == proof.num_adapted > 0
    assert (proof.scale_low, proof.scale_high) == (pytest.approx(scale, rel=1e-5), pytest.approx(scale, rel=1e-5))
    assert proof.residual < 1e-5


def test_all_linear_that_was_not_spelled_out(base: Path, tmp_path: Path) -> None:
    given = adapter(base, tmp_path / "given")
    change_json(given / CONFIG, target_modules="all-linear")
    adopting.adopt(given, base, "Qwen/Qwen3-0.6B", tmp_path / "adapter")
    assert len(adopting.chosen_modules(tmp_path / "adapter", base)) == 7 * NUM_LAYERS


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"use_dora": True}, "use_dora: DoRA scales each row"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights: is pissa, .*path_initial_model_for_weight_conversion"),
        ({"init_lora_weights": "pissa_niter_4"}, "init_lora_weights: is pissa_niter_4"),
        ({"init_lora_weights": "olora"}, "init_lora_weights: is olora"),
        ({"modules_to_save": ["norm"]}, "modules_to_save: whole layers .* merge_and_unload"),
        ({"trainable_token_indices": [1, 2]}, "trainable_token_indices: rows of the embedding"),
        ({"lora_bias": True, "init_lora_weights": False}, "lora_bias: its updates have a bias"),
        ({"bias": "all"}, "bias: is all, expected none"),
        ({"layer_replication": [[0, 2], [1, 3]]}, "layer_replication: it repeats layers"),
        (
            {"use_bdlora": BdLoraConfig(target_modules_bd_b=["q_proj"], nblocks=2, match_strict=False)},
            "use_bdlora: its",
        ),
        ({"monteclora_config": MontecloraConfig()}, "monteclora_config: it draws samples"),
        ({"kasa_config": KasaConfig()}, "kasa_config: it takes singular values"),
        ({"target_parameters": ["embed_tokens.weight"]}, "target_parameters: it adapts parameters"),
        ({"task_type": "SEQ_CLS"}, "task_type: is SEQ_CLS, expected CAUSAL_LM"),
        ({"target_modules": ["q_proj", "lm_head"]}, "lm_head.base_layer.weight is not a LoRA factor"),
        ({"target_modules": ["q_proj", "embed_tokens"]}, "embed_tokens.* is not a LoRA factor"),
    ],
    ids=str,
)
def test_what_cannot_be_folded_right_is_refused_by_its_name(
    base: Path, tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    chosen = {**settings}
    task = chosen.pop("task_type", None)
    given = adapter(base, tmp_path / "given", **chosen)
    if task:
        change_json(given / CONFIG, task_type=task)
    with pytest.raises(Refusal, match=words):
        adopting.adopt(given, base, "Qwen/Qwen3-0.6B", tmp_path / "adapter")
    assert not (tmp_path / "adapter").exists()


def tensors(change: Callable[[dict[str, torch.Tensor]], Any]) -> Change:
    def changed(folder: Path) -> None:
        found = load_file(folder / WEIGHTS)
        change(found)
        save_file(found, folder / WEIGHTS)

    return changed


def without(part: str) -> Change:
    return tensors(lambda found: [found.pop(name) for name in list(found) if part in name])


def settings(**changes: Any) -> Change:
    return lambda folder: change_json(folder / CONFIG, **changes)


def pickled(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / PICKLE)


def whole_model(folder: Path) -> None:
    (folder / CONFIG).rename(folder / "config.json")


def in_a_folder(folder: Path) -> None:
    (folder / "checkpoint-80").mkdir()
    (folder / CONFIG).rename(folder / "checkpoint-80" / CONFIG)


def head(found: dict[str, torch.Tensor]) -> None:
    found["base_model.model.lm_head.lora_A.weight"] = torch.ones(4, WIDTH)
    found["base_model.model.lm_head.lora_B.weight"] = torch.ones(small_model.NUM_ROWS, 4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (pickled, "has its weights in adapter_model.bin, a pickle, .*save_pretrained"),
        (lambda folder: (folder / WEIGHTS).unlink(), "has no adapter_model.safetensors"),
        (lambda folder: (folder / WEIGHTS).write_bytes(b"x" * 99), "adapter_model.safetensors cannot be read"),
        (lambda folder: (folder / CONFIG).write_text("{"), "adapter_config.json is no JSON"),
        (whole_model, "it is a whole model, no adapter; start from it with fetch=local"),
        (in_a_folder, "its folders checkpoint-80 have one"),
        (lambda folder: (folder / CONFIG).unlink(), "has no adapter_config.json; a PEFT adapter's folder"),
        (settings(base_model_name_or_path="unsloth/Qwen3-4B-unsloth-bnb-4bit"), "was trained on unsloth/Qwen3-4B-"),
        (settings(peft_type="LOHA"), "peft_type: is LOHA"),
        (settings(fan_in_fan_out=True), "fan_in_fan_out: its factors belong to transposed"),
        (settings(use_qalora=True), "use_qalora"),
        (settings(alora_invocation_tokens=[1]), "alora_invocation_tokens"),
        (settings(scale_by_moonlight=2.0), "scale_by_moonlight: is not a setting"),
        (settings(init_lora_weights="moonlight"), "init_lora_weights: is 'moonlight', which is not known"),
        (settings(r=8), r"layers\.0\.mlp\.down_proj has factors of rank 4 and 4, its adapter_config.json says 8"),
        (settings(r="4"), "r: is '4', expected a whole number"),
        (settings(lora_alpha=True), "lora_alpha: is True, expected a number"),
        (settings(rank_pattern={"(": 2}), r"rank_pattern\.\(: is no regular expression"),
        (settings(target_modules=["q_proj"]), "has factors for 18 modules that its settings do not choose"),
        (settings(target_modules=[]), "target_modules: is empty"),
        (without("layers.1.mlp.up_proj"), "choose 21 modules of the base, of which 1 have no factors"),
        (without("layers.1.mlp.up_proj.lora_B"), "has only one of its two factors"),
        (tensors(head), "adapts lm_head; only the seven linear layers"),
    ],
)  # fmt: skip
def test_a_folder_that_is_not_whole_or_of_another_model(base: Path, tmp_path: Path, change: Change, words: str) -> None:
    given = adapter(base, tmp_path / "given")
    change(given)
    with pytest.raises(Refusal, match=words):
        adopting.adopt(given, base, "Qwen/Qwen3-0.6B", tmp_path / "adapter")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_hidden_layers": 5}, "adapts layer [34], the base has layers 0 to 2"),
        ({"intermediate_size": 96}, r"down_proj is \[32, 96\], the base's weight is \[32, 64\]"),
    ],
)
def test_an_adapter_of_another_size(base: Path, tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    other = small_model.write(tmp_path / "other", **(TINY | changes))
    given = adapter(other, tmp_path / "given")
    with pytest.raises(Refusal, match=words):
        adopting.adopt(given, base, "Qwen/Qwen3-0.6B", tmp_path / "adapter")


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="is not a folder; expected one with"):
        digests(tmp_path / "gone")
