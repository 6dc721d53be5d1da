"""From the bytes of one row to its JSON object, with nothing lost and nothing guessed, or the reason why not."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any, NoReturn

import orjson

from jobs.logic.rows import raw_bytes

MAX_DEPTH = 32
"""Lists and objects in one another. A conversation has four; parsers and printers give up near a thousand."""
KEY = re.compile(rb'"[ \t\r\n]*:')
KINDS = {
    dict: "an object",
    list: "a list",
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}


class BadRow(Exception):
    """A row that is not a conversation: `reason` is a word of the reason list, `evidence` what was seen."""

    def __init__(self, reason: str, evidence: str) -> None:
        super().__init__(f"{reason}: {evidence}")
        self.reason, self.evidence = reason, evidence


class Number(str):
    """A number kept as the text it was written in: an id of 30 digits must stay what it was."""


def record(data: bytes, offset: int, last: bool) -> dict[str, Any]:
    """The JSON object in `data`, which begins at byte `offset` of its file. `last`: nothing follows it there.

    Numbers are `Number`. Raises BadRow for anything that is not UTF-8, that JSON forbids, that parsers disagree on, or
    that is not an object.
    """
    found = proven(data)
    return parse_line(decoded(data, offset, last), last) if found is None else found


def proven(data: bytes) -> dict[str, Any] | None:
    """What `parse_line` would give, from a parser three times as fast; None where that cannot be proven.

    The fast parser keeps the last of equal keys and turns numbers into floats. Every key in `data` is followed by a
    match of KEY, and so may be a quote inside a text: as many matches as keys that were kept means that neither is
    there. A number is taken where only one spelling can have given it.
    """
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    if type(found) is not dict or _num_keys(found, data) != len(KEY.findall(data)):
        return None
    return found


def _num_keys(found: dict[str, Any], data: bytes) -> int:
    """Keys in `found` and all below it, whose whole numbers become `Number`; -1 for other numbers and for depth."""
    level: list[Any] = [found]
    num = 0
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for item in level:
            if type(item) is dict:
                num += len(item)
            for place, value in item.items() if type(item) is dict else enumerate(item):
                kind = type(value)
                if kind is str:
                    continue
                if kind is dict or kind is list:
                    below.append(value)
                elif kind is float or (kind is int and not value and b"-0" in data):
                    return -1
                elif kind is int:
                    item[place] = Number(value)
        if not below:
            return num
        level = below
    return -1


def decoded(data: bytes, offset: int, last: bool = False) -> str:
    """The row as text. Raises BadRow where it is not UTF-8, with the byte's offset in the file."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if last and error.reason == "unexpected end of data":
            place = f"byte {offset + error.start}"
            raise BadRow(
                "truncated-json", f"the file ends inside a character, {place}: an unfinished download?"
            ) from None
        raise BadRow("encoding", raw_bytes.encoding_problem(data, offset)) from None


def parse_line(text: str, last: bool) -> dict[str, Any]:
    """The JSON object in a text. `last`: nothing follows it, so that a cut is told from a typo.

    Raises BadRow for anything that JSON forbids, that parsers disagree on, or that is not an object.
    """
    if "\0" in text:
        raise BadRow("control-character", f"raw U+0000 at column {text.index(chr(0)) + 1}")
    try:
        data = DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise BadRow(*_syntax(error, text, last)) from None
    except RecursionError:
        raise BadRow("too-deep", f"nested more than {MAX_DEPTH} levels") from None
    if not isinstance(data, dict):
        raise BadRow("not-an-object", f"a row is a JSON object, this is {kind_of(data)}")
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(data) > MAX_DEPTH:
        raise BadRow("too-deep", f"nested more than {MAX_DEPTH} levels")
    if "\\u" in text:
        _refuse_surrogates(data)
    return data


def quoted_id(text: str, column: str = "id") -> str | None:
    """The id of a row that could not be parsed, as far as it can be seen; `column`: what its file calls it."""
    found = id_pattern(column).search(text)
    return (found[1] or found[2]) if found else None


def id_pattern(column: str) -> re.Pattern[str]:
    """An id as it stands in JSON; as text or as a number."""
    return re.compile(rf'"{re.escape(column)}"\s*:\s*(?:"([^"\\]{{1,80}})"|(-?[0-9]{{1,40}}))')


def kind_of(value: Any) -> str:
    """What a parsed value is, as a word for a person."""
    return "a number" if isinstance(value, Number) else KINDS[type(value)]


def _syntax(error: json.JSONDecodeError, text: str, last: bool) -> tuple[str, str]:
    at_end = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
    if error.msg.startswith("Invalid control character"):
        return "control-character", f"raw U+{ord(text[error.pos]):04X} at column {error.pos + 1}"
    if at_end and last:
        return "truncated-json", f"the file ends inside the row, column {error.pos + 1}: an unfinished download?"
    return "bad-json", f"column {error.pos + 1}: {error.msg}"


def _refuse_surrogates(data: dict[str, Any]) -> None:
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        code = ord(error.object[error.start])
        raise BadRow("lone-surrogate", f"U+{code:04X} is half a character and cannot be written as UTF-8") from None


def _depth(value: Any) -> int:
    """Lists and objects in one another, walked without recursion."""
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        item, level = waiting.pop()
        deepest = max(deepest, level)
        children = item.values() if isinstance(item, dict) else item
        waiting.extend((child, level + 1) for child in children if isinstance(child, dict | list))
    return deepest


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        times = Counter(name for name, _ in pairs)
        twice = next(name for name, _ in pairs if times[name] > 1)
        raise BadRow("duplicate-key", f"the key {twice[:40]!r} stands twice in one object")
    return found


def _no_constant(word: str) -> NoReturn:
    raise BadRow("not-a-number", f"{word} is not JSON")


def _finite(text: str) -> Number:
    if float(text) in (float("inf"), float("-inf")):
        raise BadRow("not-a-number", f"{text[:20]} is too large for a number")
    return Number(text)


DECODER = json.JSONDecoder(
    object_pairs_hook=_unique_keys, parse_constant=_no_constant, parse_float=_finite, parse_int=Number
)
