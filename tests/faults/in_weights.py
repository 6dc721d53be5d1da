"""Faults of the merge: the same change to a run's `merge/model` and to a stranger's `merged`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.faults import on_a_run
from tests.faults.fault import Fault, Ours, Theirs
from tests.faults.peer import Recipe, Ways
from tests.whole_run import own

Weights = dict[str, Any]
Change = Callable[[Weights, Weights, dict[str, Any]], None]
"""Merged weights, which it changes, the base's, and module to update."""
FILE = "model.safetensors"


def changed(base: Path, adapter: Path, merged: Path, change: Change) -> None:
    """Read, change, write."""
    from safetensors.torch import load_file, save_file

    from jobs.engines.models import adapter as adapters

    weights = load_file(merged / FILE)
    updates = dict(adapters.updates(adapters.load(adapter)))
    change(weights, load_file(base / FILE), updates)
    own(merged / FILE)
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, merged / FILE, metadata={"format": "pt"})


def in_ours(change: Change) -> Callable[[Path], None]:
    return lambda run: changed(run / "fetch/model", run / "train/adapter", run / "merge/model", change)


def in_theirs(change: Change) -> Callable[[Path], None]:
    return lambda folder: changed(folder / "base", folder / "adapter", folder / "merged", change)


def scaled(scale: float, leave_out: str = "", only: str = "") -> Change:
    """Base plus the update at another strength, or all but a module's."""

    def change(weights: Weights, base: Weights, updates: dict[str, Any]) -> None:
        for module, update in updates.items():
            name = f"{module}.weight"
            if leave_out and leave_out in module:
                weights[name] = base[name].to(weights[name].dtype)
            elif not leave_out and only in module:
                weights[name] = (base[name].float() + scale * update).to(weights[name].dtype)

    return change


def another_base(weights: Weights, base: Weights, updates: dict[str, Any]) -> None:
    """The same architecture, trained on for a while: every matrix is a little elsewhere."""
    import torch

    torch.manual_seed(1)
    for name, tensor in weights.items():
        noise = torch.randn_like(tensor.float())
        weights[name] = (tensor.float() + 0.05 * tensor.float().std() * noise).to(tensor.dtype)


def in_bfloat16(weights: Weights, base: Weights, updates: dict[str, Any]) -> None:
    """A weak update, added in bfloat16."""
    import torch

    for module, update in updates.items():
        name = f"{module}.weight"
        weights[name] = (base[name].to(torch.bfloat16) + (0.02 * update).to(torch.bfloat16)).to(weights[name].dtype)


def overflown(weights: Weights, base: Weights, updates: dict[str, Any]) -> None:
    weights["model.layers.0.mlp.down_proj.weight"][1, :3] = float("inf")


def not_a_number(weights: Weights, base: Weights, updates: dict[str, Any]) -> None:
    weights["model.layers.0.mlp.down_proj.weight"][3, 5] = float("nan")


def layers_swapped(weights: Weights, base: Weights, updates: dict[str, Any]) -> None:
    for name in [name for name in weights if name.startswith("model.layers.0.")]:
        other = name.replace("layers.0.", "layers.1.")
        weights[name], weights[other] = weights[other], weights[name]


def head_unequal(weights: Weights, base: Weights, updates: dict[str, Any]) -> None:
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"].clone() * 0.5


def head_lost(folder: Path) -> None:
    path = own(folder / "config.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"tie_word_embeddings": False}, indent=1))


def a_weak_tune(folder: Path) -> None:
    """The adapter of a weak tune beside what a merge in bfloat16 made of it."""
    from safetensors.torch import load_file, save_file

    path = folder / "adapter/adapter_model.safetensors"
    weights = load_file(path)
    own(path)
    save_file({name: 0.02 * tensor if "lora_B" in name else tensor for name, tensor in weights.items()}, path)
    change: Change = lambda weights, base, updates: in_bfloat16(weights, base, {k: 50 * v for k, v in updates.items()})  # noqa: E731
    in_theirs(change)(folder)


def both(name: str, causes: str, gates: str, change: Change) -> Fault:
    """The same fault on both sides."""
    theirs = Theirs(after=in_theirs(change), remake="converted answered")
    return Fault(name, causes, Ours(gates, stage="merge", spoil=in_ours(change)), theirs)


HOT = Ways(recipe=replace(Recipe(), rslora=True))
UNEVEN = Ways(recipe=replace(Recipe(), alpha_pattern={"q_proj": 128}))
FAULTS = [
    both("adapter not merged", "adapter-not-merged", "MRG002 MRG001", scaled(0.0)),
    both("adapter merged twice", "adapter-merged-twice", "MRG003", scaled(2.0)),
    both("merged into another base", "merged-into-another-base", "MRG004 MRG005", another_base),
    both("merged with half the scale", "merged-with-wrong-scale", "MRG003", scaled(0.5)),
    Fault(
        "alpha / rank where rsLoRA was trained",
        "merged-with-wrong-scale",
        None,
        Theirs(ways=HOT, after=in_theirs(scaled(1 / 32**0.5)), remake="converted answered"),
    ),
    Fault(
        "alpha_pattern left out of account",
        "merged-with-wrong-scale",
        None,
        Theirs(ways=UNEVEN, after=in_theirs(scaled(0.25, only="q_proj")), remake="converted answered"),
    ),
    both("one module not merged", "modules-left-out-of-merge", "MRG001", scaled(1.0, leave_out="layers.1.mlp.up_proj")),
    both("layers swapped", "layers-swapped", "MRG004 MRG005", layers_swapped),
    both("a weight that is no number", "weights-not-finite", "MRG006", not_a_number),
    both("float16 overflow", "float16-overflow weights-not-finite", "MRG006 MRG007", overflown),
    both("a tied head that is another", "tied-head-unequal", "MRG008 MRG016 MRG005", head_unequal),
    Fault(
        "tied head lost",
        "tied-head-lost",
        Ours("MRG008", stage="merge", spoil=lambda run: head_lost(run / "merge/model")),
        Theirs(after=lambda folder: head_lost(folder / "merged")),
    ),
    Fault(
        "bfloat16 merge of a weak tune",
        "tune-lost-in-rounding",
        Ours("MRG003 MRG004", stage="merge", spoil=in_ours(in_bfloat16)),
        Theirs(after=a_weak_tune, remake="converted answered"),
    ),
    Fault("NaN in the base", "weights-not-finite", Ours("FET001", stage="fetch", spoil=on_a_run.nan_weight), None),
]
