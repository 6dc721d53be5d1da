"""Paths that words name, seen from here: which of them a rented machine has, and what the first rows say."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.core import command_line, terminal
from jobs.core.errors import Exit, Refusal
from jobs.core.provenance import ROOT

PATH_KEYS = ("prepare.files", "prepare.evaluation.files", "prepare.split.previous", "fetch.source.folder",
             "train.adapter", "synth.craft.folder", "judge.votes")  # fmt: skip
OWN_FILES = ("chat.template", "report.sign_with", "synth.rubric", "synth.generator.gguf", "synth.scorer.gguf",
             "judge.judge.gguf", "judge.rubric")  # fmt: skip
"""Keys whose values are a path where they have a `/`, and a name that the image knows where not."""
IN_IMAGE = ("data/demo/", "conf/", "/opt/kiwame/")
"""What the image has; any other relative path is a file of this machine."""
BY_MAKE = (command_line.MAKE_WORDS, command_line.MADE)
"""Without them a line to paste is one for Python, whose words are seen."""
Instead = Callable[[str, str], tuple[str, Sequence[str]]]
"""Of a key and a path: what is said of it, and the words that would do."""


def check(values: Mapping[str, Any], roots: Sequence[str], instead: Instead) -> None:
    """Raises Refusal for a path that the pod does not have; `values` has dotted keys, `roots` are its own folders.

    Where a person gave the pod folders of their own, `roots` has `/` and every absolute path may be there.
    """
    for key, name in named(values):
        if not _is_there(name, roots):
            said, words = instead(key, name)
            raise Refusal(f"{key}: {name} {said}", words=words, without=[key])


def named(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Key and path of all that is read from a machine."""
    for key in (*PATH_KEYS, *OWN_FILES):
        value = values.get(key)
        for name in value if isinstance(value, list) else [value]:
            if isinstance(name, str) and name not in ("", "???") and (key in PATH_KEYS or "/" in name):
                yield key, name


def _is_there(name: str, roots: Sequence[str]) -> bool:
    if "://" in name:
        return True
    if ".." in Path(name).parts:
        return False
    return name.startswith(IN_IMAGE) or any(f"{name}/".startswith(f"{root.rstrip('/')}/") for root in roots)


def with_file(values: Mapping[str, Any], key: str, name: str, new: str) -> str:
    """The word that has `new` in the place of `name`."""
    value = values.get(key)
    if not isinstance(value, list):
        return f"{key}={_element(new)}"
    return f"{key}=[{','.join(_element(new if each == name else str(each)) for each in value)}]"


def _element(text: str) -> str:
    """Text as an element of a list."""
    plain = not set(text) & set("'\"\\,[]{}=:()") and text == text.strip()
    return text if plain else "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def listed(key: str, names: Sequence[str]) -> str:
    """The word that names these files."""
    return f"{key}=[{','.join(map(_element, names))}]"


@dataclass(frozen=True)
class Least:
    """What a run needs of a machine at least, whatever its rows are."""

    gpu_gib: int
    """GB of the smallest GPU that it may fit as it is."""
    ram_on_gpu: float
    """Bytes of memory beside a GPU."""
    ram_on_cpu: float
    words: Mapping[str, Sequence[str]]
    """GB of a card to the words that make it fit there."""


def least(words: Sequence[str], cards: Sequence[int] = ()) -> Least | None:
    """What `python -m jobs fits` says of the words of a job; None where it cannot say."""
    told = [f"estimate.cards=[{','.join(map(str, cards))}]"] if cards else []
    command = [sys.executable, "-m", "jobs", "fits", *words, *told]
    plain = {name: value for name, value in os.environ.items() if name not in BY_MAKE}
    done = subprocess.run(command, cwd=ROOT, env=plain, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout) if done.returncode == Exit.PASSED else None
    if found is None:
        return None
    return Least(found["gpu_gib"], found["ram_bytes"]["gpu"], found["ram_bytes"]["cpu"], found["words"])


def look(words: Sequence[str], files: Sequence[Path]) -> None:
    """Read the first rows of `files` as `prepare` will, with the other words; says what was seen.

    Raises Refusal where `prepare` would refuse them. Where the readers are not installed, that is said.
    """
    rest = [word for word in words if not word.startswith(("prepare.files=", "redo="))]
    named_files = listed("prepare.files", [str(path.absolute()) for path in files])
    command = [sys.executable, "-m", "jobs", "look", *rest, named_files]
    plain = {name: value for name, value in os.environ.items() if name not in BY_MAKE}
    done = subprocess.run(command, cwd=ROOT, env=plain, capture_output=True, text=True, check=False)
    said = done.stderr.strip().splitlines()
    if done.returncode == Exit.REFUSED:
        mended = [word for line in said if line.startswith("-> ") for word in shlex.split(line)]
        new = [word for word in mended if "=" in word and word not in command]
        raise Refusal((said or ["look: refused"])[0].partition("refused: ")[2], words=new)
    for line in said if done.returncode == Exit.PASSED else said[-1:]:
        terminal.say(f"  {line}")
