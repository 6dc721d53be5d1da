"""What the image starts: `train key=value ...` is `python -m jobs train key=value ...`, a program's name that program.

The words of a Kubernetes Job are a stage's, those of a RunPod pod begin with `python`, and `make shell` says `bash`.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

PROGRAMS = ("bash", "sh", "env", "python", "python3", "torchrun")
RUNS = Path("/workspace/runs")
"""Where `runs`, the default of run.folder, leads to in the image."""


def is_program(words: Sequence[str]) -> bool:
    """Whether the words begin with a program's name, not a stage's."""
    first = words[0] if words else ""
    return first in PROGRAMS or first.startswith("llama-") or "/" in first


def command(words: Sequence[str]) -> list[str]:
    """The program to become."""
    if is_program(words):
        return list(words)
    return [sys.executable, "-m", "jobs", *words]


def main(words: Sequence[str]) -> int:
    """Become the program; returns only where it does not exist."""
    with contextlib.suppress(OSError):  # a volume that cannot be written to is for the stage to say
        RUNS.mkdir(parents=True, exist_ok=True)
    chosen = command(words)
    try:
        os.execvp(chosen[0], chosen)
    except OSError as error:
        print(f"{chosen[0]}: {error.strerror}", file=sys.stderr)
        return 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
