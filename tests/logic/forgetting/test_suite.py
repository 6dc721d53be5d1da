"""The suite as it ships: whole, of our own form, and each item tells right answers from wrong ones."""

from __future__ import annotations

from collections import Counter

import pytest

from jobs.engines.forgetting import suite_files
from jobs.logic.forgetting.suite import CATEGORIES, LANGUAGES, Item

SUITE = suite_files.suite()
NOTHING = (
    "",
    "   ",
    "<think>\n42\n</think>\n\n",
    "<think>\nhm, the answer may be",
    "...",
    "?",
    "私は言語モデルです。",
    "I like turtles.",
)
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


def test_two_hundred_items_in_five_categories_and_two_languages() -> None:
    assert Counter((item.language, item.category) for item in SUITE) == {
        (language, category): 20 for language in LANGUAGES for category in CATEGORIES
    }
    assert len({item.id for item in SUITE}) == 200
    assert len({item.messages for item in SUITE}) == 200
    assert sum((suite_files.FOLDER / f"{language}.jsonl").stat().st_size for language in LANGUAGES) < 1_000_000


@pytest.mark.parametrize("item", SUITE, ids=lambda item: item.id)
def test_an_item_tells_right_answers_from_wrong_ones(item: Item) -> None:
    assert item.right
    assert item.wrong
    assert [answer for answer in item.right if not item.is_right(answer)] == []
    assert [answer for answer in item.wrong if item.is_right(answer)] == []
    assert [answer for answer in NOTHING if item.is_right(answer)] == []


@pytest.mark.parametrize("item", SUITE, ids=lambda item: item.id)
def test_what_does_not_matter_changes_nothing(item: Item) -> None:
    for answer in item.right:
        dressed = [f"<think>\n3, 4 or 5?\n</think>\n\n{answer}", f"\n{answer}\n\n", f"<think>\n\n</think>\n\n{answer}"]
        if item.category == "arithmetic":
            dressed += [answer.translate(FULL_WIDTH), f"**{answer}**", f"{answer}\n", f"`{answer}`"]
        if item.category in ("facts", "refusal"):
            dressed += [f"**{answer}**", f"{answer.rstrip('。.')}。", f"「{answer}」"]
        assert [one for one in dressed if not item.is_right(one)] == []
    for answer in item.wrong:
        assert not item.is_right(f"<think>\n{item.right[0]}\n</think>\n\n{answer}")


def test_no_answer_is_right_for_everything() -> None:
    """A model that says one thing always must not look able."""
    every = {item.right[0] for item in SUITE}
    most = max(Counter(sum(item.is_right(answer) for item in SUITE) for answer in every))
    assert most <= 40  # a decline that fits every question that cannot be answered
    assert sum(item.is_right("I cannot do that.") for item in SUITE if item.category != "refusal") == 0
