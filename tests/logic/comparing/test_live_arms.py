"""Arms that may be compared, and those that may not, by what is wrong with them."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from jobs.logic.comparing.live import Vote
from jobs.logic.comparing.live_arms import unsound
from tests.logic.comparing.test_live import ARMS, use


def sound() -> list[Vote]:
    return use(400, 0.6, 0.6, 7)


def changed(votes: list[Vote], arm: Callable[[Vote, int], str]) -> list[Vote]:
    return [
        Vote(one.row, one.time, one.user, arm(one, place), one.value, one.prompt) for place, one in enumerate(votes)
    ]


def test_sound_arms_are() -> None:
    assert list(unsound(sound(), ARMS, "user", 0.5)) == []
    assert list(unsound(use(400, 0.6, 0.6, 7, "vote"), ARMS, "vote", 0.5)) == []


def test_dates_without_a_time_of_day_in_a_file_that_is_sorted_by_arm_are_no_split() -> None:
    day = 24 * 3600.0
    by_arm = sorted(sound(), key=lambda one: (one.time // (day * 30), one.arm))
    votes = [Vote(n, one.time // (day * 30) * day * 30, one.user, one.arm, one.value) for n, one in enumerate(by_arm)]
    assert list(unsound(votes, ARMS, "user", 0.5)) == []


def test_sound_arms_are_seldom_called_unsound() -> None:
    assert sum(bool(list(unsound(use(80, 0.6, 0.6, seed), ARMS, "user", 0.5))) for seed in range(200)) <= 2


def test_arms_one_after_the_other() -> None:
    votes = sound()
    middle = votes[len(votes) // 2].time
    first = {one.user: one.time for one in reversed(votes)}
    split = changed(votes, lambda one, _: "new" if first[one.user] > middle else "old")
    found = list(unsound(split, ARMS, "user", 0.5))
    assert len(found) == 1
    assert "not of the same time: in 100%" in found[0]
    assert "new came after old" in found[0]


def test_an_arm_that_was_turned_up_little_by_little() -> None:
    rng, votes = random.Random(1), sound()
    end = votes[-1].time
    rising = {one.user: "new" if rng.random() < one.time / end else "old" for one in votes}
    assert "not of the same time" in next(unsound(changed(votes, lambda one, _: rising[one.user]), ARMS, "user", 0.5))


def test_another_share_than_was_meant() -> None:
    rng, votes = random.Random(2), sound()
    own = {one.user: "new" if rng.random() < 0.3 else "old" for one in votes}
    third = changed(votes, lambda one, _: own[one.user])
    found = list(unsound(third, ARMS, "user", 0.5))
    assert len(found) == 1
    assert "and 50.0% was meant" in found[0]
    assert "compare.live.share" in found[0]
    assert list(unsound(third, ARMS, "user", 0.3)) == []


def test_users_in_both_arms() -> None:
    by_vote = use(400, 0.6, 0.6, 7, "vote")
    assert "compare.live.randomised=vote" in next(unsound(by_vote, ARMS, "user", 0.5))
    assert "compare.live.randomised=user" in next(unsound(sound(), ARMS, "vote", 0.5))


def test_a_user_with_a_second_device_is_none() -> None:
    votes = sound()
    two = {votes[0].user, votes[-1].user}
    assert (
        list(unsound(changed(votes, lambda one, n: ARMS[n % 2] if one.user in two else one.arm), ARMS, "user", 0.5))
        == []
    )


@pytest.mark.parametrize("is_alike", [True, False])
def test_arms_that_were_asked_something_else(is_alike: bool) -> None:
    rng = random.Random(3)

    def prompt(arm: str) -> str:
        return f"p{rng.randrange(5) if is_alike or arm == 'new' else rng.randrange(3)}"

    votes = [Vote(0, one.time, one.user, one.arm, one.value, prompt(one.arm)) for one in sound()]
    found = list(unsound(votes, ARMS, "user", 0.5))
    assert len(found) == (0 if is_alike else 1)
    assert is_alike or "not asked the same" in found[0]


def test_prompts_that_never_come_again_say_nothing() -> None:
    votes = [Vote(0, one.time, one.user, one.arm, one.value, f"p{place}") for place, one in enumerate(sound())]
    assert list(unsound(votes, ARMS, "user", 0.5)) == []
