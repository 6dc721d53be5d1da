"""A sheet is read cell by cell; what a person sees in Excel and is not in the file is said."""

from __future__ import annotations

import datetime
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from jobs.core.compose import compose
from jobs.core.errors import Refusal
from jobs.engines.rows import files as row_files, sources, workbook
from jobs.engines.rows.files import Line
from jobs.engines.rows.sources import Inside, Source

MOST = 10_000_000
HEADER = ["質問", "回答"]


def written(path: Path, *rows: list[Any], **sheets: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for name, others in sheets.items():
        sheet = book.create_sheet(name)
        for row in others:
            sheet.append(row)
    book.save(path)
    return path


def read(path: Path, **inside: Any) -> tuple[Source, list[Line]]:
    source = sources.sources([str(path)], "prepare.files", "utf-8", Inside(max_file_bytes=MOST, **inside)).files[0]
    blocks = list(row_files.blocks(source, MOST, MOST, "utf-8"))
    return source, [line for block in blocks for line in row_files.split_block(block)]


def test_every_cell_is_what_stands_in_it(tmp_path: Path) -> None:
    day = datetime.datetime(2024, 1, 31)
    path = written(
        tmp_path / "a.xlsx",
        [*HEADER, "点", "日付", None],
        ["q\n1", " a ", 5, day],
        [None, None],
        ["q", "=5", 0.1, day.replace(hour=9)],
        ["", True, "007", None],
    )
    source, lines = read(path)
    assert source.kind == "Excel (sheet Sheet)"
    assert json.loads(lines[0].data) == {"質問": "q\n1", "回答": " a ", "点": 5, "日付": "2024-01-31"}
    assert lines[1].fault is not None
    assert "`回答` is a formula without a value" in lines[1].fault.evidence
    assert json.loads(lines[2].data) == {"質問": "", "回答": True, "点": "007", "日付": ""}
    assert [line.number for line in lines] == [2, 4, 5]
    assert source.left_aside == ("dates of 日付 read as text such as 2024-01-31",)
    assert sum(map(row_files.num_empty, row_files.blocks(source, MOST, MOST, "utf-8"))) == 1


def test_a_formula_with_its_value_is_its_value(tmp_path: Path) -> None:
    path = written(tmp_path / "a.xlsx", HEADER, ["q", "=1+1"])
    parts = {}
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = "xl/worksheets/sheet1.xml"
    parts[name] = re.sub(rb"<v ?/>|<v></v>", b"<v>2</v>", parts[name])
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    assert json.loads(read(path)[1][0].data) == {"質問": "q", "回答": 2}


def test_several_sheets_are_asked_about_and_each_answer_works(tmp_path: Path) -> None:
    path = written(tmp_path / "a.xlsx", HEADER, ["q", "a"], **{"2024 年": [HEADER, ["p", "b"]], "empty": []})
    with pytest.raises(Refusal, match="has rows in several sheets") as caught:
        read(path)
    words = re.findall(r"prepare\.sheet='[^']+'", str(caught.value))
    sheets = [compose([word])["prepare"]["sheet"] for word in words]
    assert [json.loads(read(path, sheet=sheet)[1][0].data)["質問"] for sheet in sheets] == ["q", "p"]
    with pytest.raises(Refusal, match=r"prepare.sheet=x: there is no such sheet; there are: Sheet, 2024 年, empty"):
        read(path, sheet="x")


def test_a_header_below_a_title(tmp_path: Path) -> None:
    path = written(tmp_path / "a.xlsx", ["Survey"], [], HEADER, ["q", "a"])
    assert [(line.number, json.loads(line.data)) for line in read(path, header_row=2)[1]] == [
        (4, {"質問": "q", "回答": "a"})
    ]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (["q", "#REF!"], None),
        (["q", "a", "more"], "column 3, which has no name, holds 'more': name it in the header"),
    ],
)
def test_a_cell_without_a_place_is_a_bad_row(tmp_path: Path, row: list[Any], said: str | None) -> None:
    (line,) = read(written(tmp_path / "a.xlsx", HEADER, row))[1]
    assert (line.fault and line.fault.evidence) == (said or "`回答` holds the error #REF!: mend the cell")


def test_what_is_no_whole_workbook_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.xlsx", HEADER, ["q", "a"])
    with pytest.raises(Refusal, match="unpacks to more than 100 bytes"):
        workbook.sheet(path, "a.xlsx", None, 1, 100)
    with zipfile.ZipFile(tmp_path / "b.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook")
    with pytest.raises(Refusal, match=r"^b.xlsx: is no whole Excel workbook"):
        read(tmp_path / "b.xlsx")
    with pytest.raises(Refusal, match="names the column '質問' twice"):
        read(written(tmp_path / "c.xlsx", ["質問", "質問"], ["q", "a"]))
    with pytest.raises(Refusal, match="has no sheet with rows"):
        read(written(tmp_path / "d.xlsx"))
