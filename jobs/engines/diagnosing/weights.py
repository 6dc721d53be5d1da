"""Base, update and result held against each other, tensor by tensor and a block of rows at a time.

W' - W is projected on the update U. What the projection gives tells a merge that was left out, made twice, or made with
another scale; what it leaves tells another base. That works on quantized weights too, since what quantizing adds has no
direction: its share of the projection is its norm / (sqrt(number of values) x norm of U), which is told as an error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
HEAD = "lm_head.weight"
FLOAT16_MAX = 65504.0
MOSTLY = 0.8
"""Share of tensors that two files of one model have in common, in name and shape; a layer more or less is another."""
LAST_DIGITS = 1e-5
"""Of an update's norm: what summing in float32 in another order leaves."""


class Update(Protocol):
    """What should have been added to the base."""

    by: str

    def names(self) -> list[str]:
        """Tensors with an update."""

    def shape(self, name: str) -> tuple[int, ...]:
        """Of the update of a tensor."""

    def rows(self, name: str, start: int, stop: int, base: Float32) -> Float32 | None:
        """Rows of the update, None where it is nothing; `base` has the base's."""

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

    def shape(self, name: str) -> tuple[int, ...]:
        return self.files.shape(name.removesuffix(".weight"))

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

    def shape(self, name: str) -> tuple[int, ...]:
        return self.merged.shapes[name]

    def rows(self, name: str, start: int, stop: int, base: Float32) -> Float32 | None:
        merged = self.merged.rows(name, start, stop)
        if np.array_equal(merged, tensors.rounded(base, self.merged.type_of(name))):
            return None
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

    def add(self, old: Float32, new: Float32, update: Float32 | None, type: str) -> None:
        """Take a block in; NaN and infinity make the sums what they are."""
        self.length += old.size
        self.base += square(old)
        near = tensors.rounded(old, type)
        if not np.array_equal(near, new):
            self.off_base += square(new - near)
        if update is None:
            return
        moved = new - old
        self.moved += square(moved)
        self.update += square(update)
        self.both += float(np.vdot(moved, update))
        whole = old + update
        near = tensors.rounded(whole, type)
        self.rounding += square(near - whole) if type in ("F16", "BF16") else 0.0
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


@dataclass
class Comparison:
    """A target against a base, tensor by tensor as `pass_over` comes to it."""

    base: Stored
    update: Update | None
    target: Stored
    names: set[str] = field(init=False)
    modules: list[ModuleWeights] = field(default_factory=list)
    others: dict[str, float] = field(default_factory=dict)
    far: list[str] = field(default_factory=list)
    misshapen: list[str] = field(default_factory=list)
    types: dict[str, int] = field(default_factory=dict)
    num_shared: int = 0
    num_other: int = 0
    num_exact: int = 0
    same: bool = True

    def __post_init__(self) -> None:
        shapes, update = self.base.shapes, self.update
        names = [] if update is None else update.names()
        self.names = {name for name in names if update and shapes.get(name) in (None, update.shape(name))}

    def wants(self, name: str) -> bool:
        """Whether both have this tensor, in one shape."""
        if name not in self.base.shapes:
            return False
        asked, found = self.base.shapes[name], self.target.shapes[name]
        self.num_shared += 1
        if asked != found:
            self.misshapen.append(f"{name} is {list(found)}, the base's is {list(asked)}")
        return asked == found

    def add(self, name: str, rows: tuple[int, int], new: Float32, sums: Sums) -> None:
        """Take a block of the target in."""
        old = self.base.rows(name, *rows)
        update = self.update.rows(name, *rows, old) if self.update is not None and name in self.names else None
        sums.add(old, new, update, self.target.type_of(name))

    def take(self, name: str, sums: Sums) -> None:
        """A tensor is done."""
        kind = self.target.type_of(name)
        if len(self.target.shapes[name]) > 1:
            self.types[kind] = self.types.get(kind, 0) + 1
        usual, moved = 2 * usual_error(kind), sums.relative(sums.off_base)
        if moved > usual and kind in ("F32", "F16"):
            moved = min(moved, sums.relative(off_bfloat16(self.base, self.target, name)))
        self.same, self.num_exact = self.same and moved <= usual, self.num_exact + (sums.off_base == 0)
        if sums.update > 0:
            assert self.update is not None
            self.modules.append(of_module(name, sums, kind, self.update.settings(name.removesuffix(".weight"))))
            self.far += [name] if not sums.relative(sums.off) <= max(usual, 0.5) else []
            return
        self.num_other += 1
        if not moved <= usual:
            self.others[name] = moved
            self.far += [name] if not moved <= 0.5 else []

    def seen(self) -> WeightsSeen:
        """After all tensors. A head may be left out where the embedding is one."""
        missing = [name for name in self.base.shapes if name not in self.target.shapes and name != HEAD]
        return WeightsSeen(
            of=self.target.where,
            by=self.update.by if self.update is not None else "",
            modules=tuple(self.modules),
            other_changed=tuple(self.others),
            other_moved=max(self.others.values(), default=0.0),
            num_other=self.num_other,
            swapped=tuple(exchanged(self.base, self.target, self.far)) if len(self.far) > 1 else (),
            base_is_same=self.same and self.num_shared > 0 and not self.misshapen,
            missing=tuple(missing),
            misshapen=tuple(self.misshapen),
            types=self.types,
            num_exact=self.num_exact,
            num_shared=self.num_shared,
        )


def unlike(base: Stored, target: Stored) -> str:
    """Why the target cannot be of the base; empty where names and shapes are those of one model, but for a few."""
    num = max(len(base.shapes), len(target.shapes))
    shared = [name for name in base.shapes if name in target.shapes]
    same = sum(base.shapes[name] == target.shapes[name] for name in shared)
    if num and len(shared) >= MOSTLY * num and same >= MOSTLY * len(shared):
        return ""
    return f"{same} of its {len(target.shapes)} tensors have the name and the shape of one of {base.where}"


@dataclass
class Finite:
    """Tensors by what is in them that should not be."""

    nan: list[str] = field(default_factory=list)
    infinite: list[str] = field(default_factory=list)
    beyond_float16: list[str] = field(default_factory=list)

    def look(self, name: str, values: Float32) -> None:
        """Take a block in."""
        if values.size == 0:
            return
        low, high = float(values.min()), float(values.max())  # NaN where there is one
        if not math.isfinite(low + high):
            finite = values[np.isfinite(values)]
            found = self.nan if bool(np.isnan(values).any()) else self.infinite
            found += [] if name in found else [name]
            low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
        if max(-low, high) > FLOAT16_MAX and name not in self.beyond_float16:
            self.beyond_float16.append(name)


def pass_over(target: Stored, comparisons: Sequence[Comparison] = ()) -> Finite:
    """Every tensor of the target once, for all comparisons with it together."""
    found = Finite()
    for name, shape in target.shapes.items():
        running = [(one, Sums()) for one in comparisons if one.wants(name)]
        for rows in tensors.blocks(shape):
            new = target.rows(name, *rows)
            found.look(name, new)
            with np.errstate(over="ignore", invalid="ignore"):
                for one, sums in running:
                    one.add(name, rows, new, sums)
        for one, sums in running:
            one.take(name, sums)
    return found


def off_bfloat16(base: Stored, target: Stored, name: str) -> float:
    """How far a tensor is from the base's, had that been bfloat16 on the way; squared."""
    total = 0.0
    for rows in tensors.blocks(base.shapes[name]):
        near = tensors.rounded(tensors.rounded(base.rows(name, *rows), "BF16"), target.type_of(name))
        total += square(target.rows(name, *rows) - near)
    return total


def of_module(name: str, sums: Sums, kind: str, settings: Mapping[str, object]) -> ModuleWeights:
    """The projection, from sums."""
    scale = sums.both / sums.update
    left = max(0.0, sums.moved - scale**2 * sums.update) if math.isfinite(sums.moved) else math.nan
    length = math.sqrt(sums.update)
    residual = math.sqrt(left) / length
    exact = sums.off <= (LAST_DIGITS * (length + math.sqrt(sums.base))) ** 2 and kind in tensors.LAYOUTS
    return ModuleWeights(
        name=name.removesuffix(".weight"),
        scale=scale,
        error=residual / math.sqrt(sums.length),
        residual=residual,
        rounding=math.sqrt(sums.rounding) / length,
        exact=exact,
        size=length,
        apart=sums.relative(left),
        usual=usual_error(kind),
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
