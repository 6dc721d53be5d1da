"""The same draw for the same seed, and never more than asked."""

from __future__ import annotations

import pytest

from jobs.logic.parity.draw import answer_budget, draw_rows, draw_tokens


def test_draw_rows() -> None:
    assert draw_rows(3, 5, 1) == [0, 1, 2]
    assert draw_rows(0, 5, 1) == []
    drawn = draw_rows(100, 10, 1)
    assert drawn == draw_rows(100, 10, 1) == sorted(set(drawn))
    assert len(drawn) == 10
    assert drawn != draw_rows(100, 10, 2)


def test_draw_tokens() -> None:
    sizes = [5, 0, 900, 7, 3]
    assert draw_tokens(sizes, 5000, 1) == [0, 2, 3, 4]
    assert draw_tokens(sizes, 100, 1) == [0, 3, 4]
    assert draw_tokens(sizes, 2, 1) == []
    assert draw_tokens([], 10, 1) == []


@pytest.mark.parametrize(("lengths", "expected"), [([10, 20], 64), ([40, 50], 100), ([3000], 1000), ([], 64)])
def test_answer_budget(lengths: list[int], expected: int) -> None:
    assert answer_budget(lengths, 2, 64, 1000) == expected
