"""A PEFT adapter's folder as a diagnosis sees it, one module in memory; a pickle is named and never opened."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jobs.engines.diagnosing import tensors
from jobs.engines.diagnosing.boundary import Unreadable
from jobs.engines.diagnosing.tensors import Float32
from jobs.logic.diagnosing.model_seen import AdapterSeen
from jobs.logic.training import lora_settings

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
FACTOR = re.compile(r"(?:base_model\.model\.)?(?P<module>.+)\.lora_(?P<side>[AB])(?:\.\w+)?\.weight")
OF_TRAINING = re.compile(r".+\.lora_velora_embed")
MOST_JSON_BYTES = 64 << 20
MOST_NUMBER = 1 << 31


class AdapterFiles:
    """An opened adapter; what keeps it from being understood is in `not_plain`, and then there are no modules."""

    def __init__(self, folder: Path, where: str) -> None:
        self.where = where
        self.config = read_object(folder / CONFIG)
        self.not_plain: list[str] = lora_settings.offences(self.config)
        self.stored = tensors.SafetensorsFiles(where, [folder / WEIGHTS] if (folder / WEIGHTS).is_file() else [])
        if not (folder / WEIGHTS).is_file():
            self.not_plain.append(f"{where}: has no {WEIGHTS}; a pickle (adapter_model.bin) is not opened")
        self.not_plain += self.stored.problems
        sides: dict[str, dict[str, str]] = {}
        for name in self.stored.places:
            found = FACTOR.fullmatch(name)
            if found:
                sides.setdefault(found["module"], {})[found["side"]] = name
            elif not OF_TRAINING.fullmatch(name):
                self.not_plain.append(f"{where}: {name} is no factor of LoRA")
        self.factors_of = {module: both for module, both in sorted(sides.items()) if len(both) == 2}
        self.not_plain += [
            f"{where}: {module} has only one of its two factors" for module in sides if module not in self.factors_of
        ]
        self.not_plain += [f"{where}: {wrong}" for module in self.factors_of if (wrong := self.misshapen(module))]

    def _shapes(self, module: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        both = self.factors_of[module]
        return self.stored.shapes[both["A"]], self.stored.shapes[both["B"]]

    def misshapen(self, module: str) -> str:
        """Why its factors cannot be multiplied; empty: they can."""
        a, b = self._shapes(module)
        fit = len(a) == len(b) == 2 and a[0] == b[1] and min(*a, *b) > 0
        return (
            "" if fit else f"the factors of {module} are {list(a)} and {list(b)}, expected [rank, in] and [out, rank]"
        )

    def shape(self, module: str) -> tuple[int, int]:
        """[out, in] of its update."""
        a, b = self._shapes(module)
        return b[0], a[1]

    def misfits(self, base: Mapping[str, tuple[int, ...]]) -> list[str]:
        """Modules whose update has another shape than the weight of the base that it belongs to."""
        found = []
        for module in self.modules:
            own = self.shape(module)
            asked = base.get(f"{module}.weight", own)
            if asked != own:
                found.append(f"{self.where}: its update of {module} is {list(own)}, the base's is {list(asked)}")
        return found

    @property
    def modules(self) -> list[str]:
        """Names as in the base model, without `.weight`; none where the update is not known."""
        return [] if self.not_plain else list(self.factors_of)

    def factors(self, module: str) -> tuple[Float32, Float32]:
        """(A [rank, in], B [out, rank])."""
        both = self.factors_of[module]
        a, b = (
            self.stored.rows(both[side], 0, tensors.as_matrix(self.stored.shapes[both[side]])[0]) for side in ("A", "B")
        )
        return a, b

    def scale_of(self, module: str) -> float:
        """What its B A is multiplied with."""
        return lora_settings.scale(self.config, module)


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object; Unreadable for anything else, in one line."""
    if path.stat().st_size > MOST_JSON_BYTES:
        raise Unreadable(f"{path.name}: {path.stat().st_size} bytes are no settings")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Unreadable(f"{path.name}: is no JSON ({str(error)[:80]})") from None
    if not isinstance(data, dict):
        raise Unreadable(f"{path.name}: is {type(data).__name__}, expected an object")
    return data


def opened(folder: Path, where: str) -> AdapterFiles:
    """Raises Unreadable where its settings cannot be read, OSError where they are not there."""
    return AdapterFiles(folder, where)


def seen(files: AdapterFiles) -> AdapterSeen:
    """Read every factor once."""
    config = files.config
    alpha, saved = config.get("lora_alpha"), config.get("modules_to_save")
    layers: dict[str, int] = {}
    zero, nonfinite, other_ranks, squares = [], [], [], 0.0
    for module in files.factors_of:
        target = module.rpartition(".")[2]
        layers[target] = layers.get(target, 0) + 1
        if files.misshapen(module):
            continue
        a, b = files.factors(module)
        if isinstance(config.get("r"), int) and not files.not_plain and len(a) != lora_settings.rank(config, module):
            other_ranks.append(module)
        if not (np.isfinite(a).all() and np.isfinite(b).all()):
            nonfinite.append(module)
            continue
        square = float(((b.astype(np.float64).T @ b) * (a.astype(np.float64) @ a.T)).sum())
        if square <= 0:
            zero.append(module)
        squares += 0.0 if files.not_plain else max(0.0, square) * files.scale_of(module) ** 2
    return AdapterSeen(
        folder=files.where,
        rank=number(config, "r"),
        alpha=float(alpha) if alpha is not None and lora_settings.is_number(alpha) else None,
        rslora=bool(config.get("use_rslora")),
        patterns=bool(config.get("rank_pattern") or config.get("alpha_pattern")),
        target_modules=layers,
        expected_layers=max(layers.values(), default=None),
        zero=tuple(zero),
        nonfinite=tuple(nonfinite),
        norm=math.sqrt(squares),
        base_model=str(config["base_model_name_or_path"]) if config.get("base_model_name_or_path") else None,
        modules_to_save=tuple(str(one) for one in saved) if isinstance(saved, list) else (),
        not_plain=tuple(files.not_plain),
        other_ranks=tuple(other_ranks),
    )


def number(config: Mapping[str, Any], key: str) -> int | None:
    """A whole number of the settings, from 0 to `MOST_NUMBER`."""
    value = config.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_NUMBER else None
