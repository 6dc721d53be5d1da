"""Loops over a row take steps in proportion to its length; counted are the lines of Python and the comparisons."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from jobs.logic.rows import strict_json
from jobs.logic.rows.strict_json import BadRow, record
from jobs.logic.text import explained, private, repetition
from jobs.logic.text.repetition import RepetitionLimits
from jobs.logic.text.wanted import Asked

LIMITS = RepetitionLimits(marks=4, characters=12, phrases=4)
THRICE = "abcdabcdabcd"
"""Said too seldom to be dropped, and a reason to look closer."""


def num_lines(function: Callable[..., Any], *arguments: Any) -> int:
    """Lines of our own that run."""
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(*arguments)
    finally:
        sys.settrace(before)
    return count


def num_calls(function: Callable[..., Any], *arguments: Any, of: str) -> int:
    """Calls of a function by its name."""
    count = 0

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call" and frame.f_code.co_name == of

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        function(*arguments)
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("sign", ["-", "\n", " ", "0", "a"])
def test_one_sign_over_and_over_is_gone_through_once(sign: str) -> None:
    texts = [f"{THRICE} {sign * size} x" for size in (500, 1000)]
    assert [repetition.repeated_phrase(text, LIMITS) for text in texts] == [None, None]
    once, twice = (num_lines(repetition.repeated_phrase, text, LIMITS) for text in texts)
    assert twice <= 2.3 * once


@pytest.mark.parametrize("size", [10, 1000])
def test_a_drawn_line_is_looked_at_once(size: int) -> None:
    text = f"a\n{'***** ' * size}\nb"
    assert repetition.repeated_character(text, LIMITS) is None
    assert num_calls(repetition.repeated_character, text, LIMITS, of="_is_drawn") == 1


class Name(str):
    """A key that counts what it is compared with."""

    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Name.compared += 1
        return str.__eq__(self, other)


def test_a_key_that_stands_twice_is_found_without_comparing_all() -> None:
    pairs = [(Name(number), 1) for number in range(2000)] + [(Name(1999), 2)]
    Name.compared = 0
    with pytest.raises(BadRow, match="'1999' stands twice"):
        strict_json._unique_keys(pairs)
    assert Name.compared < 3 * len(pairs)


def test_a_deep_row_in_another_encoding_is_a_bad_row() -> None:
    with pytest.raises(BadRow, match="byte 0x82 at offset 100005 is not UTF-8"):
        record(b'{"a":' + b"[" * 100_000 + b"\x82\xa0" + b"]" * 100_000 + b"}", 0, False)


def test_tags_are_looked_for_in_the_prompt_together() -> None:
    tags = [f"<t{number}>" for number in range(50)]
    answer = "".join(f"{tag}a</t{tag[2:-1]}>" for tag in tags)
    assert explained.is_wanted("markup-tag", tags[0], answer, Asked("".join(tags)))
    assert not explained.is_wanted("markup-tag", "<b1>", "<b1>a</b1> <b2>a</b2>", Asked("say <b1>"))


def test_a_web_token_is_found_wherever_it_stands_in_a_word() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9"
    for before in ("", "token-", "eyJ-", "auth_eyJ-eyJ-", '"', "あ"):
        ((start, end, kind),) = private.found(f"{before}{token} is it", (private.SECRET,))
        assert (start <= len(before), end, kind) == (True, len(before) + len(token), private.SECRET)
    assert private.found(f"x{token} is it", (private.SECRET,)) == []
