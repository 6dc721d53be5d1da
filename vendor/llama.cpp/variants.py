"""The CPU variants of a portable build: modules for kinds of processors, of which llama.cpp loads the best that fits."""

from __future__ import annotations

import platform
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

ALL = ("x64", "sse42", "sandybridge", "ivybridge", "piledriver", "haswell", "skylakex", "cannonlake", "cascadelake",
       "icelake", "cooperlake", "zen4", "alderlake")  # fmt: skip
LEFT_OUT = "sapphirerapids"  # its AMX code was seen to segfault; these machines take the next best
PREFIX = "libggml-cpu-"
LISTED = re.compile(r"^\s*ggml_add_cpu_backend_variant\((\w+).*\)\n", re.MULTILINE)
CHOSEN = "KIWAME_CPU_VARIANTS"  # a flag that CMake does not know: other variants are another build
left_out = shutil.ignore_patterns(f"{PREFIX}{LEFT_OUT}.so")


class UnknownVariant(Exception):
    """A name that there is not; the message lists those that there are."""


def flags(text: str) -> dict[str, str]:
    """What names in `text`, separated by commas, add to a build's flags."""
    names = sorted(set(text.split(",")))
    unknown = [name for name in names if name not in ALL]
    if unknown:
        raise UnknownVariant(f"--variants: no {', '.join(unknown)}; there are all, or some of {', '.join(ALL)}")
    return {CHOSEN: ";".join(names)}


def of(flags: Mapping[str, str]) -> list[str]:
    """The variants that a build with these flags has; none for a native build, or where they are not x86's."""
    if "GGML_CPU_ALL_VARIANTS" not in flags or platform.machine() not in ("x86_64", "AMD64"):
        return []
    return sorted(flags[CHOSEN].split(";") if CHOSEN in flags else ALL)


def keep(flags: Mapping[str, str], source: Path) -> None:
    """Take all but the chosen ones out of the unpacked source's list."""
    if CHOSEN in flags:
        file, names = source / "ggml/src/CMakeLists.txt", of(flags)
        text = file.read_text(encoding="utf-8")
        file.write_text(LISTED.sub(lambda line: line[0] if line[1] in names else "", text), encoding="utf-8")


def found(folder: Path) -> list[str]:
    """The variants whose modules are in a folder."""
    return sorted(path.stem[len(PREFIX) :] for path in folder.glob(f"{PREFIX}*.so"))
