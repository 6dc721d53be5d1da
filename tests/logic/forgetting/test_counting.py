"""Counts of paired answers: families, corrections, what so few can show, and the words for it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from jobs.logic.forgetting import words
from jobs.logic.forgetting.counting import Answered, Forgotten, counted, holm, least_lost
from jobs.logic.forgetting.suite import CATEGORIES, LANGUAGES, Item

ITEMS = [
    Item(
        f"{language}-{category}-{number}",
        language,
        category,
        "?",
        "",
        ({"rule": "exact", "is": ["yes"]},),
        ("yes",),
        ("no",),
    )
    for language in LANGUAGES
    for category in CATEGORIES
    for number in range(20)
]


def found(base: Callable[[Item], bool], tuned: Callable[[Item], bool], kl: float | None = 0.5) -> Forgotten:
    said = {True: "yes", False: "no"}
    return counted(
        ITEMS,
        [Answered(item.id, said[base(item)], said[tuned(item)], "stopped", "stopped", kl, 4, 3) for item in ITEMS],
    )


def number(item: Item) -> int:
    return int(item.id.split("-")[-1])


def verdicts(one: Forgotten) -> dict[tuple[str, str], str]:
    return {(group.category, group.language): group.verdict for group in one.groups}


def test_holm_is_as_in_its_paper() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize(("num_tests", "lost"), [(1, 6), (5, 8), (10, 9)])
def test_the_least_that_shows_does_and_one_less_does_not(num_tests: int, lost: int) -> None:
    assert least_lost(num_tests) == lost
    assert num_tests * 2 * 0.5**lost <= 0.05 < num_tests * 2 * 0.5 ** (lost - 1)


def test_the_same_answers_are_no_difference() -> None:
    one = found(lambda item: number(item) < 10, lambda item: number(item) < 10)

    assert len(one.groups) == 1 + 5 + 10
    assert set(verdicts(one).values()) == {"no difference shown"}
    assert {(group.num_items, group.base_right) for group in one.groups} == {(200, 100), (40, 20), (20, 10)}
    assert {(group.p, group.p_holm) for group in one.groups} == {(None, None)}


def test_what_nobody_can_is_no_signal() -> None:
    one = found(lambda item: item.category == "facts", lambda item: item.category == "facts")

    assert verdicts(one)["arithmetic", "both"] == verdicts(one)["arithmetic", "en"] == "no signal"
    assert verdicts(one)["facts", "both"] == "no difference shown"
    assert "not the same as nothing forgotten" in " ".join(words.reading(one))


def test_a_lost_category_is_worse_and_the_others_are_not() -> None:
    one = found(lambda item: True, lambda item: not (item.category == "format" and number(item) < 8))

    group = next(group for group in one.groups if (group.category, group.language) == ("format", "both"))
    assert (group.only_base, group.only_tuned, group.base_right, group.tuned_right) == (16, 0, 40, 24)
    assert group.p == pytest.approx(2 * 0.5**8)
    assert group.p_holm == pytest.approx(5 * 2 * 0.5**8)
    assert (group.num_concepts, group.base_concepts, group.least_lost) == (20, 20, 8)
    assert verdicts(one)["format", "both"] == "worse"
    assert verdicts(one)["format", "ja"] == "no difference shown"
    assert verdicts(one)["facts", "both"] == "no difference shown"
    assert verdicts(one)["all", "both"] == "worse"


def test_won_is_better_and_one_less_than_the_least_is_not_shown() -> None:
    won = found(lambda item: number(item) > 7, lambda item: True)
    almost = found(
        lambda item: True, lambda item: not (item.category == "format" and item.language == "ja" and number(item) < 7)
    )

    assert verdicts(won)["facts", "both"] == "better"
    assert verdicts(almost)["format", "both"] == "no difference shown"


def test_a_row_for_each_category_and_its_languages_under_it() -> None:
    rows = words.rows(found(lambda item: True, lambda item: item.language == "en"))

    assert len({len(row) for row in rows} | {len(words.HEADS)}) == 1
    assert [row[0] for row in rows[:4]] == ["all items", "plain instructions", "  Japanese", "  English"]
    assert rows[1] == ("plain instructions", "40", "40", "20", "20", "0", "1.9e-6", "9.5e-6", "worse")
    assert rows[2][1:6] == ("20", "20", "0", "20", "0")
    assert rows[3][5:] == ("0", "-", "-", "no difference shown")


def test_too_few_right_before_cannot_say() -> None:
    one = found(lambda item: number(item) < 2, lambda item: False)

    assert verdicts(one)["facts", "both"] == "cannot say"
    told = dict(words.lines(one))["forgetting, facts in the prompt"]
    assert told == (
        "4 of 40 right before, 0 after: cannot say: the base has 2 questions right in one language or both, and 8 lost "
        "are the fewest that show"
    )


def test_an_item_and_its_translation_are_one_question() -> None:
    """Four questions lost in both languages are four, not eight; what is lost in one and won in the other is a tie."""
    four = found(lambda item: True, lambda item: not (item.category == "format" and number(item) < 4))
    swapped = found(lambda item: item.language == "ja", lambda item: item.language == "en")

    group = next(group for group in four.groups if (group.category, group.language) == ("format", "both"))
    assert (group.only_base, group.verdict) == (8, "no difference shown")
    assert group.p == pytest.approx(2 * 0.5**4)
    assert verdicts(swapped)["all", "both"] == verdicts(swapped)["facts", "both"] == "no difference shown"
    assert verdicts(swapped)["facts", "ja"] == "worse"
    assert verdicts(swapped)["facts", "en"] == "better"


def test_a_cut_answer_is_neither_right_nor_wrong() -> None:
    """Thoughts that did not end leave no answer: 0 before and all after would be no gain. A few cut are told."""

    def said(num_cut: int) -> Forgotten:
        thought = Answered("", "<think>\nyes, I think", "yes", "cut", "stopped", 0.5, 4, 3)
        ended = replace(thought, base="no", base_outcome="stopped")
        return counted(ITEMS, [replace(thought if number(item) < num_cut else ended, id=item.id) for item in ITEMS])

    assert set(verdicts(said(20)).values()) == {"cannot say"}
    assert said(20).groups[0].base_right == 0
    assert set(verdicts(said(3)).values()) == {"cannot say"}
    few = said(2)
    assert set(verdicts(few).values()) == {"better"}
    assert dict(words.lines(few))["forgetting, all items"] == (
        "0 of 200 right before, 200 after: better; cut were 20 of the base's answers and 0 of the tune's"
    )
    assert "20 of the base" in " ".join(words.reading(few))
    told = dict(words.lines(said(20)))["forgetting, arithmetic"]
    assert "cannot say: cut were 40 of the base's answers and 0 of the tune's" in told


def test_so_few_items_show_nothing() -> None:
    """`judge.forgetting` asks fewer: what they can show is told of them, not of the whole suite."""
    few = [item for item in ITEMS if number(item) < 3]
    one = counted(few, [Answered(item.id, "yes", "no", "stopped", "stopped", 0.5, 4, 3) for item in few])

    told = " ".join(words.reading(one))
    assert "of a category, 3 questions show nothing" in told.lower()
    assert "Of 15 questions in all, 6 lost and none won are the fewest that show." in told
    assert "20" not in told
    assert verdicts(one)["facts", "both"] == verdicts(one)["facts", "en"] == "cannot say"
    assert verdicts(one)["all", "both"] == "worse"
    assert "3 questions show nothing, however many are lost" in dict(words.lines(one))["forgetting, arithmetic"]
    assert "Of 20 questions of a category in one language, 9 lost" in " ".join(
        words.reading(found(lambda item: True, lambda item: True))
    )


def test_drift_counts_each_item_alike() -> None:
    said = [Answered(item.id, "yes", "yes", "stopped", "stopped", 0.4 + number(item) % 2 / 5, 4, 3) for item in ITEMS]
    one = counted(ITEMS, said).drift
    assert one is not None
    assert (one.num_items, one.num_places, one.same_top) == (200, 800, 0.75)
    assert one.kl_mean == pytest.approx(0.5)
    assert one.low == pytest.approx(0.5 - 1.96 * 0.1 / 100**0.5, abs=2e-3)
    assert one.high == pytest.approx(0.5 + 1.96 * 0.1 / 100**0.5, abs=2e-3)
    same = found(lambda item: True, lambda item: True, 0.0).drift
    assert same is not None
    assert (same.kl_mean, same.low, same.high) == (0, 0, 0)
    assert found(lambda item: True, lambda item: True, None).drift is None
    broken = found(lambda item: True, lambda item: True, math.nan).drift
    assert broken is not None
    assert math.isnan(broken.kl_mean)
    assert "do not have the same tokens" in words.drift(found(lambda item: True, lambda item: True, None))


def test_an_item_without_an_answer_is_an_error() -> None:
    with pytest.raises(KeyError):
        counted(ITEMS, [])
