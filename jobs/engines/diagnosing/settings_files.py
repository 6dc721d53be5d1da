"""Training settings from JSON, YAML, scripts and records of ours. Nothing of a file runs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from jobs.engines.diagnosing import scripts
from jobs.engines.diagnosing.boundary import Unreadable
from jobs.logic.diagnosing import dialects
from jobs.logic.diagnosing.settings_seen import SettingsSeen

MOST_BYTES = 4 << 20
"""Of a file of settings."""
MOST_PAGE = 32 << 20
"""Of a notebook, which holds the pictures that it has shown."""
CARD = {
    "train_batch_size": "per_device_train_batch_size", "num_epochs": "num_train_epochs", "training_steps": "max_steps",
    "lr_scheduler_warmup_ratio": "warmup_ratio", "lr_scheduler_warmup_steps": "warmup_steps",
}  # fmt: skip
"""Names on the card that transformers' trainer writes, where they are not the arguments' own."""
LISTED = re.compile(r"^- (\w+): ([^\n]+)$", re.MULTILINE)
MOST_MERGED = 10_000
"""Keys that a YAML mapping may have with what `<<` brings: a few lines can ask for more than fits into memory."""


class Loader(yaml.SafeLoader):
    """Plain values only, with a limit on what merge keys bring."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        if len(node.value) > MOST_MERGED:
            raise Unreadable(f"its merge keys make a mapping of more than {MOST_MERGED:,} keys")


def read(path: Path) -> SettingsSeen:
    """What one file says; raises Unreadable, or OSError."""
    most = MOST_PAGE if path.suffix == ".ipynb" else MOST_BYTES
    if path.stat().st_size > most:
        raise Unreadable(f"has {path.stat().st_size:,} bytes, the most for settings is {most:,}")
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    try:
        if path.suffix == ".py":
            return scripts.understood(str(path), [text])
        if path.suffix == ".md":
            return _of_card(str(path), text)
        if path.suffix in (".yaml", ".yml"):
            return _of_mapping(str(path), yaml.load(text, Loader))
        data = json.loads(text)
        if isinstance(data, dict) and "cells" in data:
            return scripts.understood(str(path), scripts.cells(data))
        return _of_mapping(str(path), data)
    except Unreadable:
        raise
    except RecursionError:
        raise Unreadable("is nested too deeply") from None
    except yaml.YAMLError as error:
        raise Unreadable(_without_its_text(error)) from None
    except ValueError as error:
        raise Unreadable(" ".join(str(error).split())[:160]) from None


def _without_its_text(error: yaml.YAMLError) -> str:
    """What is wrong and where; PyYAML's own message quotes the line, in which a token may stand."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return "is no YAML"
    where = f", line {error.problem_mark.line + 1:,}" if error.problem_mark else ""
    return f"is no YAML: {error.problem or 'it cannot be read'}{where}"[:160]


def page(path: Path) -> str:
    """The text of a model card, or of what a notebook showed; empty where it cannot be read."""
    text = path.read_text(encoding="utf-8-sig", errors="replace") if path.stat().st_size <= MOST_PAGE else ""
    if path.suffix != ".ipynb":
        return text
    try:
        cells = json.loads(text)["cells"]
        outputs = [output for cell in cells for output in cell.get("outputs", ())]
        shown = [output["data"]["text/html"] for output in outputs if "text/html" in output.get("data", {})]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""
    return "".join("".join(map(str, one)) if isinstance(one, list) else str(one) for one in shown)


def _of_card(file: str, text: str) -> SettingsSeen:
    """A model card: the YAML that Axolotl puts on it, or the list that transformers' trainer does."""
    of_axolotl = text.partition("axolotl version")[2].partition("```yaml\n")[2].partition("```")[0]
    if of_axolotl:
        return _of_mapping(file, yaml.load(of_axolotl, Loader))
    listed = dict(LISTED.findall(text.partition("### Training hyperparameters")[2]))
    return _of_mapping(file, {CARD.get(key, key): value.strip() for key, value in listed.items()})


def _of_mapping(file: str, data: Any) -> SettingsSeen:
    if not isinstance(data, Mapping):
        raise Unreadable("has no keys at its top")
    flat = flattened(data)
    which = dialects.dialect({str(key) for key in data}) or dialects.dialect(set(flat))
    if not which:
        raise Unreadable("has the keys of no trainer that is known here")
    return dialects.understood(file, which, flat)


def flattened(data: Mapping[Any, Any]) -> dict[str, Any]:
    """Keys of the top, and of mappings below by their last name where the top has none of that name.

    Of Axolotl's `datasets` the first entry counts too: it says which roles and ends are graded.
    """
    flat: dict[str, Any] = {}
    waiting: list[Mapping[Any, Any]] = [data]
    for level in range(3):
        below: list[Mapping[Any, Any]] = []
        for one in waiting[:200]:
            for key, value in one.items():
                if isinstance(value, Mapping) and "value" in value and value.keys() <= {"value", "desc"}:
                    value = value["value"]
                if isinstance(value, Mapping):
                    below.append(value)
                elif level == 0 and key == "datasets" and isinstance(value, list):
                    below += [entry for entry in value[:1] if isinstance(entry, Mapping)]
                flat.setdefault(str(key), value)
        waiting = below
    return flat
