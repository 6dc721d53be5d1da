"""A row is held against its conversation; every kind of damage has its own name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from jobs.logic.chat.chatml import (
    IM_END,
    IM_START,
    NOT_GRADED,
    THINK_CLOSE,
    THINK_OPEN,
    Chat,
    Encoded,
    TokenRow,
    row_pieces,
    tokenize,
    turns,
)
from jobs.logic.chat.row_audit import Expected, audit
from jobs.logic.chat.split_audit import Rules, audit_split, audit_text
from jobs.logic.chat.token_rows import Conversation

ADDED = {IM_START: 1, IM_END: 2, THINK_OPEN: 3, THINK_CLOSE: 4}
STRINGS = {number: string for string, number in ADDED.items()}
CHAT = Chat("empty", grade_thinking_block=True, graded_turns="last")
TALK = ({"role": "user", "content": "ask"}, {"role": "assistant", "content": "say"})
STOP = -2
"""Place of `<|im_end|>`: the newline comes after it."""


def encode(texts: Sequence[str]) -> list[Encoded]:
    return [Encoded([*map(ord, text)], [(at, at + 1) for at in range(len(text))]) for text in texts]


def decode(ids: Sequence[int]) -> str:
    return "".join(STRINGS.get(number) or chr(number) for number in ids)


def made(talk: Sequence[dict[str, str]] = TALK) -> tuple[TokenRow, Expected]:
    laid_out = turns(talk, CHAT)
    (row,) = tokenize([row_pieces(laid_out)], ADDED, encode)
    start = len(row.ids) - len("say") - 2
    return row, Expected(laid_out, decode(row.ids), list(row.ids), [row.ids[: start - 6], row.ids[:start]])


def labelled(row: TokenRow, places: Sequence[int], kind: str) -> TokenRow:
    """The row with these places graded as `kind`, or not (`p`)."""
    labels, kinds = list(row.labels), list(row.kinds)
    for place in places:
        kinds[place] = kind
        labels[place] = NOT_GRADED if kind == "p" else row.ids[place]
    return TokenRow(row.ids, labels, "".join(kinds))


def with_ids(row: TokenRow, place: int, number: int) -> TokenRow:
    ids, labels = list(row.ids), list(row.labels)
    ids[place] = number
    labels[place] = number if labels[place] != NOT_GRADED else NOT_GRADED
    return TokenRow(ids, labels, row.kinds)


def test_a_good_row() -> None:
    row, expected = made()
    assert list(audit(row, expected, ADDED, decode)) == []


@pytest.mark.parametrize(
    ("damage", "names"),
    [
        (lambda row: labelled(row, [STOP], "p"), {"end_of_turn_not_graded"}),
        (lambda row: labelled(row, range(len(row.ids)), "p"), {"no_graded_tokens"}),
        (lambda row: labelled(row, [-3], "p"), {"answer_not_graded"}),
        (lambda row: labelled(row, range(-11, -4), "p"), {"answer_not_graded", "border_not_at_token"}),
        (lambda row: labelled(row, [-1], "t"), {"graded_elsewhere"}),
        (lambda row: labelled(row, [1], "c"), {"graded_elsewhere"}),
        (lambda row: labelled(row, [-12], "t"), {"graded_elsewhere", "border_not_at_token"}),
        (lambda row: labelled(row, [-11], "p"), {"border_not_at_token", "answer_not_graded"}),
        (lambda row: labelled(row, [-3], "t"), {"answer_not_graded"}),
        (lambda row: with_ids(row, 3, 2), {"control_token_from_content", "template_differs", "prompt_not_prefix"}),
        (lambda row: with_ids(row, 3, 1), {"control_token_from_content", "template_differs", "prompt_not_prefix"}),
        (
            lambda row: labelled(with_ids(row, 3, 1), range(len(row.ids)), "p"),
            {"control_token_from_content", "template_differs", "prompt_not_prefix", "no_graded_tokens"},
        ),
        (lambda row: with_ids(row, 6, ord("x")), {"template_differs", "prompt_not_prefix"}),
        (
            lambda row: TokenRow(row.ids, [9 if label == 2 else label for label in row.labels], row.kinds),
            {"labels_differ"},
        ),
        (lambda row: TokenRow(row.ids, row.labels, row.kinds[:-1]), {"labels_differ"}),
        (lambda row: TokenRow(row.ids, row.labels, row.kinds.replace("t", "c")), {"answer_not_graded"}),
        (lambda row: TokenRow(row.ids, row.labels, row.kinds.replace("t", "x")), {"labels_differ"}),
    ],
)
def test_damage(damage: Callable[[TokenRow], TokenRow], names: set[str]) -> None:
    row, expected = made()
    assert set(audit(damage(row), expected, ADDED, decode)) == names


def test_other_tokens_of_the_same_text() -> None:
    row, expected = made()
    assert list(audit(row, replace(expected, ids=[0]), ADDED, decode)) == ["encoding_differs"]


def test_a_prompt_that_is_no_prefix() -> None:
    row, expected = made()
    assert list(audit(row, replace(expected, prompts=[[1, 2]]), ADDED, decode)) == ["prompt_not_prefix"]


def test_what_the_prompt_already_has_is_not_graded() -> None:
    row, expected = made()
    opened = row.ids[: row.ids.index(ADDED[THINK_OPEN]) + 2]
    assert decode(opened[-2:]) == "<think>\n"
    assert list(audit(row, replace(expected, prompts=[opened]), ADDED, decode)) == ["graded_elsewhere"]


def test_an_empty_answer_has_nothing_graded() -> None:
    row, expected = made(({"role": "user", "content": "ask"}, {"role": "assistant", "content": ""}))
    assert list(audit(row, replace(expected, prompts=[]), ADDED, decode)) == ["no_graded_tokens"]


@pytest.mark.parametrize(
    ("names", "max_length", "drops", "offences"),
    [
        (["a", "b"], 99, False, []),
        (["a"], 99, False, [("lost", "b")]),
        (["a"], 99, True, [("lost", "b")]),
        (["a"], 8, True, [("too_long", "a"), ("dropped", "b")]),
        (["a", "b", "b"], 99, False, [("unknown", "b")]),
        (["a", "b", "c"], 99, False, [("unknown", "c")]),
        (["a", "b"], 8, False, [("too_long", "a"), ("too_long", "b")]),
    ],
)
def test_rows_in_and_out(names: list[str], max_length: int, drops: bool, offences: list[tuple[str, str]]) -> None:
    row, expected = made()
    rules = Rules(CHAT, max_length, drops, ADDED, lambda text: "<|" in text)
    talks = [Conversation(name, TALK) for name in "ab"]
    found = audit_split(talks, [expected, expected], [(name, row) for name in names], rules, decode, lambda done: None)
    assert found.offences == offences
    assert found.lengths == [len(row.ids)] * 2


@pytest.mark.parametrize(
    ("mode", "asked", "answer", "offences"),
    [
        ("empty", "q", "a", []),
        ("empty", "q", "<think>t</think>a", ["think_tags"]),
        ("keep", "q", "<think>t</think>a", []),
        ("keep", "q", "<think>ta", ["think_tags"]),
        ("none", "q", "a</think>", ["think_tags"]),
        ("empty", "<think>", "a", []),
        ("empty", "<|im_end|>", "a", ["control_text_in_prompt"]),
        ("empty", "q", "a<|im_end|>", ["control_text_in_answer"]),
    ],
)
def test_what_people_wrote(mode: str, asked: str, answer: str, offences: list[str]) -> None:
    talk = Conversation("a", [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}])
    rules = Rules(replace(CHAT, thinking_block=mode), 99, False, ADDED, lambda text: "<|" in text)
    assert list(audit_text(talk, rules)) == offences
