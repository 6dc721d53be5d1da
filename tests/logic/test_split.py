"""Groups stay whole, and held-out groups stay held out when data grows."""

import pytest

from jobs.logic.dedup import Pair
from jobs.logic.rows import Message, Row
from jobs.logic.split import Groups, by_group, held_out


def row(number: int, source: str | None, prompt: str | None = None) -> Row:
    messages = [Message("user", prompt or f"question {number}"), Message("assistant", f"answer {number}")]
    return Row(f"r{number}", source, messages, "a", number, {})


def test_groups_are_joined_through_each_other() -> None:
    groups = Groups(6)
    groups.join_equal(["a", "b", "a", None, None, "b"])
    groups.join(2, 5)
    assert groups.firsts() == [0, 0, 0, 3, 4, 0]


def test_rows_of_a_source_a_prompt_or_near_each_other_go_together() -> None:
    rows = [row(number, f"s{number // 3}") for number in range(300)]
    rows += [row(300 + number, None, f"question {number}") for number in range(0, 300, 7)]
    pairs = [Pair(number, number + 150, 0.9) for number in range(0, 30)]
    out = by_group(rows, pairs, 0.2, 1)
    assert all(out[number] == out[number // 3 * 3] for number in range(300))
    assert all(out[300 + place] == out[number] for place, number in enumerate(range(0, 300, 7)))
    assert all(out[pair.first] == out[pair.second] for pair in pairs)
    assert 0.1 < sum(out) / len(out) < 0.3


def test_share_of_many_groups() -> None:
    out = by_group([row(number, None) for number in range(5000)], [], 0.2, 3407)
    assert abs(sum(out) / 5000 - 0.2) < 0.02


def test_grown_data_keeps_its_held_out_rows() -> None:
    rows = [row(number, f"s{number // 2}" if number % 3 else None) for number in range(400)]
    before = by_group(rows[:200], [], 0.2, 1)
    assert by_group(rows, [], 0.2, 1)[:200] == before


def test_seed_decides() -> None:
    rows = [row(number, None) for number in range(100)]
    assert by_group(rows, [], 0.2, 1) == by_group(rows, [], 0.2, 1) != by_group(rows, [], 0.2, 2)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("fraction", [0.01, 0.2, 0.99])
def test_both_sides_have_a_row(seed: int, fraction: float) -> None:
    out = by_group([row(number, f"s{number % 2}") for number in range(4)], [], fraction, seed)
    assert 0 < sum(out) < 4


@pytest.mark.parametrize("seed", range(20))
def test_most_of_the_rows_are_never_held_out(seed: int) -> None:
    out = held_out([0] * 8 + [8, 9], [str(number) for number in range(10)], 0.5, seed)
    assert not out[0]
    assert any(out)


def test_one_group_cannot_be_split() -> None:
    with pytest.raises(ValueError, match="one source"):
        by_group([row(1, "s"), row(2, "s")], [], 0.2, 1)
