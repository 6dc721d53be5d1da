"""Prompts made longer: documents without the task's words, filled to a length, the row's own prompt untouched."""

from __future__ import annotations

import pytest

from jobs.logic.parity.lengths import documents, front, others_in_order, rows_within, sentences, times_within


@pytest.mark.parametrize(
    ("texts", "left"),
    [
        (["Name it.\n\nA cat.", "Name it.\n\nA dog.\n\nIt barks."], ["A cat.", "A dog.\n\nIt barks."]),
        (["A cat.\n\nName it.", "A dog.\n\nWhat is it?"], ["A cat.\n\nName it.", "A dog.\n\nWhat is it?"]),
        (["Hello.", "Hello."], ["Hello.", "Hello."]),
        (["one\n\none", "two"], ["one\n\none", "two"]),
        ([], []),
    ],
)
def test_paragraphs_that_rows_share_are_the_tasks_words(texts: list[str], left: list[str]) -> None:
    assert documents(texts) == left


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("猫です。犬です!本", ["猫です。", "犬です!", "本"]),
        ("A cat. A dog?", ["A cat. ", "A dog?"]),
        ("a\n\nb\n", ["a\n\n", "b\n"]),
        ("「はい。」と言う。", ["「はい。」", "と言う。"]),
        ("", []),
    ],
)
def test_sentences_are_the_text(text: str, pieces: list[str]) -> None:
    assert sentences(text) == pieces
    assert "".join(sentences(text)) == text


@pytest.mark.parametrize(
    ("texts", "room", "expected"),
    [
        (["aaaa", "bbbb"], 12, "bbbb\n\naaaa"),
        (["aaaa", "b1. b2. b3."], 15, "b2. b3.\n\naaaa"),
        (["aaaa", "bbbb"], 24, "bbbb\n\naaaa\n\nbbbb\n\naaaa"),
        (["aaaa"], 3, ""),
        (["aaaa"], -5, ""),
        ([], 100, ""),
    ],
)
def test_documents_fill_the_room_next_to_the_prompt_first(texts: list[str], room: int, expected: str) -> None:
    made = front(texts, room, len)
    assert made == expected
    assert not made or len(made + "\n\n") <= room


def test_each_row_has_an_order_of_its_own_and_never_itself() -> None:
    orders = [others_in_order(number, 6, 3407) for number in range(6)]
    assert [sorted(order) for order in orders] == [[one for one in range(6) if one != number] for number in range(6)]
    assert orders == [others_in_order(number, 6, 3407) for number in range(6)]
    assert len({tuple(order) for order in orders}) == 6
    assert others_in_order(0, 1, 1) == []


@pytest.mark.parametrize(("most", "fits"), [(2048, [2, 4]), (636, [2, 4]), (635, [2]), (350, [2]), (349, []), (1, [])])
def test_an_answer_fits_behind_every_length(most: int, fits: list[int]) -> None:
    assert times_within([2, 4], 143, 64, most) == fits


@pytest.mark.parametrize(("longest", "num"), [(0, 16), (100, 16), (8192, 16), (8193, 15), (200_000, 1)])
def test_fewer_rows_where_prompts_are_long(longest: int, num: int) -> None:
    assert rows_within(16, longest, 131_072) == num
