"""What is each of these files? By names, magic numbers and first lines, without loading a library or running anything.

A path may be given with what it is in front, as `base:FOLDER`. A folder is walked, within limits; links to folders are
not followed and pipes not opened. A file that cannot be read costs a line and nothing else.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from jobs.engines.diagnosing import sniffing
from jobs.engines.diagnosing.boundary import FORMS, STUMBLED, why
from jobs.logic.diagnosing import kinds
from jobs.logic.diagnosing.evidence import Taken

MOST_DEPTH = 5
"""Folders below the one that was given."""
MOST_FILES = 5_000
"""Of all paths together."""
SKIPPED = frozenset({"__pycache__", "node_modules", ".git", ".cache", ".ipynb_checkpoints"})
KINDS_OF_FILE = {
    stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
}  # fmt: skip


@dataclass(frozen=True)
class Looked:
    """What the paths are."""

    taken: tuple[Taken, ...]
    """A line for each file, or for a folder whose files belong together; in the order of paths and names."""
    left_out: str
    """What was not looked at for the limits; empty: nothing."""

    def of(self, *wanted: str) -> tuple[Path, ...]:
        """The paths of these kinds."""
        return tuple(Path(one.path) for one in self.taken if one.kind in wanted)

    def unreadable(self, path: Path | str, kind: str, why: str) -> Looked:
        """The same, but that `path`, taken for `kind`, could not be read; what else it was taken for stays."""
        found = (str(path), kind)
        taken = tuple(
            Taken(one.path, kinds.UNREADABLE, why) if (one.path, one.kind) == found else one for one in self.taken
        )
        return Looked(taken, self.left_out)

    def also(self, path: Path | str, what: str) -> Looked:
        """The same, with something added to why `path` was taken for what it is."""
        taken = tuple(replace(one, why=f"{one.why}; {what}") if one.path == str(path) else one for one in self.taken)
        return Looked(taken, self.left_out)


def look(paths: Sequence[str | Path]) -> Looked:
    """Say what each path, or each file below it, is."""
    walk = _Walk()
    taken: list[Taken] = []
    for given in paths:
        kind, path = said(str(given))
        if why := _absent(path):
            taken.append(Taken(str(path), kinds.UNREADABLE, why))
        elif path.is_dir():
            taken += folder(path, kind, walk)
        else:
            walk.num_files += 1
            taken.append(one_file(path, kind))
    whole = _once(taken)
    return Looked(tuple(_with_roles(whole)), walk.left_out)


def _absent(path: Path) -> str:
    """Why nothing can be seen at a path; empty: something is there."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return "there is no such file or folder"
    except OSError as error:
        return error.strerror or type(error).__name__
    return ""


def said(given: str) -> tuple[str, Path]:
    """The kind that stands in front of a path, empty where none does, and the path."""
    word, colon, rest = given.partition(":")
    if colon and rest and word in kinds.SAYABLE and not os.path.lexists(given):
        return kinds.SAYABLE[word], Path(rest)
    return "", Path(given)


@dataclass
class _Walk:
    num_files: int = 0
    left_out: str = ""
    closed: list[OSError] = field(default_factory=list)
    """Folders that could not be read."""

    def files(self, root: Path) -> Iterator[tuple[Path, list[str]]]:
        """Each folder below `root` with the names of its files, sorted, within the limits."""
        for where, folders, names in os.walk(root, onerror=self.closed.append, followlinks=False):
            here = Path(where)
            depth = len(here.relative_to(root).parts)
            wanted = sorted(name for name in folders if name not in SKIPPED and not name.startswith("."))
            if depth >= MOST_DEPTH and wanted:
                self.left_out = f"folders more than {MOST_DEPTH} deep, as {here / wanted[0]}"
                wanted = []
            folders[:] = wanted
            plain = sorted(name for name in names if not name.startswith("."))
            if self.num_files + len(plain) > MOST_FILES:
                plain = plain[: MOST_FILES - self.num_files]
                self.left_out = f"files beyond the first {MOST_FILES:,}"
                folders[:] = []
            self.num_files += len(plain)
            yield here, plain


def folder(root: Path, kind: str, walk: _Walk) -> Iterator[Taken]:
    """What a folder holds: what belongs together is one line, anything else a line each."""
    if kind in (kinds.BASE, kinds.MERGED, kinds.ADAPTER, kinds.TOKENIZER):
        try:
            names = sorted(path.name for path in root.iterdir() if path.is_file())
        except OSError as error:
            yield Taken(str(root), kinds.UNREADABLE, why(error, FORMS[kind]))
            return
        yield Taken(str(root), kind, "as you say")
        if kind in (kinds.BASE, kinds.MERGED) and sniffing.is_tokenizer(names):
            own = kinds.BASE_TOKENIZER if kind == kinds.BASE else kinds.TOKENIZER
            yield Taken(str(root), own, "in the folder that you say")
        return
    for here, names in walk.files(root):
        together, left = sniffing.together(here, names)
        for found in together:
            yield Taken(str(here), *found)
        for name in left:
            yield one_file(here / name, kind)
    for closed in walk.closed:
        yield Taken(str(closed.filename), kinds.UNREADABLE, why(closed, "a folder"))
    walk.closed.clear()


def one_file(path: Path, kind: str = "") -> Taken:
    """What a file is; `kind` is what somebody says that it is."""
    reason = _unopenable(path)
    if reason:
        return Taken(str(path), kinds.UNREADABLE, reason)
    if kind and not sniffing.is_pickle(path.name):
        return Taken(str(path), kind, "as you say")
    try:
        return Taken(str(path), *sniffing.sniffed(path))
    except STUMBLED as error:
        return Taken(str(path), kinds.UNREADABLE, why(error, "any file that is known here"))


def _unopenable(path: Path) -> str:
    """Why a path is not opened; empty: it can be."""
    try:
        about = path.stat()
    except OSError as error:
        return f"is a link that leads nowhere ({error.strerror})" if path.is_symlink() else str(error.strerror)
    mode = stat.S_IFMT(about.st_mode)
    if mode != stat.S_IFREG:
        return f"is {KINDS_OF_FILE.get(mode, 'no plain file')}"
    if about.st_size == 0:
        return "is empty"
    if not os.access(path, os.R_OK):
        return "may not be read by this user"
    return ""


def _once(taken: Sequence[Taken]) -> list[Taken]:
    """Without what was given twice."""
    seen: set[tuple[str, str]] = set()
    left = []
    for one in taken:
        key = (os.path.realpath(one.path), one.kind)
        if key not in seen:
            seen.add(key)
            left.append(one)
    return left


def _with_roles(taken: Sequence[Taken]) -> Iterator[Taken]:
    """Which folder of weights is the base, and which rows were held out, told by all of them together."""
    from jobs.engines.diagnosing import roles

    return roles.settled(taken)
