"""What a machine ran out of is told by what it is, whichever library noticed, with the place that had no room."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from jobs.core import room
from jobs.core.errors import EnvironmentProblem


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "a/b"), "the disk is full: a/b"),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "a/b"), "the quota is used up: a/b"),
        (OSError(errno.EFBIG, "File too large", "a/b"), "ulimit -f"),
        (OSError(errno.EROFS, "Read-only file system", "a/b"), "cannot be written to: a/b"),
        (OSError(errno.EMFILE, "Too many open files", "a/b"), "ulimit -n"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "out of memory"),
        (Exception("I/O error: No space left on device (os error 28)"), "the disk is full"),
        (Exception('Io(Os { code: 24, kind: Uncategorized, message: "Too many open files" })'), "ulimit -n"),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."),
            "out of memory ([enforce fail] DefaultCPUAllocator",
        ),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."), "out of memory (CUDA"),
        (RuntimeError("std::bad_alloc"), "out of memory"),
        (MemoryError(), "out of memory"),
        (RuntimeError("can't start new thread"), "ulimit -u"),
        (FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"), "the disk is full"),
    ],
)
def test_what_is_lacking_is_told(error: Exception, said: str) -> None:
    assert said in (room.told(error) or "")


@pytest.mark.parametrize(
    "error",
    [
        ValueError("bug"),
        OSError(errno.ENOENT, "No such file", "x"),
        OSError(errno.EPIPE, "Broken pipe"),
        KeyError("disk"),
    ],
)
def test_what_is_no_lack_is_not_told(error: Exception) -> None:
    assert room.told(error) is None


def test_a_file_to_be_mapped_has_the_blocks_of_its_size(tmp_path: Path) -> None:
    path = tmp_path / "logits.npy"
    with path.open("wb") as file:
        file.truncate(1 << 20)
    assert path.stat().st_blocks == 0
    room.reserve(path)
    assert (path.stat().st_blocks * 512, path.stat().st_size) == (1 << 20, 1 << 20)


def test_a_copy_names_where_it_goes_and_not_where_it_comes_from(tmp_path: Path) -> None:
    error = OSError(errno.ENOSPC, "No space left on device", "source/model.gguf", None, str(tmp_path / "model.gguf"))
    said = room.told(error) or ""
    assert said.startswith(f"the disk is full: {tmp_path / 'model.gguf'} (")
    assert said.endswith(" GB free)")


def test_without_a_name_the_fullest_of_the_folders_written_to_is_told(tmp_path: Path) -> None:
    room.writes_to(tmp_path / "not" / "made" / "yet")
    assert "the disk is full: " in (room.told(OSError(errno.ENOSPC, "No space left on device")) or "")


def raised(cause: Exception, error: Exception, hidden: bool) -> Exception:
    """`error`, raised while `cause` was answered."""
    try:
        try:
            raise cause
        except OSError:
            raise error from (None if hidden else cause)
    except type(error) as caught:
        return caught


def test_an_error_is_told_by_what_it_was_raised_from() -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "x")
    assert (room.told(raised(full, RuntimeError("could not save"), hidden=False)) or "").startswith(
        "the disk is full: x"
    )
    assert room.told(raised(full, ValueError("bug"), hidden=True)) is None


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("ggml_fopen: failed\nwrite error: No space left on device\n", "the disk is full: "),
        ("terminate called after throwing an instance of 'std::bad_alloc'", "out of memory"),
        ("error: failed to quantize: unknown type", None),
    ],
)
def test_a_programs_last_words_are_told_too(tmp_path: Path, output: str, said: str | None) -> None:
    told = room.told_of_output(output, tmp_path / "model.gguf")
    assert told is None if said is None else said in (told or "")


def test_too_little_room_is_told_before_the_work(tmp_path: Path) -> None:
    room.require_space(tmp_path, 1)
    with pytest.raises(EnvironmentProblem, match=r"are needed and [\d,.]+ GB are free"):
        room.require_space(tmp_path, 1 << 60)
