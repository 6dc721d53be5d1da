import pytest

from jobs.logic.synth import passages
from jobs.logic.synth.passages import Block, cut, paragraphs, tidied, unwrapped

MARKDOWN = "# 土鍋\n土鍋は、\n火を弱く。\n\n \t\nUse low heat.\n\nSecond part\n===========\n\nLast.\n"


def test_paragraphs_and_headings_stand_where_they_are_in_the_text() -> None:
    found = paragraphs(MARKDOWN)
    assert [(block.text, block.is_heading) for block in found] == [
        ("# 土鍋", True),
        ("土鍋は、\n火を弱く。", False),
        ("Use low heat.", False),
        ("Second part\n===========", True),
        ("Last.", False),
    ]
    assert all(MARKDOWN[block.start : block.end] == block.text for block in found)


@pytest.mark.parametrize("text", ["", " \n\n \t\n"])
def test_nothing_has_no_paragraphs(text: str) -> None:
    assert paragraphs(text) == []


def texts(blocks: list[Block], least: int, most: int) -> list[str]:
    return ["|".join(block.text for block in passage) for passage in cut(blocks, least, most)]


def block(text: str, is_heading: bool = False) -> Block:
    return Block(text, 0, len(text), is_heading)


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ([block("a" * 8), block("b" * 8)], ["aaaaaaaa|bbbbbbbb"]),
        ([block("a" * 8), block("# b", True), block("c" * 5)], ["aaaaaaaa", "# b|ccccc"]),
        ([block("a" * 3), block("# b", True), block("c" * 5)], ["aaa|# b|ccccc"]),
        ([block("a" * 12), block("# b", True), block("c" * 12)], ["a" * 12, "# b|" + "c" * 12]),
        ([block("a" * 8), block("b" * 18)], ["aaaaaaaa", "b" * 18]),
        ([block("a" * 8), block("# b", True)], ["aaaaaaaa|# b"]),
        ([], []),
    ],
)
def test_passages_are_whole_paragraphs_and_begin_with_headings(blocks: list[Block], expected: list[str]) -> None:
    assert texts(blocks, 6, 20) == expected


def test_a_long_paragraph_is_cut_at_its_sentences_and_loses_nothing() -> None:
    text = "一つ目の文です。二つ目の文は「そう。」と言う。" * 9 + "x" * 70
    whole = Block(text, 100, 100 + len(text), False)
    found = [passage[0] for passage in cut([whole], 10, 50)]
    assert "".join(piece.text for piece in found) == text
    assert all(len(piece.text) <= 50 for piece in found)
    assert [piece.text[-1] for piece in found[:-2]].count("。") >= len(found) - 4
    assert all(text[piece.start - 100 : piece.end - 100] == piece.text for piece in found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("か\u3099\r\nb\x00\x07", "が\nb"),
        ("\ufeffone\x0ctwo", "one\ntwo"),
    ],
)
def test_signs_that_end_or_hide_something_go(text: str, expected: str) -> None:
    assert tidied(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("土鍋は弱い火で\n使います。\n\n次の段落", "土鍋は弱い火で使います。\n\n次の段落"),
        ("low heat is\n  best for exam-\nple\n", "low heat is best for example"),
        ("Qwen3 は\nmodel です", "Qwen3 は model です"),
    ],
)
def test_lines_of_a_page_become_paragraphs(text: str, expected: str) -> None:
    assert unwrapped(text) == expected


def test_length_counts_what_stands_between() -> None:
    assert passages.length([]) == 0
    assert passages.length([block("ab"), block("c")]) == len("ab\n\nc")
