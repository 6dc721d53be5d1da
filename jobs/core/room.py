"""What a machine runs out of: disk, quota, memory, open files. Told in one line, whichever library noticed it."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from jobs.core.errors import EnvironmentProblem
from jobs.core.terminal import size

SHORT = -1
"""For libraries that notice a file that is shorter than what they wrote, and do not say why."""
FULL = {
    SHORT: "a file could not be written whole, as where the disk is full, or a quota or `ulimit -f` is reached",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota is used up",
    errno.EFBIG: "a file would be larger than the file system, or `ulimit -f`, allows",
    errno.EROFS: "the disk cannot be written to",
    errno.EIO: "the disk answers with errors",
    errno.EACCES: "permission denied",
    errno.EPERM: "operation not permitted",
}
"""Told with the path that could not be written to."""
SPENT = {
    errno.ENOMEM: "out of memory",
    errno.EMFILE: "too many open files; raise the limit with `ulimit -n`",
    errno.ENFILE: "too many open files on this machine",
    errno.EAGAIN: "no more processes or threads can be started; raise the limit with `ulimit -u`",
}
SPACE = {SHORT, errno.ENOSPC, errno.EDQUOT}
TEXTS = (
    (errno.ENOSPC, re.compile(r"No usable temporary directory found")),
    (errno.EAGAIN, re.compile(r"can't start new thread|Resource temporarily unavailable")),
    (errno.ENFILE, re.compile(r"Too many open files in system|\bos error 23\b")),
    (errno.EIO, re.compile(r"Input/output error|\bos error 5\b")),
    (errno.EACCES, re.compile(r"\bos error 13\b")),
    (errno.EPERM, re.compile(r"\bos error 1\b")),
    # numpy 2.4 and torch 2.13, under RLIMIT_FSIZE and on a full tmpfs
    (SHORT, re.compile(r"\d+ requested and \d+ written|inline_container.*unexpected pos|PytorchStreamWriter failed")),
    (errno.ENOSPC, re.compile(r"No space left on device|\bos error 28\b|\berrno 28\b", re.IGNORECASE)),
    (errno.EDQUOT, re.compile(r"Disk quota exceeded|\bos error 122\b|\berrno 122\b", re.IGNORECASE)),
    (errno.EFBIG, re.compile(r"File too large|\bos error 27\b|\berrno 27\b", re.IGNORECASE)),
    (errno.EROFS, re.compile(r"Read-only file system|\bos error 30\b|\berrno 30\b", re.IGNORECASE)),
    (errno.EMFILE, re.compile(r"Too many open files|\bos error 24\b|\berrno 24\b", re.IGNORECASE)),
    (
        errno.ENOMEM,
        re.compile(
            r"Cannot allocate memory|can't allocate memory|not enough memory|out of memory|failed to allocate"
            r"|std::bad_alloc|\bos error 12\b|\berrno 12\b",
            re.IGNORECASE,
        ),
    ),
)
"""How libraries that raise plain exceptions, or print and end, spell it: Rust's `os error`, torch's allocators, C++."""
SHOWN = 200

_written: dict[Path, None] = {}


def writes_to(folder: Path) -> None:
    """From now on `folder` is one of those that are looked at where a disk is full and the error names no file."""
    _written[folder] = None


def told(error: BaseException) -> str | None:
    """What the machine lacks, as one line; None where `error` is of another kind.

    Errors that it was raised from, or while answering, are looked at too: libraries wrap them.
    """
    for one in _causes(error):
        number = _number(one)
        if number in SPENT or isinstance(one, MemoryError):
            said = f" ({_line(str(one))})" if str(one) and not isinstance(one, OSError) else ""
            return f"{SPENT[number or errno.ENOMEM]}{said}"
        if number in FULL:
            return f"{FULL[number]}: {_place(one, number)}"
    return None


def told_of_output(text: str, out: Path | None) -> str | None:
    """The same, of what a program printed before it ended; `out` is the file that it wrote."""
    for number, pattern in TEXTS:
        if pattern.search(text):
            if number in SPENT:
                return SPENT[number]
            return f"{FULL[number]}: {_with_room(out.parent, number) if out is not None else _fullest(number)}"
    return None


def cache_folder() -> Path:
    """Where things that cost minutes are kept between runs: KIWAME_CACHE, else the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("KIWAME_CACHE") or Path(base) / "kiwame")


def require_space(folder: Path, num_bytes: int, key: str = "run.folder") -> None:
    """Raises EnvironmentProblem where the file system of `folder`, which `key` of the config names, has less than
    `num_bytes` free."""
    free = free_bytes(folder)
    if free < num_bytes:
        raise EnvironmentProblem(
            f"{folder}: {size(num_bytes)} are needed and {size(free)} are free; free some, "
            f"or set {key} to a larger disk"
        )


def reserve(path: Path) -> None:
    """Give a file the blocks of its whole size, before it is written through a map: where the disk is full, a page that
    has none ends the process by SIGBUS.

    Raises EnvironmentProblem where the disk is full, else OSError.
    """
    with path.open("r+b") as file:
        num_bytes = os.fstat(file.fileno()).st_size
        try:
            os.posix_fallocate(file.fileno(), 0, num_bytes)
        except OSError as error:
            if error.errno in SPACE:
                needed, free = size(num_bytes), size(free_bytes(path.parent))
                raise EnvironmentProblem(
                    f"{FULL[error.errno]}: {path}: {needed} are needed and {free} are free"
                ) from None
            raise OSError(error.errno, error.strerror, str(path)) from None


def free_bytes(folder: Path) -> int:
    """Bytes that this user may still write to the file system of `folder`, or of its nearest folder that exists."""
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    found = os.statvfs(there)
    return found.f_bavail * found.f_frsize


def num_bytes_in(folder: Path) -> int:
    """Bytes of the plain files below `folder`, those of an attempt that is gone on from."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _causes(error: BaseException) -> Iterator[BaseException]:
    """`error`, then what it was raised from, down to the first."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop(0)
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__ if not one.__suppress_context__ else None]


def _number(error: BaseException) -> int | None:
    """The system's number of an error, by errno or by its words; None where it is none of ours."""
    if isinstance(error, FileNotFoundError) and error.errno == errno.ENOENT and error.filename is None:
        return _by_words(error)
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno if error.errno in FULL or error.errno in SPENT else None
    if not isinstance(error, Exception):
        return None
    return _by_words(error)


def _by_words(error: Exception) -> int | None:
    return next((number for number, pattern in TEXTS if pattern.search(str(error))), None)


def _place(error: BaseException, number: int) -> str:
    """What could not be written: the second of two paths is the one that a copy or a link goes to."""
    names = (getattr(error, "filename2", None), getattr(error, "filename", None))
    name = next((os.fsdecode(one) for one in names if isinstance(one, str | bytes)), None)
    return _with_room(Path(name), number) if name else _fullest(number)


def _with_room(path: Path, number: int) -> str:
    return f"{path} ({size(free_bytes(path))} free)" if number in SPACE else str(path)


def _fullest(number: int) -> str:
    """Of the folders that are written to, the one with the least room."""
    scratch = Path(os.environ.get("TMPDIR") or "/tmp")  # tempfile looks for room first, and there may be none
    known = [*_written, scratch] if number in SPACE else [*_written]
    return _with_room(min(known, key=free_bytes), number) if known else "a file"


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"
