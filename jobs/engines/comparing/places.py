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
from jobs.engines.comparing.sheet_page import KEY

COMPARISONS = "compare"
"""Below the folder of the runs."""
MARK = ".comparison"
"""In every folder that was made here, so that no other one is replaced."""
WRITTEN = frozenset((MARK, "answers.jsonl", "compare.html", "compare.json", "judged.json", "sheet.html", KEY))
"""All that commands write into such a folder; anything else in it is a person's, such as votes, and stays."""


@contextmanager
def whole(folder: Path, redo: bool, same: str) -> Iterator[Path]:
    """A folder to write into, which takes the place of `folder` when the block ends well.

    `same` says what is compared: over something else, and over a folder that is no comparison, nothing is written
    unless `redo` says that the comparison there can go; nor where the blind sheet would be another one. Raises Refusal
    then. What people laid into the folder stays there.
    """
    require_free(folder, redo, same)
    partial, old = (folder.with_name(f".{folder.name}.{what}") for what in ("partial", "old"))
    _settle(folder, old)  # a kill came between the two renames below, or behind them
    require_free(folder, redo, same)
    folder.parent.mkdir(parents=True, exist_ok=True)
    room.writes_to(folder.parent)
    remove(partial)
    partial.mkdir()
    (partial / MARK).write_text(same + "\n", encoding="utf-8")
    try:
        yield partial
        assert {path.name for path in partial.iterdir()} <= WRITTEN
        if not redo:
            _require_same_sheet(folder, partial)
        for path in partial.iterdir():
            sync(path)
        sync(partial)
        if folder.exists():
            folder.rename(old)
        partial.rename(folder)
        sync(folder.parent)
        _settle(folder, old)
    finally:
        remove(partial)


def _settle(folder: Path, old: Path) -> None:
    """What people laid into `old` goes to `folder`, which has taken its place; then there is no `old`."""
    if not os.path.lexists(old):
        return
    if not os.path.lexists(folder):
        old.rename(folder)
        return
    for path in sorted(old.iterdir()) if old.is_dir() else ():
        if path.name in WRITTEN:
            continue
        if os.path.lexists(folder / path.name):
            raise Refusal(f"compare.out: {path.name} is both in {folder} and in {old}; move one of the two away")
        path.rename(folder / path.name)
    sync(folder)
    remove(old)


def _require_same_sheet(folder: Path, partial: Path) -> None:
    """Raises Refusal where the key of a sheet that may be with people would not be the same any more."""
    there, new = folder / KEY, partial / KEY
    if there.is_file() and not (new.is_file() and new.read_bytes() == there.read_bytes()):
        raise Refusal(
            f"compare.out: {folder} has a blind sheet that may be with people, and what is made now has another, by "
            "its names, answers, number of pairs or seed; name another folder, or say redo=true to replace it",
            words=["redo=true"],
        )


def are_same(folder: Path, other: Path) -> bool:
    """Whether both folders are of one comparison."""
    try:
        return (folder / MARK).read_bytes() == (other / MARK).read_bytes()
    except OSError:
        return False


def require_free(folder: Path, redo: bool, same: str) -> None:
    """Raises Refusal where something stands there that is not this comparison."""
    if folder.name in ("", ".."):
        raise Refusal(f"compare.out: {folder} has no name of its own; name a folder in it", without=["compare.out"])
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
