"""ROUGE-L to many texts: the same as counted plainly, whatever the bounds leave out."""

from __future__ import annotations

import random

import pytest

from jobs.logic.synth.overlap import Texts, counts_characters, rouge_l, units
from jobs.logic.text import similarity

WORDS = ["the", "cat", "sat", "on", "a", "red", "mat", "while", "rain", "fell"]


def plainly(a: list[str], b: list[str]) -> float:
    """2 x LCS / (len(a) + len(b)) by the table of the textbook."""
    row = [0] * (len(b) + 1)
    for one in a:
        before = row[:]
        for place, other in enumerate(b):
            row[place + 1] = before[place] + 1 if one == other else max(before[place + 1], row[place])
    return 2 * row[-1] / (len(a) + len(b)) if a or b else 1.0


def sentences(rng: random.Random, by_characters: bool, number: int) -> list[str]:
    pieces = list("東京大阪の朝市で猫を見た。。") if by_characters else WORDS
    joint = "" if by_characters else " "
    found = [joint.join(rng.choices(pieces, k=rng.randrange(0, 30))) for _ in range(number)]
    for text in found[: number // 2]:
        words = list(text) if by_characters else text.split()
        if words:
            words[rng.randrange(len(words))] = rng.choice(pieces)
        found.append(joint.join(words))
    return found


@pytest.mark.parametrize("by_characters", [True, False])
@pytest.mark.parametrize("least", [0.0, 0.3, 0.7, 1.0])
def test_the_nearest_is_that_of_all_pairs(by_characters: bool, least: float) -> None:
    rng = random.Random(7)
    texts = sentences(rng, by_characters, 24)
    among = Texts(texts, by_characters)
    for text in sentences(rng, by_characters, 8):
        all_of_them = [plainly(units(text, by_characters), units(other, by_characters)) for other in texts]
        best = max(all_of_them)
        found = among.nearest(text, least)
        if best < least - 1e-12:
            assert found is None
        else:
            assert found is not None
            assert found.similarity == pytest.approx(best)
            assert all_of_them[found.place] == pytest.approx(best)


def test_at_the_limit_is_too_like() -> None:
    among = Texts(["a b c d e f g x y z"], by_characters=False)
    assert rouge_l("a b c d e f g p q r", "a b c d e f g x y z", False) == 0.7
    found = among.nearest("a b c d e f g p q r", 0.7)
    assert found is not None
    assert among.nearest("a b c d e f p q r s", 0.7) is None


def test_characters_for_japanese_and_words_for_english() -> None:
    assert counts_characters(["東京の朝市とTokyoのcafe", "猫"])
    assert not counts_characters(["A text about sushi (寿司) and the tea that goes with it, in English"])
    assert rouge_l("朝 市\nで猫", "朝市で猫", True) == 1.0
    assert rouge_l("The Cat!", "the cat", False) == 1.0
    assert rouge_l("朝市で猫", "朝市で犬", True) == similarity.rouge_l("朝市で猫", "朝市で犬") == 0.75
    assert rouge_l("", "", True) == 1.0
    assert rouge_l("", "a", False) == 0.0


def test_a_text_that_came_later_counts_too() -> None:
    among = Texts([], by_characters=False)
    assert among.nearest("one more row") is None
    among.add("one more row")
    found = among.nearest("one more row", 0.7)
    assert found is not None
    assert (found.place, found.similarity, len(among)) == (0, 1.0, 1)
    assert among.nearest("one more row", 0.7, apart_from=0) is None


def test_more_words_than_there_are_characters_below_the_surrogates() -> None:
    words = [f"w{number}" for number in range(56_000)]
    among = Texts([" ".join(words[start : start + 8]) for start in range(0, 56_000, 8)], by_characters=False)
    found = among.nearest(" ".join(words[55_200:55_212]), 0.7)
    assert found is not None
    assert (found.place, found.similarity) == (6900, pytest.approx(2 * 8 / 20))


def test_more_of_one_unit_than_are_counted() -> None:
    among = Texts(["a" * 70_000, "b" * 70_000], by_characters=True)
    found = among.nearest("a" * 69_000, 0.99)
    assert found is not None
    assert (found.place, found.similarity) == (0, pytest.approx(2 * 69_000 / 139_000))
    assert among.nearest("a" * 60_000, 0.9) == (0, pytest.approx(12 / 13))
    assert among.nearest("c" * 69_000, 0.1) is None
