"""Two arms in real use: who counts, what is known, and when to stop."""

from __future__ import annotations

import random

import pytest

from jobs.logic.comparing.live import Cases, User, Vote, cases, known, seen, shown
from jobs.logic.comparing.live_plan import needed, rounded, spread

ARMS = ("new", "old")
HOUR = 3600.0


def vote(hours: float, user: str, arm: str, value: float) -> Vote:
    return Vote(0, hours * HOUR, user, arm, value)


def use(num_users: int, new: float, old: float, seed: int, by: str = "user") -> list[Vote]:
    """Users of a hundred days, who are alike in their own votes, one to five of them within some hours or days."""
    rng, found = random.Random(seed), []
    for place in range(num_users):
        arm, liking, hours = rng.choice(ARMS), rng.uniform(-0.2, 0.2), rng.uniform(0, 2400)
        for _ in range(rng.randint(1, 5)):
            own = arm if by == "user" else rng.choice(ARMS)
            up = rng.random() < (new if own == "new" else old) + liking
            found.append(vote(hours, f"u{place}", own, float(up)))
            hours += rng.uniform(0, 20)
    return sorted(found, key=lambda one: one.time)


def test_a_user_counts_once_with_the_votes_of_the_first_hours() -> None:
    votes = [vote(0, "a", "new", 1), vote(5, "a", "new", 0), vote(30, "a", "new", 0), vote(31, "b", "old", 1)]
    found = seen(votes, 24)
    assert [(user.name, user.means, user.num_votes) for user in found.users] == [("a", {"new": 0.5}, 2)]
    assert (found.waiting, found.later) == (1, 1)
    first = seen([*votes, vote(32, "c", "old", 1)], 0)
    assert [(user.name, user.means) for user in first.users] == [("a", {"new": 1.0}), ("b", {"old": 1.0})]
    assert (first.waiting, first.later) == (1, 2)
    late = [Vote(0, 1.7e9 + one.time, one.user, one.arm, one.value) for one in votes]
    assert [user.num_votes for user in seen(late, 1e-12).users] == [1]  # too short for a clock: as 0


def test_a_hundred_votes_of_one_user_are_one_case() -> None:
    votes = [vote(place / 10, "loud", "new", 1) for place in range(100)]
    votes += [vote(1, "a", "old", 0), vote(100, "z", "old", 0)]
    assert len(cases(seen(votes, 24).users, ARMS, "user").differences) == 1


def test_users_are_paired_with_who_came_about_the_same_time() -> None:
    votes = [
        vote(0, "a", "new", 0), vote(1, "b", "new", 1), vote(2, "c", "old", 0), vote(3, "d", "old", 1),
        vote(4, "e", "old", 1), vote(9, "f", "old", 1),
        vote(10, "g", "new", 1),
    ]  # fmt: skip
    found = cases(seen(votes, 0).users, ARMS, "user")
    assert found.differences == [1.0, -1.0]  # b against c, then a against d
    assert found.unmatched == 2


def test_a_user_of_both_arms_is_a_case_where_votes_are_drawn() -> None:
    votes = [vote(0, "a", "new", 1), vote(1, "a", "old", 0), vote(1, "b", "new", 1), vote(2, "b", "new", 1)]
    found = cases(seen(votes, 24).users, ARMS, "vote")
    assert (found.differences, found.unmatched) == ([], 0)  # nobody's hours are over
    found = cases(seen([*votes, vote(90, "c", "old", 1)], 24).users, ARMS, "vote")
    assert (found.differences, found.unmatched) == ([1.0], 1)


@pytest.mark.parametrize("by", ["user", "vote"])
def test_what_was_known_yesterday_is_the_beginning_of_what_is_known_today(by: str) -> None:
    """Else a look at it would not be one of those that the interval holds at."""
    votes = use(200, 0.6, 0.6, 3, by)
    before: list[float] = []
    for day in range(5, 100, 5):
        so_far = [one for one in votes if one.time <= day * 24 * HOUR]
        found = cases(seen(so_far, 24).users, ARMS, "user" if by == "user" else "vote").differences
        assert found[: len(before)] == before
        before = found
    assert len(before) > 50


@pytest.mark.parametrize("step", [24 * HOUR, HOUR, 1.0], ids=["dates", "hours", "times"])
@pytest.mark.parametrize("window", [0.0, 1.0, 24.0, 48.0])
def test_who_was_counted_at_one_look_says_the_same_at_every_later_one(step: float, window: float) -> None:
    """A look after every row of a file that grows, so in the midst of a day too, and at the hour at which it ends."""
    rng, counted = random.Random(7), 0
    for _ in range(20):
        times = sorted(rng.uniform(0, 5 * 24 * HOUR) // step * step for _ in range(60))
        votes = [
            Vote(row, time, f"u{rng.randrange(15)}", rng.choice(ARMS), float(rng.random() < 0.5))
            for row, time in enumerate(times)
        ]
        before: list[User] = []
        for look in range(1, len(votes) + 1):
            now = seen(votes[:look], window).users
            assert now[: len(before)] == before  # in the same order too, since by that they are paired
            before = now
        counted += len(before)
    assert counted > 100


def test_stop_go_on_and_no_difference_that_matters() -> None:
    def verdict(votes: list[Vote], difference: float) -> str:
        found = cases(seen(votes, 24).users, ARMS, "user")
        return known(found, (), difference=difference, level=0.95).verdict

    better = use(1500, 0.75, 0.5, 1)
    assert verdict(better, 0.05) == "better"
    assert (
        verdict([Vote(0, one.time, one.user, "old" if one.arm == "new" else "new", one.value) for one in better], 0.05)
        == "worse"
    )
    assert verdict(use(100, 0.6, 0.6, 2), 0.05) == "go on"
    assert verdict(use(3000, 0.6, 0.6, 4), 0.15) == "no difference that matters"
    assert known(Cases(), (), difference=0.05, level=0.95).verdict == "go on"


def test_a_reason_or_a_difference_that_moves_cannot_say() -> None:
    found = Cases([1.0] * 200)
    assert known(found, ["split"], difference=0.05, level=0.95).reasons == ("split",)
    moved = known(Cases([-1.0] * 300 + [1.0] * 3000), (), difference=0.05, level=0.95)
    assert moved.verdict == "cannot say"
    assert not moved.stop
    assert "changed" in moved.reasons[0]


def test_users_who_vote_often_make_no_false_stop() -> None:
    """150 experiments of 60 users without a difference: as many as five in a hundred may stop at any look."""
    stops = 0
    for seed in range(150):
        found = cases(seen(use(60, 0.6, 0.6, seed), 24).users, ARMS, "user")
        stops += known(found, (), difference=0.0001, level=0.95).stop
    assert stops <= 14  # 7.5 are expected at most, and 14 are exceeded once in a hundred


def test_what_a_difference_needs_falls_with_its_square() -> None:
    large, small = needed(0.4, spread(0.4)), needed(0.2, spread(0.2))
    assert large is not None
    assert small is not None
    assert 3 < small / large < 6
    assert needed(0.2, 0.1) < small
    assert needed(0.001, 0.5) is None
    assert needed(0.2, 0.5, power=0.95) > needed(0.2, 0.5)
    assert needed(0.2, 0.5, seed=-1) is not None


@pytest.mark.parametrize(("num", "told"), [(1, 1), (9, 9), (27, 27), (101, 110), (1184, 1200), (6967, 7000)])
def test_no_more_digits_than_are_known(num: float, told: int) -> None:
    assert rounded(num) == told


def test_nothing_of_a_file_moves_the_cursor() -> None:
    assert shown("\x1b[31mred\r\n\u202e") == "\\x1b[31mred\\r\\n\\u202e"
    assert shown("新しい") == "新しい"
    assert len(shown("x" * 500)) == 40
