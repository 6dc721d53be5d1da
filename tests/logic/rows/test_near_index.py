"""The search for a few rows among many finds what the search in the whole set does."""

import random

import numpy as np
import pytest

from jobs.logic.rows import near
from jobs.logic.rows.near_index import NearIndex

THRESHOLD = 0.8
NONE = np.zeros(0, np.uint64)


def sentences(seed: int, num: int) -> list[str]:
    """Texts of which many are another one with some letters changed."""
    rng = random.Random(seed)
    found: list[str] = []
    for _ in range(num):
        if found and rng.random() < 0.6:
            letters = list(rng.choice(found))
            for _ in range(rng.choice((0, 1, 3, 8))):
                letters[rng.randrange(len(letters))] = rng.choice("abcdefghij")
            found.append("".join(letters))
        else:
            found.append("".join(rng.choice("abcdefghijklmnopqrst ") for _ in range(rng.randrange(20, 200))))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_what_is_found_is_what_the_whole_set_has_whatever_comes_together(seed: int) -> None:
    rng, texts = random.Random(seed), sentences(seed, 300)
    sketches = near.sketches(texts, THRESHOLD, NONE)
    assert not near.is_crowded(sketches)
    index, found, start = NearIndex(THRESHOLD), set[tuple[int, int]](), 0
    while start < len(texts):
        stop = start + rng.choice((1, 2, 16, 64))
        index.add(sketches[start:stop])
        for place, likely in enumerate(index.like(sketches[start:stop]), start):
            assert sorted(likely.agreeing, reverse=True) == likely.agreeing.tolist()
            found |= {(number, place) for number in likely.numbers.tolist() if number < place}
        start = stop
    assert found == set(map(tuple, near.candidates(sketches, THRESHOLD).tolist()))
    assert len(found) > 50
    assert len(index) == len(texts)


def test_of_a_crowd_all_are_found_the_earlier_ones_first() -> None:
    crowd = near.sketches(["one text that many rows have, word for word"] * 500, THRESHOLD, NONE)
    index = NearIndex(THRESHOLD)
    index.add(crowd)
    assert near.is_crowded(crowd)
    assert index.like(crowd[:1])[0].numbers.tolist() == list(range(500))


def test_an_empty_index_has_nothing() -> None:
    index = NearIndex(THRESHOLD)
    index.add(near.sketches([], THRESHOLD, NONE))
    assert index.like(near.sketches(["a", "b"], THRESHOLD, NONE))[1].numbers.tolist() == []
    assert len(index) == 0
