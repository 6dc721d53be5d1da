"""A row of real use, as a value from 0 to 1."""

from __future__ import annotations

import pytest

from jobs.logic.comparing.live_outcomes import BadVote, Scale, vote

WORDS, NUMBERS = Scale(None, 0.5), Scale((1.0, 5.0), 0.5)
ROW = {"time": "2026-01-31T08:30:00Z", "user": "u1", "arm": "new", "outcome": "up"}


@pytest.mark.parametrize(
    ("outcome", "scale", "value", "kind"),
    [
        ("up", WORDS, 1.0, "thumbs"),
        (" Down ", WORDS, 0.0, "thumbs"),
        ("👍", WORDS, 1.0, "thumbs"),
        ("kept", WORDS, 1.0, "kept"),
        ("edited", Scale(None, 0.25), 0.25, "kept"),
        ("discarded", WORDS, 0.0, "kept"),
        (4, NUMBERS, 0.75, "number"),
        ("2.0", NUMBERS, 0.25, "number"),
        ("5e0", NUMBERS, 1.0, "number"),
    ],
)
def test_outcomes(outcome: object, scale: Scale, value: float, kind: str) -> None:
    found, what = vote(3, {**ROW, "outcome": outcome}, scale)
    assert (found.value, what) == (value, kind)


@pytest.mark.parametrize(
    ("outcome", "scale", "why"),
    [
        ("great", WORDS, "expected up or down"),
        (True, WORDS, "expected up or down"),
        (["up"], WORDS, "expected up or down"),
        ("", WORDS, "has no outcome"),
        (None, WORDS, "has no outcome"),
        (3, WORDS, "compare.live.range=[0,10]"),
        (0, NUMBERS, "out of compare.live.range, 1 to 5"),
        ("5.01", NUMBERS, "out of compare.live.range"),
        ("nan", NUMBERS, "expected up or down"),
        ("inf", NUMBERS, "expected up or down"),
        ("1e999", NUMBERS, "expected up or down"),
        ("１", NUMBERS, "expected up or down"),
        ("=1+1", NUMBERS, "expected up or down"),
    ],
)
def test_outcomes_that_say_nothing(outcome: object, scale: Scale, why: str) -> None:
    with pytest.raises(BadVote, match="outcome") as caught:
        vote(3, {**ROW, "outcome": outcome}, scale)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("2026-01-31T08:30:00Z", 1769848200.0),
        ("2026-01-31 17:30:00+09:00", 1769848200.0),
        ("2026-01-31T08:30:00", 1769848200.0),
        (1769848200, 1769848200.0),
        ("1769848200.0", 1769848200.0),
        (1769848200000, 1769848200.0),
    ],
)
def test_times(time: object, seconds: float) -> None:
    assert vote(3, {**ROW, "time": time}, WORDS)[0].time == seconds


@pytest.mark.parametrize("time", ["yesterday", "31/01/2026", 12, -5, True, {}, "1e400", "2026-02-31T00:00:00"])
def test_times_that_are_none(time: object) -> None:
    with pytest.raises(BadVote, match="expected one as in 2026-01-31T08:30:00Z"):
        vote(3, {**ROW, "time": time}, WORDS)


def test_names_are_texts_or_numbers_and_several_may_be_missing() -> None:
    found, _ = vote(3, {**ROW, "user": 17, "arm": " new ", "prompt": "p1", "more": object()}, WORDS)
    assert (found.row, found.user, found.arm, found.prompt) == (3, "17", "new", "p1")
    with pytest.raises(BadVote, match="has no user and no arm"):
        vote(3, {**ROW, "user": "", "arm": None}, WORDS)
    with pytest.raises(BadVote, match="half a character"):
        vote(3, {**ROW, "user": "\ud83d"}, WORDS)
    with pytest.raises(BadVote, match="user: expected a text"):
        vote(3, {**ROW, "user": ["u"]}, WORDS)
