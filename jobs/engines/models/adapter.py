"""LoRA adapters as files: what they hold and the update each one makes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from jobs.core.errors import Refusal
from jobs.engines.models.adapter_files import CONFIG, WEIGHTS
from jobs.engines.models.folder_files import read_json
from jobs.logic.training import lora_settings

NAME = re.compile(r"base_model\.model\.(?P<module>.+)\.lora_(?P<side>[AB])\.weight")
OF_TRAINING = re.compile(r".+\.lora_velora_embed")
"""Tensors that only a backward pass reads."""


@dataclass
class Adapter:
    """An opened adapter. `modules` are names as in the base model, without `.weight`."""

    scale: float
    """Of the modules that no pattern names."""
    config: dict[str, Any]
    modules: list[str]
    weights: Path

    def scale_of(self, module: str) -> float:
        """What this module's B A is multiplied with."""
        return lora_settings.scale(self.config, module)

    def factors(self, module: str) -> tuple[torch.Tensor, torch.Tensor]:
        """(A [rank, in], B [out, rank]) in fp32."""
        with safe_open(str(self.weights), framework="pt") as file:
            a = file.get_tensor(f"base_model.model.{module}.lora_A.weight").float()
            b = file.get_tensor(f"base_model.model.{module}.lora_B.weight").float()
        return a, b

    def shapes(self, module: str) -> tuple[list[int], list[int]]:
        """The shapes of A and B, without reading them."""
        with safe_open(str(self.weights), framework="pt") as file:
            a, b = (
                list(file.get_slice(f"base_model.model.{module}.lora_{side}.weight").get_shape()) for side in ("A", "B")
            )
        return a, b


@dataclass
class Inspection:
    """Facts of an adapter file."""

    scale: float
    scales: dict[str, float] = field(default_factory=dict)
    """Target to the scale of its modules; of several, the largest."""
    num_weights: int = 0
    norm: float = 0.0
    layers_by_target: dict[str, int] = field(default_factory=dict)
    zero_modules: list[str] = field(default_factory=list)
    nonfinite: list[str] = field(default_factory=list)
    """Modules with a factor or an update that is not finite; the norm leaves them out."""


def load(folder: Path) -> Adapter:
    """Open an adapter folder; raises Refusal for settings and tensors that are not plain LoRA."""
    config = read_json(folder / CONFIG, folder.name)
    offences = lora_settings.offences(config)
    if offences:
        raise Refusal(f"{folder / CONFIG}: {'; '.join(offences[:3])}")
    weights = folder / WEIGHTS
    with safe_open(str(weights), framework="pt") as file:
        names = list(file.keys())
    sides: dict[str, set[str]] = {}
    for name in names:
        if OF_TRAINING.fullmatch(name):
            continue
        match = NAME.fullmatch(name)
        if match is None:
            raise Refusal(f"{weights}: {name} is not a LoRA factor; only lora_A and lora_B weights can be merged")
        sides.setdefault(match["module"], set()).add(match["side"])
    half = [module for module, found in sides.items() if found != {"A", "B"}]
    if half:
        raise Refusal(f"{weights}: {half[0]} has only one of its two factors; the adapter is not whole")
    return Adapter(lora_settings.scale(config, ""), config, sorted(sides), weights)


def updates(adapter: Adapter) -> Iterator[tuple[str, torch.Tensor]]:
    """(module, its scale * B A) in fp32, one at a time."""
    for module in adapter.modules:
        a, b = adapter.factors(module)
        yield module, adapter.scale_of(module) * (b @ a)


def inspect(folder: Path) -> Inspection:
    """Read every factor once."""
    adapter = load(folder)
    found = Inspection(adapter.scale)
    squares = 0.0
    for module in adapter.modules:
        a, b = adapter.factors(module)
        found.num_weights += a.numel() + b.numel()
        target, scale = module.rpartition(".")[2], adapter.scale_of(module)
        found.layers_by_target[target] = found.layers_by_target.get(target, 0) + 1
        found.scales[target] = max(found.scales.get(target, -math.inf), scale)
        update = scale * (b @ a)
        if not all(bool(torch.isfinite(tensor).all()) for tensor in (a, b, update)):
            found.nonfinite.append(module)
            continue
        if not bool(update.any()):
            found.zero_modules.append(module)
        squares += float(update.double().square().sum())
    found.norm = math.sqrt(squares)
    return found
