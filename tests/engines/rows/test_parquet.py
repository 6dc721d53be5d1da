"""Parquet keeps its values; what JSON cannot say is a bad row or a column left aside, never another value."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy
import pyarrow
import pyarrow.parquet
import pytest

from jobs.core.errors import Refusal
from jobs.engines.rows import files as row_files, sources
from jobs.engines.rows.files import Line

ROOT = Path(__file__).resolve().parents[3]
TURN = pyarrow.struct([("role", pyarrow.string()), ("content", pyarrow.string())])


def write(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    pyarrow.parquet.write_table(pyarrow.table(columns), path, **options)
    return path


def lines(path: Path, max_row_bytes: int = 10_000, max_file_bytes: int = 10_000_000) -> list[Line]:
    source = sources.sources([str(path)], "prepare.files", "utf-8").files[0]
    blocks = row_files.blocks(source, max_row_bytes, max_file_bytes, "utf-8")
    return [line for block in blocks for line in row_files.split_block(block)]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["題", "", None], pyarrow.string()),
        (["a", "b", "a"], pyarrow.large_string()),
        (["a", "b", None], pyarrow.string_view()),
        (["a", "b", "a"], pyarrow.dictionary(pyarrow.int8(), pyarrow.string())),
        ([2**64 - 1, 0, None], pyarrow.uint64()),
        ([-(2**63), 2**63 - 1, 0], pyarrow.int64()),
        ([0.1, 1e30, None], pyarrow.float64()),
        ([1.5, 65504.0, None], pyarrow.float16()),
        ([True, False, None], pyarrow.bool_()),
        ([None, None, None], pyarrow.null()),
        ([[], None, [1, None]], pyarrow.list_(pyarrow.int32())),
        ([["a", "b"]] * 3, pyarrow.list_(pyarrow.string(), 2)),
        ([[{"role": "user", "content": "\n"}], [{"role": None, "content": "x"}], None], pyarrow.list_(TURN)),
        ([[("a", 1)], [], None], pyarrow.map_(pyarrow.string(), pyarrow.int8())),
    ],
    ids=lambda value: str(value) if isinstance(value, pyarrow.DataType) else "values",
)
def test_values_stay_what_they_are(tmp_path: Path, values: list[Any], kind: pyarrow.DataType) -> None:
    path = write(tmp_path / "a.parquet", {"value": pyarrow.array(values, kind), "n": [1, 2, 3]}, row_group_size=2)
    found = lines(path)
    expected = [dict(value) if pyarrow.types.is_map(kind) and value is not None else value for value in values]
    assert [json.loads(line.data) for line in found] == [
        {"value": value, "n": n} for value, n in zip(expected, (1, 2, 3), strict=True)
    ]
    assert [(line.number, line.offset, line.ended, line.fault) for line in found] == [
        (number, 0, True, None) for number in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([b"\x00"], pyarrow.binary()),
        ([datetime.datetime(2026, 1, 1)], pyarrow.timestamp("us")),
        ([datetime.date(2026, 1, 1)], pyarrow.date32()),
        ([Decimal("1.10")], pyarrow.decimal128(5, 2)),
        ([{"bytes": b"x", "path": "a.png"}], pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])),
        ([[(1, "a")]], pyarrow.map_(pyarrow.int8(), pyarrow.string())),
        ([[b"x"]], pyarrow.list_(pyarrow.binary())),
    ],
)
def test_what_json_cannot_say_is_left_aside_and_told(tmp_path: Path, values: list[Any], kind: pyarrow.DataType) -> None:
    path = write(tmp_path / "a.parquet", {"prompt": ["p"], "other": pyarrow.array(values, kind)})
    assert [line.data for line in lines(path)] == [b'{"prompt":"p"}']
    source = sources.sources([str(path)], "prepare.files", "utf-8").files[0]
    assert row_files.notes(source).left_aside[0].startswith("other (")


def test_a_value_that_is_not_json_is_a_bad_row(tmp_path: Path) -> None:
    texts = pyarrow.StringArray.from_buffers(
        4, pyarrow.py_buffer(numpy.array([0, 1, 2, 3, 4], "int32")), pyarrow.py_buffer(b"a\xe9cd")
    )
    columns = {
        "text": texts,
        "score": pyarrow.array([1.0, 2.0, float("nan"), 4.0]),
        "scores": pyarrow.array([[{"x": 1.0}]] * 3 + [[{"x": float("inf")}]]),
    }
    found = lines(write(tmp_path / "a.parquet", columns))
    assert [line.fault.reason if line.fault else line.data[:11] for line in found] == [
        b'{"text":"a"', "encoding", b'{"text":"c"', "not-a-number",
    ]  # fmt: skip
    assert b'"score":null' in found[2].data
    assert "`scores` is infinite" in str(found[3].fault)
    assert "byte 0xe9 at 0" in str(found[1].fault)
    assert [line.number for line in found] == [1, 2, 3, 4]


def test_a_map_with_a_key_twice_is_a_bad_row(tmp_path: Path) -> None:
    values = pyarrow.array([[("a", 1)], [("a", 1), ("a", 2)]], pyarrow.map_(pyarrow.string(), pyarrow.int8()))
    found = lines(write(tmp_path / "a.parquet", {"map": values}))
    assert [line.fault.reason if line.fault else line.data for line in found] == [b'{"map":{"a":1}}', "duplicate-key"]


def test_a_row_that_is_too_large_is_a_bad_row(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"text": ["a", "x" * 500, "c", "d", "e", "f"]})
    found = lines(path, max_row_bytes=300)
    assert [line.fault and line.fault.reason for line in found] == [None, "too-large", None, None, None, None]
    assert found[1].num_bytes == 511


@pytest.mark.parametrize("compression", ["zstd", "gzip", "snappy", "brotli", "lz4", "none"])
def test_columns_may_be_packed_in_any_way(tmp_path: Path, compression: str) -> None:
    path = write(tmp_path / "a.parquet", {"text": ["a", "b"] * 5}, compression=compression)
    assert [line.data for line in lines(path)] == [b'{"text":"a"}', b'{"text":"b"}'] * 5


@pytest.mark.parametrize(
    ("columns", "options", "text"),
    [
        ({"text": pyarrow.array([], pyarrow.string())}, {}, "has columns and no rows"),
        ({"text": ["x" * 900] * 9}, {"max_row_bytes": 200}, "its rows have [0-9,]+ bytes on the average"),
        ({"text": [f"{n}" for n in range(999)]}, {"max_file_bytes": 500}, "unpacks to more than 500 bytes; where that"),
        ({"text": ["x" * 200] * 999}, {"max_file_bytes": 1500}, "unpacks to more than 1,500 bytes"),
    ],
)  # fmt: skip
def test_a_file_that_is_too_large_or_empty(
    tmp_path: Path, columns: dict[str, Any], options: dict[str, int], text: str
) -> None:
    path = write(tmp_path / "a.parquet", columns, use_dictionary=text.endswith("1,500 bytes"))
    with pytest.raises(Refusal, match=f"^a.parquet: {text}"):
        lines(path, **options)


def test_names_of_columns_may_be_anything(tmp_path: Path) -> None:
    columns = {"a.b": [1], "a": [[{"b": 2}]], "題 名": ["x"], "": [None], "aside": [b"x"]}
    found = lines(write(tmp_path / "a.parquet", columns))
    assert [json.loads(line.data) for line in found] == [{"a.b": 1, "a": [{"b": 2}], "題 名": "x", "": None}]


def test_nothing_that_json_can_say_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"^a.parquet: has no column of text, numbers, lists or structs"):
        lines(write(tmp_path / "a.parquet", {"image": [b"x"]}))


def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    table = pyarrow.Table.from_arrays([pyarrow.array(["a"]), pyarrow.array(["b"])], ["text", "text"])
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(Refusal, match=r"^a.parquet: names the column 'text' twice"):
        lines(tmp_path / "a.parquet")


@pytest.mark.parametrize("damage", ["cut", "middle", "footer"])
def test_a_damaged_file_is_refused(tmp_path: Path, damage: str) -> None:
    columns = {"text": [f"{number * 7919:x}" * 9 for number in range(2000)]}
    path = write(tmp_path / "a.parquet", columns, compression="zstd", write_page_checksum=True)
    data = bytearray(path.read_bytes())
    if damage == "middle":
        data[1000:1400] = bytes(400)
    path.write_bytes({"cut": data[:-100], "middle": data, "footer": data[:-60] + bytes(52) + data[-8:]}[damage])
    with pytest.raises(
        Refusal, match=r"^a.parquet: (is no whole Parquet file|is damaged after row 0) \(.*; fetch it again"
    ):
        lines(path, max_file_bytes=10**9)


def test_a_large_row_group_needs_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    texts = pyarrow.array([f"{number:06d}" * 100 for number in range(300_000)])
    pyarrow.parquet.write_table(pyarrow.table({"text": texts}), path, row_group_size=300_000, use_dictionary=False)
    code = f"""
import re
from pathlib import Path
from jobs.engines.rows import files as row_files
from jobs.engines.rows import sources as row_sources
source = row_sources.sources([{str(path)!r}], "prepare.files", "utf-8").files[0]
print(sum(1 for block in row_files.blocks(source, 1_000_000, 1 << 31, "utf-8") for _ in row_files.split_block(block)))
print(re.search(r"VmHWM:\\s*([0-9]+) kB", Path("/proc/self/status").read_text())[1])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    rows, kibibytes = map(int, done.stdout.split())
    assert rows == 300_000
    assert kibibytes < 250_000


TEXT = "word " * 40_000
"""200 kB, that a file writes once and rows hold a thousand times."""


def repeated(num: int) -> pyarrow.DictionaryArray:
    return pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * num, pyarrow.int32()), pyarrow.array([TEXT]))


def in_turns(num: int) -> pyarrow.Array:
    roles = pyarrow.DictionaryArray.from_arrays([0] * num, ["user"])
    turns = pyarrow.StructArray.from_arrays([roles, repeated(num)], ["role", "content"])
    return pyarrow.ListArray.from_arrays(pyarrow.array(range(num + 1), pyarrow.int32()), turns)


def in_map(num: int) -> pyarrow.Array:
    return pyarrow.array([[("k", TEXT)]] * num, pyarrow.map_(pyarrow.string(), pyarrow.string()))


@pytest.mark.parametrize(
    ("column", "options"),
    [
        (repeated(2000), {}),
        (repeated(2000), {"row_group_size": 100}),
        (pyarrow.array([TEXT] * 100), {"data_page_size": 1 << 26}),
        (pyarrow.array([TEXT] * 100), {"use_dictionary": False, "column_encoding": {"text": "DELTA_BYTE_ARRAY"}}),
        (in_turns(2000), {}),
        (in_turns(2000), {"row_group_size": 100}),
        (in_map(100), {}),
        (pyarrow.nulls(1_500_000), {}),
        (pyarrow.array([7] * 1_500_000), {}),
        (pyarrow.array([[1] * 1000] * 6_000), {}),
    ],
    ids=["flat", "groups", "pages", "beginnings", "turns", "turns-groups", "map", "nulls", "run-length", "list"],
)
def test_what_rows_hold_is_counted_and_not_what_the_file_has(
    tmp_path: Path, column: pyarrow.Array, options: dict[str, Any]
) -> None:
    path = write(tmp_path / "a.parquet", {"text": column}, compression="zstd", **options)
    assert path.stat().st_size < 100_000
    with pytest.raises(Refusal, match=r"^a.parquet: unpacks to more than 10,000,000 bytes; where that is right, raise"):
        lines(path, max_row_bytes=1_000_000)


def test_rows_with_dictionaries_are_read_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"messages": in_turns(30), "text": repeated(30)}, row_group_size=7)
    found = lines(path, max_row_bytes=1_000_000, max_file_bytes=20_000_000)
    turn = {"role": "user", "content": TEXT}
    assert [json.loads(line.data) for line in found] == [{"messages": [turn], "text": TEXT}] * 30
    assert [line.number for line in found] == list(range(1, 31))


def test_a_row_too_large_in_a_dictionary_is_never_unfolded(tmp_path: Path) -> None:
    values = pyarrow.DictionaryArray.from_arrays([0, 1, 0, 1], ["a", TEXT])
    found = lines(write(tmp_path / "a.parquet", {"text": values}), max_row_bytes=150_000)
    assert [(line.number, line.fault and line.fault.reason) for line in found] == [
        (1, None), (2, "too-large"), (3, None), (4, "too-large"),
    ]  # fmt: skip
