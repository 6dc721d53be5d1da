"""Shared letters, and the permutation test on them."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.logic.text.pairing import compared, grams, orders, script, shared


def test_pieces_of_a_text() -> None:
    assert grams("Ab  C", (2,)) == {"ab", "b ", " c"}
    assert grams("ＡＢ\u3000c", (3, 4)) == {"ab ", "b c", "ab c"}
    assert grams("ab", (3,)) == frozenset()


@pytest.mark.parametrize(
    ("text", "expected"), [("猫の日", "wide"), ("the cat", "latin"), ("кот", "latin"), ("42 + 1", "none"), ("", "none")]
)
def test_script(text: str, expected: str) -> None:
    assert script(text) == expected


def test_rare_pieces_count_for_more() -> None:
    within = [frozenset({"a", "b"}), frozenset({"a"}), frozenset({"a"})]
    found = shared([frozenset({"a", "b"}), frozenset()], within)
    assert found[:, 0].round(3).tolist() == [1.0, 0.172, 0.172]
    assert found[:, 1].tolist() == [0.0, 0.0, 0.0]


def test_orders_keep_to_their_group() -> None:
    found = orders(["a", "b", "a", "b"], 50, seed=1)
    assert {tuple(sorted(row[[0, 2]])) for row in found} == {(0, 2)}
    assert found.shape == (50, 4)
    assert np.array_equal(found, orders(["a", "b", "a", "b"], 50, seed=1))


def test_own_pairs_stand_out_or_do_not() -> None:
    clear = compared(np.eye(12), orders([""] * 12, 199, seed=1))
    assert (clear.own, clear.p) == (1.0, 1 / 200)
    assert clear.z > 5
    flat = compared(np.ones((12, 12)), orders([""] * 12, 199, seed=1))
    assert (flat.own, flat.other, flat.z, flat.p) == (1.0, 1.0, 0.0, 1.0)


def test_equal_texts_may_change_places() -> None:
    matrix = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert compared(matrix, np.array([[1, 0, 2], [2, 1, 0]])).p == 2 / 3


def test_few_rows_have_few_orders() -> None:
    assert compared(np.eye(2), orders(["", ""], 99, seed=1)).p > 0.3
    assert compared(np.eye(2), orders(["wide", "latin"], 99, seed=1)).p == 1.0
