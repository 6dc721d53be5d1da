"""Regular expressions for names of modules that came with somebody's adapter: matched as PEFT does, within a bound.

Python's `re` goes back and tries again, and a line of a stranger's file can make it do so for ever. So before anything
is matched the steps of a pattern are bounded by its form: each choice multiplies them, each `*` or `+` raises their
power. What says more than a choice of names is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

MOST_NAME = 128
"""Characters of a module's name, for which the steps are counted; Qwen3's longest has 40."""
MOST_PATTERN = 200
MOST_STEPS = 2_000_000
"""On one name, of all patterns together: a fiftieth of a second."""
ATOM = re.compile(r"\\[^1-9]|\[\^?\]?(?:\\.|[^\]\\])*\]|[^\\\[\](){}*+?|]", re.DOTALL)
QUANTIFIER = re.compile(r"(?:[*+?]|\{\d*,?\d*\})[?+]?")


@dataclass(frozen=True)
class Form:
    """How a pattern can be tried: `choices` ways, each with up to `unbounded` pieces of any length."""

    unbounded: int
    choices: int

    @property
    def steps(self) -> int:
        """At most, on a name of MOST_NAME characters; PEFT puts one more piece of any length in front."""
        return self.choices * math.comb(MOST_NAME + self.unbounded + 1, self.unbounded + 1)


def offence(patterns: Iterable[str]) -> str:
    """Why these are not matched together, in words; empty: they are."""
    total = 0
    for pattern in patterns:
        if len(pattern) > MOST_PATTERN:
            return f"{pattern[:40]}...: has {len(pattern):,} characters, the most is {MOST_PATTERN}"
        try:
            re.compile(pattern)
            form = _form(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            return f"{pattern}: is no regular expression ({error})"
        except ValueError as error:
            return f"{pattern}: {error}; name the modules, with at most two * or +"
        total += form.steps
        if total > MOST_STEPS:
            return f"{pattern}: may take too many steps to match; name the modules, with at most two * or +"
    return ""


def matches(pattern: str, name: str) -> bool:
    """Whether a module's name ends with the pattern, from a dot on or whole, as PEFT looks it up.

    `offence` has nothing against the pattern. Raises ValueError for a name that is longer than the bound holds for.
    """
    if len(name) > MOST_NAME:
        raise ValueError(f"{name[:40]}...: a module's name of {len(name):,} characters")
    return _compiled(pattern).match(name) is not None


@lru_cache(maxsize=1 << 14)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(.*\.)?({pattern})$")


def _form(pattern: str) -> Form:
    form, place = _alternatives(pattern, 0)
    if place < len(pattern):
        raise ValueError(f"`{pattern[place]}` is not understood here")
    return form


def _alternatives(pattern: str, place: int) -> tuple[Form, int]:
    """What stands between `|`, up to a bracket that ends it or to the end; and where that is."""
    form, place = _sequence(pattern, place)
    while pattern.startswith("|", place):
        other, place = _sequence(pattern, place + 1)
        form = Form(max(form.unbounded, other.unbounded), form.choices + other.choices)
    return form, place


def _sequence(pattern: str, place: int) -> tuple[Form, int]:
    form = Form(0, 1)
    while place < len(pattern) and pattern[place] not in "|)":
        part, place = _piece(pattern, place)
        form = Form(form.unbounded + part.unbounded, form.choices * part.choices)
    return form, place


def _piece(pattern: str, place: int) -> tuple[Form, int]:
    """A sign, a set of signs or a group, with what says how often it stands there."""
    is_group = pattern[place] == "("
    if is_group:
        if pattern.startswith("(?", place):
            raise ValueError("a group with a question mark is not understood here")
        part, place = _alternatives(pattern, place + 1)
        place += 1
    else:
        found = ATOM.match(pattern, place)
        if found is None:
            raise ValueError(f"`{pattern[place : place + 8]}` is not understood here")
        part, place = Form(0, 1), found.end()
    often = QUANTIFIER.match(pattern, place)
    if often is None:
        return part, place
    if often[0].startswith("?"):
        return Form(part.unbounded, part.choices + 1), often.end()
    if is_group:
        raise ValueError(f"a group that stands there `{often[0]}` times is not understood here")
    return Form(part.unbounded + 1, part.choices), often.end()
