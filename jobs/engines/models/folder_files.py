"""The files of somebody's model folder: which are taken, from where, and what is left out of them.

A folder may hold anything: links to other places, pipes, JSON that nests without end, the names of Python files that a
loader would offer to run. What is taken is the folder's own plain files; what names code, or a way of loading that this
machine may not have, is taken without that key.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from jobs.core.errors import Refusal
from jobs.core.room import require_space, told
from jobs.engines.models.other_forms import is_pointer

TEMPLATE = "chat_template.jinja"
TOKENIZER_JSON = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
TOKENIZER = (*TOKENIZER_JSON, "vocab.json", "merges.txt", TEMPLATE, "chat_template.json")
"""What a tokenizer may consist of."""
INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"
JSON = (*TOKENIZER_JSON, "chat_template.json", "config.json", "generation_config.json", "vocab.json", INDEX)
TEXTS = ("LICENSE*", "README.md")
WANTED = (*JSON, "*.safetensors", "*.jinja", "merges.txt", *TEXTS)
"""Names of the files that are taken from a hub or a folder, of its top level. Never Python files."""
CODE_KEY = "auto_map"
"""Under it a config names Python files that transformers offers to run."""
KERNEL_KEYS = ("attn_implementation", "experts_implementation")
"""Under these, or these with an underscore before, it may name a kernel; one with an owner, `owner/name`, is code from
the hub. One of the library's own that is not in BUILT_IN may not be on this machine."""
BUILT_IN = (None, "eager", "sdpa")
ROOM_FOR_CONFIGS = 1 << 20
"""Bytes for what is written anew beside the files that are linked or copied."""
AGAIN = "the file is damaged; take it from the model's own repository"
MOST_LEVELS = 64
"""Of nested JSON. A tokenizer has under ten; at some hundred, Python's libraries fail one by one."""
MOST_BYTES = 256 << 20
"""Of a file that is read whole; a vocabulary has 11 million."""
POINTER_BYTES = 1024
"""More than a file has that stands for one of Git LFS."""
KINDS = {
    stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
}  # fmt: skip


@dataclass(frozen=True)
class OwnFile:
    """A plain file of a folder: its name there, and where it really is."""

    name: str
    path: Path
    inode: tuple[int, int]
    owner: int
    num_bytes: int


def own_files(folder: Path, where: str, wanted: Sequence[str] = WANTED) -> list[OwnFile]:
    """The folder's files of these names, by name; only plain files are opened.

    Raises Refusal for one that is a link out of the folder, or no plain file. A hub cache's snapshot consists of links
    to the blobs beside it, which are its own.
    """
    root = folder.resolve()
    homes = [root]
    if root.parent.name == "snapshots":
        homes.append(root.parent.parent / "blobs")
    names = sorted(path.name for path in root.iterdir() if not path.name.startswith("."))
    found = []
    for name in (name for name in names if any(fnmatchcase(name, pattern) for pattern in wanted)):
        real = _real(root / name, f"{where}/{name}")
        if not any(real.is_relative_to(home) for home in homes):
            raise Refusal(f"{where}/{name}: is a link to {real}, which is not in the folder; put the file itself there")
        about = real.lstat()
        if stat.S_ISDIR(about.st_mode) and any(fnmatchcase(name, pattern) for pattern in TEXTS):
            continue  # some repositories have a folder of licences
        if not stat.S_ISREG(about.st_mode):
            kind = KINDS.get(stat.S_IFMT(about.st_mode), "no plain file")
            raise Refusal(f"{where}/{name}: is {kind}, expected a plain file; put the file itself there")
        if about.st_size < POINTER_BYTES and is_pointer(real):
            raise Refusal(
                f"{where}/{name}: only stands for a file that Git LFS has yet to fetch; say `git lfs pull` in the "
                "folder that was cloned"
            )
        if about.st_size > MOST_BYTES and not name.endswith(".safetensors"):
            raise Refusal(
                f"{where}/{name}: has {about.st_size:,} bytes, the most is {MOST_BYTES:,}; take the file from the "
                "model's own repository"
            )
        found.append(OwnFile(name, real, (about.st_dev, about.st_ino), about.st_uid, about.st_size))
    return found


def _real(path: Path, where: str) -> Path:
    """The path behind all links; raises Refusal where there is nothing."""
    try:
        return path.resolve(strict=True)
    except FileNotFoundError:
        gone = f"is a link to {path.readlink()}, and there is no such file" if path.is_symlink() else "is gone"
        raise Refusal(f"{where}: {gone}; put the file itself there") from None
    except PermissionError:
        raise
    except (OSError, RuntimeError):  # RuntimeError is a circle of links
        raise Refusal(f"{where}: is a link that leads nowhere; put the file itself there") from None


def take(files: Sequence[OwnFile], into: Path, where: str) -> list[str]:
    """Put files into a new folder, by hard link where that is possible, else by copy; returns which named code."""
    into.mkdir(parents=True)
    here = into.stat().st_dev
    copied = (file.num_bytes for file in files if file.inode[0] != here or file.owner != os.geteuid())
    require_space(into, sum(copied) + ROOM_FOR_CONFIGS)
    for file in files:
        _take(file, into / file.name, where)
    configs = {name: read_json(into / name, where) for name in JSON if (into / name).exists()}
    with_code = []
    for name, config in configs.items():
        data = {key: value for key, value in config.items() if key not in left_out(config)}
        if len(data) == len(config):
            continue
        if any(_names_code(key, value) for key, value in config.items()):
            with_code.append(name)
        (into / name).unlink()  # it may be a hard link to a file that is not ours to change
        (into / name).write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    return sorted(with_code)


def _take(file: OwnFile, into: Path, where: str) -> None:
    """One file. One that belongs to somebody else is copied: its owner could change it in place at any time."""
    if file.owner == os.geteuid():
        try:
            os.link(file.path, into, follow_symlinks=False)
        except OSError:
            pass  # another file system, or one that has no hard links
        else:
            about = into.lstat()
            _require_same(file, about, where)
            return
    descriptor = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as source:
        _require_same(file, os.fstat(source.fileno()), where)
        with into.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)


def _require_same(file: OwnFile, about: os.stat_result, where: str) -> None:
    """Raises Refusal where another file stands in the place of the one that was looked at."""
    if (about.st_dev, about.st_ino) != file.inode or not stat.S_ISREG(about.st_mode):
        raise Refusal(f"{where}/{file.name}: was replaced while it was read; let nothing write there, and try again")


def read_json(path: Path, where: str) -> dict[str, Any]:
    """A JSON object of few levels; raises Refusal for anything else."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        reason = "it nests without end" if isinstance(error, RecursionError) else str(error)
        raise Refusal(f"{where}: {path.name} is no JSON ({reason}); {AGAIN}") from None
    if not isinstance(data, dict):
        raise Refusal(f"{where}: {path.name} holds a {type(data).__name__}, expected an object; {AGAIN}")
    if _levels(data) > MOST_LEVELS:
        raise Refusal(f"{where}: {path.name} nests {MOST_LEVELS} levels deep and more; {AGAIN}")
    return data


def _levels(data: Any) -> int:
    """How deep JSON nests, counted up to one more than is allowed."""
    inside, found = [data], 0
    while inside and found <= MOST_LEVELS:
        found += 1
        outer = [one for one in inside if isinstance(one, (dict, list))]
        inside = [inner for one in outer for inner in (one.values() if isinstance(one, dict) else one)]
    return found


def left_out(config: Mapping[str, Any]) -> list[str]:
    """The keys of a config that are not taken: they name code, or a way of computing that may not be here."""
    return [
        key
        for key, value in config.items()
        if _names_code(key, value) or (key.lstrip("_") in KERNEL_KEYS and value not in BUILT_IN)
    ]


def _names_code(key: str, value: Any) -> bool:
    return key == CODE_KEY or (key.lstrip("_") in KERNEL_KEYS and "/" in json.dumps(value))


@contextmanager
def library_errors(what: str, way_out: str = "") -> Iterator[None]:
    """Whatever a library raises about a file becomes a Refusal that begins with `what`; without a way out it is damage.

    A panic of a library in Rust is no Exception, and its class cannot be imported.
    """
    try:
        yield
    except Refusal:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        if told(error) is not None:
            raise
        lines = [line.strip() for line in str(error).strip().splitlines()] or [type(error).__name__]
        said = " ".join(lines[: 2 if lines[0].endswith(":") else 1])
        raise Refusal(f"{what} ({said[:300]}); {way_out or AGAIN}") from None
