"""Base, update and result held against each other, tensor by tensor and a block of rows at a time.

W' - W is projected on the update U. What the projection gives tells a merge that was left out, made twice, or made with
another scale; what it leaves tells another base. That works on quantized weights too, since what quantizing adds has no
direction: its share of the projection is its norm / (sqrt(number of values) x norm of U), which is told as an error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from jobs.engines.diagnosing import tensors
from jobs.engines.diagnosing.adapters import AdapterFiles
from jobs.engines.diagnosing.tensors import Float32, Stored
from jobs.logic.diagnosing.model_seen import ModuleWeights, WeightsSeen
from jobs.logic.diagnosing.type_errors import usual_error
from jobs.logic.training import lora_settings

SAMPLED = 4096
"""Values of a tensor that are kept to find it again under another name."""
LAST_DIGITS = 1e-5
"""Of an update's norm: what summing in float32 in another order leaves."""


class Update(Protocol):
    """What should have been added to the base."""

    by: str

    def names(self) -> list[str]:
        """Tensors with an update."""

    def rows(self, name: str, start: int, stop: int, base: Float32) -> Float32:
        """Rows of the update; `base` has the base's."""

    def settings(self, module: str) -> Mapping[str, object]:
        """Fields of ModuleWeights that the adapter's settings give."""


@dataclass
class OfAdapter:
    """s B A."""

    files: AdapterFiles
    by: str = "adapter"

    def __post_init__(self) -> None:
        self._last: tuple[str, Float32, Float32] | None = None

    def names(self) -> list[str]:
        return [f"{module}.weight" for module in self.files.modules]

    def rows(self, name: str, start: int, stop: int, base: Float32) -> Float32:
        if self._last is None or self._last[0] != name:
            a, b = self.files.factors(name.removesuffix(".weight"))
            self._last = (name, a, b * np.float32(self.files.scale_of(name.removesuffix(".weight"))))
        update: Float32 = self._last[2][start:stop] @ self._last[1]
        return update

    def settings(self, module: str) -> Mapping[str, object]:
        config = self.files.config
        rank, alpha = lora_settings.rank(config, module), lora_settings.alpha(config, module)
        plain = {"plain_alpha": config["lora_alpha"], "plain_rank": config["r"]}
        patterned = (rank, alpha) != (config["r"], config["lora_alpha"])
        return {**plain, "rank": rank, "alpha": alpha, "rslora": bool(config.get("use_rslora")), "patterned": patterned}


@dataclass
class OfMerged:
    """A merged folder less the base."""

    merged: Stored
    by: str = "merged"

    def names(self) -> list[str]:
        return list(self.merged.shapes)

    def rows(self, name: str, start: int, stop: int, base: Float32) -> Float32:
        merged = self.merged.rows(name, start, stop)
        if np.array_equal(merged, tensors.rounded(base, self.merged.type_of(name))):
            return np.zeros_like(base)
        return merged - base

    def settings(self, module: str) -> Mapping[str, object]:
        return {}


@dataclass
class Sums:
    """Of one tensor, in float64."""

    length: int = 0
    base: float = 0.0
    moved: float = 0.0
    update: float = 0.0
    both: float = 0.0
    """<moved, update>"""
    rounding: float = 0.0
    off: float = 0.0
    """Of W' less rounded W + U, squared."""
    off_base: float = 0.0
    """Of W' less rounded W, squared."""
    off_bfloat16: float = 0.0
    """The same, had W been bfloat16 on the way."""

    def add(self, old: Float32, new: Float32, update: Float32 | None, type: str) -> None:
        """Take a block in; NaN and infinity make the sums what they are."""
        moved = new - old
        self.length += old.size
        self.base += square(old)
        self.moved += square(moved)
        self.off_base += square(new - tensors.rounded(old, type))
        self.off_bfloat16 += square(new - tensors.rounded(tensors.rounded(old, "BF16"), type))
        if update is None:
            return
        self.update += square(update)
        self.both += float(np.vdot(moved.astype(np.float64), update))
        whole = old + update
        near = tensors.rounded(whole, type)
        self.rounding += square(near - whole)
        self.off += square(new - near)

    def relative(self, squared: float) -> float:
        """A norm against the base's."""
        return math.sqrt(squared / self.base) if self.base > 0 else (math.inf if squared else 0.0)


def square(values: Float32) -> float:
    """The sum of squares."""
    flat = values.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(np.dot(flat, flat))
        return total if math.isfinite(total) else float(np.square(flat, dtype=np.float64).sum())


def held(base: Stored, update: Update | None, target: Stored, without: tuple[str, ...] = ()) -> WeightsSeen:
    """Every tensor of the base against the target's; `without` are names that need not be there."""
    names = set(update.names()) if update is not None else set()
    modules: list[ModuleWeights] = []
    others: dict[str, float] = {}
    far: list[str] = []
    same, misshapen, num_other, types = True, [], 0, dict[str, int]()
    shared = [name for name in base.shapes if name in target.shapes]
    for name in shared:
        if base.shapes[name] != target.shapes[name]:
            misshapen.append(f"{name} is {list(target.shapes[name])}, the base's is {list(base.shapes[name])}")
            continue
        kind = target.type_of(name)
        if len(base.shapes[name]) > 1:
            types[kind] = types.get(kind, 0) + 1
        sums = summed(base, update if name in names else None, target, name)
        moved = sums.relative(min(sums.off_base, sums.off_bfloat16))
        usual = 2 * usual_error(kind)
        same = same and moved <= usual
        if sums.update > 0:
            assert update is not None
            modules.append(of_module(name, sums, kind, update.settings(name.removesuffix(".weight"))))
            far += [name] if not sums.relative(sums.off) <= max(usual, 0.5) else []
        else:
            num_other += 1
            if not moved <= usual:
                others[name] = moved
                far += [name] if not moved <= 0.5 else []
    missing = tuple(name for name in base.shapes if name not in target.shapes and name not in without)
    return WeightsSeen(
        of=target.where,
        by=update.by if update is not None else "",
        modules=tuple(modules),
        other_changed=tuple(others),
        other_moved=max(others.values(), default=0.0),
        num_other=num_other,
        swapped=tuple(exchanged(base, target, far)) if len(far) > 1 else (),
        base_is_same=same and bool(shared) and not misshapen,
        missing=missing,
        misshapen=tuple(misshapen),
        types=types,
    )


def summed(base: Stored, update: Update | None, target: Stored, name: str) -> Sums:
    """One pass over a tensor."""
    sums, kind = Sums(), target.type_of(name)
    for start, stop in tensors.blocks(base.shapes[name]):
        old = base.rows(name, start, stop)
        sums.add(
            old,
            target.rows(name, start, stop),
            None if update is None else update.rows(name, start, stop, old),
            kind,
        )
    return sums


def of_module(name: str, sums: Sums, kind: str, settings: Mapping[str, object]) -> ModuleWeights:
    """The projection, from sums."""
    scale = sums.both / sums.update
    left = max(0.0, sums.moved - scale**2 * sums.update) if math.isfinite(sums.moved) else math.nan
    length = math.sqrt(sums.update)
    residual = math.sqrt(left) / length
    return ModuleWeights(
        name=name.removesuffix(".weight"),
        scale=scale,
        error=residual / math.sqrt(sums.length),
        residual=residual,
        rounding=math.sqrt(sums.rounding) / length,
        exact=math.sqrt(sums.off) <= LAST_DIGITS * (length + math.sqrt(sums.base)) and kind in tensors.LAYOUTS,
        **settings,  # type: ignore[arg-type]
    )


def exchanged(base: Stored, target: Stored, far: list[str]) -> list[tuple[str, str]]:
    """(tensor of the target, tensor of the base that it is near), by values at fixed places."""
    ours = {name: sampled(base, name) for name in base.shapes if len(base.shapes[name]) > 1}
    found = []
    for name in far:
        if len(target.shapes[name]) < 2:
            continue
        values = sampled(target, name)
        alike = {
            other: float(np.dot(values, mine) / (np.linalg.norm(values) * np.linalg.norm(mine) or 1.0))
            for other, mine in ours.items()
            if base.shapes[other] == target.shapes[name]
        }
        best = max(alike, key=lambda other: alike[other])
        if best != name and alike[best] > 0.8 > 2 * abs(alike[name]):
            found.append((name, best))
    return found


def sampled(stored: Stored, name: str) -> Float32:
    """Values at fixed places, of the first block of rows."""
    start, stop = next(tensors.blocks(stored.shapes[name]))
    values = stored.rows(name, start, stop).reshape(-1)
    picked: Float32 = values[:: max(1, values.size // SAMPLED)][:SAMPLED]
    return picked
