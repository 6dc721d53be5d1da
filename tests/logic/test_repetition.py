"""Too often is counted, and what is drawn or numbered is left alone."""

import pytest

from jobs.logic.repetition import RepetitionLimits, repeated_character, repeated_phrase

LIMITS = RepetitionLimits(marks=4, characters=12, phrases=4)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("、、、、", None),
        ("、、、、、", "、、、、、"),
        ("a" * 12, None),
        ("a" * 13, "a" * 13),
        ("0" * 40, None),
        ("------------------", "------------------"),
        ("a\n------------------\nb", None),
        ("a ------------------ b", "------------------"),
        ("", None),
    ],
)
def test_repeated_character(text: str, found: str | None) -> None:
    assert repeated_character(text, LIMITS) == found


LONG = "今日は朝から雨が降っていたので、家で本を読んで過ごしました。夕方には晴れて、虹が見えました。"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ha ha ha ha", "ha ha ha ha"),
        ("ha ha", None),
        ("haha", None),
        ("土鍋だ土鍋だ土鍋だ", "土鍋だ土鍋だ土鍋だ"),
        ("土鍋だ土鍋だ", None),
        (f"{LONG}{'とても' * 4}", None),
        (f"{LONG}{'とても' * 5}", "とても" * 5),
        (f"{LONG * 3}{LONG}", LONG * 4),
        (f"{LONG}{LONG}", None),
        ("abcdXabcdYabcdXabcdYabcdXabcdY", "abcdXabcdYabcdXabcdYabcdXabcdY"),
        ("1, 1, 1, 1, 1, 1, 1, 1", None),
        ("| --- | --- | --- | --- | --- |", None),
        ("", None),
    ],
)
def test_repeated_phrase(text: str, found: str | None) -> None:
    assert repeated_phrase(text, LIMITS) == found


@pytest.mark.parametrize("before", range(7))
@pytest.mark.parametrize("unit", ["よい題名", "a longer phrase, ", "abcdeXabcdeY"])
def test_a_loop_is_found_wherever_it_begins(before: int, unit: str) -> None:
    assert repeated_phrase(f"{LONG[:before]}{unit * 6}", LIMITS) is not None
    assert repeated_phrase(f"{LONG}{LONG[:before]}{unit * 20}", LIMITS) is not None
