"""Rows on disk, one JSON line each, found again by their number: a million rows need no memory of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK_ROWS = 1024
SCAN = 1 << 22
"""Bytes looked through at a time for line ends."""


@dataclass(frozen=True)
class Piece:
    """Some rows, in any order: which file each is in, and where it begins and ends."""

    paths: tuple[Path, ...]
    which: NDArray[np.int8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def lines(self) -> list[bytes]:
        """The lines, without line ends."""
        if not len(self.starts):
            return []
        with ExitStack() as open_files:
            files = {
                number: open_files.enter_context(self.paths[number].open("rb")) for number in set(self.which.tolist())
            }
            if len(files) == 1 and bool(np.all(self.starts[1:] == self.ends[:-1] + 1)):
                file = next(iter(files.values()))
                file.seek(int(self.starts[0]))
                together: bytes = file.read(int(self.ends[-1] - self.starts[0]))
                return together.split(b"\n")
            found = []
            for number, start, end in zip(self.which.tolist(), self.starts.tolist(), self.ends.tolist(), strict=True):
                files[number].seek(start)
                found.append(files[number].read(end - start))
            return found


@dataclass(frozen=True)
class RowStore:
    """Rows of one file or of several behind each other; the arrays have a place for each row."""

    paths: tuple[Path, ...]
    which: NDArray[np.int8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ends)

    def piece(self, chosen: Any) -> Piece:
        """Rows by their numbers, or a slice of them."""
        return Piece(self.paths, self.which[chosen], self.starts[chosen], self.ends[chosen])

    def pieces(self, chosen: NDArray[np.int64] | None = None) -> Iterator[Piece]:
        """All rows, or those of some numbers, BLOCK_ROWS at a time."""
        for start in range(0, len(self) if chosen is None else len(chosen), BLOCK_ROWS):
            part = slice(start, start + BLOCK_ROWS)
            yield self.piece(part if chosen is None else chosen[part])


class RowWriter:
    """Makes a file of rows. A context: leaving it closes the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("wb")
        self._sizes: list[NDArray[np.int64]] = []

    def write(self, lines: Sequence[bytes]) -> None:
        """Add rows, without line ends."""
        self._file.writelines(line + b"\n" for line in lines)
        self._sizes.append(np.fromiter(map(len, lines), np.int64, len(lines)))

    def finished(self) -> RowStore:
        """The rows written; closes the file."""
        self._file.close()
        sizes = np.concatenate([np.zeros(0, np.int64), *self._sizes])
        return _store(self.path, np.cumsum(sizes + 1) - 1)


def opened(path: Path) -> RowStore:
    """The rows of a file that was written before."""
    found: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    done = 0
    with path.open("rb") as file:
        while block := file.read(SCAN):
            found.append(np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")) + done)
            done += len(block)
    ends = np.concatenate(found)
    is_whole = not done or (len(ends) > 0 and int(ends[-1]) == done - 1)
    return _store(path, ends if is_whole else np.append(ends, done))


def joined(stores: Sequence[RowStore]) -> RowStore:
    """Several stores as one."""
    before = np.cumsum([0, *(len(store.paths) for store in stores)])
    return RowStore(
        tuple(path for store in stores for path in store.paths),
        np.concatenate([store.which + first for store, first in zip(stores, before, strict=False)]).astype(np.int8),
        np.concatenate([store.starts for store in stores]),
        np.concatenate([store.ends for store in stores]),
    )


def copy_rows(store: RowStore, chosen: NDArray[np.bool_], path: Path) -> None:
    """Write the rows of a store of one file that are chosen, [rows], to another, in order."""
    edges = np.flatnonzero(np.diff(chosen, prepend=False, append=False)).reshape(-1, 2)
    with store.paths[0].open("rb") as source, path.open("wb") as out:
        for first, beyond in edges.tolist():  # neighbours that are chosen lie side by side
            at, stop = int(store.starts[first]), int(store.ends[beyond - 1]) + 1
            source.seek(at)
            while at < stop and (piece := source.read(min(SCAN, stop - at))):
                out.write(piece)
                at += len(piece)


def _store(path: Path, ends: NDArray[np.int64]) -> RowStore:
    starts = np.concatenate((np.zeros(1, np.int64), ends[:-1] + 1))[: len(ends)]
    return RowStore((path,), np.zeros(len(ends), np.int8), starts, ends)
