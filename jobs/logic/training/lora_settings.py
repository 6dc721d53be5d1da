"""What an adapter's `adapter_config.json` asks for: each setting of PEFT's LoRA folded right, refused, or harmless.

Folding adds s B A to a weight, with s = alpha / rank (alpha / sqrt(rank) with rsLoRA). So a setting is folded right
where it chooses rank, alpha or modules; harmless where it only tells how A and B began or were trained; and refused
where the forward pass is anything else, or where the weights that A and B belong to are not the base's own. Read in
peft 0.21.2.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

from jobs.logic.training import name_patterns

Config = Mapping[str, Any]
MOST_RANK = 1 << 20
MOST_SHOWN = 60
"""Characters of a value that is told."""

FOLDED = frozenset(
    {
        "r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern", "target_modules", "exclude_modules",
        "layers_to_transform", "layers_pattern",
    }
)  # fmt: skip
"""Which modules have an update, and how large it is."""

HARMLESS = frozenset(
    {
        "peft_type", "task_type", "init_lora_weights", "bias",  # judged by their values, below
        "auto_mapping", "peft_version", "base_model_name_or_path", "revision", "inference_mode", "runtime_config",
        "lora_dropout", "velora_config", "ensure_weight_tying", "megatron_core", "qalora_group_size",
        "loftq_config", "eva_config", "corda_config", "lora_ga_config",
    }
)  # fmt: skip
"""Provenance, training only, or the parameters of something that is off."""

PLAIN_STARTS = ("gaussian", "eva", "orthogonal", "mica")
"""Ways to begin that leave the base's weights as they are."""
CHANGED_BASES = ("pissa", "olora", "corda", "loftq", "lora_ga")
"""Ways to begin that take something out of the base's weights, to which A and B then belong."""

TRAIN_AGAIN = "train again without it"
NOT_FOLDED: dict[str, tuple[str, str]] = {
    "use_dora": ("DoRA scales each row of the sum of weight and update by a magnitude of its own", TRAIN_AGAIN),
    "modules_to_save": (
        "whole layers were trained and saved beside the factors",
        "merge it with PEFT's merge_and_unload() and start from that folder as the base, or " + TRAIN_AGAIN,
    ),
    "trainable_token_indices": (
        "rows of the embedding were trained, which a tied head shares",
        "merge it with PEFT's merge_and_unload() and start from that folder as the base, or " + TRAIN_AGAIN,
    ),
    "fan_in_fan_out": ("its factors belong to transposed weights, which Qwen3 does not have", "set it to false"),
    "lora_bias": ("its updates have a bias, and Qwen3's layers have none", TRAIN_AGAIN),
    "layer_replication": ("it repeats layers of the base", "build that base first, and train an adapter of it"),
    "target_parameters": ("it adapts parameters that are no linear layers", TRAIN_AGAIN),
    "megatron_config": ("it is for Megatron's parallel layers", "save it from a plain model"),
    "alora_invocation_tokens": ("it is active after certain tokens only, which no weights can be", TRAIN_AGAIN),
    "use_qalora": ("it pools the inputs of each layer", TRAIN_AGAIN),
    "monteclora_config": ("it draws samples around its factors", TRAIN_AGAIN),
    "use_bdlora": ("its factors are blocks on a diagonal", "turn it into plain LoRA with PEFT"),
    "arrow_config": ("it chooses among several adapters for each token", "adopt one of them"),
    "kasa_config": ("it takes singular values out of the base's weights", TRAIN_AGAIN),
}
"""Setting to what it does, and the way out; where it is on."""


def offences(config: Config) -> list[str]:
    """Why an adapter of these settings cannot be folded right, each with its way out; empty where it can."""
    found = [*_wrong_values(config)]
    for name, (what, way_out) in NOT_FOLDED.items():
        if config.get(name):
            found.append(f"{name}: {what}; {way_out}")
    for name in sorted(config.keys() - FOLDED - HARMLESS - NOT_FOLDED.keys()):
        if config[name]:
            found.append(
                f"{name}: is not a setting of plain LoRA that is known here, and might change what the adapter does; "
                "save the adapter with peft 0.21, or take the setting out where it is known to change nothing"
            )
    return found


def _wrong_values(config: Config) -> list[str]:
    found = []
    kind, task, bias = config.get("peft_type", "LORA"), config.get("task_type"), config.get("bias", "none")
    if kind != "LORA":
        found.append(f"peft_type: is {kind}, only LORA can be folded into the weights of a GGUF; {TRAIN_AGAIN}")
    if task not in (None, "CAUSAL_LM"):
        found.append(f"task_type: is {task}, expected CAUSAL_LM: a chat model is judged here")
    if bias not in ("none", None):
        found.append(f"bias: is {bias}, expected none: Qwen3's layers have no bias; train again with bias=none")
    start = config.get("init_lora_weights", True)
    if isinstance(start, str) and start.startswith(CHANGED_BASES):
        found.append(
            f"init_lora_weights: is {start}, which took part of the base's weights out before training, so the factors "
            "do not belong to the base; save it with PEFT's save_pretrained(path_initial_model_for_weight_conversion="
            "the folder of the untrained adapter), which turns it into plain LoRA"
        )
    elif not isinstance(start, bool) and start not in (None, *PLAIN_STARTS):
        found.append(f"init_lora_weights: is {start!r}, which is not known here; known are {', '.join(PLAIN_STARTS)}")
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if not _is_whole(rank):
        found.append(f"r: is {repr(rank)[:MOST_SHOWN]}, expected a whole number from 1 on")
    if not is_number(alpha):
        found.append(f"lora_alpha: is {repr(alpha)[:MOST_SHOWN]}, expected a number")
    for name, fits in (("rank_pattern", _is_whole), ("alpha_pattern", is_number)):
        found += _wrong_pattern(name, config.get(name), fits)
    return found


def _wrong_pattern(name: str, pattern: Any, fits: Any) -> list[str]:
    if not pattern:
        return []
    if not isinstance(pattern, Mapping):
        return [f"{name}: is {type(pattern).__name__}, expected modules and their values"]
    found = [
        f"{name}.{key}: is {repr(value)[:MOST_SHOWN]}, expected a number"
        for key, value in pattern.items()
        if not fits(value)
    ]
    wrong = name_patterns.offence(pattern)
    return [*found, f"{name}.{wrong}"] if wrong else found


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_RANK


def is_number(value: Any) -> bool:
    """Whether it is a number that a float can hold: JSON has NaN, Infinity and whole numbers of any length."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def rank(config: Config, module: str) -> int:
    """The rank of a module's factors, as PEFT looks it up: the first pattern that its name ends with."""
    found: int = _looked_up(config.get("rank_pattern"), module, config["r"])
    return found


def alpha(config: Config, module: str) -> float:
    """The alpha of a module, looked up as its rank is."""
    found: float = _looked_up(config.get("alpha_pattern"), module, config["lora_alpha"])
    return found


def scale(config: Config, module: str) -> float:
    """What a module's B A is multiplied with."""
    width = rank(config, module)
    return alpha(config, module) / (math.sqrt(width) if config.get("use_rslora") else width)


def _looked_up(pattern: Mapping[str, Any] | None, module: str, otherwise: Any) -> Any:
    for key, value in (pattern or {}).items():
        if name_patterns.matches(key, module):
            return value
    return otherwise
