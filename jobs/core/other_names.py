"""What to say to somebody who knows a setting by the name that another program has for it."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_suffix(".toml")
OF_FINE_TUNES = ("model", "chat", "prepare", "preflight", "train")
"""Parts of the config in which such a name can only be meant for the fine-tune; elsewhere it may be anything."""


@functools.cache
def table() -> Mapping[str, Mapping[str, Any]]:
    """Name to its answer: `key` and `says`, one of which may be missing."""
    found = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    answers = [*found["answer"], found["others"]]
    return {name: one for one in answers for name in one["names"]}


def answer(key: str, parts: frozenset[str]) -> str | None:
    """What there is here for the last word of `key`; None for a name of no other program.

    `parts` are the parts of the config: in those that have nothing to do with a fine-tune no name is known.
    """
    words = key.lstrip("-").lower().replace("-", "_").split(".")
    found = table().get(words[-1])
    if found is None or (len(words) > 1 and words[0] in parts - set(OF_FINE_TUNES)):
        return None
    if "key" not in found:
        return f"there is no such setting: {found['says']}"
    return f"here it is {found['key']}" + (f": {found['says']}" if "says" in found else "")


def key_of(key: str) -> str:
    """The key that has the last word of `key` for its name elsewhere; empty where there is none."""
    return str(table().get(key.lstrip("-").lower().replace("-", "_").split(".")[-1], {}).get("key", ""))
