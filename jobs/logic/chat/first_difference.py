"""Where two renderings part, for people: the text around that place on both sides, white space visible."""

from __future__ import annotations

from dataclasses import dataclass

BEFORE, AFTER = 30, 50
"""Characters that are shown on either side of the first difference."""
SIGNS = {"\n": "⏎", "\r": "␍", "\t": "⇥", " ": "·"}


@dataclass(frozen=True)
class FirstDifference:
    """The two texts from a little before the place to a little after it."""

    byte: int
    """Of the UTF-8 text, where they part."""
    expected: str
    found: str


def first_difference(expected: str, found: str) -> FirstDifference | None:
    """None for equal texts."""
    if expected == found:
        return None
    shorter = min(len(expected), len(found))
    at = next((place for place in range(shorter) if expected[place] != found[place]), shorter)
    return FirstDifference(
        byte=len(expected[:at].encode("utf-8", "surrogatepass")),
        expected=_around(expected, at),
        found=_around(found, at),
    )


def visible(text: str) -> str:
    """The text with a sign for every white space character."""
    return "".join(SIGNS.get(letter, f"‹U+{ord(letter):04X}›" if letter.isspace() else letter) for letter in text)


def _around(text: str, at: int) -> str:
    start, end = max(0, at - BEFORE), at + AFTER
    return f"{'…' if start else ''}{visible(text[start:end])}{'…' if end < len(text) else ''}"
