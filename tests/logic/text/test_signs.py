"""One pass over a block tells of each text which signs it has."""

import numpy as np
import pytest

from jobs.logic.text.signs import AT, BETWEEN, DIGIT, DRESS, NOTABLE, TOKEN, VISIBLE, block


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("", 0),
        ("土鍋", 0),
        ("ab", VISIBLE),
        ("a b", VISIBLE | BETWEEN),
        ("１", DIGIT),
        ("1", DIGIT | VISIBLE),
        ("＠", AT),
        ("<", TOKEN | VISIBLE),
        ("｜", TOKEN),
        ("：", DRESS),
        ("】\n", DRESS),
        ("é", NOTABLE),
        ("\u200b", NOTABLE),
        ("😀", NOTABLE),
        ("\ud800", 0),
    ],
)
def test_bits(text: str, bits: int) -> None:
    assert block(["土", text, "鍋"]).of_each().tolist() == [0, bits, 0]
    assert block([text]).of_each().tolist() == [bits]


def test_places_belong_to_their_texts() -> None:
    texts = block(["a1", "", "b", "12\0"])
    assert texts.joined == "\0".join(["a1", "", "b", "12\0", ""])
    assert texts.starts.tolist() == [0, 3, 4, 6]
    assert texts.places(DIGIT).tolist() == [1, 6, 7]
    assert texts.marked(texts.places(DIGIT)).tolist() == [True, False, False, True]
    assert texts.marked(np.zeros(0, np.int64)).tolist() == [False] * 4


def test_no_texts() -> None:
    texts = block([])
    assert texts.of_each().tolist() == texts.starts.tolist() == texts.places(DIGIT).tolist() == []
