"""A blind sheet tells nobody who wrote what, and its key tells it once."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence

import pytest

from jobs.logic.comparing.sheet import BadKey, Sheet, data_block, drawn, is_of, read_key, telling
from jobs.logic.judging.pairs import Pair
from jobs.logic.row import Message

NAMES = ("runs/meteor Q4_K_M", "/models/comet-8b-Q8_0.gguf")
SEED = "0123456789abcdef0123456789abcdef"


def pair(name: str, first: str, second: str, source: str | None = None) -> Pair:
    return Pair(name, source, (Message("user", f"question {len(first)}"),), first, second)


def pairs(number: int) -> list[Pair]:
    return [pair(f"row-{place}", f"one {place}", f"two {place}") for place in range(number)]


def sheet_of(found: Sequence[Pair], seed: str = SEED, most: int = 1000) -> Sheet:
    return drawn(found, seed, "Which answer is better?", "en", NAMES, most)


def test_the_page_shows_each_answer_on_the_side_that_the_key_says() -> None:
    found = sheet_of(pairs(50))
    by_id = {one.id: one for one in pairs(50)}
    for shown, entry in zip(found.data["pairs"], found.key.pairs, strict=True):
        left, right = by_id[entry.id].first, by_id[entry.id].second
        assert (shown["left"], shown["right"]) == ((left, right) if entry.left == "first" else (right, left))
    assert sorted(entry.id for entry in found.key.pairs) == sorted(by_id)


def test_sides_and_order_are_drawn_and_follow_from_the_seed() -> None:
    found, again, other = sheet_of(pairs(400)), sheet_of(pairs(400)), sheet_of(pairs(400), "another")
    assert found.key == again.key
    assert found.data == again.data
    lefts = [entry.left for entry in found.key.pairs]
    assert 150 < lefts.count("first") < 250
    assert (
        [entry.id for entry in found.key.pairs] != [entry.id for entry in other.key.pairs] != [p.id for p in pairs(400)]
    )


def test_a_side_does_not_depend_on_which_other_pairs_there_are() -> None:
    sides = {entry.id: entry.left for entry in sheet_of(pairs(30)).key.pairs}
    assert {entry.id: entry.left for entry in sheet_of(pairs(7)).key.pairs}.items() <= sides.items()


def test_nothing_in_the_page_names_a_model_a_row_or_the_seed() -> None:
    block = data_block(sheet_of(pairs(20)).data)
    for name in (*NAMES, "meteor", "comet", "Q4_K_M", "Q8_0", ".gguf", "runs/", "row-", SEED):
        assert name.lower() not in block.lower()


def test_the_sheet_shows_the_digest_of_the_key_which_another_seed_changes() -> None:
    found = sheet_of(pairs(3))
    assert found.data["key_sha256"] == hashlib.sha256(found.key.as_bytes()).hexdigest()
    seeds = [f"{SEED}{number}" for number in range(40)]
    same_sides = [s for s in (sheet_of(pairs(1), seed) for seed in seeds) if s.key.pairs[0].left == "first"]
    assert len(same_sides) > 5
    assert len({one.data["key_sha256"] for one in same_sides}) == len(same_sides)


def test_pairs_with_one_answer_are_not_asked_and_thoughts_are_no_difference() -> None:
    found = sheet_of([pair("a", "x", "<think>\n\n</think>\n\nx "), pair("b", "x", "y"), pair("c", "", "")])
    assert [entry.id for entry in found.key.pairs] == ["b"]
    assert (found.key.num_asked, found.key.num_differing) == (3, 1)


def test_at_most_so_many_are_drawn() -> None:
    found = sheet_of(pairs(100), most=40)
    assert (len(found.key.pairs), found.key.num_differing, len(found.data["pairs"])) == (40, 100, 40)


def test_two_pairs_of_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match="same id"):
        sheet_of([pair("a", "x", "y"), pair("a", "x", "z")])


@pytest.mark.parametrize(
    "text",
    [
        "</script><script>x</script>",
        "<!-- <script>",
        "a\u2028\u2029b",
        "𠮷野家 👩\u200d👩\u200d👧",
        "a & b",
        "\ud83d half",
        "\x00",
        "]]>",
    ],
)
def test_what_models_write_stays_data(text: str) -> None:
    block = data_block(sheet_of([pair("a", text, "other")]).data)
    block.encode("utf-8")
    assert not re.search("[<>&\u2028\u2029]", block)
    (shown,) = json.loads(block)["pairs"]
    assert {shown["left"], shown["right"]} == {text, "other"}


def test_a_key_is_read_back() -> None:
    key = sheet_of([pair("a", "x", "y", "src"), pair("b", "x", "z")]).key
    assert read_key(key.as_bytes()) == key


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no key"), (b"[]", "no key"), (b"\xff", "no key"), (b"{}", "no key"), (b"[" * 99_999, "no key"),
        (b'{"format": "kiwame-sheet-key-9"}', "another version"),
        (sheet_of(pairs(3)).key.as_bytes()+ b"\n", "edited"),
    ],
)  # fmt: skip
def test_what_is_no_key_is_told(data: bytes, said: str) -> None:
    with pytest.raises(BadKey, match=said):
        read_key(data)


def test_names_that_stand_in_answers_are_counted() -> None:
    found = [pair("a", "I am Meteor", "I am someone"), pair("b", "METEOR", "meteor"), pair("c", "x", "y")]
    assert telling(found, ["meteor", "Meteor", "comet", "of"]) == {"meteor": 3}


def test_a_key_knows_the_answers_of_its_sheet() -> None:
    key = sheet_of(pairs(9), most=5).key
    assert is_of(key, pairs(9))
    assert is_of(key, pairs(20))
    assert not is_of(key, pairs(2))
    changed = [pair(one.id, one.first, "another answer") for one in pairs(9)]
    assert not is_of(key, changed)
