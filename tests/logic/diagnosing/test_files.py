"""`diagnosis.json` and SARIF 2.1.0, as programs read them."""

from __future__ import annotations

import json
from dataclasses import replace

from jobs.logic.diagnosing.cause import Link, Place, consistent, measured, not_checked, proven, ruled_out
from jobs.logic.diagnosing.evidence import Taken
from jobs.logic.diagnosing.files import as_json, as_sarif, encodable
from tests.logic.diagnosing.made_causes import cause, told

PLACES = [Place("rows.jsonl", row=7), Place("config.yaml", key="lora.r"), Place("学習 データ/a:b.jsonl")]
FOUND = told(
    cause("A", Link.ROWS, proven("a", "b", places=PLACES, against=["z"]), ("D",)),
    cause("B", Link.ROWS, ruled_out("b")),
    cause("C", Link.ROWS, consistent("c", decides=["log"]), separates="smoke a=1"),
    cause("D", Link.MERGE, measured("d", places=[Place("out")])),
    cause("E", Link.BASE, not_checked("log", "rows")),
)


FIELDS = ["schema_version", "headline", "symptoms", "taken", "left_out", "causes", "experiments", "not_given"]


def test_the_fields_of_diagnosis_json() -> None:
    data = as_json(FOUND, [Taken("rows.jsonl", "rows", "JSON lines")], "files beyond the first 5,000")
    assert list(data) == FIELDS
    assert data["schema_version"] == 1
    assert data["headline"] == "proven: Title of A. (A name-a)"
    assert data["taken"] == [{"path": "rows.jsonl", "kind": "rows", "why": "JSON lines"}]
    assert data["left_out"] == "files beyond the first 5,000"
    assert data["experiments"] == [{"code": "C", "command": "make smoke a=1"}]
    assert data["not_given"] == {"log": ["E"], "rows": ["E"]}
    assert [(one["code"], one["certainty"], one["under"]) for one in data["causes"]] == [
        ("A", "proven", None), ("D", "measured", "A"), ("C", "consistent with", None), ("E", "not checked", None),
        ("B", "ruled out", None),
    ]  # fmt: skip


def test_a_cause_in_diagnosis_json() -> None:
    assert as_json(FOUND, [], "")["causes"][0] == {
        "code": "A", "name": "name-a", "link": "rows", "certainty": "proven", "under": None, "signs": ["a", "b"],
        "against": ["z"], "decides": [],
        "places": [
            {"file": "rows.jsonl", "row": 7, "key": None}, {"file": "config.yaml", "row": None, "key": "lora.r"},
            {"file": "学習 データ/a:b.jsonl", "row": None, "key": None},
        ],
    }  # fmt: skip


def test_sarif_has_what_every_reader_asks_for() -> None:
    data = as_sarif(FOUND, "abc")
    assert data["version"] == "2.1.0"
    assert data["$schema"].endswith("sarif-2.1.0.json")
    (run,) = data["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("kiwame", "abc")
    assert [rule["id"] for rule in driver["rules"]] == ["A", "D", "C"]
    for rule in driver["rules"]:
        assert rule["name"]
        assert all(rule[part]["text"] for part in ("shortDescription", "fullDescription", "help"))
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
    assert json.loads(json.dumps(data)) == data


def test_sarif_has_a_result_for_each_place_with_its_row_or_its_key() -> None:
    results = as_sarif(FOUND, "")["runs"][0]["results"]
    assert [(one["ruleId"], one["level"]) for one in results] == [("A", "error")] * 3 + [("D", "error")]
    assert [one["locations"] for one in results[:3]] == [
        [{"physicalLocation": {"artifactLocation": {"uri": "rows.jsonl"}, "region": {"startLine": 7}}}],
        [{
            "physicalLocation": {"artifactLocation": {"uri": "config.yaml"}},
            "logicalLocations": [{"fullyQualifiedName": "lora.r"}],
        }],
        [{
            "physicalLocation": {
                "artifactLocation": {
                    "uri": "%E5%AD%A6%E7%BF%92%20%E3%83%87%E3%83%BC%E3%82%BF/a%3Ab.jsonl",
                },
            },
        }],
    ]  # fmt: skip
    assert results[0]["message"]["text"] == "proven: a; b"


def test_what_fits_is_a_warning_and_what_is_ruled_out_is_no_result() -> None:
    fits = replace(consistent("a", decides=["log"]), places=(Place("rows.jsonl", row=1),))
    run = as_sarif(told(cause("A", Link.ROWS, fits), cause("B", Link.ROWS, ruled_out("b"))), "")["runs"][0]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["A"]
    assert [(one["ruleId"], one["level"]) for one in run["results"]] == [("A", "warning")]


def test_what_no_encoding_has_is_written_out_and_an_address_has_the_files_own_bytes() -> None:
    name = b"r\xffws.jsonl".decode("utf-8", "surrogateescape")
    found = told(cause("A", Link.ROWS, proven(f"{name}: \ud800", places=[Place(name, row=1)])))
    data = encodable(as_json(found, [Taken(name, "rows", "x")], ""))
    assert data["taken"][0]["path"] == "r\\udcffws.jsonl"
    assert data["causes"][0]["signs"] == ["r\\udcffws.jsonl: \\ud800"]
    sarif = encodable(as_sarif(found, "1"))
    (result,) = sarif["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "r%FFws.jsonl"
    json.dumps([data, sarif], ensure_ascii=False).encode()
