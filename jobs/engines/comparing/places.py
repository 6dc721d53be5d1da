"""Where what is made of comparisons lies: a folder of its own beside the runs, there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.core import room
from jobs.core.artifact import sync
from jobs.core.errors import Refusal
from jobs.core.run_dir import remove

COMPARISONS = "compare"
"""Below the folder of the runs."""
MARK = ".comparison"
"""In every folder that was made here, so that no other one is replaced."""


@contextmanager
def whole(folder: Path, redo: bool, same: str) -> Iterator[Path]:
    """A folder to write into, which takes the place of `folder` when the block ends well.

    `same` says what is compared: over something else, and over a folder that is no comparison, nothing is written
    unless `redo` says that the comparison there can go. Raises Refusal then.
    """
    partial, old = (folder.with_name(f".{folder.name}.{what}") for what in ("partial", "old"))
    if old.exists() and not folder.exists():
        old.rename(folder)  # a kill came between the two renames below
    require_free(folder, redo, same)
    folder.parent.mkdir(parents=True, exist_ok=True)
    room.writes_to(folder.parent)
    remove(partial)
    partial.mkdir()
    try:
        yield partial
        (partial / MARK).write_text(same + "\n", encoding="utf-8")
        for path in partial.iterdir():
            sync(path)
        sync(partial)
        remove(old)
        if folder.exists():
            folder.rename(old)
        partial.rename(folder)
        sync(folder.parent)
        remove(old)
    finally:
        remove(partial)


def require_free(folder: Path, redo: bool, same: str) -> None:
    """Raises Refusal where something stands there that is not this comparison."""
    if not os.path.lexists(folder):
        return
    mark = folder / MARK
    if folder.is_symlink() or not folder.is_dir() or not mark.is_file():
        raise Refusal(
            f"compare.out: {folder} is there and is no comparison; name another folder", without=["compare.out"]
        )
    if mark.read_text(encoding="utf-8").strip() != same and not redo:
        raise Refusal(
            f"compare.out: {folder} has a comparison of other models, rows or settings, and a sheet of it may be with "
            "people; name another folder, or say redo=true to replace it",
            words=["redo=true"],
        )
