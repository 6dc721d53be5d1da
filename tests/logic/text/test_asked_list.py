"""Lists that were asked for."""

import pytest

from jobs.logic.text.asked_list import is_given


@pytest.mark.parametrize(
    ("prompt", "answer", "is_list"),
    [
        ("Give three tips for sleep.", "1. Dim the light.\n2. No phone.\n3. Get up early.", True),
        ("持ち物の一覧を作って。", "・箱\n・テープ", True),
        ("Tag each.\n\n1. good\n2. bad", "1. P\n2. N", True),
        ("Show the water cycle as a chart.", "Rain → River → Sea", True),
        ("Convert to past tense: go, eat, sing", "went, ate, sang", True),
        ("Draw a triangle of stars, an ASCII-art one.", "* a\n* b", True),
        ("Write a title.", "1. Bread at the quay\n2. Rain", False),
        ("Why is the sky blue?", "- Light scatters.\n- Blue most.", False),
        ("空はなぜ青い？", "・光が散る\n・青が多い", False),
        ("Give three tips for sleep.", "Dim the light.", False),
    ],
)
def test_is_given(prompt: str, answer: str, is_list: bool) -> None:
    assert is_given(answer, prompt) is is_list
