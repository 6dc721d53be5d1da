"""The same conversations in every format that vendors and tools export: the same rows come out, and the same split."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.core.errors import Refusal
from jobs.prepare import run
from tests.stages.prepare_run import config, entries, rows, written

Row = dict[str, Any]
ROWS = rows()


def names(row: Row) -> Row:
    return {"id": row["id"], "source": row["source"]}


def asked(row: Row) -> str:
    return str(row["messages"][0]["content"])


def answer(row: Row) -> str:
    return str(row["messages"][1]["content"])


def renamed(row: Row, **roles: str) -> list[Row]:
    return [{**turn, "role": roles[turn["role"]]} for turn in row["messages"]]


def gemini(row: Row) -> Row:
    turns = renamed(row, user="user", assistant="model")
    return {"contents": [{"role": turn["role"], "parts": [{"text": turn["content"]}]} for turn in turns]}


def export(row: Row) -> Row:
    nodes: Row = {"root": {"parent": None, "message": None}}
    for name, parent, turn in zip("ua", ("root", "u"), row["messages"], strict=True):
        content = {"content_type": "text", "parts": [turn["content"]]}
        nodes[name] = {"parent": parent, "message": {"author": {"role": turn["role"]}, "content": content}}
    return {"mapping": nodes, "current_node": "a", "create_time": 1.5, "conversation_id": row["id"]}


def blocks(row: Row) -> Row:
    return {"messages": [{**turn, "content": [{"type": "text", "text": turn["content"]}]} for turn in row["messages"]]}


def pair(row: Row) -> Row:
    return {"prompt": asked(row), "chosen": answer(row), "rejected": "no"}


def openai_pair(row: Row) -> Row:
    worse = [{"role": "assistant", "content": "no"}]
    return {"input": {"messages": row["messages"][:1]}, "preferred_output": row["messages"][1:],
            "non_preferred_output": worse}  # fmt: skip


FORMATS: list[tuple[Callable[[Row], Row], dict[str, Any]]] = [
    (gemini, {}),
    (export, {}),
    (blocks, {}),
    (lambda row: {"query": asked(row), "response": answer(row)}, {}),
    (lambda row: {"conversation": [{"input": asked(row), "output": answer(row)}]}, {}),
    (lambda row: {"messages": json.dumps(row["messages"], ensure_ascii=False)}, {}),
    (lambda row: {"messages": str(row["messages"])}, {}),
    (lambda row: {"messages": renamed(row, user="ユーザー", assistant="アシスタント")}, {}),
    (lambda row: {"messages": renamed(row, user="customer", assistant="agent")},
     {"roles": {"customer": "user", "agent": "assistant"}}),
    (pair, {"pairs": "preferred"}),
    (openai_pair, {"pairs": "preferred"}),
    (lambda row: {"prompt": asked(row), "completion": answer(row), "label": True}, {"pairs": "preferred"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> list[list[Row]]:
    folder = tmp_path_factory.mktemp("plain")
    return sides(folder, written(folder / "rows.jsonl", ROWS))


def sides(folder: Path, file: Path, **changes: Any) -> list[list[Row]]:
    """What stands in train and in validation; every row is kept, and every column read."""
    (folder / "out").mkdir()
    facts = run(config([file], **changes), {}, folder / "out")
    assert (facts.num_read, facts.num_kept, facts.dropped) == (len(ROWS), len(ROWS), {})
    assert not {name for found in facts.ignored_columns.values() for name in found} - {"create_time"}
    return [entries(folder / f"out/{side}.jsonl") for side in ("train", "val")]


@pytest.mark.parametrize(("as_vendor", "changes"), FORMATS)
def test_json_lines(
    as_vendor: Callable[[Row], Row], changes: dict[str, Any], plain: list[list[Row]], tmp_path: Path
) -> None:
    data = [{**names(row), **as_vendor(row)} for row in ROWS]
    assert sides(tmp_path, written(tmp_path / "rows.jsonl", data), **changes) == plain


def test_messages_as_text_in_tables(plain: list[list[Row]], tmp_path: Path) -> None:
    data = [{**names(row), "messages": json.dumps(row["messages"], ensure_ascii=False)} for row in ROWS]
    with (tmp_path / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, data[0])
        table.writeheader()
        table.writerows(data)
    pq.write_table(pa.Table.from_pylist(data), tmp_path / "rows.parquet")
    for name in ("rows.csv", "rows.parquet"):
        folder = tmp_path / name.replace(".", "-")
        folder.mkdir()
        assert sides(folder, tmp_path / name) == plain


def test_answers_that_were_not_liked_are_left_out_and_counted(tmp_path: Path) -> None:
    data = [
        {**names(row), "prompt": asked(row), "completion": answer(row), "label": number >= 60}
        for number, row in enumerate(ROWS)
    ]
    facts = run(config([written(tmp_path / "rows.jsonl", data)], pairs="preferred"), {}, tmp_path)
    assert (facts.num_read, facts.num_kept, facts.dropped) == (80, 20, {"not-preferred": 60})
    assert (facts.num_bad, facts.changed) == (0, {"pair": 20})


@pytest.mark.parametrize(
    ("turns", "way_out"),
    [
        ([{"role": "assistant", "content": "はい、どうぞ。"}], "set prepare.turns.first_assistant=keep"),
        ([{"role": "user", "content": "質問です。"}], "set prepare.turns.same_role=join"),
    ],
)
def test_the_way_out_that_a_refusal_names_is_taken(turns: list[Row], way_out: str, tmp_path: Path) -> None:
    data = written(tmp_path / "rows.jsonl", [{**row, "messages": [*turns, *row["messages"]]} for row in ROWS])
    with pytest.raises(Refusal) as caught:
        run(config([data]), {}, tmp_path)
    assert way_out in str(caught.value)
    name, _, value = way_out.removeprefix("set prepare.turns.").partition("=")
    cfg = config([data], turns={"last_user": "refuse", "same_role": "refuse", "first_assistant": "refuse", name: value})
    assert run(cfg, {}, tmp_path).num_kept == len(ROWS)
