"""Rows on disk are found again by their number."""

from pathlib import Path

import numpy as np
import pytest

from jobs.engines.rows import store as row_store
from jobs.engines.rows.store import BLOCK_ROWS, RowStore, RowWriter

LINES = ["{}", "ねこ", "", "a" * 5000, "[1]"]


def written(path: Path, lines: list[str]) -> RowStore:
    writer = RowWriter(path)
    writer.write([line.encode() for line in lines[:2]])
    writer.write([])
    writer.write([line.encode() for line in lines[2:]])
    return writer.finished()


def texts(store: RowStore, chosen: object) -> list[str]:
    return [line.decode() for line in store.piece(chosen).lines()]


def test_rows_by_number(tmp_path: Path) -> None:
    store = written(tmp_path / "a", LINES)
    assert len(store) == 5
    assert texts(store, slice(None)) == LINES
    assert texts(store, slice(1, 3)) == LINES[1:3]
    assert texts(store, np.asarray([4, 0, 0, 3])) == [LINES[4], LINES[0], LINES[0], LINES[3]]
    assert texts(store, np.zeros(0, np.int64)) == []


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_file_opened_again(tmp_path: Path, end: str) -> None:
    path = tmp_path / "with a space"
    path.write_text("\n".join(LINES) + end, encoding="utf-8")
    store = row_store.opened(path)
    assert texts(store, slice(None)) == LINES


def test_a_file_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    store = row_store.opened(tmp_path / "a")
    assert len(store) == 0
    assert list(store.pieces()) == []


def test_several_files_as_one(tmp_path: Path) -> None:
    both = row_store.joined([written(tmp_path / "a", LINES), written(tmp_path / "b", ["x", "y"])])
    assert texts(both, np.asarray([5, 0, 6])) == ["x", LINES[0], "y"]
    more = row_store.joined([both, written(tmp_path / "c", ["p", "q"]), both])
    assert texts(more, np.asarray([8, 7, 6, 0, 9, 14])) == ["q", "p", "y", LINES[0], LINES[0], "x"]
    assert [line for piece in both.pieces() for line in piece.lines()] == [line.encode() for line in [*LINES, "x", "y"]]


def test_rows_are_copied_in_order(tmp_path: Path) -> None:
    lines = [str(number) for number in range(3 * BLOCK_ROWS + 5)]
    store = written(tmp_path / "a", lines)
    chosen = np.arange(len(lines)) % 7 == 3
    chosen[BLOCK_ROWS : 2 * BLOCK_ROWS] = False
    row_store.copy_rows(store, chosen, tmp_path / "b")
    expected = [line for line, is_chosen in zip(lines, chosen, strict=True) if is_chosen]
    assert (tmp_path / "b").read_text(encoding="utf-8").split() == expected
    assert len(list(store.pieces())) == 4
