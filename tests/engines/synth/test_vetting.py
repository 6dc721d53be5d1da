"""What a made row goes through is what `prepare` does with any row."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import orjson
import pytest

from jobs.engines.rows import choice, passes, sources as row_sources, store as row_store
from jobs.engines.rows.account import DUPLICATE_ID, Account
from jobs.engines.rows.workers import Workers
from jobs.engines.synth.vetting import NEAR_HELD_OUT, Vetted, Vetter, VettingOptions, measure
from jobs.logic.form import departures
from jobs.logic.rows.reasons import DUPLICATE, NEAR_DUPLICATE
from tests.engines.synth.made_rows import KINDS, Made, made, of_kind, prepared, said, title
from tests.stages.prepare_run import entries, written

FIELDS = ("id", "source", "messages")
Sets = dict[str, tuple[Path, VettingOptions]]


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Sets:
    """Of each kind; nothing is written there."""
    return {kind: of_kind(tmp_path_factory.mktemp(kind), kind) for kind in KINDS}


def in_blocks(vetter: Vetter, rows: list[Made], sizes: Random | None) -> list[Vetted]:
    """All rows judged, in blocks of random sizes or one by one; what may join does."""
    found: list[Vetted] = []
    while len(found) < len(rows):
        size = sizes.choice((1, 3, 16, 64)) if sizes else 1
        block = vetter.judge(rows[len(found) : len(found) + size])
        vetter.accept([vetted.row for vetted in block if vetted.row is not None])
        found += block
    return found


def of_prepare(folder: Path, rows: list[Made], options: VettingOptions, scratch: Path) -> dict[int, str]:
    """Line to reason of the rows that `prepare` drops where they stand behind its training side in one set."""
    profile = orjson.loads((folder / "profile.json").read_bytes())
    form, common = departures.Profile.from_dict(profile["form"]), np.asarray(profile["boilerplate"], np.uint64)
    scratch.mkdir()
    names = [str(folder / "train.jsonl"), str(written(scratch / "made.jsonl", rows))]
    with Workers(1) as workers:
        sources = row_sources.sources(names, "prepare.files", "utf-8").files
        reading = passes.read(sources, options.files, scratch / "rows", scratch / "changed.jsonl", workers)
        account = Account(reading, [source.label for source in sources])
        account.drop_copies(reading.ids, DUPLICATE_ID)
        alive = account.alive
        faults = departures.faults(reading.forms[alive], form)
        for number in np.unique(faults[faults > 0]).tolist():
            account.drop(alive[faults == number].tolist(), departures.REASONS[number])
        keys = passes.keys(reading.store, options.near.threshold, common, workers)
        account.drop_copies(keys["conversation"], DUPLICATE)
        choice.drop_near(account, keys, options.near, common, workers, passes.Compared())
    dropped = {row.line: row.reason for row in reading.dropped}
    gone = {int(reading.numbers[row]): why.reason for row, why in account.gone.items() if reading.files[row] == 1}
    return dropped | gone


def leaks(folder: Path, rows: list[Made], options: VettingOptions, scratch: Path) -> set[int]:
    """Places of rows that have a held-out row's words, prompt or source, or are near one."""
    common = np.asarray(orjson.loads((folder / "profile.json").read_bytes())["boilerplate"], np.uint64)
    scratch.mkdir()
    store = row_store.joined(
        [row_store.opened(path) for path in (folder / "val.jsonl", written(scratch / "made.jsonl", rows))]
    )
    num, threshold = len(entries(folder / "val.jsonl")), options.near.threshold
    with Workers(1) as workers:
        keys = passes.keys(store, threshold, common, workers)
        pairs = passes.near_pairs(store, np.arange(len(store)), keys["sketch"], threshold, common, workers).pairs
    shared = {
        place
        for name in ("id", "conversation", "prompt", "source")
        for place, key in enumerate(keys[name][num:].tolist())
        if key and key in keys[name][:num].tolist()
    }
    return shared | {pair.second - num for pair in pairs if pair.first < num <= pair.second}


@pytest.mark.parametrize("kind", ["titles", "labels"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_outcome_is_that_of_prepare_on_the_whole(sets: Sets, tmp_path: Path, kind: str, seed: int) -> None:
    folder, options = sets[kind]
    train, val = entries(folder / "train.jsonl"), entries(folder / "val.jsonl")
    rows = made(kind, seed, 200, [*train, *val])
    found = in_blocks(Vetter(folder, options, tmp_path / "scratch"), rows, Random(seed))
    leaking = leaks(folder, rows, options, tmp_path / "leaks")
    unread = of_prepare(folder, rows, options, tmp_path / "all")
    for place in leaking:  # what is unfit besides may say so first
        assert found[place].reason in (NEAR_HELD_OUT, DUPLICATE_ID, unread.get(place + 1))
    rest = [place for place in range(len(rows)) if place not in leaking]
    expected = of_prepare(folder, [rows[place] for place in rest], options, tmp_path / "rest")
    same = {NEAR_DUPLICATE: DUPLICATE}  # a copy of a near copy that went is the one to `prepare`, the other here
    said_here = [found[place].reason for place in rest]
    said_there = [expected.get(line) for line in range(1, len(rest) + 1)]
    assert [same.get(why or "", why) for why in said_here] == [same.get(why or "", why) for why in said_there]
    reasons = Counter(vetted.reason for vetted in found)
    assert {None, "duplicate", "near-duplicate", NEAR_HELD_OUT, "refusal", "control-token"} <= reasons.keys()


@pytest.mark.parametrize("kind", ["titles", "labels"])
def test_blocks_change_nothing_and_a_finished_file_is_found_as_it_was_accepted(
    sets: Sets, tmp_path: Path, kind: str
) -> None:
    folder, options = sets[kind]
    rows = made(kind, 7, 150, entries(folder / "train.jsonl") + entries(folder / "val.jsonl"))
    one_by_one = in_blocks(Vetter(folder, options, tmp_path / "one"), rows, None)
    assert in_blocks(Vetter(folder, options, tmp_path / "two"), rows, Random(7)) == one_by_one
    kept = [{**vetted.row, "synth": {"method": "self_instruct"}} for vetted in one_by_one if vetted.row is not None]
    finished = written(tmp_path / "rows.jsonl", kept)
    assert measure(finished, folder, options, tmp_path / "three") == (len(kept), {}, [])
    near = kept[3]["messages"][0]["content"]
    spoiled = [
        *kept[:9],
        {**kept[3], "id": "copy"},
        {"id": "untidy", **said(f" {title(999)['messages'][0]['content']}", "土鍋、手入れの順番")},
        {"id": "private", **said(near, "AKIA" + "Q7XK2M9PLWZ4T8RB")},
        {**entries(folder / "val.jsonl")[0], "id": "leak", "source": None},
    ]
    finished.write_bytes(written(finished, spoiled).read_bytes() + b'\n{"id": "torn", "messages": [\n')
    found = measure(finished, folder, options, tmp_path / "four")
    assert found.num_rows == 15
    assert found.faults.pop("truncated-json", 0) + found.faults.pop("bad-json", 0) == 1
    assert found.faults == {"duplicate": 1, "near-held-out": 1, "not-tidy": 1, "secret": 1}
    assert {identity for identity, _, _ in found.examples} == {"copy", "untidy", "private", "leak", "None"}


def test_a_row_that_joins_is_as_prepare_writes_it(sets: Sets, tmp_path: Path) -> None:
    folder, options = sets["titles"]
    row = {"id": "m1", **title(777), "source": "s1", "label": "a"}
    row["messages"][0]["content"] += "\r\nか\u3099\u200b \n"
    vetted = Vetter(folder, options, tmp_path / "scratch").judge([{**row, "synth": {"model": "m"}}])[0]
    assert vetted.row is not None
    assert list(vetted.row) == ["id", "source", "label", "messages"]
    assert vetted.row["messages"][0]["content"].endswith("\nが")
    assert vetted[1:] == (None, "", None)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"id": "x", "messages": []}, "empty-conversation"),
        ({"id": "x", "messages": [{"role": "user", "content": "?"}]}, "no-answer"),
        ({"id": "x", "messages": [{"role": "user", "content": "?"}, {"role": "tool", "content": "x"}]}, "tool-role"),
        ({"id": "x", **said("質問\ud800", "答え")}, "lone-surrogate"),
        ({"id": "x", **said("質問\x00", "答え")}, "control-character"),
        ({"id": "x", **said("質問" * 600_000, "答え")}, "too-large"),
        ({"id": 7.5, **said("質問", float("nan"))}, "not-a-number"),  # type: ignore[arg-type]
        ({"id": "r1", **title(500)}, "duplicate-id"),
        ({"messages": "x"}, "column-type"),
        ({}, "column-missing"),
    ],
)
def test_what_is_no_row_has_the_reasons_of_prepare(sets: Sets, tmp_path: Path, row: Made, reason: str) -> None:
    folder, options = sets["titles"]
    good = {"id": "good", **title(501)}
    vetter = Vetter(folder, options, tmp_path / "scratch")
    assert [vetted.reason for vetted in vetter.judge([row, good, row])] == [reason, None, reason]


def test_what_is_told_has_no_secret(sets: Sets, tmp_path: Path) -> None:
    folder, options = sets["titles"]
    key = "AKIA" + "Q7XK2M9PLWZ4T8RB"
    rows = [
        {"id": key, **said("質問", f"私は {key} です。申し訳ありませんが、お答えできません。")},
        {"id": "b", "source": f"https://u:{key}@h.org", **title(500)},
        {"id": "c", "messages": [{"role": "user", "content": key}, {"role": key, "content": "x"}]},
    ]
    found = Vetter(folder, options, tmp_path / "scratch").judge(rows)
    assert [vetted.reason for vetted in found] == ["secret", None, "unknown-role"]
    assert key not in json.dumps(found)


def test_what_held_out_rows_have_is_no_made_rows(sets: Sets, tmp_path: Path) -> None:
    folder, options = sets["titles"]
    val = entries(folder / "val.jsonl")[0]
    prompt, answer = (turn["content"] for turn in val["messages"])
    cases = {
        "says what is said in": said(prompt, answer),
        "asks what is asked in": said(f" {prompt} ", "別の題、聞いた話"),
        "has the source of": {**title(500), "source": val["source"]},
        "0.": said(prompt.replace("です", "でした"), answer),
    }
    found = Vetter(folder, options, tmp_path / "scratch").judge(
        [{"id": str(number), **row} for number, row in enumerate(cases.values())]
    )
    for said_first, vetted in zip(cases, found, strict=True):
        assert (vetted.reason, vetted.evidence.startswith(said_first)) == (NEAR_HELD_OUT, True), vetted
        assert vetted.evidence.endswith(", which is held out")
        assert vetted.nearest_id in {row["id"] for row in entries(folder / "val.jsonl")}


def test_rows_that_ask_what_an_evaluation_row_asks_go(tmp_path: Path) -> None:
    asked = written(
        tmp_path / "exam.jsonl", [{"prompt": title(300)["messages"][0]["content"]}, {"prompt": "1 + 1 は?"}]
    )
    rows = [{"id": f"r{number}", **title(number)} for number in range(90)]
    changes = {"files": [str(asked)], "overlap": "drop"}
    made_of = [{"id": "a", **title(300)}, {"id": "b", **title(301)}, {"id": "c", **said("1 + 1 は？", "土鍋、2")}]
    folder, options = prepared(tmp_path / "drop", rows, evaluation=changes)
    reasons = [vetted.reason for vetted in Vetter(folder, options, tmp_path / "one").judge(made_of)]
    assert reasons[:2] == ["in-evaluation", None]
    assert reasons[2] is not None
    folder, options = prepared(tmp_path / "keep", rows, evaluation={**changes, "overlap": "keep"})
    assert Vetter(folder, options, tmp_path / "two").judge(made_of[:1])[0].reason is None


def test_near_copies_stay_where_prepare_keeps_them(tmp_path: Path) -> None:
    rows = [{"id": f"r{number}", **title(number)} for number in range(90)]
    near = {"near": "keep", "threshold": 0.8, "answer_threshold": 0.5, "boilerplate_share": 0.5}
    folder, options = prepared(tmp_path, rows, duplicates=near)
    train = entries(folder / "train.jsonl")[0]
    prompt, answer = (turn["content"] for turn in train["messages"])
    found = Vetter(folder, options, tmp_path / "scratch").judge(
        [{"id": "a", **said(f"{prompt}え", answer)}, {"id": "b", **said(prompt, answer)}]
    )
    assert [vetted.reason for vetted in found] == [None, "duplicate"]


def test_labels_that_many_rows_have_make_no_copies(sets: Sets, tmp_path: Path) -> None:
    folder, options = sets["labels"]
    train = next(row for row in entries(folder / "train.jsonl") if row["messages"][1]["content"] == "よい")
    prompt = train["messages"][0]["content"]
    other = f"{prompt[:-1]}{'ん' if prompt[-1] != 'ん' else 'わ'}"
    vetter = Vetter(folder, options, tmp_path / "scratch")
    assert [vetted.reason for vetted in vetter.judge([{"id": "a", **said(other, "よい")}])] == [None]
    assert vetter.judge([{"id": "b", **said(f"{prompt}!", "よい")}])[0].reason is not None


def test_a_file_of_made_rows_is_one_that_prepare_reads(sets: Sets, tmp_path: Path) -> None:
    folder, options = sets["titles"]
    rows = [{"id": f"m{number}", **title(500 + number)} for number in range(40)]
    vetter = Vetter(folder, options, tmp_path / "scratch")
    notes = {
        "method": "craft",
        "parents": ["r1", "r2"],
        "model": "m",
        "scores": {"clarity": 4, "faithful": "cannot say"},
        "passage": {"file": "a.md", "unit": "byte", "number": 0, "start": 0, "end": 9, "sha256": "0"},
        "prompt_sha256": "1",
    }
    kept = [{**vetted.row, "synth": notes} for vetted in vetter.judge(rows) if vetted.row]
    assert len(kept) == 40
    again, _ = prepared(tmp_path / "again", kept)
    sides = [*entries(again / "train.jsonl"), *entries(again / "val.jsonl")]
    assert sorted(sides, key=lambda row: row["id"]) == sorted(
        ({name: row[name] for name in FIELDS} for row in kept), key=lambda row: row["id"]
    )
    assert not (again / "dropped.jsonl").read_text()
