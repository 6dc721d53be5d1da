import numpy as np
import pytest
from numpy.typing import NDArray

from jobs.core.errors import EnvironmentProblem
from jobs.engines.synth.retrieval import Bm25, Embedded

TEXTS = [
    "土鍋は弱い火で温めてから使います。",
    "鉄のフライパンは、油をなじませてから使います。",
    "The kettle boils the water for tea.",
    "A pan of iron is oiled before it is used.",
    "土鍋は弱い火で温めてから使います。",
]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("土鍋の火", [0, 4]),
        ("フライパンの油は?", [1]),
        ("What boils WATER?", [2]),
        ("鍋", []),
        ("", []),
        ("unknown words", []),
    ],
)
def test_passages_that_share_terms_come_first_and_others_not_at_all(query: str, expected: list[int]) -> None:
    hits = Bm25(TEXTS).best(query, 2)
    assert [hit.number for hit in hits] == expected
    assert all(hit.score > 0 for hit in hits)


def test_of_equal_passages_the_earlier_come_first_whatever_is_asked_for() -> None:
    index = Bm25(["same words here"] * 50 + ["other"])
    for num in (1, 7, 50, 90):
        assert [hit.number for hit in index.best("words", num)] == list(range(min(num, 50)))
    assert index.best("words", 0) == []


@pytest.mark.parametrize("texts", [[], ["…", "。"]])
def test_nothing_is_found_in_nothing(texts: list[str]) -> None:
    assert Bm25(texts).best("words", 3) == []


def letters(texts: list[str]) -> NDArray[np.floating]:
    """Vectors by how often letters stand in a text."""
    return np.asarray([[1 + text.count(letter) for letter in "abcdefgh"] for text in texts], np.float64) * 7


def test_vectors_are_compared_by_their_direction() -> None:
    index = Embedded(["abc", "hhh", "abcabc", "abc"] + ["gg"] * 100, letters)
    assert len(index) == 104
    hits = index.best("abc", 3)
    assert [hit.number for hit in hits] == [0, 3, 2]
    assert hits[0].score == pytest.approx(1)
    assert Embedded([], letters).best("abc", 3) == []


@pytest.mark.parametrize(
    "vectors",
    [np.zeros((1, 3)), np.full((1, 3), np.nan), np.ones((2, 3)), np.ones(3)],
)
def test_what_is_no_vector_for_each_text_is_refused(vectors: NDArray[np.floating]) -> None:
    with pytest.raises(EnvironmentProblem, match="embed"):
        Embedded(["one"], lambda texts: vectors)


def test_a_query_of_another_model_is_refused() -> None:
    def grows(texts: list[str]) -> NDArray[np.floating]:
        return np.ones((len(texts), 8 if len(texts) == 2 else 3))

    with pytest.raises(EnvironmentProblem, match="8 numbers for passages and of 3"):
        Embedded(["one", "two"], grows).best("one", 1)
