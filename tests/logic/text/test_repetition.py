"""Too often is counted, what is drawn or numbered is left alone, and the screen misses nothing."""

from random import Random

import numpy as np
import pytest

from jobs.logic.text.repetition import (
    CHARACTER,
    PHRASE,
    WORTHWHILE,
    RepetitionLimits,
    repeated_character,
    repeated_phrase,
    repeated_sentence,
    suspects,
)

LIMITS = RepetitionLimits(marks=4, characters=12, phrases=4)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("、、、、", None),
        ("、、、、、", "、、、、、"),
        ("はい〜〜〜〜〜", "〜〜〜〜〜"),
        ("No!!!!!", "!!!!!"),
        ("a" * 12, None),
        ("a" * 13, "a" * 13),
        ("港" * 13, "港" * 13),
        ("0" * 40, None),
        ("------------------", "------------------"),
        ("a\n------------------\nb", None),
        ("a ------------------ b", "------------------"),
        ("**bold** and ***both***", None),
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
        ("0O0O0O0O0O", "0O0O0O0O0O"),
        ("2015年の土鍋、2015年の土鍋、2015年の土鍋、", "2015年の土鍋、2015年の土鍋、2015年の土鍋、"),
        ("1, 1, 1, 1, 1, 1, 1, 1", None),
        ("2*2*2*2*2*2*2*2*2*2 = 1,024", None),
        ("10 + 10 + 10 + 10 + 10", None),
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


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1. Clean the pot.\n2. Clean the pot.\n3. Clean the pot.\n4. Clean the pot.", "Clean the pot."),
        ("- 土鍋を洗う\n- 土鍋を洗う\n- 鉄瓶を洗う\n- 土鍋を洗う\n- 土鍋を洗う", "土鍋を洗う"),
        (
            f"{LONG}また明日。{LONG}では。{LONG}それでは。{LONG}",
            "今日は朝から雨が降っていたので、家で本を読んで過ごしました",
        ),
        ("I like it. You do. I like it. We do. I like it. They do. I like it. He too.", "I like it"),
        ("1. Clean the pot.\n2. Dry the pot.\n3. Store the pot.\n4. Use the pot.", None),
        ("a\nb\na\nb\na\nb\na\nb", None),
        ("| 10 | 20 |\n| 10 | 20 |\n| 10 | 20 |\n| 10 | 20 |", None),
        (f"{LONG * 2}はい。{LONG[:20]}。{LONG[20:]}", None),
        ("", None),
    ],
)
def test_repeated_sentence(text: str, found: str | None) -> None:
    assert repeated_sentence(text, LIMITS) == found


def drawn(rng: Random) -> str:
    """A text that may repeat itself: loops of any length, at any place, whole or nearly so."""
    signs = rng.choice(("ab", "abc ", "あいう。、", "ab1 2|-", "the quick brown fox ", "土鍋の手入れ!！.…"))

    def piece(longest: int) -> str:
        return "".join(rng.choices(signs, k=rng.randint(0, longest)))

    unit = piece(rng.choice((3, 9, 40, 230)))
    loop = unit * rng.randint(0, 7)
    if rng.random() < 0.3 and loop:
        place = rng.randrange(len(loop))
        loop = loop[:place] + rng.choice(signs) + loop[place + 1 :]
    return piece(rng.choice((0, 5, 60))) + loop + unit[: rng.randint(0, 9)] + piece(rng.choice((0, 5, 60)))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("limits", [LIMITS, RepetitionLimits(1, 1, 2), RepetitionLimits(8, 3, 9)])
def test_the_screen_misses_nothing(seed: int, limits: RepetitionLimits) -> None:
    rng = Random(seed)
    texts = [drawn(rng) for _ in range(150)]
    texts += ["", "\0", "\ud800" * 20, "😀" * 30]
    assert sum(map(len, texts)) > WORTHWHILE
    found = suspects(texts, limits)
    for text, bits in zip(texts, found, strict=True):
        assert bits & CHARACTER or repeated_character(text, limits) is None
        assert bits & PHRASE or repeated_phrase(text, limits) is None


def test_the_screen_lets_most_texts_pass() -> None:
    rng = Random(1)
    texts = ["".join(rng.choices("etaoinshrdlu   ", k=400)) for _ in range(100)]
    assert np.count_nonzero(suspects(texts, LIMITS)) < 5
    assert suspects(["土鍋"], LIMITS).tolist() == [CHARACTER | PHRASE]
    assert suspects([], LIMITS).tolist() == []
