"""What ties rows together."""

import numpy as np

from jobs.logic.rows.keys import hashed
from jobs.logic.rows.links import Groups, Links, members
from jobs.logic.rows.near import MAX_BUCKET, Pair
from tests.logic.rows.test_split import keys


def test_groups_are_joined_through_each_other() -> None:
    groups = Groups()
    groups.join(0, 2)
    groups.join(1, 5)
    assert groups.join(5, 2) == 0
    assert [groups.first(number) for number in range(6)] == [0, 0, 0, 3, 4, 0]


def test_a_block_is_a_source_or_without_one_a_prompt() -> None:
    found = Links.of(keys([("s", "a", None), (None, "b", None), ("s", "c", None), (None, "b", None)]), [])
    assert found.blocks.tolist() == [0, 1, 0, 1]
    assert found.has_source.tolist() == [True, False, True, False]
    assert not found.pairs


def test_a_prompt_of_two_sources_ties_them() -> None:
    found = Links.of(keys([("s", "a", None), ("t", "a", None), (None, "a", None), ("s", "a", None)]), [Pair(0, 1, 0.9)])
    assert found.pairs == [Pair(0, 1, 1.0), Pair(0, 2, 1.0)]
    assert found.before() == {1: [0], 2: [0]}


def test_rows_of_one_block_need_no_tie() -> None:
    assert not Links.of(keys([("s", "a", None), ("s", "b", None)]), [Pair(0, 1, 0.9)]).pairs


def test_groups_of_blocks_by_ties_among_some_rows() -> None:
    found = Links.of(keys([(None, str(number), None) for number in range(5)]), [Pair(0, 3, 0.8), Pair(3, 4, 0.8)])
    assert found.groups(np.ones(5, bool)).tolist() == [0, 1, 2, 0, 0]
    assert found.groups(np.asarray([True, True, True, True, False])).tolist() == [0, 1, 2, 0, 4]


def test_a_crowd_is_what_not_all_of_were_compared() -> None:
    found = keys([(None, str(number), None) for number in range(MAX_BUCKET + 10)])
    found["sketch"]["bands"][5:, 0] = hashed("one bucket")
    assert Links.of(found, []).crowded.tolist() == [False] * 5 + [True] * (MAX_BUCKET + 5)


def test_members_of_groups_of_two_or_more() -> None:
    assert members(np.asarray([0, 1, 0, 3, 1, 0])) == {0: [0, 2, 5], 1: [1, 4]}
