"""Rows under a key of one JSON object are cut out of it byte by byte, or the key is asked for."""

from __future__ import annotations

import gzip
import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from jobs.core.errors import Refusal
from jobs.engines.rows import files as row_files, sources, streams
from jobs.engines.rows.sources import Inside

ROWS = [{"prompt": f"質問 {number} [{{", "completion": f'a, "{number}" ]}}', "n": number / 2} for number in range(5)]
MOST = 1_000_000


def read(path: Path, field: str | None = None) -> tuple[sources.Source, list[tuple[int, Any]]]:
    source = sources.sources([str(path)], "prepare.files", "utf-8", Inside(field=field, max_file_bytes=MOST)).files[0]
    blocks = row_files.blocks(source, MOST, MOST, "utf-8")
    lines = [line for block in blocks for line in row_files.split_block(block)]
    assert not any(line.fault for line in lines)
    return source, [(line.number, json.loads(line.data)) for line in lines]


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("chunk", [7, 64, 1 << 20])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("table", "key", "aside"),
    [
        ({"data": ROWS}, "data", ()),
        ({"version": "[1", "data": ROWS, "more": {"a": [1]}}, "data", ("version, more beside data",)),
        ({"train": ROWS}, "train", ()),
        (
            {"features": [{"name": "a"}], "rows": [{"row_idx": 0, "row": row} for row in ROWS]},
            "rows",
            ("features beside rows",),
        ),
    ],
)
def test_rows_under_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, indent: int | None, chunk: int, packed: bool, table: Any, key: str,
    aside: tuple[str, ...],
) -> None:  # fmt: skip
    text = "\ufeff" + json.dumps(table, indent=indent, ensure_ascii=False) + "\n"
    (tmp_path / "a.json").write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    monkeypatch.setattr(streams, "CHUNK", chunk)
    source, rows = read(tmp_path / "a.json")
    assert (source.field, source.left_aside) == (key, aside)
    assert [row.get("row", row) for _, row in rows] == ROWS
    lines = text.split("\n")
    for number, row in rows:
        row = row.get("row", row)
        assert indent is None or json.dumps(row["prompt"], ensure_ascii=False) in "".join(lines[number : number + 4])


def test_a_table_of_pandas_by_rows_keeps_every_number_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(
        '{"columns":["prompt","completion"],"index":[0,1],"data":[["q, [", 5.0],["p",\n 1e3]]}'
    )
    source = sources.sources([str(tmp_path / "a.json")], "k", "utf-8").files[0]
    assert source.columns == ("prompt", "completion")
    lines = [line for block in row_files.blocks(source, MOST, MOST, "utf-8") for line in row_files.split_block(block)]
    assert [line.data for line in lines] == [b'{"prompt":"q, [","completion":5.0}', b'{"prompt":"p","completion":1e3}']


def test_a_row_of_another_length_is_a_bad_row(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"columns":["a","b"],"data":[["q","a"],["q"],{"a":1}]}')
    source = sources.sources([str(tmp_path / "a.json")], "k", "utf-8").files[0]
    lines = [line for block in row_files.blocks(source, MOST, MOST, "utf-8") for line in row_files.split_block(block)]
    assert [line.fault and line.fault.reason for line in lines] == [None, "bad-json", "bad-json"]


def test_several_keys_with_rows_are_asked_about_and_each_answer_works(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"train": ROWS[:3], "test": ROWS[3:]}))
    with pytest.raises(Refusal, match="is one object with rows under several keys") as caught:
        read(path)
    fields = re.findall(r"prepare\.field=(\w+)", str(caught.value))
    assert [[row for _, row in read(path, field)[1]] for field in fields] == [ROWS[:3], ROWS[3:]]


@pytest.mark.parametrize("by_column", [True, False])
def test_the_command_for_other_tables_of_pandas_works(tmp_path: Path, by_column: bool) -> None:
    path = tmp_path / "it's a table.json"
    numbered = {str(number): row for number, row in enumerate(ROWS)}
    columns = {name: {number: row[name] for number, row in numbered.items()} for name in ROWS[0]}
    path.write_text(json.dumps(columns if by_column else numbered))
    with pytest.raises(Refusal, match="is a table that pandas wrote") as caught:
        read(path)
    command = re.search(r"python3 -c .*", str(caught.value))
    assert command is not None
    subprocess.run(["bash", "-c", command[0].replace("python3", "exec python3")], cwd=tmp_path, check=True)
    assert shlex.split(command[0])[-1] == "rows.jsonl"
    assert [row for _, row in read(tmp_path / "rows.jsonl")[1]] == ROWS


@pytest.mark.parametrize(
    "text",
    [
        '{"messages": [{"role": "user", "content": "q"}]}',
        '{"prompt": "q", "completion": "a", "references": [{"a": 1}]}',
        '{"data": [{"a": 1}]}\n{"data": [{"a": 2}]}\n',
        '{\n"a": [{"b": 1}]\n}\n{\n"a": [{"b": 1}]\n}\n',
        '{"data": {"text": "q"}, "annotations": [{"result": []}]}',
        '{"conversation": [{"speaker": "a", "text": "q"}]}',
    ],
)
def test_a_row_is_not_taken_apart(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.jsonl").write_text(text)
    source, _ = read(tmp_path / "a.jsonl")
    assert source.span is None


def test_a_key_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"train": ROWS, "name": "x"}))
    with pytest.raises(
        Refusal, match=r"^a.json: prepare.field=test: no list of rows has that key; its keys are `train`, `name`"
    ):
        read(path, "test")
    (tmp_path / "b.jsonl").write_text('{"prompt": "q"}\n' * 2)
    with pytest.raises(Refusal, match=r"^prepare.field=data: no file is one JSON object"):
        read(tmp_path / "b.jsonl", "data")


def test_what_unpacks_without_an_end_is_not_gone_through(tmp_path: Path) -> None:
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(b'{"data": "' + b"x" * 3_000_000 + b'"}'))
    with pytest.raises(Refusal, match="unpacks to more than 1,000,000 bytes"):
        read(tmp_path / "a.json.gz")
