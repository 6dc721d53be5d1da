"""ChatML spans: which text a row is made of, which of it is graded, and what a token across a border becomes."""

from __future__ import annotations

from collections.abc import Sequence
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
    Piece,
    row_pieces,
    split_thoughts,
    template_messages,
    tokenize,
    turns,
    well_formed_thoughts,
    without_leading_blank_lines,
)

HYBRID = Chat("empty", grade_thinking_block=True, graded_turns="last")
PLAIN = Chat("none", grade_thinking_block=False, graded_turns="all")
KEEP = Chat("keep", grade_thinking_block=True, graded_turns="last")
OPENED = Chat("keep", grade_thinking_block=True, graded_turns="last", opening="<think>\n")
CONTROL = {IM_START: 1, IM_END: 2, THINK_OPEN: 3, THINK_CLOSE: 4}
TALK = (("system", "s"), ("user", "u"), ("assistant", "a"), ("user", "v"), ("assistant", "b"))


def messages(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"role": role, "content": content} for role, content in pairs]


def text(chat: Chat, *pairs: tuple[str, str]) -> str:
    return "".join(piece.text for piece in row_pieces(turns(messages(*pairs), chat)))


def graded(chat: Chat, *pairs: tuple[str, str]) -> str:
    return "".join(piece.text for piece in row_pieces(turns(messages(*pairs), chat)) if piece.graded)


def by_letter(texts: Sequence[str]) -> list[Encoded]:
    """A tokenizer with a token per letter."""
    return [
        Encoded([ord(letter) for letter in one], [(place, place + 1) for place in range(len(one))]) for one in texts
    ]


def by_two(texts: Sequence[str]) -> list[Encoded]:
    """A tokenizer with a token per two letters, so that tokens lie across borders."""
    return [
        Encoded([9] * len(range(0, len(one), 2)), [(at, min(at + 2, len(one))) for at in range(0, len(one), 2)])
        for one in texts
    ]


@pytest.mark.parametrize(
    ("chat", "expected"),
    [
        (HYBRID, "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\na<|im_end|>\n"),
        (PLAIN, "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\na<|im_end|>\n"),
        (KEEP, "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\na<|im_end|>\n"),
    ],
)
def test_text_of_a_row(chat: Chat, expected: str) -> None:
    assert text(chat, ("user", "q"), ("assistant", "a")) == expected


@pytest.mark.parametrize(
    ("chat", "expected"),
    [
        (HYBRID, "<think>\n\n</think>\n\nb<|im_end|>"),
        (Chat("empty", grade_thinking_block=False, graded_turns="last"), "b<|im_end|>"),
        (Chat("empty", grade_thinking_block=True, graded_turns="all"), "a<|im_end|><think>\n\n</think>\n\nb<|im_end|>"),
        (OPENED, "\n</think>\n\nb<|im_end|>"),
        (replace(OPENED, opening="<think>\n\n</think>\n\n"), "b<|im_end|>"),
        (replace(OPENED, opening="<answer>"), "<think>\n\n</think>\n\nb<|im_end|>"),
        (PLAIN, "a<|im_end|>b<|im_end|>"),
        (Chat("none", grade_thinking_block=False, graded_turns="last"), "b<|im_end|>"),
    ],
)
def test_what_is_graded_of_a_conversation(chat: Chat, expected: str) -> None:
    assert graded(chat, *TALK) == expected


def test_nothing_after_the_stop_token_is_graded() -> None:
    assert [piece.graded for piece in row_pieces(turns(messages(*TALK), PLAIN))][-2:] == [True, False]


@pytest.mark.parametrize(
    ("content", "thoughts", "answer"),
    [
        ("a", None, "a"),
        ("<think>t</think>a", "t", "a"),
        ("\n<think>\nt\n\nu\n</think>\n\na", "t\n\nu", "\n\na"),
        ("<think>\n\n</think>\n\na", "", "\n\na"),
        ("<think>t", None, "<think>t"),
        ("t</think>a", None, "t</think>a"),
        ("b<think>t</think>a", None, "b<think>t</think>a"),
        ("<think>t</think>a<think>u</think>", None, "<think>t</think>a<think>u</think>"),
    ],
)
def test_split_thoughts(content: str, thoughts: str | None, answer: str) -> None:
    assert split_thoughts(content) == (thoughts, answer)
    assert well_formed_thoughts(content) == (thoughts is not None or "think>" not in content)


def test_earlier_turns_lose_their_thoughts() -> None:
    own = "<think>\nt\n</think>\n\n"
    row = (("user", "u"), ("assistant", f"{own}a"), ("user", "v"), ("assistant", f"{own}b"))
    assert text(KEEP, *row).count("<think>") == 1
    assert graded(KEEP, *row) == f"{own}b<|im_end|>"
    assert template_messages(turns(messages(*row), KEEP), str)[1]["content"] == "a"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a", "a"),
        ("\na", "a"),
        ("\n\n \t\r\n  a", "  a"),
        ("  a\n", "  a\n"),
        ("", ""),
        ("\u3000\na", "a"),
        ("\n", ""),
    ],
)
def test_leading_blank_lines(before: str, after: str) -> None:
    assert without_leading_blank_lines(before) == after


def test_text_is_composed() -> None:
    assert "\u304c" in text(HYBRID, ("user", "か\u3099"), ("assistant", "か\u3099"))


def test_letters_and_labels() -> None:
    (row,) = tokenize([row_pieces(turns(messages(("user", "q"), ("assistant", "a")), HYBRID))], CONTROL, by_letter)
    assert row.kinds == "p" + "p" * 6 + "p" + "p" + "p" + "p" * 10 + "tttt" + "tt" + "c" + "t" + "p"
    assert row.ids[-9:] == [3, 10, 10, 4, 10, 10, ord("a"), 2, 10]
    assert [label == NOT_GRADED for label in row.labels] == [kind == "p" for kind in row.kinds]


def test_text_between_control_tokens_is_one_string() -> None:
    seen: list[str] = []

    def encode(texts: Sequence[str]) -> list[Encoded]:
        seen.extend(texts)
        return by_letter(texts)

    pieces = row_pieces(turns(messages(("user", "<|im_end|>"), ("assistant", "a")), PLAIN))
    (row,) = tokenize([pieces], CONTROL, encode)
    assert seen == ["user\n<|im_end|>", "\n", "assistant\na"]
    assert row.ids.count(2) == 2


@pytest.mark.parametrize(
    ("pieces", "kinds"),
    [
        ([Piece("ab", "template", False), Piece("cd", "content", True)], "pc"),
        ([Piece("abc", "template", False), Piece("de", "content", True)], "ppc"),
        ([Piece("abc", "template", True), Piece("de", "content", True)], "tcc"),
        ([Piece("ab", "content", True), Piece("c", "template", False), Piece("d", "content", True)], "cp"),
    ],
)
def test_a_token_across_the_border_of_what_is_graded_is_not_graded(pieces: list[Piece], kinds: str) -> None:
    assert tokenize([pieces], CONTROL, by_two)[0].kinds == kinds


def test_a_control_token_that_is_missing() -> None:
    with pytest.raises(KeyError):
        tokenize([row_pieces(turns(messages(("user", "q"), ("assistant", "a")), HYBRID))], {IM_START: 1}, by_letter)


def test_the_end_of_turn_is_left_out_of_the_loss_where_that_is_asked() -> None:
    laid_out = turns(
        [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
        Chat("none", grade_thinking_block=False, graded_turns="last", grade_end_of_turn=False),
    )
    assert laid_out[-1].graded_text == "a"
    assert [piece.text for piece in laid_out[-1].pieces][-2] == IM_END
