"""Duplicates are found, and only duplicates."""

from itertools import combinations
from random import Random

import pytest

from jobs.logic.dedup import (
    Pair,
    comparable,
    conversation_key,
    copies,
    distinct,
    first_of_each,
    grams,
    jaccard,
    near_pairs,
    normalised,
    prompt_key,
)
from jobs.logic.rows import Message, Row

LETTERS = "あいうえおかきくけこさしすせそたちつてとなにぬねの土鍋鉄瓶急須包丁火水木金"


def row(number: int, prompt: str, answer: str, system: str | None = None) -> Row:
    opening = [Message("system", system)] if system else []
    return Row(f"r{number}", None, [*opening, Message("user", prompt), Message("assistant", answer)], "a", number, {})


def text(rng: Random, length: int = 200) -> str:
    return "".join(rng.choices(LETTERS, k=length))


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("ＡＢＣ　ｶﾅ", "abc カナ", True),
        ("a  b\n c ", "A B C", True),
        ("a\u200bb", "ab", True),
        ("Straße", "STRASSE", True),
        ("ab", "a b", False),
    ],
)
def test_normalised(a: str, b: str, same: bool) -> None:
    assert (normalised(a) == normalised(b)) is same


def test_keys() -> None:
    first, second = row(1, "Q", "a").messages, row(2, "q", "b").messages
    assert prompt_key(first) == prompt_key(second)
    assert conversation_key(first) != conversation_key(second)
    assert conversation_key([Message("user", "ab")]) != conversation_key([Message("user", "a"), Message("user", "b")])


def test_first_of_each_keeps_the_first() -> None:
    rows = [row(1, "Q", "a"), row(2, "other", "a"), row(3, "q ", "Ａ")]
    kept, dropped = first_of_each(rows)
    assert [kept_row.id for kept_row in kept] == ["r1", "r2"]
    assert [(entry.id, entry.reason, entry.evidence) for entry in dropped] == [("r3", "duplicate", "the same as r1")]


def test_jaccard_of_grams() -> None:
    assert jaccard(grams("abcdef"), grams("abcdef")) == 1.0
    assert jaccard(grams("abcdef"), grams("abcdeg")) == pytest.approx(1 / 3)
    assert jaccard(grams("ab"), grams("ab")) == 1.0
    assert jaccard(grams("ab"), grams("cd")) == 0.0


def test_near_pairs_are_those_of_a_comparison_of_all() -> None:
    rng = Random(5)
    texts = [text(rng) for _ in range(60)]
    for original in texts[:40]:
        start = rng.randrange(180)
        texts.append(original[:start] + text(rng, rng.randrange(1, 20)) + original[start + 5 :])
    expected = {
        (a, b) for a, b in combinations(range(len(texts)), 2) if jaccard(grams(texts[a]), grams(texts[b])) >= 0.8
    }
    assert len(expected) > 20
    found = near_pairs(texts, 0.8, 0.5)
    assert {(pair.first, pair.second) for pair in found} == expected
    assert all(pair.similarity >= 0.8 for pair in found)


def test_near_pairs_do_not_depend_on_the_order() -> None:
    rng = Random(6)
    texts = [text(rng) for _ in range(30)]
    texts += [original[:-3] for original in texts[:10]]
    order = list(range(len(texts)))
    rng.shuffle(order)
    shuffled = near_pairs([texts[index] for index in order], 0.8, 0.5)
    back = {tuple(sorted((order[pair.first], order[pair.second]))) for pair in shuffled}
    assert back == {(pair.first, pair.second) for pair in near_pairs(texts, 0.8, 0.5)}


def test_an_instruction_that_all_share_makes_no_two_alike() -> None:
    rng = Random(7)
    instruction = text(rng, 400)
    texts = [f"{instruction}\n{text(rng, 40)}" for _ in range(40)]
    assert near_pairs(texts, 0.8, 0.5) == []
    assert near_pairs([*texts, texts[0] + "。"], 0.8, 0.5)[0][:2] == (0, 40)
    assert len(near_pairs(texts, 0.8, 1.0)) == 40 * 39 / 2


def test_few_copies_are_not_taken_for_boilerplate() -> None:
    original = text(Random(8))
    assert [pair[:2] for pair in near_pairs([original, original + "い", text(Random(9))], 0.8, 0.5)] == [(0, 1)]


@pytest.mark.parametrize("texts", [[], ["a"], ["", ""], ["短い", "長い"]])
def test_near_pairs_of_little(texts: list[str]) -> None:
    assert len(near_pairs(texts, 0.8, 0.5)) == (1 if texts == ["", ""] else 0)


def test_nothing_goes_because_of_a_row_that_went() -> None:
    chain = [Pair(0, 1, 0.9), Pair(1, 2, 0.9)]
    assert copies(chain) == {1: Pair(0, 1, 0.9)}


def test_two_questions_on_one_passage_stay_and_are_paired() -> None:
    passage = text(Random(10), 400)
    rows = [row(1, f"{passage}\n何年か。", "1987年"), row(2, f"{passage}\n誰か。", "白石屋の主人")]
    rows.append(row(3, f"{passage}\n何年か。教えて", "1987年"))
    kept, dropped, pairs = distinct(rows, 0.8, 0.5, 0.5, drop=True)
    assert [kept_row.id for kept_row in kept] == ["r1", "r2"]
    assert [(entry.id, entry.reason) for entry in dropped] == [("r3", "near-duplicate")]
    assert [pair[:2] for pair in pairs] == [(0, 1)]
    kept, dropped, pairs = distinct(rows, 0.8, 0.5, 0.5, drop=False)
    assert (len(kept), len(dropped), len(pairs)) == (3, 0, 3)


def test_system_messages_do_not_make_rows_alike() -> None:
    system = text(Random(11), 500)
    assert system not in comparable(row(1, "q", "a", system).messages)
