"""Lists of turns that were written into a table's cell: as JSON, or as Python prints them."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

from jobs.logic.rows.strict_json import BadRow, parse_line

TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")"
    r"|(?P<word>None|True|False)\b|(?P<number>-?[0-9]+(?:\.[0-9]+)?)\b|(?P<sign>[\[\]{},:]))"
)
"""What Python prints of lists, dicts and texts, and nothing that would be computed."""
WORDS = {"None": "null", "True": "true", "False": "false"}
AGAIN = (
    "write it once more as JSON, with pandas: df.to_json('rows.jsonl', orient='records', lines=True, force_ascii=False)"
)


def opened(text: str, column: str) -> tuple[list[Any], str]:
    """The list in a text, and how it was written. Raises BadRow where it is none that can be read for sure."""
    try:
        return _list(text), "JSON in a text"
    except BadRow as bad:
        evidence = bad.evidence
    printed = _from_python(text)
    if printed is not None:
        try:
            return _list(printed), "a list as Python prints it"
        except BadRow:
            pass
    raise BadRow("column-type", f"`{column}` is a text that begins like a list and is no JSON ({evidence}); {AGAIN}")


def _list(text: str) -> list[Any]:
    found = parse_line(f'{{"list": {text}}}', False)["list"]
    if not isinstance(found, list):
        raise BadRow("bad-json", "it is no list")
    return found


def _from_python(text: str) -> str | None:
    """The text as JSON; None where Python would not read it as a plain value, or where a comma is missing."""
    found, place, before = [], 0, ""
    end = len(text.rstrip())
    while place < end:
        token = TOKEN.match(text, place)
        if token is None or (token["text"] and before == "text"):
            return None
        place, before = token.end(), token.lastgroup or ""
        try:
            found.append(json.dumps(ast.literal_eval(token["text"])) if token["text"] else _plain(token))
        except (SyntaxError, ValueError):
            return None
    return "".join(found)


def _plain(token: re.Match[str]) -> str:
    return WORDS[token["word"]] if token["word"] else token["number"] or token["sign"]
