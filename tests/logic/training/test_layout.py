"""How rows are laid out: each token once, beginnings that rows share once for all of them."""

from __future__ import annotations

import random

import pytest

from jobs.logic.training.layout import Segment, num_parts, parted, segments


def whole(found: list[Segment], rows: list[list[int]], number: int) -> list[int]:
    """The row that ends in segment `number`, put together again."""
    segment = found[number]
    before = [] if segment.parent is None else whole(found, rows, segment.parent)
    return before + rows[segment.row][segment.start : segment.end]


def drawn(draw: random.Random) -> tuple[list[list[int]], list[int]]:
    """Rows of few words, of which many begin alike, and how much of each may be shared."""
    fronts = [[draw.randint(0, 2) for _ in range(draw.randint(1, 60))] for _ in range(4)]
    rows = []
    for _ in range(draw.randint(1, 9)):
        front = draw.choice(fronts)[: draw.randint(1, 60)]
        rows.append(front + [draw.randint(0, 5) for _ in range(draw.randint(1, 30))])
    return rows, [draw.randint(0, len(row) - 1) for row in rows]


@pytest.mark.parametrize("seed", range(40))
def test_every_row_is_there_once_and_nothing_is_shared_that_may_not_be(seed: int) -> None:
    draw = random.Random(seed)
    rows, shareable = drawn(draw)
    least = draw.choice([1, 8, 32])
    found = segments(rows, shareable, least)
    ends = {segment.row: number for number, segment in enumerate(found) if segment.num_rows == 1}
    assert sorted(ends) == list(range(len(rows)))
    for row, number in ends.items():
        assert whole(found, rows, number) == rows[row]
        parent = found[number].parent
        assert parent is None or found[parent].end == found[number].start <= shareable[row]
    for number, segment in enumerate(found):
        assert segment.num_tokens > 0
        assert segment.parent is None or segment.parent < number
        if segment.num_rows > 1:
            assert (segment.num_rows - 1) * segment.num_tokens >= least
    saved = sum(map(len, rows)) - sum(segment.num_tokens for segment in found)
    assert saved == sum((segment.num_rows - 1) * segment.num_tokens for segment in found)


def test_a_document_is_shared_below_a_system_prompt() -> None:
    system, document = list(range(100)), list(range(200, 260))
    rows = [[*system, *document, 1, 2, 3], [*system, 4, 5], [*system, *document, 6, 7], [8, 9, 10]]
    found = segments(rows, [len(row) - 2 for row in rows])
    shared = [(segment.start, segment.end, segment.num_rows) for segment in found if segment.num_rows > 1]
    assert sorted(shared) == [(0, 100, 3), (100, 160, 2)]
    assert sum(segment.num_tokens for segment in found) == 100 + 60 + 3 + 2 + 2 + 3


def test_rows_that_are_the_same_share_what_may_be_shared() -> None:
    found = segments([[*range(90)]] * 3, [80, 70, 85])
    assert [(one.start, one.end, one.num_rows) for one in found] == [(0, 70, 3), (70, 90, 1), (70, 90, 1), (70, 90, 1)]


def test_a_short_beginning_is_not_worth_a_segment() -> None:
    rows = [[1, 2, 3, number] for number in range(8)]
    assert all(segment.num_rows == 1 for segment in segments(rows, [3] * 8))


@pytest.mark.parametrize("sizes", [[5], [1, 1, 1, 1], [100, 1, 1], [1, 1, 100], [30, 50, 20, 70, 10, 5, 5, 90]])
def test_parts_keep_the_order_and_none_is_empty(sizes: list[int]) -> None:
    for number in range(1, len(sizes) + 1):
        found = parted(sizes, number)
        assert [row for part in found for row in part] == list(range(len(sizes)))
        assert len(found) == number
        assert all(found)


def test_as_few_parts_as_have_no_more_than_the_most() -> None:
    assert num_parts([100] * 16, 1600) == 1
    assert num_parts([100] * 16, 400) == 4
    assert num_parts([100] * 16, 399) == 6
    assert num_parts([700, 10, 10], 400) == 2
    assert num_parts([700], 400) == 1
