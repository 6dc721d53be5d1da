"""What a run of ours was told, from the configs in its records, or from an experiment's YAML."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs.logic.diagnosing import dialects
from jobs.logic.diagnosing.settings_seen import SettingsSeen

MOST_BYTES = 64 << 20
"""Of a record."""


def of_records(paths: Sequence[Path]) -> SettingsSeen | None:
    """The settings that records of one run hold together; None where the record of `train` is not among them."""
    configs: dict[str, Mapping[str, Any]] = {}
    where: dict[str, Path] = {}
    for path in paths:
        file = path / "artifact.json" if path.is_dir() else path
        try:
            if file.stat().st_size > MOST_BYTES:
                continue
            data = json.loads(file.read_bytes())
            stage, config = str(data["stage"]), data["key"]["config"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue  # whoever reads the record says what is wrong with it
        if isinstance(config, Mapping) and stage not in configs:
            configs[stage], where[stage] = config, file
    if "train" not in configs:
        return None
    return understood(str(where["train"]), configs)


def understood(file: str, configs: Mapping[str, Mapping[str, Any]]) -> SettingsSeen:
    """The settings of the stages' configs."""
    train, preflight = _part(configs, "train"), _part(configs, "preflight")
    lora, schedule, chat = _part(train, "lora"), _part(train, "schedule"), _part(preflight, "chat")
    weight = dialects.number(train.get("prompt_loss_weight"))
    fields: dict[str, tuple[Any, str]] = {
        "base_model": (dialects.text(_part(configs, "fetch").get("id")), "fetch.id"),
        "rank": (dialects.positive(lora.get("rank")), "train.lora.rank"),
        "alpha": (dialects.number(lora.get("alpha")), "train.lora.alpha"),
        "rslora": (dialects.flag(lora.get("rslora")), "train.lora.rslora"),
        "dropout": (dialects.number(lora.get("dropout")), "train.lora.dropout"),
        "target_modules": (dialects.names(lora.get("target_modules")), "train.lora.target_modules"),
        "learning_rate": (dialects.number(schedule.get("learning_rate")), "train.schedule.learning_rate"),
        "scheduler": (dialects.text(schedule.get("kind")), "train.schedule.kind"),
        "warmup": (dialects.number(schedule.get("warmup_fraction")), "train.schedule.warmup_fraction"),
        "num_epochs": (dialects.number(schedule.get("num_epochs")), "train.schedule.num_epochs"),
        "batch_size": (dialects.positive(schedule.get("batch_size")), "train.schedule.batch_size"),
        "gradient_accumulation": (
            dialects.positive(schedule.get("gradient_accumulation")), "train.schedule.gradient_accumulation",
        ),
        "eval_every": (dialects.per_epoch(schedule.get("evals_per_epoch")), "train.schedule.evals_per_epoch"),
        "max_length": (dialects.positive(preflight.get("max_length")), "preflight.max_length"),
        "responses_only": (None if weight is None else weight == 0, "train.prompt_loss_weight"),
        "template": (dialects.text(chat.get("template")), "chat.template"),
        "dtype": (dialects.text(train.get("dtype")), "train.dtype"),
        "seed": (dialects.whole(train.get("seed")), "train.seed"),
    }  # fmt: skip
    said = {name: value for name, (value, _) in fields.items() if value is not None}
    keys = {name: key for name, (value, key) in fields.items() if value is not None}
    return SettingsSeen(file=file, dialect=dialects.KIWAME, packing=False, best_kept=True, keys=keys, **said)


def _part(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = data.get(key)
    return found if isinstance(found, Mapping) else {}
