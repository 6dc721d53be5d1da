"""Small random models, adapters and merges, and what a diagnosis sees of them."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from jobs.engines.diagnosing import adapters, folders, weights
from jobs.engines.models import adapter
from jobs.logic.diagnosing.model_seen import WeightsSeen


def merge(base: Path, tuned: Path, into: Path, times: float = 1.0, leave_out: str = "", dtype: str = "float32") -> Path:
    """Base plus `times` the update, whatever is asked; with the base's other files."""
    tensors = {name: tensor.float() for name, tensor in load_file(base / "model.safetensors").items()}
    for module, update in adapter.updates(adapter.load(tuned)):
        if not leave_out or leave_out not in module:
            tensors[f"{module}.weight"] += times * update
    into.mkdir(parents=True, exist_ok=True)
    for path in base.iterdir():
        (into / path.name).write_bytes(path.read_bytes())
    kept = {name: tensor.to(getattr(torch, dtype)) for name, tensor in tensors.items()}
    save_file(kept, into / "model.safetensors", {"format": "pt"})
    return into


def held(base: Path, tuned: Path, merged: Path) -> WeightsSeen:
    """The three held against each other."""
    files = adapters.opened(tuned, "adapter")
    return weights.held(
        folders.stored(base, "base"), weights.OfAdapter(files), folders.stored(merged, "merged"), ("lm_head.weight",)
    )
