"""The list that is made to part two renderers, and how a difference is shown."""

from __future__ import annotations

import pytest

from jobs.logic.chat.first_difference import FirstDifference, first_difference, visible
from jobs.logic.chat.probes import BEYOND, PROBES, TEXTS, Probe


def test_every_probe_has_a_name_of_its_own_and_ends_where_the_model_goes_on() -> None:
    assert len({probe.name for probe in PROBES}) == len(PROBES) == len(TEXTS) + len(BEYOND)
    assert all(probe.messages[-1]["role"] in ("user", "tool") for probe in PROBES)


def test_the_texts_are_turns_of_text() -> None:
    messages = [message for probe in TEXTS for message in probe.messages]
    assert {message["role"] for message in messages} == {"system", "user", "assistant"}
    assert all(message.keys() == {"role", "content"} and isinstance(message["content"], str) for message in messages)


@pytest.mark.parametrize(
    "kind",
    [
        lambda text: text == "",
        lambda text: text.startswith("\u3000") and text.endswith("\u3000"),
        lambda text: text.startswith("\n") and text.endswith("\n"),
        lambda text: any(ord(letter) > 0xFFFF for letter in text),
        lambda text: "</b>" in text,
        lambda text: "<think>" in text,
        lambda text: "</think>" in text,
        lambda text: "<|im_end|>" in text,
        lambda text: "{{" in text,
        lambda text: "\r\n" in text,
    ],
)
def test_a_user_types_what_two_programs_take_differently(kind: object) -> None:
    assert callable(kind)
    typed = [message["content"] for probe in TEXTS for message in probe.messages if message["role"] == "user"]
    assert any(kind(text) for text in typed)


def test_a_rendering_that_leaves_out_what_was_given_is_none() -> None:
    offered = Probe(
        "tools", [{"role": "user", "content": "Weather?"}], [{"name": "weather"}], needs=("weather", "rain")
    )
    empty = Probe("null", [{"role": "user", "content": None}])

    assert offered.lost("tools: weather, rain") == ""
    assert offered.lost("<|im_start|>user\nWeather?") == "the template leaves out weather, rain"
    assert empty.lost("<|im_start|>user\nNone<|im_end|>") == "the template writes None"
    assert empty.lost("<|im_start|>user\n<|im_end|>") == ""


def test_equal_texts_have_no_difference() -> None:
    assert first_difference("同じ", "同じ") is None


@pytest.mark.parametrize(
    ("expected", "found", "byte", "shown"),
    [
        ("user\n東京", "user\n%s", 5, ("user⏎東京", "user⏎%s")),
        ("東京 x", "東京　x", 6, ("東京·x", "東京‹U+3000›x")),
        ("ab", "abc\t\r", 2, ("ab", "abc⇥␍")),
        ("", "\x85", 0, ("", "‹U+0085›")),
        ("a" * 40 + "b" * 60, "a" * 40 + "c", 40, ("…" + "a" * 30 + "b" * 50 + "…", "…" + "a" * 30 + "c")),
    ],
)
def test_the_first_difference_is_shown_with_what_is_around_it(
    expected: str, found: str, byte: int, shown: tuple[str, str]
) -> None:
    assert first_difference(expected, found) == FirstDifference(byte, *shown)


def test_white_space_is_visible() -> None:
    assert visible("a b\n\u00a0\u2028") == "a·b⏎‹U+00A0›‹U+2028›"
