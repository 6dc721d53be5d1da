"""Training settings from JSON, YAML, scripts and records of ours. Nothing of a file runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from jobs.engines.diagnosing import scripts
from jobs.logic.diagnosing import dialects
from jobs.logic.diagnosing.settings_seen import SettingsSeen

MOST_BYTES = 4 << 20
"""Of a file of settings; a script or notebook with pictures in it may have some."""
MOST_MERGED = 10_000
"""Keys that a YAML mapping may have with what `<<` brings: a few lines can ask for more than fits into memory."""


class Unreadable(Exception):
    """Why a file cannot be read, in one line."""


class Loader(yaml.SafeLoader):
    """Plain values only, with a limit on what merge keys bring."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        if len(node.value) > MOST_MERGED:
            raise Unreadable(f"its merge keys make a mapping of more than {MOST_MERGED:,} keys")


def read(path: Path) -> SettingsSeen:
    """What one file says; raises Unreadable, or OSError."""
    if path.stat().st_size > MOST_BYTES:
        raise Unreadable(f"has {path.stat().st_size:,} bytes, the most for settings is {MOST_BYTES:,}")
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    try:
        if path.suffix == ".py":
            return scripts.understood(str(path), [text])
        if path.suffix in (".yaml", ".yml"):
            return _of_mapping(str(path), yaml.load(text, Loader))
        data = json.loads(text)
        if isinstance(data, dict) and "cells" in data:
            return scripts.understood(str(path), scripts.cells(data))
        return _of_mapping(str(path), data)
    except RecursionError:
        raise Unreadable("is nested too deeply") from None
    except (ValueError, yaml.YAMLError) as error:
        raise Unreadable(" ".join(str(error).split())[:160]) from None


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
                if isinstance(value, Mapping):
                    below.append(value)
                elif level == 0 and key == "datasets" and isinstance(value, list):
                    below += [entry for entry in value[:1] if isinstance(entry, Mapping)]
                flat.setdefault(str(key), value)
        waiting = below
    return flat
