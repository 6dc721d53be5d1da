"""Votes are read as the page saved them, and refused in one line where they cannot be counted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jobs.logic.comparing import votes as voted
from jobs.logic.comparing.sheet import Key, Sheet, drawn
from jobs.logic.comparing.tallies import Resampling, counted, held_against
from jobs.logic.comparing.votes import BadVotes, Votes
from jobs.logic.comparing.words import agreed, preference, votes_table
from jobs.logic.judging.pairs import Pair
from jobs.logic.row import Message

HOW = Resampling(num_resamples=400, seed=1, level=0.95)


def sheet(number: int = 20, seed: str = "seed") -> Sheet:
    found = [Pair(f"r{n}", None, (Message("user", "?"),), f"first {n}", f"second {n}") for n in range(number)]
    return drawn(found, seed, "t", "en", ("mine", "yours"), number)


def side(key: Key, place: int, wanted: str) -> str:
    """The vote that says what is wanted."""
    if wanted in ("both_good", "both_bad"):
        return wanted
    return "left" if key.pairs[place].left == wanted else "right"


def saved(found: Sheet, wanted: list[str | None], rater: str = "abc", name: str = "", **other: Any) -> bytes:
    """A file as the page saves it."""
    votes = [
        {"pair": place + 1, "vote": None if one is None else side(found.key, place, one), "comment": ""}
        for place, one in enumerate(wanted)
    ]
    data = {"format": voted.FORMAT, "sheet": found.data["sheet"], "key_sha256": found.data["key_sha256"],
            "rater": rater, "name": name, "votes": votes}  # fmt: skip
    return json.dumps(data | other).encode()


def require(data: bytes, found: Sheet, partly: bool = False) -> Votes:
    votes = voted.read(data)
    voted.require_of(votes, found.key, found.key.as_bytes(), partly)
    return votes


def test_votes_are_the_key_s_first_second_or_a_tie() -> None:
    found = sheet(4)
    votes = require(saved(found, ["first", "second", "both_good", "both_bad"]), found)
    assert voted.chosen(votes, found.key) == ["first", "second", "tie", "tie"]


GOOD = sheet()
FULL: list[str | None] = ["first"] * 20


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is no JSON"),
        (b"\xff\xfe", "is no JSON in UTF-8"),
        (b"[" * 99_999, "is no JSON"),
        (b"pair,vote\n1,left\n", "is no JSON"),
        (b"[]", "holds no votes"),
        (b"{}", "holds no votes"),
        (saved(GOOD, FULL, format="other"), "holds no votes"),
        (saved(GOOD, FULL, rater=3), "rater: expected a text"),
        (saved(GOOD, FULL, rater=""), "rater: is empty"),
        (saved(GOOD, FULL, rater="\x1b[2J"), r'rater: expected what the sheet writes, got "\\u001b'),
        (saved(GOOD, FULL, sheet="\x1b[2J"), "sheet: expected what the sheet writes"),
        (saved(GOOD, FULL, votes=[{"pair": True, "vote": "left"}]), "expected the vote on pair 1"),
        (saved(GOOD, FULL, votes={}), "votes: expected a list"),
        (saved(GOOD, FULL, votes=[{"pair": 2, "vote": "left"}]), "expected the vote on pair 1"),
        (saved(GOOD, FULL, votes=[{"pair": 1, "vote": "up"}]), "pair 1: the vote is \"up\""),
        (saved(GOOD, FULL, votes=[{"pair": 1, "vote": "left", "comment": 4}]), "the comment is 4"),
        (saved(sheet(20, "other"), FULL), "votes of another sheet"),
        (saved(GOOD, FULL, key_sha256="0" * 64), "the key was changed, or is another one"),
        (saved(GOOD, FULL[:19]), "has 19 pairs, the sheet has 20"),
        (saved(GOOD, [*FULL[:12], *[None] * 8]), "has votes on 12 of 20 pairs.*compare.partly=true"),
        (saved(GOOD, [None] * 20), "has votes on 0 of 20 pairs"),
    ],
)  # fmt: skip
def test_what_cannot_be_counted_is_one_line(data: bytes, said: str) -> None:
    with pytest.raises(BadVotes, match=said) as told:
        require(data, GOOD)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 300


def test_a_name_is_fit_for_a_terminal() -> None:
    assert voted.read(saved(GOOD, FULL, name="\x1b[2J\r山田\u3000太郎\n")).label == "\\x1b[2J 山田 太郎"
    assert len(voted.read(saved(GOOD, FULL, name="n" * 9_999)).label) == 60


def test_half_of_the_votes_count_where_a_person_says_so() -> None:
    votes = require(saved(GOOD, ["first", None, *["second"] * 18]), GOOD, partly=True)
    assert (votes.num_given, voted.by_pair([votes], GOOD.key).get(GOOD.key.pairs[1].id)) == (19, None)
    with pytest.raises(BadVotes, match="0 of 20"):
        require(saved(GOOD, [None] * 20), GOOD, partly=True)


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (("abc", "Ann"), ("abc", "Bob"), "of one rater"),
        (("abc", "Ann"), ("def", "ann"), "of one name"),
        (("abc", "é"), ("def", "e\u0301"), "of one name"),
    ],
)
def test_one_rater_comes_once(one: tuple[str, str], other: tuple[str, str], said: str) -> None:
    both = [("a.json", voted.read(saved(GOOD, FULL, *one))), ("b.json", voted.read(saved(GOOD, FULL, *other)))]
    with pytest.raises(BadVotes, match=f"b.json and a.json are {said}"):
        voted.require_apart(both)


def test_raters_without_a_name_are_told_apart_by_the_page() -> None:
    voted.require_apart([(rater, voted.read(saved(GOOD, FULL, rater))) for rater in ("abc", "def")])


def test_two_that_agree_are_sure_and_two_that_do_not_are_a_tie() -> None:
    key = GOOD.key
    mine = require(saved(GOOD, [*["first"] * 17, "second", "both_good", "both_bad"], "a", "Ann"), GOOD)
    theirs = require(saved(GOOD, [*["first"] * 16, "second", "second", "both_bad", "both_good"], "b"), GOOD)
    found = counted([mine, theirs], key, HOW)
    ann, other = found.raters
    assert (ann.first, ann.second, ann.both_good, ann.both_bad) == (17, 1, 1, 1)
    assert ann.net.value == pytest.approx(0.8)
    assert other.net.value == pytest.approx(0.7)
    assert (found.pooled.num_pairs, found.pooled.num_votes, found.pooled.net.value) == (20, 40, pytest.approx(0.75))
    assert found.alpha is not None
    assert 0.6 < found.alpha.value < 1
    assert preference(found.pooled, "mine", "yours").startswith("mine is preferred to yours: net +75")
    assert voted.by_pair([mine, theirs], key)[key.pairs[16].id] == "tie"
    assert [row[0] for row in votes_table(found)] == ["Ann", "rater b", "all"]


def test_a_rater_alone_agrees_with_nobody() -> None:
    votes = require(saved(GOOD, ["first", "second"] * 10), GOOD)
    found = counted([votes], GOOD.key, HOW)
    assert found.alpha is None
    assert agreed(found.alpha, "between raters") == ""
    assert preference(found.pooled, "mine", "yours").startswith("no difference shown between mine and yours")
    assert len(votes_table(found)) == 1


def test_one_who_always_takes_the_left_is_seen() -> None:
    data = json.loads(saved(GOOD, FULL))
    for vote in data["votes"]:
        vote["vote"] = "left"
    found = counted([require(json.dumps(data).encode(), GOOD)], GOOD.key, HOW)
    assert found.raters[0].p_side < 1e-5
    assert not found.raters[0].net.excludes(0)


def test_comments_are_told_with_the_row_they_are_on() -> None:
    data = json.loads(saved(GOOD, FULL, name="Ann"))
    data["votes"][3]["comment"] = "短すぎる"
    found = counted([require(json.dumps(data).encode(), GOOD)], GOOD.key, HOW)
    assert found.comments == (("Ann", GOOD.key.pairs[3].id, "短すぎる"),)


def test_a_judge_is_held_against_people() -> None:
    people = voted.by_pair([require(saved(GOOD, ["first", "second"] * 10), GOOD)], GOOD.key)
    flipped = {pair: ("second" if choice == "first" else "first") for pair, choice in people.items()}
    assert held_against(people, dict(people), HOW).value == pytest.approx(1.0)
    assert held_against(people, flipped, HOW).value < -0.5
