"""Near duplicates are found, and only near duplicates."""

from itertools import combinations, pairwise
from random import Random

import numpy as np
import pytest

from jobs.logic.rows import near
from jobs.logic.rows.near import Pair, alike, boilerplate, copies, grams, jaccard

LETTERS = "あいうえおかきくけこさしすせそたちつてとなにぬねの土鍋鉄瓶急須包丁火水木金"
NONE = np.zeros(0, np.uint64)


def text(rng: Random, length: int = 200) -> str:
    return "".join(rng.choices(LETTERS, k=length))


def pairs(texts: list[str], threshold: float = 0.8, common: near.Hashes = NONE) -> set[tuple[int, int]]:
    found = near.candidates(near.sketches(texts, threshold, common), threshold).tolist()
    return {(a, b) for a, b in found if near.similarity(grams(texts[a]), grams(texts[b]), common) >= threshold}


def test_jaccard_of_grams() -> None:
    assert jaccard(grams("abcdef"), grams("abcdef")) == 1.0
    assert jaccard(grams("abcdef"), grams("abcdeg")) == pytest.approx(1 / 3)
    assert jaccard(grams("ab"), grams("ab")) == 1.0
    assert jaccard(grams("ab"), grams("cd")) == 0.0
    assert alike("same", "same") == 1.0


def test_grams_of_several_texts_are_those_of_each() -> None:
    rng = Random(1)
    texts = [text(rng, length) for length in (1, 5, 6, 90, 3, 40)]
    hashes, offsets = near._gram_hashes(texts)
    for number, one in enumerate(texts):
        assert set(hashes[offsets[number] : offsets[number + 1]].tolist()) == set(grams(one).tolist())
        told = "".join(letter for letter in one if letter.isalnum())
        assert len(set(grams(one).tolist())) == len({told[i : i + 5] for i in range(max(1, len(told) - 4))})


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("今日は、雨です。傘を持って行く。", "今日は雨です\n傘を持って行く", 1.0),
        ("It rains today; take it.", "it rains, today. Take it", 0.0),
        ("it rains today; take it.", "it rains, today. take it", 1.0),
        ("3-4", "3/4", 0.0),
        ("?!", "?!", 1.0),
        ("?!", "..", 0.0),
        ("", "", 1.0),
        ("😀😀😀😀😀😀", "😃😃😃😃😃😃", 0.0),
    ],
)
def test_spaces_and_sentence_marks_do_not_tell(a: str, b: str, expected: float) -> None:
    found = near.similarity(grams(a), grams(b), NONE)
    assert found == expected or (expected == 0.0 and found < 0.8)


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("5 km is 3 miles", "about 3 miles: 5 km", True),
        ("5 km", "6 km", False),
        ("5 km", "5 km or 5", False),
        ("a", "b", True),
    ],
)
def test_same_numbers(a: str, b: str, same: bool) -> None:
    assert near.same_numbers(a, b) is same


@pytest.mark.parametrize(
    ("a", "b", "other"),
    [("5 km", "6 km", True), ("5 km", "5 km in 3 h", False), ("5 km", "5 km", False), ("1 of 2", "2 of 2", True)],
)
def test_other_numbers(a: str, b: str, other: bool) -> None:
    assert near.other_numbers(a, b) is other


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("Play the song.", "play the  SONG!", True),
        ("Play the song", "Play teh song", True),
        ("Play the song", "Hello! Play the song", True),
        ("土鍋を洗う（再掲）", "土鍋を洗う", True),
        ("土鍋を 洗う。", "土鍋を洗う", True),
        ("Play a song", "Stop a song", False),
        ("Is it open?", "Is it not open?", False),
    ],
)
def test_same_words(a: str, b: str, same: bool) -> None:
    assert near.same_words(a, b) is same


def test_pairs_are_those_of_a_comparison_of_all() -> None:
    rng = Random(5)
    texts = [text(rng) for _ in range(60)]
    for original in texts[:40]:
        start = rng.randrange(180)
        texts.append(original[:start] + text(rng, rng.randrange(1, 20)) + original[start + 5 :])
    expected = {
        (a, b) for a, b in combinations(range(len(texts)), 2) if jaccard(grams(texts[a]), grams(texts[b])) >= 0.8
    }
    assert len(expected) > 20
    assert pairs(texts) == expected


def test_sketches_of_a_text_do_not_depend_on_the_others() -> None:
    rng = Random(6)
    texts = [text(rng, rng.choice((3, 50, 20_000))) for _ in range(20)]
    together = near.sketches(texts, 0.8, NONE)
    alone = np.concatenate([near.sketches([one], 0.8, NONE) for one in texts])
    assert np.array_equal(together, alone)


def test_an_instruction_that_all_share_makes_no_two_alike() -> None:
    rng = Random(7)
    instruction = text(rng, 400)
    texts = [f"{instruction}\n{text(rng, 40)}" for _ in range(40)]
    assert len(pairs(texts)) == 40 * 39 / 2
    common = boilerplate(texts, 0.5)
    assert pairs(texts, common=common) == set()
    assert pairs([*texts, texts[0] + "。"], common=common) == {(0, 40)}


def test_few_copies_are_not_taken_for_boilerplate() -> None:
    original = text(Random(8))
    assert not len(boilerplate([original, original + "い", text(Random(9))], 0.5))
    assert not len(boilerplate([], 0.5))


def test_a_text_of_nothing_but_boilerplate_keeps_it() -> None:
    texts = [LETTERS] * 30
    common = boilerplate(texts, 0.5)
    assert len(common) == len(grams(LETTERS))
    assert near.similarity(grams(LETTERS), grams(LETTERS), common) == 1.0
    assert pairs([LETTERS, LETTERS], common=common) == {(0, 1)}


def test_a_bucket_of_many_is_not_compared_each_with_each() -> None:
    rng = Random(3)
    texts = [text(rng)] * 500
    assert len(near.candidates(near.sketches(texts, 0.8, NONE), 0.8)) < 1500


def test_the_order_of_a_crowd_decides_nothing() -> None:
    rng = Random(11)
    original = text(rng, 300)
    texts = [original[:start] + text(rng, 9) + original[start + 9 :] for start in rng.choices(range(290), k=300)]
    found = near.sketches(texts, 0.8, NONE)
    assert near.is_crowded(found)
    assert not near.is_crowded(found[: near.MAX_BUCKET])
    order = np.asarray(rng.sample(range(300), 300))
    expected = {frozenset(pair) for pair in near.candidates(found, 0.8).tolist()}
    assert {frozenset(order[pair].tolist()) for pair in near.candidates(found[order], 0.8)} == expected


def test_rows_that_agree_are_paired_as_by_hand() -> None:
    rng = Random(4)
    column = [rng.randrange(40) for _ in range(300)] + [99] * 100 + [7]
    buckets: dict[int, list[int]] = {}
    for row, value in enumerate(column):
        buckets.setdefault(value, []).append(row)
    expected = set()
    for bucket in buckets.values():
        if len(bucket) <= near.MAX_BUCKET:
            expected |= set(combinations(bucket, 2))
        else:
            expected |= {(bucket[0], row) for row in bucket[1:]} | set(pairwise(bucket))
    assert len(buckets[99]) > near.MAX_BUCKET
    first, second = near._agreeing(np.asarray(column, np.uint64))
    assert set(zip(first.tolist(), second.tolist(), strict=True)) == expected


def test_texts_that_agree_in_one_band_only_are_no_candidates() -> None:
    rng = Random(10)
    found = near.sketches([text(rng), text(rng)], 0.8, NONE)
    found["bands"][1][3] = found["bands"][0][3]
    assert len(near.candidates(found, 0.8)) == 0
    found["marks"][1] = found["marks"][0]
    assert near.candidates(found, 0.8).tolist() == [[0, 1]]


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.95])
def test_few_pairs_at_the_threshold_agree_in_fewer_marks(threshold: float) -> None:
    same = np.random.default_rng(1).random((20_000, near.NUM_PERM)) < threshold
    seldom = np.count_nonzero(same, axis=1) < near.fewest_marks(threshold)
    assert seldom.mean() <= 4 * near.MISSED
    assert near.fewest_marks(threshold) > near.NUM_PERM * (threshold - 0.2)


@pytest.mark.parametrize(("threshold", "share"), [(0.5, 0.995), (0.8, 0.995), (0.95, 0.995), (1.0, 0.995)])
def test_bands_find_what_is_at_the_threshold(threshold: float, share: float) -> None:
    num_bands, num_rows = near.band_shape(threshold)
    assert num_bands * num_rows <= near.NUM_PERM
    assert 1 - (1 - threshold**num_rows) ** num_bands >= share


@pytest.mark.parametrize(("texts", "expected"), [([], 0), (["a"], 0), (["", ""], 1), (["短い", "長い"], 0)])
def test_pairs_of_little(texts: list[str], expected: int) -> None:
    assert len(pairs(texts)) == expected


def test_nothing_goes_because_of_a_row_that_went() -> None:
    assert copies([Pair(0, 1, 0.9), Pair(1, 2, 0.9)]) == {1: (0, 0.9)}


def test_a_favoured_row_stays_whatever_its_place() -> None:
    assert copies([Pair(0, 2, 0.9), Pair(1, 2, 0.8)], frozenset({2})) == {0: (2, 0.9), 1: (2, 0.8)}
    assert copies([Pair(0, 2, 0.9)], frozenset({0, 2})) == {2: (0, 0.9)}
