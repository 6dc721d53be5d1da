"""Artifacts: folders with a record, there whole or not at all.

A run is `runs/<name>/`, an artifact `runs/<name>/<stage>/` with `artifact.json`. A stage writes into
`<stage>.partial/`; publishing hashes the files, writes the record last, syncs, and renames. A crash leaves the
partial folder, which is never taken for an artifact (`run_dir.py`).
"""

from __future__ import annotations

import functools
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from jobs.core.compose import flatten
from jobs.core.errors import Damaged, Refusal
from jobs.core.model import StrictModel
from jobs.core.provenance import data_digest, file_digest
from jobs.core.rule import Verdict

RECORD = "artifact.json"
SCHEMA = 1


class FileEntry(StrictModel):
    """One published file."""

    sha256: str
    bytes: int


class Key(StrictModel):
    """What an artifact was made from. Equal keys mean that nothing has to be made again."""

    config: dict[str, Any]
    """The stage's slice, without what does not change the artifact, such as `limits`."""
    inputs: dict[str, str]
    """Ancestor stage to artifact digest; of a stage that is only read, with its verdict."""
    outside: dict[str, str]
    """What comes from outside the run (data files, the llama.cpp pin): label to fingerprint."""


class Record(StrictModel):
    """`artifact.json`."""

    schema_version: int
    stage: str
    key: Key
    files: dict[str, FileEntry]
    facts: dict[str, Any]
    verdict: Verdict
    made_by: dict[str, Any]

    @property
    def digest(self) -> str:
        """Stands for the artifact: what it was made from, its files and facts; not its verdict, time or maker."""
        data = self.model_dump(mode="json", exclude={"verdict", "made_by"})
        return data_digest(data)


class _Edited(Exception):
    """The text is not the one way to write what it says; the stage."""


@functools.lru_cache(maxsize=64)  # a chain opens each of its records some thirty times
def _record(raw: bytes) -> Record:
    """The record that a file says, its seal looked at."""
    data = dict(json.loads(raw))
    del data["digest"], data["seal"]
    record = Record.model_validate(data, strict=False)
    if raw != record_text(record):
        raise _Edited(record.stage)
    return record


class Artifact:
    """A published folder. Files are checked against their digest when they are asked for."""

    def __init__(self, root: Path, record: Record) -> None:
        self.root, self.record = root, record
        self._checked: set[str] = set()
        self._digest = ""

    @classmethod
    def open(cls, root: Path) -> Artifact:
        """Raises Refusal where there is no record, Damaged where it cannot be read."""
        path = root / RECORD
        if kind(path) not in ("a file", "nothing"):
            raise Refusal(f"{path}: is {kind(path)}, expected a plain file; remove the folder")
        try:
            record = _record(path.read_bytes())
        except FileNotFoundError:
            raise Refusal(f"{path}: there is no record; the folder is not an artifact") from None
        except KeyError as error:
            raise Damaged(f"{path}: the record is damaged (no {error.args[0]}); remove the folder") from None
        except _Edited as error:
            raise Damaged(f"{path}: was edited after it was written; make `{error}` again with redo=true") from None
        except (ValidationError, ValueError, TypeError, RecursionError) as error:
            raise Damaged(f"{path}: the record is damaged ({str(error).splitlines()[0]}); remove the folder") from None
        return cls(root, record)

    @property
    def digest(self) -> str:
        if not self._digest:
            self._digest = self.record.digest
        return self._digest

    @property
    def passed(self) -> bool:
        return self.record.verdict.status == "pass"

    def file(self, name: str) -> Path:
        """The path of a file, after its size and SHA-256 were found to be the record's."""
        entry = self.record.files.get(name)
        if entry is None:
            raise Refusal(
                f"{self.root / name}: is not part of the artifact; it has {', '.join(sorted(self.record.files))}"
            )
        path = self.root / name
        if name not in self._checked:
            problem = file_problem(path, entry)
            if problem:
                raise Refusal(f"{path}: {problem}; make `{self.record.stage}` again with redo=true")
            self._checked.add(name)
        return path

    def folder(self, name: str) -> Path:
        """The path of a sub-folder, all of whose files were checked."""
        names = [entry for entry in self.record.files if entry.startswith(f"{name}/")]
        if not names:
            raise Refusal(f"{self.root / name}: is not part of the artifact")
        for entry in names:
            self.file(entry)
        return self.root / name

    def problems(self, whole: bool) -> list[str]:
        """What differs from the record: by size, or with `whole` by digest. Also whatever was added, of any kind."""
        found = []
        for name, entry in self.record.files.items():
            path = self.root / name
            problem = file_problem(path, entry) if whole else size_problem(path, entry)
            if problem:
                found.append(f"{name}: {problem}")
        known = {*self.record.files, RECORD}
        extra = [name for name in contents(self.root) if name not in known]
        return found + [f"{name}: is {kind(self.root / name)} that is not in the record" for name in extra]


def kind(path: Path) -> str:
    """What stands at `path`, itself and not what a link leads to; `a file` for a plain one."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "nothing"
    kinds = ((stat.S_ISREG, "a file"), (stat.S_ISLNK, "a link"), (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a FIFO"))
    return next((name for is_one, name in kinds if is_one(mode)), "a device or socket")


def size_problem(path: Path, entry: FileEntry) -> str | None:
    """Why `path` cannot be the file of `entry`, without opening it: not a plain file, or of another size."""
    found = kind(path)
    if found != "a file":
        return "is missing" if found == "nothing" else f"is {found}, not a plain file"
    size = path.stat().st_size
    return None if size == entry.bytes else f"has {size:,} bytes, the record says {entry.bytes:,}"


def file_problem(path: Path, entry: FileEntry) -> str | None:
    """Why `path` is not the file of `entry`, by its bytes."""
    problem = size_problem(path, entry)
    if problem:
        return problem
    return (
        None if file_digest(path) == entry.sha256 else "its bytes are not the ones that were recorded (SHA-256 differs)"
    )


def listing(root: Path) -> list[str]:
    """Every plain file below `root` but the record, as relative POSIX paths, sorted."""
    return [name for name in contents(root) if name != RECORD and kind(root / name) == "a file"]


def contents(root: Path) -> list[str]:
    """Everything below `root`, links as such, but folders with something in them; relative POSIX paths, sorted."""
    found = []
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        links = [name for name in folders if (here / name).is_symlink()]
        found += [here / name for name in (*names, *links)]
        found += [here] if here != root and not names and not folders else []
    return sorted(path.relative_to(root).as_posix() for path in found)


def record_text(record: Record) -> bytes:
    """`artifact.json`; there is one way to write it. `seal` covers what `digest` leaves out: verdict and maker."""
    data = record.model_dump(mode="json")
    seals = {"digest": record.digest, "seal": data_digest(data)}
    return (json.dumps(data | seals, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def write_record(folder: Path, record: Record) -> None:
    """Write `artifact.json` by rename, so that it is never seen half."""
    # beside the folder first, of which a half-written record is no part
    write_whole(folder / RECORD, record_text(record), folder.parent / f".{folder.name}.{RECORD}.new")


def write_whole(path: Path, data: bytes, beside: Path | None = None) -> None:
    """Write a small file by way of another, `beside` or with `.new` behind its name: it is old or new, never half."""
    temporary = beside or path.with_name(f"{path.name}.new")
    temporary.write_bytes(data)
    sync(temporary)
    temporary.rename(path)
    sync(path.parent)


def hash_files(root: Path) -> dict[str, FileEntry]:
    """The entries of every file below `root` but the record."""
    return {
        name: FileEntry(sha256=file_digest(root / name), bytes=(root / name).stat().st_size) for name in listing(root)
    }


def reads_fingerprint(artifact: Artifact) -> str:
    """Of an ancestor that is read whatever its verdict: the verdict is part of what was read."""
    return f"{artifact.digest}+{data_digest(artifact.record.verdict.model_dump(mode='json'))[:16]}"


def differing(stage: str, old: Key, new: Key) -> list[str]:
    """One phrase per difference, naming the config key, the ancestor or the outside thing."""
    phrases = []
    before, now = flatten(old.config), flatten(new.config)
    for key in sorted(before.keys() | now.keys()):
        if before.get(key) != now.get(key):
            phrases.append(f"{stage}.{key} is {now.get(key)!r}, it was made with {before.get(key)!r}")
    for name in sorted(old.inputs.keys() | new.inputs.keys()):
        if name not in new.inputs:
            phrases.append(f"it was made from `{name}`, which is off now")
        elif name not in old.inputs:
            phrases.append(f"it was made without `{name}`")
        elif old.inputs[name] != new.inputs[name]:
            phrases.append(f"`{name}` was made again since")
    for name in sorted(old.outside.keys() | new.outside.keys()):
        if old.outside.get(name) != new.outside.get(name):
            phrases.append(f"{name} is not the same as it was")
    return phrases


def sync(path: Path) -> None:
    """Have the bytes of a file, or the names in a folder, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


Inputs = Mapping[str, Artifact]
