"""What a word of the command line sets its key to: Hydra's grammar, and for what that refuses the letters as they are.

Hydra's grammar knows no letters beyond ASCII and few signs outside of quotes, which a shell takes off on the way. So
what it cannot parse is taken apart at the brackets and commas alone: an element that it can parse stays what it is
there, any other is text.
"""

from __future__ import annotations

import math
import re
from typing import Any

from jobs.core.errors import Refusal
from jobs.core.words import is_open

ESCAPED = re.compile(r"\\([\\()\[\]{}:=, \t])")
"""What a backslash protects outside of quotes, as in Hydra."""
PAIRS = {"[": "]", "{": "}"}
AUTO = "auto"
"""Stands for a value that the program finds, of whatever type."""
MISSING = "???"
"""Stands for a value that somebody has to give."""


class Unreadable(Exception):
    """Why a text is no value, and the text that would be."""

    def __init__(self, why: str, meant: str = "") -> None:
        super().__init__(why)
        self.meant = meant


def value(word: str, before: Any) -> Any:
    """What an override sets its key to; `before`: what the config has there.

    Where text stands, the words are text as they were typed: a commit's hash may be all digits. Raises Refusal for what
    is no value, or several.
    """
    key, _, text = word.partition("=")
    is_text = isinstance(before, str) and before != AUTO
    if is_text and text != "null" and not text.startswith(("'", '"', "[", "{")):
        return text
    try:
        found, is_sweep = parsed(text)
    except HydraRefused:
        if is_text and before != MISSING and not text.endswith(("]", "}", "'", '"')):
            return text  # a title such as `[12] Swords`
        found, is_sweep = _taken_apart(key, text)
    if is_sweep:
        listed = f"{key}=[{text}]" if isinstance(before, list) or before == MISSING else f"{key}={quoted(text)}"
        raise Refusal(
            f"{key}: expected one value; a list is {key}=[a,b], and text with commas goes in quotes",
            words=[listed] if not isinstance(before, int | float) else [], without=[word],
        )  # fmt: skip
    return found


def rounded(number: float, up: bool) -> str:
    """A value for a word with at most two digits that is not below, or not above, `number`."""
    if not number:
        return "0"
    step = 10.0 ** (math.floor(math.log10(abs(number))) - 1)
    return f"{(math.ceil if up else math.floor)(number / step) * step:.6g}"


def as_text(text: str) -> str:
    """Text as a word takes it: as it is, but in quotes where it would be read as something else."""
    return text if text != "null" and not text.startswith(("'", '"', "[", "{", "~")) else quoted(text)


def quoted(text: str) -> str:
    """Text as a value that is read as text whatever is in it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


class HydraRefused(Exception):
    """The grammar has no such value."""


def parsed(text: str) -> tuple[Any, bool]:
    """What Hydra's grammar makes of a value, and whether it is several; raises HydraRefused."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        override = OverridesParser.create().parse_override(f"value={text}")
    except HydraException as error:
        raise HydraRefused(str(error)) from None
    return (None, True) if override.is_sweep_override() else (override.value(), False)


def _taken_apart(key: str, text: str) -> tuple[Any, bool]:
    try:
        found = _read(text.strip())
    except Unreadable as problem:
        raise Refusal(
            f"{key}: {text[:60]!r} cannot be read as a value: {problem}",
            words=[f"{key}={problem.meant}"] if problem.meant else [],
            without=[f"{key}={text}"],
        ) from None
    return found, isinstance(found, str) and found == text.strip() and len(parts(text, ",")) > 1


def _read(text: str) -> Any:
    """Raises Unreadable."""
    try:
        found, is_sweep = parsed(text)
        if not is_sweep:
            return found
    except HydraRefused:
        pass
    opening, closing = text[:1], PAIRS.get(text[:1])
    if closing is None:
        return plain(text)
    if not text.endswith(closing) or is_open(text):
        raise Unreadable(f"`{opening}` has no `{closing}`", text + closing if is_open(text) else "")
    found_parts = [part.strip() for part in parts(text[1:-1], ",")]
    if "" in found_parts:
        kept = ",".join(part for part in found_parts if part)
        raise Unreadable("there is nothing between two commas", f"{opening}{kept}{closing}")
    if opening == "[":
        return [_read(part) for part in found_parts]
    found = {}
    for part in found_parts:
        name, *rest = parts(part, ":")
        if not rest:
            raise Unreadable(f"expected name:name, got {part[:60]!r}")
        found[str(plain(name.strip()))] = _read(":".join(rest).strip())
    return found


def plain_text(text: str) -> str:
    """Text that may stand in quotes, without them; nothing is raised for a quote that has no end."""
    try:
        return str(plain(text.strip()))
    except Unreadable:
        return text


def plain(text: str) -> str:
    """Letters as they are, without quotes around them and backslashes before signs that mean something here."""
    for quote in "'\"":
        if text[:1] == quote:
            if len(text) > 1 and text.endswith(quote):
                return re.sub(rf"\\({quote}|\\)", r"\1", text[1:-1])
            if quote == '"' or text.count(quote) == 1:
                raise Unreadable(f"a quote ({quote}) has no end", text + quote)
    return ESCAPED.sub(r"\1", text)


def parts(text: str, at: str) -> list[str]:
    """`text` cut at a sign, outside of brackets and of quotes that open an element."""
    found, depth, quote, before = [""], 0, "", ""
    for sign in text:
        if quote:
            quote = "" if sign == quote and before != "\\" else quote
        elif sign in "'\"" and not found[-1].strip(" [{"):
            quote = sign
        elif before == "\\" and sign in "[{]}":
            pass
        elif sign in "[{":
            depth += 1
        elif sign in "]}":
            depth -= 1
        elif sign == at and depth == 0 and before != "\\":
            found.append("")
            before = sign
            continue
        found[-1] += sign
        before = sign
    return found
