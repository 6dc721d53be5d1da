"""What the trainers' settings mean: each one's keys, defaults and habits, as the fields of `SettingsSeen`.

Keys and defaults are those of transformers 5.17, TRL 1.15 and PEFT 0.21 as installed, of Axolotl's schemas
(src/axolotl/utils/schemas) and of LLaMA-Factory's arguments (src/llamafactory/hparams).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from jobs.logic.diagnosing.settings_seen import SettingsSeen

KIWAME, TRANSFORMERS, TRL, AXOLOTL, LLAMA_FACTORY, UNSLOTH, SCRIPT = (
    "kiwame", "transformers", "trl", "axolotl", "llama_factory", "unsloth", "script",
)  # fmt: skip

OF_LORA = ("rank", "alpha", "rslora", "dropout", "target_modules")
"""Fields that mean something where an adapter is trained."""

Read = Callable[[Any], Any]


def number(value: Any) -> float | None:
    """A finite number; YAML 1.1 reads `2e-4` as text."""
    if isinstance(value, bool):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def whole(value: Any) -> int | None:
    found = number(value)
    return int(found) if found is not None and found == int(found) else None


def positive(value: Any) -> int | None:
    """A count; -1 and 0 say that there is none."""
    found = whole(value)
    return found if found is not None and found > 0 else None


def flag(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    return words.get(str(value).strip().lower()) if isinstance(value, str | int) else None


def opposite(value: Any) -> bool | None:
    found = flag(value)
    return None if found is None else not found


def text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def names(value: Any) -> tuple[str, ...] | None:
    """A list of names, or one text with commas."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    if isinstance(value, list | tuple | set | frozenset) and all(isinstance(one, str) for one in value):
        return tuple(one for one in value if one)
    return None


def strategy(value: Any) -> bool | None:
    """`eval_strategy`: `no`, `steps` or `epoch`; YAML 1.1 reads `no` as false."""
    if isinstance(value, bool):
        return value
    return value.lower() != "no" if isinstance(value, str) else None


def above_zero(value: Any) -> bool | None:
    found = number(value)
    return None if found is None else found > 0


def anything(value: Any) -> bool:
    return bool(value)


def per_epoch(value: Any) -> float | None:
    """Evaluations an epoch as a share of the epoch, below 1, or 1."""
    found = number(value)
    return 1 / found if found else None


HF: dict[str, tuple[str, Read]] = {
    "learning_rate": ("learning_rate", number), "num_train_epochs": ("num_epochs", number),
    "max_steps": ("max_steps", positive), "per_device_train_batch_size": ("batch_size", positive),
    "gradient_accumulation_steps": ("gradient_accumulation", positive), "lr_scheduler_type": ("scheduler", text),
    "warmup_ratio": ("warmup", number), "warmup_steps": ("warmup", number),
    "eval_strategy": ("has_evaluation", strategy), "evaluation_strategy": ("has_evaluation", strategy),
    "eval_steps": ("eval_every", number), "load_best_model_at_end": ("best_kept", flag), "seed": ("seed", whole),
}  # fmt: skip
PEFT: dict[str, tuple[str, Read]] = {
    "r": ("rank", positive), "lora_r": ("rank", positive), "lora_rank": ("rank", positive),
    "lora_alpha": ("alpha", number), "use_rslora": ("rslora", flag), "lora_dropout": ("dropout", number),
    "target_modules": ("target_modules", names), "lora_target_modules": ("target_modules", names),
    "modules_to_save": ("modules_to_save", names), "lora_modules_to_save": ("modules_to_save", names),
}  # fmt: skip
OF_TRL: dict[str, tuple[str, Read]] = {
    "model_name_or_path": ("base_model", text), "model_name": ("base_model", text),
    "max_length": ("max_length", positive), "max_seq_length": ("max_length", positive), "packing": ("packing", flag),
    "assistant_only_loss": ("responses_only", flag), "completion_only_loss": ("responses_only", flag),
    "train_on_responses_only": ("responses_only", flag), "instruction_part": ("instruction_part", text),
    "response_part": ("response_part", text), "response_template": ("response_part", text),
    "instruction_template": ("instruction_part", text), "eos_token": ("eos_token", text),
    "pad_token": ("pad_token", text), "chat_template_path": ("template", text), "chat_template": ("template", text),
    "load_in_4bit": ("four_bit", flag), "dtype": ("dtype", text), "torch_dtype": ("dtype", text),
    "pad_is_eos": ("pad_is_eos", flag), "eval_dataset": ("has_evaluation", anything),
    "default_system_message": ("default_system", text),
}  # fmt: skip
OF_AXOLOTL: dict[str, tuple[str, Read]] = {
    "base_model": ("base_model", text), "sequence_len": ("max_length", positive), "sample_packing": ("packing", flag),
    "train_on_inputs": ("responses_only", opposite), "micro_batch_size": ("batch_size", positive),
    "num_epochs": ("num_epochs", number), "lr_scheduler": ("scheduler", text), "peft_use_rslora": ("rslora", flag),
    "val_set_size": ("has_evaluation", above_zero), "test_datasets": ("has_evaluation", anything),
    "evals_per_epoch": ("eval_every", per_epoch), "early_stopping_patience": ("best_kept", above_zero),
    "chat_template": ("template", text), "chat_template_jinja": ("template", text), "load_in_4bit": ("four_bit", flag),
    "eos_token": ("eos_token", text), "pad_token": ("pad_token", text),
    "default_system_message": ("default_system", text),
}  # fmt: skip
OF_LLAMA_FACTORY: dict[str, tuple[str, Read]] = {
    "model_name_or_path": ("base_model", text), "lora_target": ("target_modules", names),
    "additional_target": ("modules_to_save", names), "cutoff_len": ("max_length", positive),
    "packing": ("packing", flag), "neat_packing": ("packing", flag), "train_on_prompt": ("responses_only", opposite),
    "val_size": ("has_evaluation", above_zero), "eval_dataset": ("has_evaluation", anything),
    "template": ("template", text), "default_system": ("default_system", text),
}  # fmt: skip
TABLES: dict[str, dict[str, tuple[str, Read]]] = {
    TRANSFORMERS: {**HF, **PEFT}, TRL: {**HF, **PEFT, **OF_TRL}, UNSLOTH: {**HF, **PEFT, **OF_TRL},
    SCRIPT: {**HF, **PEFT, **OF_TRL}, AXOLOTL: {**HF, **PEFT, **OF_AXOLOTL},
    LLAMA_FACTORY: {**HF, **PEFT, **OF_LLAMA_FACTORY},
}  # fmt: skip
"""Dialect to key to (field, how its value is read). A later key of a table wins where a file has two for one field."""

DEFAULTS: dict[str, dict[str, Any]] = {
    TRANSFORMERS: {"learning_rate": 5e-5, "num_epochs": 3.0, "has_evaluation": False},
    TRL: {"learning_rate": 2e-5, "num_epochs": 3.0, "max_length": 1024, "packing": False, "has_evaluation": False},
    AXOLOTL: {"num_epochs": 1.0, "max_length": 512, "responses_only": True, "has_evaluation": False, "packing": False},
    LLAMA_FACTORY: {
        "learning_rate": 5e-5, "num_epochs": 3.0, "max_length": 2048, "responses_only": True, "has_evaluation": False,
        "rank": 8, "rslora": False, "packing": False,
    },
}  # fmt: skip
"""What a trainer takes where its file says nothing. Of a script only what it says is known: the rest may come from
anywhere. TRL grades whole texts by default for rows of messages and answers alone for rows of prompt and completion, so
nothing is assumed of that."""


def dialect(keys: set[str]) -> str:
    """Which trainer's settings have these keys; empty where none does."""
    if "base_model" in keys and keys & {"micro_batch_size", "sequence_len", "lora_r", "sample_packing", "datasets"}:
        return AXOLOTL
    if "model_name_or_path" in keys and keys & {"finetuning_type", "cutoff_len", "lora_target", "stage", "lora_rank"}:
        return LLAMA_FACTORY
    trainer = len(keys & HF.keys())
    of_trl = {"max_length", "max_seq_length", "packing", "assistant_only_loss", "completion_only_loss",
              "dataset_text_field", "dataset_name"}  # fmt: skip
    if trainer and keys & of_trl:
        return TRL
    return TRANSFORMERS if trainer >= 2 else ""


def understood(file: str, which: str, values: Mapping[str, Any], unknown: tuple[str, ...] = ()) -> SettingsSeen:
    """The settings of a flat mapping of keys to values; `unknown` are keys whose value is no literal."""
    table = TABLES[which]
    found: dict[str, Any] = {}
    keys: dict[str, str] = {}
    odd: list[str] = list(unknown)
    for key, value in values.items():
        if key not in table or value is None:
            continue
        field, read = table[key]
        meant = read(value)
        if meant is None:
            odd.append(key)
        elif not (field in found and meant is False):
            found[field], keys[field] = meant, key
    found |= habits(which, values)
    defaults = DEFAULTS.get(which, {})
    if not is_lora(which, values):
        found, keys, defaults = (
            {field: value for field, value in one.items() if field not in OF_LORA} for one in (found, keys, defaults)
        )
    unsaid = {field: value for field, value in defaults.items() if field not in found}
    made = SettingsSeen(file=file, dialect=which, keys=keys, not_understood=tuple(sorted(set(odd))))
    return replace(made, **found, **unsaid, by_default=tuple(unsaid))


def is_lora(which: str, values: Mapping[str, Any]) -> bool:
    """Whether an adapter is trained and not all weights; files keep keys of LoRA that nobody reads."""
    if which == AXOLOTL:
        return values.get("adapter") in ("lora", "qlora")
    if which == LLAMA_FACTORY:
        return bool(values.get("finetuning_type", "lora") == "lora")
    return flag(values.get("use_peft")) is not False and flag(values.get("full_finetuning")) is not True


def habits(which: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """What a trainer's file says in other ways than a key for a field."""
    found: dict[str, Any] = {}
    for key, name in (("bf16", "bfloat16"), ("fp16", "float16")):
        if flag(values.get(key)):
            found["dtype"] = name
    if which == AXOLOTL:
        share = number(values.get("val_set_size"))
        found |= {"eval_share": share} if share is not None and share < 1 else {}
        found |= {"four_bit": True} if values.get("adapter") == "qlora" else {}
        if values.get("lora_target_linear") and not values.get("lora_target_modules"):
            found["target_modules"] = ("all-linear",)
        if (eos := values.get("train_on_eos")) is not None:
            found["eos_graded"] = eos not in ("none", False)
    if which == LLAMA_FACTORY:
        share = number(values.get("val_size"))
        found |= {"eval_share": share} if share is not None and share < 1 else {}
        rank = positive(values.get("lora_rank")) or 8
        found |= {} if number(values.get("lora_alpha")) is not None else {"alpha": float(2 * rank)}
        found |= {"four_bit": whole(values["quantization_bit"]) == 4} if "quantization_bit" in values else {}
    return found
