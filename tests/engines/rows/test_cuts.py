"""Rows end at the same places wherever a chunk happens to end, and what is held stays small."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator

import pytest

from jobs.engines.rows.cuts import Broken, CsvCuts, Cuts, JsonCuts, LineCuts, Piece, cut
from jobs.engines.rows.streams import Chunk

SIZES = (1, 2, 3, 5, 7, 16, 1000)
MOST = 200
JSON_ROWS = [
    {"a": 'quotes " and \\ and \\" and brackets ]}[{ in text', "題": "「括弧」, \n"},
    {"nested": [[1, 2], {"b": [{}]}], "empty": "", "end": "\\"},
    {},
    {"last": True},
]
CSV_ROWS = [
    ["1", 'says "so", twice\nand again', ""],
    ["2", "", '"'],
    ["", "題名、\r\nカンマ,", "x" * 40],
    ["4", 'plain 5" disk'.replace('"', ""), '""'],
]


def chunked(data: bytes, size: int) -> Iterator[Chunk]:
    return (Chunk(data[start : start + size], start + size) for start in range(0, len(data), size))


def rows(pieces: list[Piece]) -> list[bytes]:
    found = []
    for piece in pieces:
        for start, end in zip([0, *piece.ends[:-1]], piece.ends, strict=True):
            found.append(piece.data[start:end])
    return found


def require_in_order(pieces: list[Piece], data: bytes) -> None:
    place = 0
    for piece in pieces:
        assert piece.first_offset == place
        assert piece.first_line == data.count(b"\n", 0, place) + 1
        assert piece.data == data[place : place + len(piece.data)]
        assert not piece.ends or piece.ends[-1] == len(piece.data)
        place += len(piece.data) + piece.num_thrown
    assert place == len(data)


@pytest.mark.parametrize("size", SIZES)
def test_csv(size: int) -> None:
    text = io.StringIO()
    csv.writer(text).writerows(CSV_ROWS)
    data = text.getvalue().encode()
    pieces = list(cut(chunked(data, size), CsvCuts(b",", b"\n"), b"\n", MOST))
    assert [next(csv.reader([row.decode()])) for row in rows(pieces)] == CSV_ROWS
    require_in_order(pieces, data)


@pytest.mark.parametrize("size", SIZES)
def test_a_quote_inside_a_field_opens_nothing(size: int) -> None:
    data = b'5" disk,a\nb,3" disk\n"ok",c\n"closed"then more,d\nlast,e'
    pieces = list(cut(chunked(data, size), CsvCuts(b",", b"\n"), b"\n", MOST))
    assert b"".join(rows(pieces)) == data
    assert [row.rstrip() for row in rows(pieces)] == data.split(b"\n")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("indent", [None, 1])
def test_json(size: int, indent: int | None) -> None:
    texts = [json.dumps(row, ensure_ascii=False, indent=indent) for row in JSON_ROWS]
    after_another = "\n".join(texts).encode()
    pieces = list(cut(chunked(after_another, size), JsonCuts(False), b"\n", MOST))
    assert [json.loads(row) for row in rows(pieces)] == JSON_ROWS
    require_in_order(pieces, after_another)
    array = (",\n".join(texts) + "\n]").encode()
    pieces = list(cut(chunked(array, size), JsonCuts(True), b"\n", MOST))
    assert [json.loads(row[:-1]) for row in rows(pieces)] == JSON_ROWS
    require_in_order(pieces, array)


CASES: list[tuple[Callable[[], Cuts], bytes, bytes, bytes]] = [
    (lambda: LineCuts(b"\n"), b"first\n", b"x" * 500 + b"\n", b"last\n"),
    (lambda: CsvCuts(b",", b"\n"), b"a,b\n", b'"' + b'x,""\n' * 100 + b'",b\n', b"c,d\n"),
    (lambda: JsonCuts(True), b'{"a": 1},', b'{"a": "' + b'{\\"\n' * 100 + b'"},', b'{"b": 1}]'),
    (lambda: JsonCuts(False), b'{"a": 1}', b'\n{"a": "' + b'{\\"\n' * 100 + b'"}', b'{"b": 1}'),
]


@pytest.mark.parametrize("size", [1, 7, 50])
@pytest.mark.parametrize(("cuts", "before", "large", "after"), CASES)
def test_a_row_that_is_too_large_is_thrown_away(
    cuts: Callable[[], Cuts], before: bytes, large: bytes, after: bytes, size: int
) -> None:
    pieces = list(cut(chunked(before + large + after, size), cuts(), b"\n", MOST))
    assert [piece.num_thrown for piece in pieces if piece.num_thrown] == [len(large)]
    assert b"".join(piece.data for piece in pieces) == before + after
    require_in_order(pieces, before + large + after)


def test_a_large_row_without_an_end() -> None:
    pieces = list(cut(chunked(b"a\n" + b"x" * 1000, 10), LineCuts(b"\n"), b"\n", MOST))
    assert [(piece.data, piece.num_thrown, piece.ended) for piece in pieces] == [(b"a\n", 0, True), (b"", 1000, False)]


@pytest.mark.parametrize("size", [1, 4, 1000])
@pytest.mark.parametrize(
    ("cuts", "data", "line", "text"),
    [
        (lambda: CsvCuts(b",", b"\n"), b'a,b\nc,"d\ne,f\n', 2, "a quote that is never closed"),
        (lambda: JsonCuts(True), b'{"a": 1},\n{"b": [1}\n]', 2, "never closed"),
        (lambda: JsonCuts(True), b'{"a": 1},\n{"b": 1', 2, "never closed"),
        (lambda: JsonCuts(True), b'{"a": 1},\n{"b": "1', 2, "never closed"),
        (lambda: JsonCuts(True), b'{"a": 1},\n{"b": 1},\n', 3, "the array is never closed"),
        (lambda: JsonCuts(True), b'{"a": 1}}\n]', 1, "`}` closes nothing"),
        (lambda: JsonCuts(True), b'{"a": 1}\n]\n {"b": 1}', 3, "there is text after the end of the array"),
        (lambda: JsonCuts(False), b'{"a": 1}\n]', 2, "`]` closes nothing"),
        (lambda: JsonCuts(False), b'{"a": 1}\n{"b": {}', 2, "never closed"),
    ],
)
def test_rows_that_cannot_be_told_apart(cuts: Callable[[], Cuts], data: bytes, line: int, text: str, size: int) -> None:
    with pytest.raises(Broken, match=text) as caught:
        list(cut(chunked(data, size), cuts(), b"\n", MOST))
    assert caught.value.line == line
