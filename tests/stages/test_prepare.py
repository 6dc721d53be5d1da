"""The stage as a whole: what it writes, what it refuses, and that its gate looks at what was written."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from jobs.core.errors import Refusal
from jobs.prepare import make, measure, outside, run
from tests.stages.prepare_run import DEMO, ROOT, config, entries, rows, statuses, written


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "prepare.partial"
    folder.mkdir()
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return written(tmp_path / "rows.jsonl", rows())


def test_what_it_writes(data: Path, out: Path) -> None:
    cfg, before = config([data]), data.read_bytes()
    facts = run(cfg, {}, out)
    names = ["changed.jsonl", "dropped.jsonl", "profile.json", "reading.json", "train.jsonl", "val.jsonl"]
    assert sorted(path.name for path in out.iterdir()) == names
    assert {code for code, status in statuses(cfg, facts).items() if status != "pass"} == {"DAT014", "DAT018"}
    assert {statuses(cfg, facts)[code] for code in ("DAT014", "DAT018")} == {"skip"}
    assert (facts.num_read, facts.num_kept, facts.dropped) == (80, 80, {})
    kept = entries(out / "train.jsonl") + entries(out / "val.jsonl")
    assert sorted(kept, key=lambda row: int(row["id"][1:])) == rows()
    assert [int(row["id"][1:]) for row in entries(out / "val.jsonl")] == sorted(
        int(row["id"][1:]) for row in entries(out / "val.jsonl")
    )
    assert data.read_bytes() == before


def test_same_input_same_bytes(data: Path, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    facts = [run(config([data]), {}, folder) for folder in folders]
    assert facts[0] == facts[1]
    for path in folders[0].iterdir():
        assert path.read_bytes() == (folders[1] / path.name).read_bytes()


def test_dropped_rows_are_named(tmp_path: Path, out: Path) -> None:
    spoiled = rows()
    spoiled[3]["messages"][1]["content"] = "#土鍋 #手入れ"
    spoiled[5]["messages"][0]["content"] = "か\u3099"
    spoiled.append({**rows()[0], "id": "copy", "source": "other"})
    spoiled.append({**rows()[1], "id": 17, "extra": 1})
    spoiled[-1]["messages"][0]["content"] += "（再掲）"
    facts = run(config([written(tmp_path / "rows.jsonl", spoiled)]), {}, out)
    assert entries(out / "dropped.jsonl") == [
        {"id": "r3", "file": "rows.jsonl", "line": 4, "reason": "hashtags", "evidence": "assistant: #土鍋 #手入れ"},
        {"id": "copy", "file": "rows.jsonl", "line": 81, "reason": "duplicate", "evidence": "the same as r0"},
        {"id": "17", "file": "rows.jsonl", "line": 82, "reason": "near-duplicate", "evidence": "0.926 like r1"},
    ]
    assert [entry["id"] for entry in entries(out / "changed.jsonl")] == ["r5"]
    assert facts.ignored_columns == {"rows.jsonl": ["extra"]}
    assert facts.changed == {"nfc": 1}


@pytest.fixture(params=[True, False], ids=["known", "anew"])
def again(request: pytest.FixtureRequest) -> bool:
    """Whether a folder is measured with what is known from making it; what is noticed is the same."""
    return bool(request.param)


def test_a_held_out_row_in_train_is_noticed(data: Path, out: Path, again: bool) -> None:
    cfg = config([data])
    known = make(cfg, {}, out)
    with (out / "train.jsonl").open("a", encoding="utf-8") as train:
        train.write((out / "val.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)[0])
    facts = measure(cfg, {}, out, known if again else None)
    assert statuses(cfg, facts)["DAT001"] == "fail"
    assert all(count > 0 for count in facts.leaks.values())


def test_a_reworded_held_out_row_in_train_is_noticed(data: Path, out: Path, again: bool) -> None:
    cfg = config([data])
    known = make(cfg, {}, out)
    row = entries(out / "val.jsonl")[0]
    row |= {"id": "new", "source": None}
    row["messages"][0]["content"] += "。"
    with (out / "train.jsonl").open("a", encoding="utf-8") as train:
        train.write(json.dumps(row) + "\n")
    facts = measure(cfg, {}, out, known if again else None)
    assert facts.leaks == {"id": 0, "conversation": 0, "prompt": 0, "near": 1, "source": 0}
    assert statuses(cfg, facts)["DAT001"] == "fail"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [("Title: a", "label"), ("、" * 9, "repeated-character"), (" a", "not-tidy"), ("", "empty-answer")],
)
def test_an_unclean_row_in_train_is_noticed(data: Path, out: Path, answer: str, reason: str, again: bool) -> None:
    cfg = config([data])
    known = make(cfg, {}, out)
    kept = entries(out / "train.jsonl")
    kept[0]["messages"][-1]["content"] = answer
    written(out / "train.jsonl", kept)
    facts = measure(cfg, {}, out, known if again else None)
    assert facts.unclean[reason] == 1
    assert statuses(cfg, facts)["DAT008"] == "fail"


def test_a_lost_row_is_noticed(data: Path, out: Path, again: bool) -> None:
    cfg = config([data])
    known = make(cfg, {}, out)
    written(out / "val.jsonl", entries(out / "val.jsonl")[1:])
    assert statuses(cfg, measure(cfg, {}, out, known if again else None))["DAT003"] == "fail"


def test_what_is_known_changes_nothing(tmp_path: Path, out: Path) -> None:
    spoiled = rows()
    spoiled[3]["messages"][1]["content"] = "#土鍋 #手入れ"
    spoiled[9]["messages"][0]["content"] += " 連絡先は taro@example.co.jp です。"
    spoiled.append({**rows()[1], "id": "near"})
    spoiled[-1]["messages"][0]["content"] += "（再掲）"
    cfg = config([written(tmp_path / "rows.jsonl", spoiled)])
    known = make(cfg, {}, out)
    assert len(known.digests) == 80
    found = measure(cfg, {}, out, known)
    assert found == measure(cfg, {}, out)
    assert found.seen == {"email": 1}
    assert found == measure(cfg, {}, out, known._replace(common=np.asarray([5], np.uint64)))


def test_grown_data_keeps_its_held_out_rows(tmp_path: Path, out: Path) -> None:
    sides = []
    for number in (60, 80):
        run(config([written(tmp_path / "rows.jsonl", rows()[:number])]), {}, out)
        sides.append({row["id"] for row in entries(out / "val.jsonl")})
    assert {identity for identity in sides[1] if int(identity[1:]) < 60} == sides[0]


def test_strict_by_default_and_lenient_by_config(tmp_path: Path, out: Path) -> None:
    lines = [json.dumps(row, ensure_ascii=False) for row in rows()]
    lines[1] = '{"id": "r1", "messages": [}'
    lines[6] = lines[5]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(Refusal) as refusal:
        make(config([path]), {}, out)
    assert "rows.jsonl:2 (id r1): bad-json: column 27" in str(refusal.value)
    assert "rows.jsonl:7 (id r5): duplicate-id: rows.jsonl:6 has this id as well" in str(refusal.value)
    assert "prepare.max_bad_fraction" in str(refusal.value)
    assert list(out.iterdir()) == []
    cfg = config([path], max_bad_fraction=0.03)
    facts = run(cfg, {}, out)
    assert facts.dropped == {"bad-json": 1, "duplicate-id": 1}
    assert statuses(cfg, facts)["DAT002"] == "pass"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n \n\r\n", "only blank lines"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"<html><body>404</body></html>", "is an HTML page"),
        (b"PAR1....PAR1", "Parquet"),
        (b"x,y\n1,2\n", "prepare.columns"),
        ('{"id": "題"}\n'.encode("utf-16"), "prepare.encoding=utf-16"),
        (b'{"id": "caf\xe9"}\n', "byte 0xe9 at offset 11"),
        (b'{"id": "' + b"x" * 1_000_001 + b'"}\n', "too-large: 1,000,011 bytes, the most is 1,000,000"),
    ],
)
def test_files_that_are_not_rows(tmp_path: Path, out: Path, content: bytes, said: str) -> None:
    path = tmp_path / "it's a “file” 題.jsonl"
    path.write_bytes(content)
    with pytest.raises(Refusal) as refusal:
        make(config([path]), {}, out)
    assert said in str(refusal.value)
    assert path.name in str(refusal.value)
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "dangling", "loop", "twice", "none"])
def test_paths_that_are_not_files(tmp_path: Path, data: Path, kind: str) -> None:
    path = tmp_path / "other.jsonl"
    files = {"twice": [data, data], "none": []}.get(kind, [path])
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind in ("dangling", "loop"):
        path.symlink_to(path if kind == "loop" else tmp_path / "gone.jsonl")
    with pytest.raises(Refusal, match=r"prepare\.files"):
        outside(config(files))


@pytest.mark.parametrize("change", [b"\xef\xbb\xbf%s", b"\n\n%s\n"])
def test_marks_and_blank_lines_do_not_matter(data: Path, out: Path, tmp_path: Path, change: bytes) -> None:
    expected = run(config([data]), {}, out)
    data.write_bytes(change % data.read_bytes())
    again = tmp_path / "again"
    again.mkdir()
    facts = run(config([data]), {}, again)
    assert facts.num_read == 80
    assert facts.split_digest == expected.split_digest
    assert facts.byte_order_marks == (["rows.jsonl"] if change.startswith(b"\xef") else [])


@pytest.mark.parametrize("separator", [b"\r\n", b"\r"])
def test_line_ends_do_not_matter(data: Path, out: Path, separator: bytes) -> None:
    data.write_bytes(data.read_bytes().replace(b"\n", separator))
    facts = run(config([data]), {}, out)
    assert facts.num_kept == 80
    assert facts.lone_returns == (["rows.jsonl"] if separator == b"\r" else [])


def test_a_file_that_changes_meanwhile_is_refused(data: Path, out: Path) -> None:
    cfg = config([data])
    make(cfg, {}, out)
    data.write_bytes(data.read_bytes() + b"\n")
    with pytest.raises(Refusal, match="changed while it was read"):
        measure(cfg, {}, out)


def test_nothing_left_and_nothing_to_hold_out(tmp_path: Path, out: Path) -> None:
    spoiled = [{**row, "messages": [row["messages"][0], {"role": "assistant", "content": ""}]} for row in rows()]
    with pytest.raises(Refusal, match="no row is left: empty-answer 80"):
        make(config([written(tmp_path / "a.jsonl", spoiled)]), {}, out)
    alone = [{**row, "source": "one"} for row in rows()]
    with pytest.raises(Refusal, match="one source"):
        make(config([written(tmp_path / "b.jsonl", alone)]), {}, out)
    assert list(out.iterdir()) == []


def test_files_of_the_same_name_are_told_apart(data: Path, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        shutil.copy(data, tmp_path / folder / "rows.jsonl")
    labels = outside(config([tmp_path / "a/rows.jsonl", tmp_path / "b/rows.jsonl"]))
    assert list(labels) == ["prepare.files a/rows.jsonl", "prepare.files b/rows.jsonl"]


@pytest.mark.parametrize("mojibake", ["mend", "drop"])
def test_demo_data_all_spoiled_rows_and_no_other(out: Path, mojibake: str) -> None:
    cleaning = yaml.safe_load((ROOT / "conf/prepare/default.yaml").read_text(encoding="utf-8"))["clean"]
    cfg = config([DEMO / "articles.jsonl"], clean={**cleaning, "mojibake": mojibake})
    facts = run(cfg, {}, out)
    spoiled = json.loads((DEMO / "spoiled.json").read_text(encoding="utf-8"))
    put_right = {entry["id"] for entry in entries(out / "changed.jsonl")}
    dropped = {entry["id"] for entry in entries(out / "dropped.jsonl")}
    assert dropped | put_right == set(spoiled)
    mendable = {"decomposed", "mojibake"} if mojibake == "mend" else {"decomposed"}
    assert {spoiled[identity] for identity in put_right - dropped} == mendable
    found = statuses(cfg, facts)
    assert {code for code, status in found.items() if status not in ("pass", "skip")} == {"DAT009", "DAT010"}
    assert (found["DAT009"], found["DAT010"]) == ("warn", "fail")
