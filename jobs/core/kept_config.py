"""What was composed once, kept in the cache: Hydra takes half a second, and most commands say what one before said.

A file is named by everything that decides what is in it: what was asked, every file of conf/, the code that composes,
and the versions of the libraries behind it. One that is damaged is as good as none, a cache that cannot be written
to is none, and none is made for it.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jobs.core import room

FOLDER = "composed"
MOST, LEFT = 400, 200
"""Files from which on the oldest go, and how many stay."""
CODE = ("compose.py", "values.py", "words.py", "other_names.py", "other_names.toml")
LIBRARIES = {"hydra": "__init__.py", "omegaconf": "version.py", "yaml": "__init__.py"}
"""Packages to the file that has their version: importing them is what is to be spared."""


def kept(asked: Sequence[str], conf: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `make` returns for `asked`, from the cache where it is there; plain data that JSON can hold, or not kept.

    Nor is what was made while a file of `conf` changed.
    """
    state = state_of(conf)
    path = room.cache_folder() / FOLDER / f"{_digest(json.dumps([list(asked), _code(), state]).encode())}.json"
    found = _read(path) if state else None
    if found is None:
        found = make()
        if state and state_of(conf) == state:
            _keep(path, found)
    return found


def state_of(conf: Path) -> str:
    """A digest of every file below `conf`, links followed; empty where one cannot be read."""
    files = []
    try:
        for folder, folders, names in os.walk(conf, followlinks=True):
            folders.sort()
            for path in (Path(folder) / name for name in sorted(names) if name.endswith(".yaml")):
                if path.is_file():  # an editor's lock is a link to nothing
                    files.append([str(path), _digest(path.read_bytes())])
    except OSError:
        return ""
    return _digest(json.dumps(files).encode())


def _read(path: Path) -> dict[str, Any] | None:
    try:
        digest, _, text = path.read_text(encoding="utf-8").partition("\n")
        if digest != _digest(text.encode()):
            return None
        found: dict[str, Any] = json.loads(text)
    except (OSError, ValueError):
        return None
    return found


def _keep(path: Path, value: dict[str, Any]) -> None:
    text = json.dumps(value, ensure_ascii=True)
    if repr(json.loads(text)) != repr(value):  # a key that is no string
        return
    if not room.cache_folder().is_dir():  # a dry run makes none
        return
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            beside.write_text(f"{_digest(text.encode())}\n{text}", encoding="utf-8")
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        _make_room(path.parent)


def _make_room(folder: Path) -> None:
    files = list(folder.iterdir())
    if len(files) > MOST:
        for old in sorted(files, key=lambda file: file.stat().st_mtime_ns)[:-LEFT]:
            old.unlink(missing_ok=True)


@functools.cache
def _code() -> str:
    here = Path(__file__).parent
    files = [here / name for name in CODE]
    for package, name in LIBRARIES.items():
        spec = find_spec(package)
        if spec is not None and spec.origin is not None:
            files.append(Path(spec.origin).with_name(name))
    return _digest(json.dumps([sys.version, *(_digest(file.read_bytes()) for file in files)]).encode())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
