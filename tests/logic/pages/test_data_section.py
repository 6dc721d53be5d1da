"""The data section: every row is accounted for, a few are shown, much is told of together."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from jobs.logic.pages import data_section
from tests.stages import records


def prepare(**changed: Any) -> dict[str, Any]:
    return records.prepare() | {"byte_order_marks": [], "lone_returns": []} | changed


def page(**changed: Any) -> dict[str, Any]:
    found = data_section.page({"prepare": prepare(**changed)})
    assert found is not None
    return found


def segments(svg: str) -> list[tuple[str, float, float]]:
    """(kind, start, width) of a strip, in thousandths of its cell."""
    return [
        (str(one.get("class")), float(str(one.get("x"))), float(str(one.get("width"))))
        for one in ElementTree.fromstring(svg).iter("rect")
    ]


def test_the_funnel_is_a_staircase_from_rows_read_to_rows_kept() -> None:
    found = page(num_read=100, dropped={"hashtags": 30, "duplicate": 20}, num_train=40, num_val=10)["rows"]["funnel"]
    assert [(line["label"], line["count"], line["share"]) for line in found] == [
        ("rows read", "100", "100%"),
        ("unfit", "30", "30.0%"),
        ("duplicate", "20", "20.0%"),
        ("rows kept", "50", "50.0%"),
        ("train", "40", "40.0%"),
        ("validation", "10", "10.0%"),
    ]
    assert [segments(line["bar"]) for line in found] == [
        [("rest", 0, 1000)],
        [("left", 0, 700), ("dropped", 700, 300)],
        [("left", 0, 500), ("dropped", 500, 200)],
        [("train", 0, 400), ("val", 400, 100)],
        [("train", 0, 400)],
        [("val", 400, 100)],
    ]


def test_reasons_come_with_the_rows_they_were_found_in() -> None:
    examples = [
        records.example("bad-json", "data/titles.jsonl:7", 7, "column 88"),
        records.example("hashtags", "t-1", 1, "#港 🌾"),
        records.example("hashtags", "t-2", 2, "#sea"),
    ]
    found = page(dropped={"label": 1, "hashtags": 9, "bad-json": 2, "encoding": 0}, examples=examples)["rows"][
        "dropped"
    ]
    assert [(group["label"], group["count"]) for group in found] == [("not a conversation", "2"), ("unfit", "10")]
    broken, unfit = (group["reasons"] for group in found)
    assert broken[0]["examples"] == [{"id": "", "place": "data/titles.jsonl:7", "evidence": "column 88"}]
    assert [(reason["label"], len(reason["examples"])) for reason in unfit] == [("hashtags", 2), ("label", 0)]
    assert segments(unfit[0]["bar"]) == [("dropped", 0, 1000)]


def test_labels_show_the_share_that_is_held_out() -> None:
    found = page(num_train=80, num_val=20, labels={"天気": [8, 2], "sport": [72, 18]})["rows"]["split"]["sides"]
    assert [(line["label"], line["share"]) for line in found] == [
        ("all rows", "20.0%"), ("sport", "20.0%"), ("天気", "20.0%"),
    ]  # fmt: skip
    assert page(labels={})["rows"]["split"]["sides"] == []


def test_what_is_many_is_told_of_together() -> None:
    languages = {f"l{i}": i for i in range(30)}
    labels = {f"label {i}": [i, 1] for i in range(40)}
    files = [records.prepare()["files"][0]] * 30
    rows = page(languages=languages, labels=labels, files=files)["rows"]
    assert [line["label"] for line in rows["languages"]][-1] == "21 more"
    assert rows["split"]["sides"][-1]["label"] == "28 more labels"
    assert rows["split"]["sides"][-1]["val"] == "28"
    assert rows["files"]["more"] == 10


def test_files_are_told_of_with_what_was_noticed() -> None:
    found = page(byte_order_marks=["data/会話.parquet"])["rows"]["files"]
    assert found["rows"][0] == {
        "label": "data/titles.jsonl", "format": "jsonl", "shape": "messages", "count": "1,500", "size": "2.4 MB",
        "digest": "0" * 12,
    }  # fmt: skip
    assert found["notes"] == [
        ("columns not read in data/titles.jsonl", "difficulty"),
        ("byte-order mark at the beginning of", "data/会話.parquet"),
    ]


@pytest.mark.parametrize(
    "changed",
    [
        {"num_read": 0, "dropped": {}, "num_train": 0, "num_val": 0, "languages": {}, "lengths": {}, "examples": []},
        {"num_read": 1, "dropped": {}, "num_train": 1, "num_val": 0, "changed": {}, "seen": {}, "evaluation": {}},
        {"dropped": {f"reason-{i}": 0 for i in range(300)}},
        {"num_read": 5, "dropped": {"hashtags": 9}, "num_train": 9},
    ],
)
def test_odd_counts_are_told_as_they_are(changed: dict[str, Any]) -> None:
    for line in page(**changed)["rows"]["funnel"]:
        assert all(0 <= start <= start + size <= 1000 for _, start, size in segments(line["bar"]))


def test_without_answers_there_is_no_histogram() -> None:
    nothing = {"edges": [0, 1], "train": [0], "val": [0]}
    assert page(answer_lengths=nothing)["figures"] == []
    assert "longest has 31" in page()["figures"][0]["note"]


def test_a_stage_that_was_not_made_is_not_told_of() -> None:
    assert data_section.page({}) is None
    assert data_section.summary({}) == ""
    tokens = data_section.page({"preflight": records.preflight()})
    assert tokens is not None
    assert tokens["rows"] is None
    assert "548" in tokens["figures"][0]["note"]


def test_the_paragraph_for_the_model_card() -> None:
    facts = prepare(
        num_read=100, dropped={"hashtags": 9, "label": 1, "duplicate": 2}, num_train=70, num_val=18,
        languages={"ja": 87, "en": 1}, changed={"nfc": 3},
    )  # fmt: skip
    assert data_section.summary({"prepare": facts}) == (
        "100 rows were read and 88 kept: 70 to train on, 18 held out. "
        "Dropped were 12: unfit 10 (hashtags 9, label 1); duplicate 2 (duplicate 2). "
        "Languages of the answers: ja 98.9%, en 1.1%. Put right and kept: nfc 3."
    )
    clean = prepare(num_read=2, dropped={}, num_train=1, num_val=1, languages={}, changed={})
    said = data_section.summary({"prepare": clean})
    assert said == "2 rows were read and 2 kept: 1 to train on, 1 held out. None was dropped."
