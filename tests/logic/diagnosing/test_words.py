"""The words of a diagnosis: the answer in a sentence, and the tables of the terminal and the page."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jobs.logic.diagnosing import kinds, words
from jobs.logic.diagnosing.cause import Link, consistent, measured, not_checked, proven, ruled_out
from jobs.logic.diagnosing.certainty import JAPANESE, Certainty
from jobs.logic.diagnosing.evidence import Taken
from jobs.logic.diagnosing.symptoms_seen import SymptomSeen
from tests.logic.diagnosing.made_causes import cause, told

A = cause("A", Link.ROWS, proven("a"), explains=("C",))
OPEN = [cause(code, Link.ROWS, consistent(code, decides=["log"])) for code in "XYZ"]


@pytest.mark.parametrize(
    ("causes", "said"),
    [
        ([A], "proven: Title of A. (A name-a)"),
        ([A, cause("B", Link.MERGE, measured("b"))], "proven: Title of A. (A name-a); 1 other cause beside it"),
        ([A, cause("C", Link.MERGE, measured("c"))], "proven: Title of A. (A name-a)"),
        ([A, *OPEN], "proven: Title of A. (A name-a)"),
        (OPEN[:1], "nothing is proven or measured; what was seen would fit X name-x"),
        (OPEN, "nothing is proven or measured; what was seen would fit X name-x, and 2 more"),
        (
            [cause("R", Link.ROWS, ruled_out("r")), cause("N", Link.ROWS, not_checked("log"))],
            "no cause was found among what could be checked (1 cause ruled out, 1 not checked)",
        ),
    ],
)
def test_headline(causes: list[object], said: str) -> None:
    assert words.headline(told(*causes)) == said  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("causes", "said"),
    [
        ([A], "proven: Title of A. (A name-a)"),
        (OPEN[:1], "nothing is proven or measured; what was seen would fit X name-x; 5 of 5 answers are x; and 1 more"),
        ([], "no cause was found among what could be checked (0 causes ruled out, 0 not checked); 5 of 5 answers are x"
         "; and 1 more"),
    ],
)  # fmt: skip
def test_a_headline_without_a_cause_tells_what_answers_show(
    causes: list[object], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "MOST_SYMPTOMS", 1)
    shown = [SymptomSeen("loops", "a.txt", "5 of 5 answers are x"), SymptomSeen("garbage", "a.txt", "2 are y")]
    found = replace(told(*causes), symptoms=tuple(shown))  # type: ignore[arg-type]
    assert words.headline(found) == said
    assert words.symptoms(found)[0] == "5 of 5 answers are x (同じ言葉を繰り返し続ける; a.txt)"


@pytest.mark.parametrize("value", Certainty)
def test_how_certain_is_said_in_both_languages_and_never_as_a_percentage(value: Certainty) -> None:
    said = words.certainty(value)
    assert said == f"{value.value} · {JAPANESE[value]}"
    assert not any(sign in said for sign in "%0123456789")


def test_what_is_left_alone_stands_last_and_records_are_one_line() -> None:
    paths = [
        Taken("training_args.bin", kinds.PICKLE, "its name"), Taken("fetch", kinds.RECORD, "a record"),
        Taken("rows.jsonl", kinds.ROWS, "JSON lines"), Taken("train", kinds.RECORD, "a record"),
    ]  # fmt: skip
    assert words.taken(words.without_records(paths)) == [
        ("rows.jsonl", kinds.KINDS[kinds.ROWS], "JSON lines"),
        ("fetch", kinds.KINDS[kinds.RECORD], "a record; 2 of them"),
        ("training_args.bin", kinds.KINDS[kinds.PICKLE], "its name"),
    ]
    assert words.without_records(paths[:1]) == paths[:1]


def test_causes_with_what_speaks_against_them_and_what_to_do_for_roots_that_were_found() -> None:
    found = told(A, cause("C", Link.MERGE, measured("c", "d", against=["e"])), *OPEN[:1])
    assert [row[1:] for row in words.causes(found)] == [
        ("A name-a", "a"), ("  C name-c", "c; d; against it: e"), ("X name-x", "X"),
    ]  # fmt: skip
    assert words.what_to_do(found) == ["A: mend it. Shown by: make prepare"]


def test_experiments_are_commands() -> None:
    found = told(cause("A", Link.ROWS, consistent("a", decides=["log"]), separates="smoke a=1"))
    assert words.experiments(found) == ["A or not: make smoke a=1"]


def test_ruled_out_with_its_argument_in_full_or_by_link() -> None:
    found = told(
        cause("A", Link.ROWS, ruled_out("3 of 400", "none elsewhere")), cause("B", Link.MERGE, ruled_out("b")),
        cause("D", Link.ROWS, ruled_out("d")),
    )  # fmt: skip
    assert words.ruled_out(found) == [
        ("A name-a", "3 of 400; none elsewhere"), ("D name-d", "d"), ("B name-b", "b"),
    ]  # fmt: skip
    assert words.ruled_out_by_link(found) == [
        ("rows: 2", "name-a, name-d. name-a: 3 of 400"), ("merge: 1", "name-b. name-b: b"),
    ]  # fmt: skip


def test_what_was_not_given_names_some_causes_and_counts_the_others() -> None:
    unseen = [cause(code, Link.ROWS, not_checked("rows")) for code in "ABCDEFGH"]
    ((what, names),) = words.not_seen(told(*unseen))
    assert what == "rows"
    assert names.startswith("A name-a, B name-b")
    assert names.endswith("F name-f and 2 more")
