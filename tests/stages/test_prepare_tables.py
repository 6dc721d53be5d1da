"""Files as spreadsheets, hubs and label tools write them become the rows that are in them, from end to end."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from jobs.core.errors import Refusal
from jobs.prepare import make, run
from tests.stages.prepare_run import config, entries, rows

PAIRS = [(row["messages"][0]["content"], row["messages"][1]["content"]) for row in rows()]


def table(sign: str, *titles: str) -> bytes:
    lines = [*titles, sign.join(("質問", "回答", "")), *(sign.join((*pair, "")) for pair in PAIRS), sign * 2, sign * 2]
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8-sig")


def workbook() -> bytes:
    book, data = openpyxl.Workbook(), io.BytesIO()
    for row in [("質問", "回答"), *PAIRS]:
        book.active.append(row)
    book.save(data)
    return data.getvalue()


def objects(*names: str) -> list[dict[str, str]]:
    return [dict(zip(names, pair, strict=True)) for pair in PAIRS]


def lines(found: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in found).encode()


def chatml(asked: str, answered: str) -> str:
    return f"<|im_start|>user\n{asked}<|im_end|>\n<|im_start|>assistant\n{answered}<|im_end|>\n"


def label_studio(asked: str, answered: str) -> dict[str, Any]:
    result = [{"from_name": "answer", "value": {"text": [answered]}}]
    return {"data": {"text": asked}, "annotations": [{"result": result, "was_cancelled": False}]}


FILES: dict[str, tuple[bytes, str, str]] = {
    "semicolons.csv": (table(";"), "CSV (semicolons)", "prompt_completion {prompt:質問,completion:回答}"),
    "sheet.xlsx": (workbook(), "Excel (sheet Sheet)", "prompt_completion {prompt:質問,completion:回答}"),
    "data.json": (
        json.dumps({"data": objects("prompt", "completion")}).encode(),
        "JSON (rows under data)",
        "prompt_completion",
    ),
    "split.json": (
        json.dumps({"columns": ["prompt", "completion"], "index": [0], "data": PAIRS}).encode(),
        "JSON (rows under data)",
        "prompt_completion",
    ),
    "question.jsonl": (
        lines(objects("Question", "Answer")),
        "JSON Lines",
        "prompt_completion {prompt:Question,completion:Answer}",
    ),
    "doccano.jsonl": (
        lines([{"text": asked, "label": [answered]} for asked, answered in PAIRS]),
        "JSON Lines",
        "prompt_completion {prompt:text,completion:label}",
    ),
    "studio.json": (
        json.dumps([label_studio(*pair) for pair in PAIRS]).encode(),
        "JSON",
        "prompt_completion {prompt:text,completion:answer}",
    ),
    "marked.jsonl": (lines([{"text": chatml(*pair)} for pair in PAIRS]), "JSON Lines", "text"),
}


@pytest.mark.parametrize("name", FILES)
def test_the_rows_in_a_file(tmp_path: Path, name: str) -> None:
    data, form, shape = FILES[name]
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / name).write_bytes(data)
    facts = run(config([tmp_path / name]), {}, out)
    assert [(file.format, file.shape, file.num_rows) for file in facts.files] == [(form, shape, len(PAIRS))]
    kept = entries(out / "train.jsonl") + entries(out / "val.jsonl")
    found = {(row["messages"][0]["content"], row["messages"][1]["content"]) for row in kept}
    assert found == set(PAIRS)
    assert len({row["id"] for row in kept}) == len(PAIRS)


def test_several_files_are_each_read_as_they_are(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    half = len(PAIRS) // 2
    (tmp_path / "a.jsonl").write_bytes(lines(objects("質問", "回答")[:half]))
    (tmp_path / "b.csv").write_bytes(
        b"prompt;completion\n" + "".join(";".join(pair) + "\n" for pair in PAIRS[half:]).encode()
    )
    facts = run(config([tmp_path / "a.jsonl", tmp_path / "b.csv"]), {}, out)
    assert [file.shape for file in facts.files] == [
        "prompt_completion {prompt:質問,completion:回答}",
        "prompt_completion",
    ]
    assert facts.num_kept == len(PAIRS)


def test_what_is_left_aside_and_taken_as_text_is_said(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "a.csv").write_bytes(table(","))
    facts = run(config([tmp_path / "a.csv"]), {}, out)
    assert facts.left_aside == ["a.csv: a column without a name", "a.csv: 2 empty rows"]
    (tmp_path / "b.jsonl").write_bytes(
        lines([{"prompt": asked, "completion": number % 5} for number, (asked, _) in enumerate(PAIRS)])
    )
    other = tmp_path / "other"
    other.mkdir()
    assert run(config([tmp_path / "b.jsonl"]), {}, other).changed == {"number-as-text": len(PAIRS)}


def test_a_title_above_the_header_is_named_and_the_line_that_is_told_works(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "a.csv").write_bytes(table(",", "アンケート,,", ",,"))
    with pytest.raises(Refusal, match=r"^a.csv: line 1 holds a title.*: set prepare\.header_row=2$"):
        make(config([tmp_path / "a.csv"]), {}, out)
    assert run(config([tmp_path / "a.csv"], header_row=2), {}, out).num_kept == len(PAIRS)
