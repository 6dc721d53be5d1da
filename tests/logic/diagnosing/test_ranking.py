"""Causes are told by class, then by place in the chain, and what follows from one that was found stands under it."""

from __future__ import annotations

from itertools import permutations

import pytest

from jobs.logic.diagnosing import words
from jobs.logic.diagnosing.cause import Link, Outcome, Place, consistent, measured, not_checked, proven, ruled_out
from jobs.logic.diagnosing.certainty import Certainty
from jobs.logic.diagnosing.every_cause import CAUSES
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.ranking import diagnosed
from tests.logic.diagnosing.made_causes import cause, codes, told


def test_by_class_then_by_place_in_the_chain() -> None:
    found = told(
        cause("A", Link.SERVING, proven("a")),
        cause("B", Link.ROWS, ruled_out("b")),
        cause("C", Link.ROWS, consistent("c", decides=["rows"])),
        cause("D", Link.MERGE, proven("d")),
        cause("E", Link.ROWS, not_checked("log")),
        cause("F", Link.BASE, measured("f")),
        cause("G", Link.MERGE, proven("g")),
    )
    assert codes(found.told) == ["D", "G", "A", "F", "C", "E", "B"]
    assert codes(found.found) == ["D", "G", "A", "F"]
    assert codes(found.roots) == ["D", "G", "A", "F", "C"]
    assert codes(found.of(Certainty.RULED_OUT)) == ["B"]


def test_what_follows_stands_under_the_root_and_never_under_itself() -> None:
    found = told(
        cause("A", Link.ROWS, proven("a"), explains=("B",)),
        cause("B", Link.TOKENS, ruled_out("b"), explains=("C", "A")),
        cause("C", Link.MERGE, consistent("c", decides=["x"])),
        cause("D", Link.SERVING, measured("d"), explains=("D",)),
    )
    assert codes(found.roots) == ["A", "D"]
    assert codes(found.following("A")) == ["C"]
    assert not found.following("B")
    assert [row[1] for row in words.causes(found)] == ["A name-a", "  C name-c", "D name-d"]


@pytest.mark.parametrize("names", list(permutations("ABC")))
@pytest.mark.parametrize("first", [proven, measured])
def test_a_row_of_causes_stands_under_its_first_whatever_they_are_called(
    names: tuple[str, str, str], first: type[Outcome]
) -> None:
    """The order in which causes are told must not hide one under a cause that is no root."""
    root, middle, last = names
    found = told(
        cause(root, Link.TOKENS, first("1"), explains=(middle,)),
        cause(middle, Link.TOKENS, proven("2"), explains=(last,)),
        cause(last, Link.TOKENS, proven("3")),
    )
    assert codes(found.roots) == [root]
    assert codes(found.following(root)) == sorted((middle, last))
    assert len(words.causes(found)) == 3


def test_what_two_roots_explain_is_told_once_under_the_first() -> None:
    found = told(
        cause("A", Link.ROWS, proven("a"), explains=("C",)), cause("B", Link.BASE, proven("b"), explains=("C",)),
        cause("C", Link.MERGE, measured("c")),
    )  # fmt: skip
    assert (codes(found.following("A")), codes(found.following("B"))) == ([], ["C"])


def test_two_that_explain_each_other_are_both_told() -> None:
    found = told(
        cause("A", Link.ROWS, proven("a"), explains=("B",)), cause("B", Link.ROWS, proven("b"), explains=("A",))
    )
    assert codes(found.roots) == ["A", "B"]


def test_what_merely_fits_explains_nothing() -> None:
    found = told(
        cause("A", Link.ROWS, consistent("a", decides=["log"]), explains=("B",)), cause("B", Link.MERGE, proven("b"))
    )
    assert codes(found.roots) == ["B", "A"]


def test_two_experiments_for_what_is_open_and_each_command_once() -> None:
    open_ones = [
        cause(code, Link.ROWS, consistent("x", decides=["log"]), separates=command)
        for code, command in (("A", "smoke a=1"), ("B", "smoke a=1"), ("C", ""), ("D", "train"), ("E", "merge"))
    ]
    found = told(*open_ones, cause("F", Link.ROWS, proven("f"), explains=("A",), separates="fetch"))
    assert [(one.cause.code, command) for one, command in found.experiments] == [("B", "smoke a=1"), ("D", "train")]


def test_what_was_not_given_the_most_telling_first() -> None:
    found = told(
        cause("F", Link.ROWS, not_checked("log", "rows")), cause("G", Link.ROWS, not_checked("rows")),
        cause("H", Link.ROWS, consistent("h", decides=["answers"])),
    )  # fmt: skip
    assert {name: codes(causes) for name, causes in found.missing.items()} == {"rows": ["F", "G"], "log": ["F"]}
    assert list(found.missing) == ["rows", "log"]


@pytest.mark.parametrize(
    ("folder", "text", "told_as"),
    [
        ("/runs/mine", "/runs/mine/rows.jsonl has 3", "rows.jsonl has 3"),
        ("/runs/mine/", "`/runs/mine/rows.jsonl` has 3", "`rows.jsonl` has 3"),
        ("runs/mine", "/other/runs/mine/rows.jsonl has 3", "/other/runs/mine/rows.jsonl has 3"),
        ("/runs/mine", "/runs/mine-2/rows.jsonl has 3", "/runs/mine-2/rows.jsonl has 3"),
        ("/", "12/20 rows of /rows.jsonl", "12/20 rows of /rows.jsonl"),
    ],
)
def test_files_are_told_from_a_folder_on(folder: str, text: str, told_as: str) -> None:
    found = told(cause("A", Link.ROWS, proven(text, against=[text]))).told_from(folder)
    assert found.told[0].outcome.signs == found.told[0].outcome.against == (told_as,)


def test_places_are_told_from_a_folder_on() -> None:
    place = Place("/runs/mine/rows.jsonl", row=3)
    found = told(cause("A", Link.ROWS, proven("a", places=[place]))).told_from("/runs/mine")
    assert found.told[0].outcome.places == (Place("rows.jsonl", row=3),)


def test_without_evidence_every_cause_answers_and_none_is_found() -> None:
    found = diagnosed(Evidence())
    assert len(found.told) == len(CAUSES) > 60
    assert not found.roots
    assert {one.certainty for one in found.told} == {Certainty.NOT_CHECKED}
    assert all(one.outcome.decides for one in found.told)


def failing(evidence: Evidence) -> Outcome:
    raise TypeError("'NoneType' object\nis not subscriptable")


def test_a_check_that_fails_costs_its_own_answer_and_asks_to_be_reported() -> None:
    found = told(
        cause("A", Link.ROWS, proven("a"), explains=("B",)), cause("B", Link.ROWS, proven("b"), check=failing),
        cause("C", Link.MERGE, proven("c")),
    )  # fmt: skip
    assert codes(found.found) == ["A", "C"]
    assert codes(found.failed) == ["B"]
    (wanted,) = found.missing
    assert wanted == (
        "a check that holds: B name-b ended with TypeError: 'NoneType' object is not subscriptable; that is a bug "
        "here, please report it"
    )
