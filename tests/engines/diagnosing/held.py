"""Small random models, adapters and merges, and what a diagnosis sees of them."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from jobs.engines.diagnosing import adapters, folders, looking, model_files, weights
from jobs.engines.models import adapter
from jobs.logic.diagnosing import (  # noqa: F401 - registers them
    causes_gguf,
    causes_modelfile,
    causes_quantizing,
    causes_tensors,
    causes_weights,
)
from jobs.logic.diagnosing.cause import CAUSES
from jobs.logic.diagnosing.evidence import Evidence
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


def evidence(*paths: str | Path) -> Evidence:
    """What is seen of these files of models."""
    seen = model_files.read(looking.look(paths))
    return Evidence(
        taken=seen.looked.taken,
        base=seen.base,
        adapter=seen.adapter,
        merged=seen.merged,
        weights=seen.weights,
        ggufs=seen.ggufs,
        modelfile=seen.modelfile,
    )


def found(seen: Evidence) -> dict[str, str]:
    """Names of the causes that are found, with their class."""
    asked = [one for one in CAUSES if one.code[:4] in ("CAU3", "CAU4")]
    told = {one.name: one.check(seen).certainty for one in asked}
    return {name: certainty.value for name, certainty in told.items() if certainty.found}


def held(base: Path, tuned: Path, merged: Path) -> WeightsSeen:
    """The three held against each other."""
    update = weights.OfAdapter(adapters.opened(tuned, "adapter"))
    target = folders.stored(merged, "merged")
    comparison = weights.Comparison(folders.stored(base, "base"), update, target)
    weights.pass_over(target, [comparison])
    return comparison.seen()
