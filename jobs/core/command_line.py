"""A command as a person has to type it, so that it works as it is printed. Any Python 3.9, nothing installed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.core import memory
from jobs.core.values import as_text
from jobs.core.words import is_secret

if TYPE_CHECKING:
    from jobs.core.config import RunConfig

MAKE_WORDS = "KIWAME_MAKE_WORDS"
"""What `make` was told beside ARGS, in the environment of what it starts: such as RUNNER=native."""
MADE = "MAKELEVEL"
"""Set by `make` in all that it starts."""
NATIVE = "RUNNER=native"
ON_THE_HOST = ("k8s-", "pod-", "image", "doctor")
"""Targets of `make` that run where it is typed."""
IN_DOUBLE_QUOTES = set('"$`\\!')
"""What a shell still reads there."""
PLAIN = re.compile(r"[\w@%+=:,./-]+")
IN_BASH = re.compile(r"[\w@%+=:,./\[\]-]+")
"""Signs that need no quotes; brackets do in zsh, at the prompt."""


def line(command: str, words: Sequence[str]) -> str:
    """`make chat ARGS="run.name=mine"`, with what else it takes; who did not come by `make`: `python -m jobs chat ...`.

    A run that was not made in a container is not looked for in one. A word with a secret in it is left out.
    """
    words = [word for word in words if not is_secret(word)]
    is_made = MAKE_WORDS in os.environ or MADE in os.environ or command.startswith(ON_THE_HOST)
    if command == "certificate" or not is_made or not Path("Makefile").is_file():
        return " ".join([_python(), "-m", "jobs", command, *(_quoted(word, PLAIN) for word in words)])
    return by_make(command, words, "" if command.startswith(ON_THE_HOST) else os.environ.get(MAKE_WORDS, NATIVE))


def by_make(command: str, words: Sequence[str], runner: str = "") -> str:
    """`make all ARGS="..."`, whatever it is typed on."""
    return with_args(command, runner, " ".join(_quoted(word, IN_BASH) for word in words))


def with_args(command: str, told: str, value: str) -> str:
    """`make COMMAND TOLD ARGS="VALUE"` as it is typed in a shell; what is empty stands nowhere."""
    quoted = shlex.quote(value) if IN_DOUBLE_QUOTES & set(value) else f'"{value}"'
    return " ".join(filter(None, ("make", command, told, f"ARGS={quoted}" if value else "")))


def typed(command: str, run: RunConfig) -> str:
    """A command about a run and nothing else."""
    words = [f"run.name={run.name}"]
    if run.folder != memory.default_folder():
        words.append(f"run.folder={as_text(run.folder)}")
    return line(command, words)


def _quoted(word: str, plain: re.Pattern[str]) -> str:
    return word if plain.fullmatch(word) else shlex.quote(word)


def _python() -> str:
    """The program that runs this, by the shortest name that is it."""
    here = Path(".venv/bin/python")
    if Path(sys.prefix) == here.parent.parent.absolute() or (here.exists() and here.absolute() == Path(sys.executable)):
        return str(here)
    found = shutil.which("python")
    return "python" if found and Path(found) == Path(sys.executable) else shlex.quote(sys.executable)
