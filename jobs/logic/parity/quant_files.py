"""Names of the files of a quant: one, or the parts that llama.cpp finds by the name of the first."""

from __future__ import annotations

import re
from collections.abc import Iterable

NAME = re.compile(r"model-(\w+)\.gguf|model-(\w+)-(\d{5})-of-(\d{5})\.gguf")

PART = re.compile(r"-(\d{5})-of-(\d{5})\.gguf\Z")
"""How the name of a part ends."""


def whole(quant: str) -> str:
    """The file of a quant that is not split."""
    return f"model-{quant}.gguf"


def part(quant: str, number: int, num_parts: int) -> str:
    """The file of part `number`, from 1, as `llama_split_path` of llama.cpp writes it."""
    return f"model-{quant}-{number:05d}-of-{num_parts:05d}.gguf"


def type_of(name: str) -> str | None:
    """The type of the quant that a file belongs to, as in Q4_K_M; None where the name says none."""
    match = NAME.fullmatch(name)
    return match and (match[1] or match[2])


def first_files(names: Iterable[str]) -> dict[str, str]:
    """Type to the file that it is loaded from: the whole one, or the first part."""
    found: dict[str, str] = {}
    for name in sorted(names):
        match = NAME.fullmatch(name)
        if match and (match[1] or int(match[3]) == 1):
            found.setdefault(match[1] or match[2], name)
    return found


def parts(first: str) -> list[str]:
    """Every file of the quant that is loaded from `first`, by its name alone, whoever named it."""
    match = PART.search(first)
    if match is None or not match.start():
        return [first]
    front = first[: match.start()]
    return [f"{front}-{number:05d}-of-{match[2]}.gguf" for number in range(1, int(match[2]) + 1)]


def number_of(name: str) -> int | None:
    """Which part a file is, from 1; None where it is none."""
    match = PART.search(name)
    return int(match[1]) if match and match.start() else None


def merged(first: str) -> str:
    """What the parts are called when `llama-gguf-split --merge` has put them together."""
    quant = type_of(first)
    return whole(quant) if quant else first
