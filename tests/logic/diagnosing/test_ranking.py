"""Causes are told by class, then by place in the chain, and what follows from one that was found stands under it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from jobs.logic.diagnosing import files, page, words
from jobs.logic.diagnosing.cause import (
    Cause,
    Link,
    Outcome,
    Place,
    consistent,
    measured,
    not_checked,
    proven,
    ruled_out,
)
from jobs.logic.diagnosing.every_cause import CAUSES
from jobs.logic.diagnosing.evidence import Evidence, Taken
from jobs.logic.diagnosing.ranking import Diagnosis, diagnosed

TAKEN = (Taken("rows.jsonl", "rows", "by its first line"), Taken("<b>.bin", "pickle", "a pickle"))


def cause(code: str, link: Link, outcome: Outcome, explains: tuple[str, ...] = (), **more: Any) -> Cause:
    like = Cause(
        code=code, name=f"name-{code.lower()}", link=link, title=f"Title of {code}.", why="so", fix="mend it.",
        seen_in="tests", symptoms=("loops",), explains=explains, rules=(), shows="prepare", separates="",
        check=lambda evidence: outcome,
    )  # fmt: skip
    return replace(like, **more)


def told(*causes: Cause) -> Diagnosis:
    return diagnosed(Evidence(), causes)


def codes(found: Any) -> list[str]:
    return [one.cause.code for one in found]


def test_by_class_then_by_place_in_the_chain() -> None:
    found = told(
        cause("A", Link.SERVING, proven("a")),
        cause("B", Link.ROWS, ruled_out("b")),
        cause("C", Link.ROWS, consistent("c", decides=["rows"])),
        cause("D", Link.MERGE, proven("d")),
        cause("E", Link.ROWS, not_checked("log")),
        cause("F", Link.BASE, measured("f")),
    )
    assert codes(found.told) == ["D", "A", "F", "C", "E", "B"]
    assert codes(found.found) == ["D", "A", "F"]
    assert words.headline(found) == "proven: Title of D. (D name-d); 2 other causes beside it"


def test_what_follows_stands_under_the_root_and_never_under_itself() -> None:
    found = told(
        cause("A", Link.ROWS, proven("a"), explains=("B",)),
        cause("B", Link.TOKENS, ruled_out("b"), explains=("C", "A")),
        cause("C", Link.MERGE, consistent("c", decides=["x"])),
        cause("D", Link.SERVING, measured("d"), explains=("D",)),
    )
    assert codes(found.roots) == ["A", "D"]
    assert codes(found.following("A")) == ["C"]
    assert [row[1] for row in words.causes(found)] == ["A name-a", "  C name-c", "D name-d"]


def test_nothing_found_is_said_as_it_is() -> None:
    assert words.headline(told(cause("A", Link.ROWS, ruled_out("a")), cause("B", Link.ROWS, not_checked("log")))) == (
        "no cause was found: 1 cause ruled out, 1 not checked"
    )
    fits = told(cause("A", Link.ROWS, consistent("a", decides=["log"])))
    assert words.headline(fits) == "nothing is proven or measured; what was seen would fit A name-a"
    assert not fits.found


def test_two_experiments_and_what_was_not_given() -> None:
    open_ones = [
        cause(code, Link.ROWS, consistent("x", decides=["log"]), separates=command)
        for code, command in (("A", "smoke a=1"), ("B", "smoke a=1"), ("C", ""), ("D", "train"), ("E", "merge"))
    ]
    missing = [cause("F", Link.ROWS, not_checked("log", "rows")), cause("G", Link.ROWS, not_checked("rows"))]
    found = told(*open_ones, *missing)
    assert words.experiments(found) == ["A or not: make smoke a=1", "D or not: make train"]
    assert words.not_seen(found) == [("rows", "F name-f, G name-g"), ("log", "F name-f")]


def test_the_page_loads_nothing_and_escapes_everything() -> None:
    found = told(
        cause("A", Link.ROWS, proven("<script>alert(1)</script> & more")), cause("B", Link.ROWS, ruled_out("<i>"))
    )
    html = page.page("Diagnosis: <mine>", found, TAKEN, "files & folders")
    assert "<script" not in html
    assert "http" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in html
    assert "Diagnosis: &lt;mine&gt;" in html
    assert "&lt;b&gt;.bin" in html
    assert html.index("Title of A.") < html.index("Ruled out") < html.index("What was read")
    assert "証明済み" in html


def test_files_for_programs() -> None:
    places = [Place("rows.jsonl", row=7), Place("config.yaml", key="lr")]
    found = told(
        cause("A", Link.ROWS, proven("a", places=places)), cause("B", Link.ROWS, ruled_out("b")),
        cause("C", Link.ROWS, consistent("c", decides=["log"])),
    )  # fmt: skip
    data = files.as_json(found, TAKEN, "")
    assert [(one["code"], one["certainty"]) for one in data["causes"]] == [
        ("A", "proven"), ("C", "consistent with"), ("B", "ruled out"),
    ]  # fmt: skip
    assert data["causes"][0]["places"] == [
        {"file": "rows.jsonl", "row": 7, "key": None}, {"file": "config.yaml", "row": None, "key": "lr"},
    ]  # fmt: skip
    run = files.as_sarif(found, "1")["runs"][0]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["A", "C"]
    first, second = run["results"]
    assert (first["ruleId"], first["ruleIndex"], first["level"]) == ("A", 0, "error")
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "rows.jsonl"}, "region": {"startLine": 7},
    }  # fmt: skip
    assert second["locations"][0]["logicalLocations"] == [{"fullyQualifiedName": "lr"}]


def test_files_are_told_from_a_folder_on() -> None:
    place = Place("/runs/mine/rows.jsonl", row=3)
    found = told(cause("A", Link.ROWS, proven("/runs/mine/rows.jsonl has 3", places=[place]))).told_from("/runs/mine")
    assert found.told[0].outcome.signs == ("rows.jsonl has 3",)
    assert found.told[0].outcome.places == (Place("rows.jsonl", row=3),)


def test_without_evidence_every_cause_answers_and_none_is_found() -> None:
    found = diagnosed(Evidence())
    assert len(found.told) == len(CAUSES) > 60
    assert not found.roots
    assert all(one.outcome.decides for one in found.told if one.certainty.value == "not checked")
