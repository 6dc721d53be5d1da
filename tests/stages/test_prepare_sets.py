"""Other formats, several processes, evaluation files, and the split, through the stage as a whole."""

import gzip
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from jobs.core.errors import Refusal
from jobs.engines.rows import passes
from jobs.prepare import SMALL, PrepareConfig, make, measure, outside, run
from tests.stages.prepare_run import ROOT, TOPICS, config, entries, rows, statuses, words, written


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "prepare.partial"
    folder.mkdir()
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return written(tmp_path / "rows.jsonl", rows())


def large(tmp_path: Path, num_rows: int) -> Path:
    """Enough bytes for several blocks and several processes."""
    template = rows()[0]
    return written(
        tmp_path / "large.jsonl",
        [
            {
                **template,
                "id": f"r{number}",
                "source": None,
                "messages": [
                    {"role": "user", "content": words(number) * 3},
                    {"role": "assistant", "content": "#a #b" if number % 50 == 7 else words(-number - 1)[:60]},
                ],
            }
            for number in range(num_rows)
        ],
    )


def test_any_number_of_processes_writes_the_same(tmp_path: Path) -> None:
    path = large(tmp_path, 7000)
    assert path.stat().st_size > SMALL
    found = []
    for workers in (1, 2, 3):
        out = tmp_path / f"out{workers}"
        out.mkdir()
        facts = run(config([path], workers=workers), {}, out)
        found.append((facts, {file.name: file.read_bytes() for file in out.iterdir()}))
    assert found[0] == found[1] == found[2]
    assert found[0][0].dropped["hashtags"] == 140


def test_the_number_of_processes_is_not_part_of_the_key() -> None:
    assert "workers" in PrepareConfig.beside_key


def test_other_formats_and_shapes_give_the_same_rows(tmp_path: Path, out: Path) -> None:
    alpaca = [
        {"instruction": row["messages"][0]["content"], "input": "", "output": row["messages"][1]["content"], **row}
        for row in rows()
    ]
    for row in alpaca:
        del row["messages"]
    expected = run(config([written(tmp_path / "rows.jsonl", rows())]), {}, out)
    packed = tmp_path / "rows.json.gz"
    packed.write_bytes(gzip.compress(json.dumps(alpaca, ensure_ascii=False, indent=1).encode()))
    again = tmp_path / "again"
    again.mkdir()
    facts = run(config([packed]), {}, again)
    assert facts.split_digest == expected.split_digest
    assert (out / "val.jsonl").read_bytes() == (again / "val.jsonl").read_bytes()
    assert [(file.format, file.shape) for file in facts.files] == [("JSON (gzip)", "alpaca")]


def test_rows_of_an_evaluation_file_are_not_trained_on(tmp_path: Path, out: Path, data: Path) -> None:
    asked = [{"messages": rows()[3]["messages"][:1]}, {"messages": rows()[4]["messages"]}]
    path = written(tmp_path / "judge.jsonl", asked)
    cfg = config([data], evaluation={"files": [str(path)], "overlap": "drop"})
    facts = run(cfg, {}, out)
    assert facts.dropped == {"in-evaluation": 2}
    assert [entry["id"] for entry in entries(out / "dropped.jsonl")] == ["r3", "r4"]
    assert facts.evaluation == {"judge.jsonl": 0}
    assert statuses(cfg, facts)["DAT014"] == "pass"
    again = tmp_path / "again"
    again.mkdir()
    kept = config([data], evaluation={"files": [str(path)], "overlap": "keep"})
    facts = run(kept, {}, again)
    assert facts.evaluation == {"judge.jsonl": 2}
    assert statuses(kept, facts)["DAT014"] == "fail"
    assert set(outside(kept)) == {"prepare.files rows.jsonl", "prepare.evaluation.files judge.jsonl"}


SYSTEM = {"role": "system", "content": "You are kind."}


def shaped(shape: str, text: str) -> dict[str, object]:
    """A row of the shape that asks and has no answer."""
    return {
        "messages": {"messages": [SYSTEM, {"role": "user", "content": text}]},
        "sharegpt": {"conversations": [{"from": "human", "value": text}]},
        "alpaca": {"instruction": text},
        "prompt_completion": {"prompt": text},
    }[shape]


@pytest.mark.parametrize("shape", ["messages", "sharegpt", "alpaca", "prompt_completion"])
def test_what_is_asked_decides_over_the_overlap(tmp_path: Path, out: Path, shape: str) -> None:
    own = rows()
    question = own[3]["messages"][0]["content"]
    own[9]["messages"] += [{"role": "user", "content": words(1000)}, {"role": "assistant", "content": "そうです"}]
    asked = [question, own[4]["messages"][0]["content"] + "お願い", own[9]["messages"][0]["content"], words(2000)]
    path = written(tmp_path / "judge.jsonl", [shaped(shape, text) for text in asked])
    files = {"files": [str(path)]}
    cfg = config([written(tmp_path / "rows.jsonl", own)], evaluation={**files, "overlap": "drop"})
    facts = run(cfg, {}, out)
    assert [row["id"] for row in entries(out / "dropped.jsonl")] == ["r3", "r4", "r9"]
    assert facts.evaluation == {"judge.jsonl": 0}
    again = tmp_path / "again"
    again.mkdir()
    kept = config([tmp_path / "rows.jsonl"], evaluation={**files, "overlap": "keep"})
    assert run(kept, {}, again).evaluation == {"judge.jsonl": 3}


def test_an_evaluation_row_that_asks_nothing_is_named(tmp_path: Path, out: Path, data: Path) -> None:
    path = written(tmp_path / "judge.jsonl", [shaped("messages", "a"), {"messages": [SYSTEM]}])
    with pytest.raises(Refusal, match=r"prepare\.evaluation\.files: judge\.jsonl:2: .*system"):
        run(config([data], evaluation={"files": [str(path)], "overlap": "drop"}), {}, out)


def crowd(tmp_path: Path, num: int) -> Path:
    """`rows` and many near copies of three texts, which fill buckets of the search."""
    rng, longs = Random(12), ["".join(map(words, range(first, first + 5))) for first in (300, 400, 500)]
    found = rows()
    for number in range(num):
        long = longs[number % 3]
        place = rng.randrange(len(long) - 30)
        asked = long[:place] + words(5000 + number)[:30] + long[place + 30 :]
        messages = [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": "土鍋の話、手入れの順番と、長く使うための工夫"},
        ]
        found.append({"id": f"c{number}", "source": None, "messages": messages})
    return written(tmp_path / "crowd.jsonl", found)


@pytest.mark.parametrize("near", ["drop", "keep"])
def test_of_a_crowd_of_near_copies_none_is_on_both_sides(tmp_path: Path, out: Path, near: str) -> None:
    path = crowd(tmp_path, 450)
    cfg = config([path])
    cfg = cfg.model_copy(update={"duplicates": cfg.duplicates.model_copy(update={"near": near})})
    facts = run(cfg, {}, out)
    assert facts.leaks["near"] == 0
    assert (facts.dropped.get("near-duplicate", 0) > 300) == (near == "drop")
    assert facts.num_near == 0 or near == "keep"


def asking(number: int, label: str) -> dict[str, object]:
    """A row of a classification: texts of one template, which a word or a number tells apart."""
    asked = (
        f"Please book a large round table near the window for the {TOPICS[number % 20]} club, on the evening of day"
        f" {number} of the month, and tell the waiter that we shall be late.",
        f"Please turn the lamp beside the sofa in the {TOPICS[number % 20]} room of our house down as far as it goes, "
        "and leave the lamps in all of the other rooms on the ground floor as they are now.",
    )[label == "lamp"]
    return {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": label}]}


def test_rows_of_a_label_that_differ_in_a_word_or_a_number_stay(tmp_path: Path, out: Path) -> None:
    own = [asking(number, label) for number in range(20) for label in ("table", "lamp")]
    again = [json.loads(json.dumps(row).replace("Please ", "please,  ").replace(".", "")) for row in own[:6]]
    facts = run(config([written(tmp_path / "rows.jsonl", [*own, *again])]), {}, out)
    assert facts.num_near > 100
    assert [row["id"] for row in entries(out / "dropped.jsonl")] == [f"rows.jsonl:{line}" for line in range(41, 47)]


def test_held_out_rows_of_an_earlier_run_stay_so(tmp_path: Path, out: Path, data: Path) -> None:
    run(config([data]), {}, out)
    before = {row["id"] for row in entries(out / "val.jsonl")}
    other = written(tmp_path / "other.jsonl", [{**row, "source": None} for row in reversed(rows())])
    again = tmp_path / "again"
    again.mkdir()
    split = yaml.safe_load((ROOT / "conf/prepare/default.yaml").read_text(encoding="utf-8"))["split"]
    cfg = config([other], seed=1, split={**split, "previous": str(out)})
    run(cfg, {}, again)
    assert before <= {row["id"] for row in entries(again / "val.jsonl")}
    assert "prepare.split.previous" in outside(cfg)
    with pytest.raises(Refusal, match=r"prepare\.split\.previous.*has no val\.jsonl"):
        outside(config([data], split={**split, "previous": str(tmp_path)}))


def test_every_label_is_held_out(tmp_path: Path, out: Path) -> None:
    labelled = [
        {**row, "source": None, "label": "rare" if number < 6 else "common"} for number, row in enumerate(rows())
    ]
    facts = run(config([written(tmp_path / "rows.jsonl", labelled)]), {}, out)
    assert {label: sum(sides) for label, sides in facts.labels.items()} == {"common": 74, "rare": 6}
    assert facts.labels["rare"][1] in (1, 2)
    assert all("label" in row for row in entries(out / "train.jsonl"))


def test_an_earlier_runs_held_out_rows_stay_where_twins_come_before_them(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
    run(config([written(tmp_path / "rows.jsonl", rows())]), {}, old)
    before = {row["id"] for row in entries(old / "val.jsonl")}
    twins = [{**row, "id": f"twin-{row['id']}", "source": None} for row in rows() if row["id"] in before]
    for twin in twins:
        twin["messages"] = [{**turn} for turn in twin["messages"]]
        twin["messages"][0]["content"] += "（再掲）"
    split = yaml.safe_load((ROOT / "conf/prepare/default.yaml").read_text(encoding="utf-8"))["split"]
    grown = written(tmp_path / "grown.jsonl", [*twins, *rows()])
    facts = run(config([grown], split={**split, "previous": str(old)}), {}, new)
    assert facts.dropped == {"near-duplicate": len(twins)}
    assert before <= {row["id"] for row in entries(new / "val.jsonl")}


def tied(num_sources: int, num_ties: int) -> list[dict[str, Any]]:
    """Sources of eight rows, and rows of theirs that ask nearly what a row of the next source asks; answers differ."""
    found, rng = [], Random(4)
    for number in range(8 * num_sources):
        asked = words(number) + words(number + 5000)
        found.append((f"r{number}", f"s{number // 8}", asked, words(number + 20000)[:24] + "。"))
    for tie in range(num_ties):
        source = tie % num_sources
        _, _, asked, _ = found[(source + 1) % num_sources * 8 + tie % 8]
        found.append((f"t{tie}", f"s{source}", f"{asked}ええ", words(tie + 40000)[:24] + "。"))
    rng.shuffle(found)
    turns = ("user", "assistant")
    return [
        {
            "id": name,
            "source": source,
            "messages": [{"role": r, "content": text} for r, text in zip(turns, texts, strict=True)],
        }
        for name, source, *texts in found
    ]


def test_near_copies_between_sources_leave_the_share_as_it_was_asked_for(tmp_path: Path, out: Path) -> None:
    path = written(tmp_path / "rows.jsonl", tied(40, 45))
    cfg = config([path])
    facts = run(cfg, {}, out)
    assert facts.num_near > 20
    assert abs(facts.num_val - 0.2 * facts.num_kept) <= 12
    assert 0 < facts.dropped["between-sides"] <= 25
    assert facts.num_kept + facts.dropped["between-sides"] == facts.num_read
    assert {statuses(cfg, facts)[code] for code in ("DAT001", "DAT003", "DAT007")} == {"pass"}
    assert statuses(cfg, facts)["DAT032"] == "warn"
    assert all("on the other side" in entry["evidence"] for entry in entries(out / "dropped.jsonl"))
    assert measure(cfg, {}, out) == facts


def test_near_copies_are_not_searched_for_again(tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "rows.jsonl", tied(10, 8))
    cfg = config([path])
    known = make(cfg, {}, out)
    found = measure(cfg, {}, out, known)
    searched = []
    search = passes.near_pairs
    monkeypatch.setattr(passes, "near_pairs", lambda *given: searched.append(given) or search(*given))
    assert measure(cfg, {}, out, known) == found
    assert not searched
    assert measure(cfg, {}, out) == found
    assert len(searched) == 1
