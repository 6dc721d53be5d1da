"""Fold a LoRA adapter into the original base weights, in fp32, tensor by tensor; and prove it from the files."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from jobs.core.errors import Refusal
from jobs.core.terminal import progress
from jobs.engines.models import adapter as adapters, base_weights, model_config, shards, tokenizer_folder

FLOAT16_MAX = 65504.0


@dataclass
class Proof:
    """What a merged folder is, compared with base and adapter. Residuals are relative to the update's own norm."""

    num_tensors: int = 0
    num_adapted: int = 0
    """Tensors whose update is not zero."""
    num_merged: int = 0
    """Of those, the ones that differ from the base."""
    not_merged: list[str] = field(default_factory=list)
    """Adapted tensors that are still the base's."""
    changed_without_adapter: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    nonfinite: list[str] = field(default_factory=list)
    beyond_float16: list[str] = field(default_factory=list)
    scale_low: float = math.inf
    scale_high: float = -math.inf
    """Smallest and largest scale found by projecting W' - W on B A; where a pattern gives a module another, in the
    proportion to it that the adapter's own scale should have. NaN in any tensor stays NaN here and below."""
    residual: float = 0.0
    residual_tensor: str = ""


def merge(base: Path, adapter_folder: Path, into: Path, dtype: torch.dtype) -> None:
    """Write W' = W + s B A for every adapted tensor and W for every other; raises Refusal for what is not finite.

    A head that a tied model has beside its embedding is left out. Memory is that of the largest tensor in fp32, times
    three.
    """
    folder, adapter = shards.Folder(base), adapters.load(adapter_folder)
    targets = {f"{module}.weight": module for module in adapter.modules}
    unknown = sorted(set(targets) - set(folder.entries))
    if unknown:
        raise Refusal(
            f"{adapter_folder}: {unknown[0]} is not in the base {base.name}; the adapter was trained on another model"
        )
    for name, module in targets.items():
        a, b = adapter.factors(module)
        if (len(b), a.shape[1]) != folder.entries[name].shape:
            raise Refusal(
                f"{adapter_folder}: its update of {name} is {[len(b), a.shape[1]]}, the base's is "
                f"{list(folder.entries[name].shape)}; the adapter was trained on another model"
            )
    into.mkdir(parents=True)
    without = left_out(folder, base)
    with progress("merge", len(folder.entries) - len(without)) as bar:
        done = 0
        for file, names in shards.by_file(folder, without):
            writer = shards.Writer(into / file, {name: folder.entries[name].shape for name in names}, dtype)
            for name in names:
                writer.write(name, _merged(folder, adapter, name, targets.get(name), dtype))
                done += 1
                bar(done)
            writer.close()
    shards.write_index(into, folder, dtype, without)


def left_out(folder: shards.Folder, base: Path) -> list[str]:
    """The tensors that a tied model's file holds once more: its head, which `fetch` found to be the embedding."""
    tied = model_config.read(base, base.name).tie_word_embeddings
    return [base_weights.HEAD] if tied and base_weights.HEAD in folder.entries else []


def head_bytes(base: Path) -> int:
    """Bytes of the head that is left out."""
    tied = model_config.read(base, base.name).tie_word_embeddings
    return base_weights.head_bytes(shards.Folder(base), tied=True) if tied else 0


def _merged(
    folder: shards.Folder, adapter: adapters.Adapter, name: str, module: str | None, dtype: torch.dtype
) -> torch.Tensor:
    weight = folder.read(name)
    if module is not None:
        a, b = adapter.factors(module)
        weight = torch.addmm(weight.float(), b, a, alpha=adapter.scale_of(module))
    if not bool(torch.isfinite(weight).all()):
        raise Refusal(f"{name}: not finite after merging; train again with a lower learning rate or effective scale")
    if dtype == torch.float16 and float(weight.abs().max()) > FLOAT16_MAX:
        raise Refusal(f"{name}: has weights beyond {FLOAT16_MAX:g}, which float16 cannot hold; set merge.dtype=float32")
    return weight


def prove(base: Path, adapter_folder: Path, merged: Path) -> Proof:
    """Compare every tensor of the three, as they are on disk, in fp64."""
    before, after, adapter = shards.Folder(base), shards.Folder(merged), adapters.load(adapter_folder)
    targets = {f"{module}.weight": module for module in adapter.modules}
    proof = Proof(num_tensors=len(after.entries))
    proof.missing = sorted(set(before.entries) - set(after.entries) - set(left_out(before, base)))
    proof.added = sorted(set(after.entries) - set(before.entries))
    proof.not_merged = sorted(set(targets) - set(before.entries))
    proof.num_adapted = len(proof.not_merged)
    with progress("merge: proof", len(before.entries)) as bar:
        for done, name in enumerate(sorted(set(before.entries) & set(after.entries)), 1):
            _prove_tensor(proof, name, before.read(name), after.read(name), adapter, targets.get(name))
            bar(done)
    return proof


def _prove_tensor(
    proof: Proof, name: str, old: torch.Tensor, new: torch.Tensor, adapter: adapters.Adapter, module: str | None
) -> None:
    product = None if module is None else _product(adapter, module)
    updated = product is not None and bool(product.any())
    proof.num_adapted += updated
    if not bool(torch.isfinite(new).all()):
        proof.nonfinite.append(name)
        return
    if float(new.abs().max()) > FLOAT16_MAX:
        proof.beyond_float16.append(name)
    if product is None or not updated or old.shape != new.shape:
        if old.shape != new.shape or not torch.equal(old.to(new.dtype), new):
            proof.changed_without_adapter.append(name)
        return
    moved = new.double().sub_(old)
    if not bool(moved.any()):
        proof.not_merged.append(name)
        return
    proof.num_merged += 1
    assert module is not None
    length, asked = float(product.norm()), adapter.scale_of(module)
    scale = float(torch.dot(moved.view(-1), product.view(-1))) / length**2 / asked * adapter.scale
    residual = float(moved.sub_(product, alpha=asked).norm()) / (abs(asked) * length)
    if math.isnan(scale) or math.isnan(proof.scale_low):
        proof.scale_low = proof.scale_high = math.nan
    else:
        proof.scale_low, proof.scale_high = min(proof.scale_low, scale), max(proof.scale_high, scale)
    if not math.isnan(proof.residual) and not residual <= proof.residual:
        proof.residual, proof.residual_tensor = residual, name


def _product(adapter: adapters.Adapter, module: str) -> torch.Tensor:
    a, b = adapter.factors(module)
    return b.double() @ a.double()


def write_configs(base: Path, tokenizer: Path, into: Path, dtype: str, stop_ids: list[int]) -> None:
    """config.json in `dtype`, a generation config that stops on both ends, and the tokenizer byte for byte."""
    config = model_config.merged(base, base.name, dtype, stop_ids[0])
    (into / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    generation: dict[str, Any] = {}
    if (base / "generation_config.json").exists():
        generation = json.loads((base / "generation_config.json").read_text())
    generation["eos_token_id"] = stop_ids
    (into / "generation_config.json").write_text(json.dumps(generation, indent=2, sort_keys=True) + "\n")
    for path in sorted(tokenizer.iterdir()):
        if path.is_file():
            shutil.copyfile(path, into / path.name)


def is_tied(folder: Path) -> bool:
    """Whether the output head is the embedding: said by the config, and not contradicted by a tensor of its own."""
    weights = shards.Folder(folder)
    if not model_config.read(folder, folder.name).tie_word_embeddings:
        return False
    if base_weights.HEAD not in weights.entries:
        return True
    return base_weights.same(weights.read(base_weights.HEAD), weights.read(base_weights.EMBEDDING))


def form(base: Path, merged: Path) -> dict[str, Any]:
    """What each place of the merged folder says that its readers take from different places."""
    found = tokenizer_folder.inspect(merged)
    return {
        "head_bytes_left_out": head_bytes(base),
        "head_written": base_weights.HEAD in shards.Folder(merged).entries,
        "templates": found["templates"],
        "stops": found["stops"],
        "eos_config": json.loads((merged / "config.json").read_text()).get("eos_token_id"),
    }
