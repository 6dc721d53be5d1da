"""A table of text as HTML, every cell escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """What is set in on a terminal, by two spaces, is set in here."""
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(text: str) -> str:
    inset = ' style="padding-left:1.5rem"' if text.startswith("  ") else ""
    return f"<td{inset}>{escape(text)}</td>"
