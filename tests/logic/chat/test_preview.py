"""What a person is shown of a row: on the terminal, and as a page."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from jobs.logic.chat.chatml import NOT_GRADED, TokenRow
from jobs.logic.chat.delimiters import Delimiter, around_marks, compared
from jobs.logic.chat.preview import Chunk, Shown, chosen, chunks, terminal_lines, terminal_row, visible
from jobs.logic.pages.preview_page import page

ADDED = {"<|im_start|>": 300, "<|im_end|>": 301}


def decode(ids: Sequence[int]) -> str:
    return bytes(ids).decode("utf-8", errors="replace")


def row(*parts: tuple[int | str, str]) -> TokenRow:
    """Bytes as tokens; a part is a text or a control id, and its kind."""
    ids: list[int] = []
    kinds = ""
    for part, kind in parts:
        own = [part] if isinstance(part, int) else list(part.encode())
        ids += own
        kinds += kind * len(own)
    labels = [number if kind != "p" else NOT_GRADED for number, kind in zip(ids, kinds, strict=True)]
    return TokenRow(ids, labels, kinds)


def shown(*parts: tuple[int | str, str], prompts: tuple[int, ...] = ()) -> Shown:
    return Shown("r1", "median", chunks(row(*parts), ADDED, decode), list(prompts))


ROW = ((300, "p"), ("user\nhi <|im_end|>", "p"), (301, "p"), ("\n", "p"), ("名 b", "c"), (301, "t"), ("\n", "p"))


def test_letters_of_several_tokens_are_one_chunk() -> None:
    found = chunks(row(("a名", "c"), (301, "t")), ADDED, decode)
    assert found == [
        Chunk("a", "c", False, (97,)),
        Chunk("名", "c", False, (229, 144, 141)),
        Chunk("<|im_end|>", "t", True, (301,)),
    ]


def test_broken_letters_are_shown_too() -> None:
    assert [chunk.text for chunk in chunks(TokenRow([229, 301], [-100, 301], "pt"), ADDED, decode)] == [
        "\ufffd",
        "<|im_end|>",
    ]
    assert [chunk.text for chunk in chunks(TokenRow([229], [-100], "p"), ADDED, decode)] == ["\ufffd"]


@pytest.mark.parametrize(
    ("lengths", "num_random", "expected"),
    [
        ({}, 3, []),
        ({"a": 1}, 3, [("a", "shortest")]),
        ({"a": 1, "b": 2}, 3, [("a", "shortest"), ("b", "median")]),
        ({"c": 9, "a": 1, "b": 2}, 0, [("a", "shortest"), ("b", "median"), ("c", "longest")]),
    ],
)
def test_chosen(lengths: dict[str, int], num_random: int, expected: list[tuple[str, str]]) -> None:
    assert chosen(lengths, num_random, seed=1) == expected


def test_drawn_rows_follow_the_seed() -> None:
    lengths = {f"r{number}": number for number in range(100)}
    assert chosen(lengths, 3, seed=1) == chosen(lengths, 3, seed=1) != chosen(lengths, 3, seed=2)
    assert len(dict(chosen(lengths, 3, seed=1))) == 6


def test_terminal_without_colour() -> None:
    assert terminal_row(shown(*ROW), colour=False).split("\n")[1:] == [
        "r1 (median): 28 tokens, 6 graded, 5 of the answer",
        "  <|im_start|>user⏎",
        "  hi \\<|im_end|><|im_end|>⏎",
        "  [名 b]{<|im_end|>}⏎",
    ]


def test_terminal_in_colour_ends_each_colour_in_its_line() -> None:
    text = terminal_row(shown(("a\nb", "c")), colour=True)
    assert text.split("\n")[2:] == ["  \x1b[30;42ma⏎\x1b[0m", "  \x1b[30;42mb\x1b[0m"]


def test_nothing_to_show() -> None:
    assert terminal_lines([], colour=False) == []


def test_long_prompts_are_shortened() -> None:
    assert "… 860 characters …" in terminal_row(shown(("x" * 1000, "p")), colour=False)
    assert "…" not in terminal_row(shown(("x" * 1000, "c")), colour=False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\tb\r\n", "a⇥b␍⏎\n"),
        ("\u200b\u202e", "‹U+200B›‹U+202E›"),
        ("\u3000\x1b[2J", "□‹U+001B›[2J"),
        ("日本", "日本"),
    ],
)
def test_visible(text: str, expected: str) -> None:
    assert visible(text) == expected


def test_page_escapes_and_marks() -> None:
    hostile = "<img src=x onerror=alert(1)>\x00\x01 &amp;"
    html = page("A <b>", [("a<b", "c>d")], [Delimiter("x<", "<|a|>\n", None)], [shown((hostile, "c"), prompts=(0, 2))])
    assert "<img" not in html
    assert "&lt;" in html
    assert "‹U+0000›" in html
    assert html.count('class="ask" title=') == 2
    assert "differs" in html
    assert "not found" in html


def test_around_marks() -> None:
    found = around_marks("<smark-of-systemumark-of-useramark-of-answere")
    assert list(found.values()) == ["<s", "u", "a", "e"]
    assert set(around_marks("mark-of-user").values()) == {None}


def test_compared_prompts_are_starts_of_the_row() -> None:
    text = "mark-of-system|mark-of-user<a><t></t>mark-of-answer"
    found = compared(text, text, {"short": "mark-of-user<a>", "other": "mark-of-user<b>"})
    assert [(one.name, one.matches) for one in found[-2:]] == [("short", True), ("other", False)]
    assert all(one.matches for one in found[:4])
