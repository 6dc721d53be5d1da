"""The data files that a name stands for: a file, or a folder with all that is in it."""

from __future__ import annotations

import difflib
import errno
import hashlib
import os
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from jobs.core.errors import Refusal
from jobs.core.names import spelled

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".xlsx", ".parquet")
PACKED = (".gz", ".gzip", ".zst", ".zstd")
SHOWN = 5
"""Names of files in a message."""
NEAR = 0.7
"""Share of common letters (difflib) from which on another name may be the one that was meant."""
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of signs that break a line or cannot be seen."""


class Place(NamedTuple):
    """One data file."""

    path: Path
    parts: tuple[str, ...]
    """Names of the folders that lead to it and of the file, the same on every machine as far as that can be."""
    identity: Path
    """Two places with the same one are one file."""


class Found(NamedTuple):
    """What a name stands for."""

    places: list[Place]
    left_aside: list[str]
    """Files of a folder that are no data by their name."""


def local(name: str, key: str) -> Found:
    """The file or the folder `name` of the config value `key`; a folder's files are sorted.

    Raises Refusal for what is not there, cannot be read, is no regular file, or leads out of its folder.
    """
    path = spelled(Path(name))
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        near = alike(path)
        meant = f"; did you mean {printable(near)}?" if near else ""
        raise Refusal(
            f"{key}: {printable(name)}: {why(path, error)}{meant}", instead=(name, near) if near else None
        ) from None
    if not stat.S_ISDIR(mode):
        require_regular(path, f"{key}: {printable(name)}")
        return Found([Place(path, path.parts, path.resolve())], [])
    found = Found([], [])
    root = Path(os.path.realpath(path))
    for inside in _walk(path, root, f"{key}: {printable(name)}"):
        if is_data(inside.name):
            require_regular(inside, f"{key}: {printable(str(inside))}")
            found.places.append(Place(inside, inside.parts, inside.resolve()))
        else:
            found.left_aside.append(printable(inside.relative_to(path).as_posix()))
    require_some(found.places, found.left_aside, f"{key}: {printable(name)}")
    return found


def alike(path: Path) -> str | None:
    """The file or folder that may be meant by one that is not there, written as it was: of its folder, by its name."""
    try:
        if path.is_symlink() or path.exists():
            return None
        names = [each.name for each in path.parent.iterdir() if each.is_dir() or is_data(each.name)]
    except (OSError, ValueError):
        return None
    near = difflib.get_close_matches(path.name, names, n=1, cutoff=NEAR)
    return str(path.parent / near[0]) if near else None


def require_some(data: Sequence[object], left_aside: Sequence[str], where: str) -> None:
    """Raises Refusal for a folder without data files."""
    if not data:
        others = f", only {', '.join(left_aside[:SHOWN])}" if left_aside else ""
        raise Refusal(
            f"{where}: is a folder with no data file{others}; expected names that end in {', '.join(SUFFIXES)}, "
            f"or in one of these and {', '.join(PACKED)}"
        )


def is_data(name: str) -> bool:
    """Whether a file of a folder is read, by its name."""
    return known_suffix(name) is not None


def known_suffix(name: str) -> str | None:
    """`.jsonl` of `rows.jsonl.gz`; None where it is none of SUFFIXES."""
    lower = name.lower()
    packed = next((suffix for suffix in PACKED if lower.endswith(suffix)), "")
    return next((suffix for suffix in SUFFIXES if lower.removesuffix(packed).endswith(suffix)), None)


def printable(name: str) -> str:
    """A name on one line, as UTF-8 can write it; different names stay different."""
    return "".join(
        sign.encode("unicode_escape").decode() if sign == "\\" or unicodedata.category(sign) in UNSEEN else sign
        for sign in name
    )


def require_regular(path: Path, where: str) -> None:
    """Raises Refusal for a path that is no regular file that may be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise Refusal(f"{where}: is not a regular file (a pipe, a device or a socket); save the data in a file")
        with path.open("rb"):
            return
    except OSError as error:
        raise Refusal(f"{where}: {why(path, error)}") from None


def why(path: Path, error: Exception) -> str:
    """What an error of the file system means for a person."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.ENOENT:
        if path.is_symlink():
            return f"is a link to {printable(str(path.readlink()))}, which is not there; mend the link"
        return "there is no such file; check the spelling"
    if number == errno.EACCES:
        return "may not be read: check its permissions"
    if number == errno.ELOOP:
        return "is a link that leads back to itself; name the file that it is meant to lead to"
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return f"cannot be opened ({reason}); name a file that can"


def _walk(folder: Path, root: Path, where: str) -> Iterator[Path]:
    """Every file that is not hidden, sorted. Raises Refusal for links that lead to folders or out of `root`."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise Refusal(f"{where}: {printable(folder.name)}: {why(folder, error)}") from None
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_symlink():
            _require_inside(Path(entry.path), root, where)
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(folder / entry.name, root, where)
        else:
            yield folder / entry.name


def _require_inside(link: Path, root: Path, where: str) -> None:
    name = printable(link.name)
    try:
        target = Path(os.path.realpath(link, strict=True))
    except OSError as error:
        raise Refusal(f"{where}: {name} {why(link, error)}") from None
    if target.is_dir():
        raise Refusal(f"{where}: {name} is a link to a folder, which may go round in circles; take it out")
    if not target.is_relative_to(root):
        raise Refusal(f"{where}: {name} is a link that leads out of the folder; name the file itself, or copy it")


def digest(path: Path) -> tuple[str, int]:
    """The SHA-256 of the file as it is on disk, and its size in bytes; a file that was not touched is read once."""
    found = path.stat()
    return _digest(path, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@cache
def _digest(path: Path, *state: int) -> tuple[str, int]:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()
