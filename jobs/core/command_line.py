"""A command about a run as a person has to type it, so that it works as it is printed."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from jobs.core import config
from jobs.core.config import RunConfig

MAKE_WORDS = "KIWAME_MAKE_WORDS"
"""Set in a container that `make` started: what `make` was told beside ARGS, such as ACCELERATOR=cpu."""
IN_DOUBLE_QUOTES = set('"$`\\!')
"""What a shell still reads there."""


def typed(command: str, run: RunConfig) -> str:
    """`make chat ARGS="run.name=mine"`, with what else it takes; where there is no Makefile, `python -m jobs chat ...`.

    A run that was not made in a container is not looked for in one.
    """
    words = [f"run.name={run.name}"]
    if run.folder != config.run_config(config.compose([])).folder:
        words.append(f"run.folder={as_text(run.folder)}")
    if not Path("Makefile").is_file():
        return shlex.join(["python", "-m", "jobs", command, *words])
    runner = os.environ.get(MAKE_WORDS, "RUNNER=native")
    value = shlex.join(words)
    quoted = shlex.quote(value) if IN_DOUBLE_QUOTES & set(value) else f'"{value}"'
    return " ".join(filter(None, ("make", command, runner, f"ARGS={quoted}")))


def as_text(value: str) -> str:
    """Text as an override of the config takes it: as it is, but in quotes where it would be read as something else."""
    if value != "null" and not value.startswith(("'", '"', "[", "{")):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
