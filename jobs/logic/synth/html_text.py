"""The text of a page of HTML: what is read there, without programs, styles, menus and forms."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from jobs.logic.synth.passages import JOINED, Block

SKIPPED = frozenset(
    (
        *("script", "style", "nav", "noscript", "template", "svg", "math", "canvas", "iframe", "object", "form"),
        *("button", "select", "textarea", "aside", "footer"),
    )
)
"""Elements that say nothing of a page's text."""
HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6", "title"))
INLINE = frozenset(
    (
        *("a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins", "kbd"),
        *("mark", "q", "rb", "ruby", "s", "samp", "small", "span", "strong", "sub", "sup", "time", "tt", "u", "var"),
        *("wbr", "img"),
    )
)
"""Elements inside a paragraph: any other ends it."""
VOID = frozenset(("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"))
BLANKS = re.compile(r"[^\S\u3000]+")
READINGS = frozenset(("rt", "rp", "rtc"))
"""What stands above a word to say how it is read."""
CHARSET = re.compile(rb"<meta[^<>]{0,200}?charset\s{0,9}=[\s\"']{0,9}([\w.:-]{2,40})", re.IGNORECASE)
HEAD = 2048
"""Bytes in which a page says its encoding, with room: the standard has 1,024."""


def encoding_of(data: bytes) -> str:
    """The encoding that a page says it is in, else UTF-8."""
    found = CHARSET.search(data[:HEAD])
    return found[1].decode("ascii") if found else "utf-8"


def blocks(page: str) -> list[Block]:
    """The paragraphs and headings of a page; places are those of their source, in characters of the page."""
    reader = _Reader(page)
    reader.feed(page)
    reader.close()
    reader.end_block(len(page))
    return reader.found


class _Reader(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Block] = []
        self._lines = [0, *(place + 1 for place, sign in enumerate(page) if sign == "\n")]
        self._text: list[str] = []
        self._start = 0
        self._skipped: list[str] = []
        self._heading = ""
        self._verbatim = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._skipped:
            if tag == self._skipped[-1]:
                self._skipped.append(tag)
            return
        is_hidden = any(name == "hidden" or (name == "aria-hidden" and value == "true") for name, value in attrs)
        if tag in SKIPPED or tag in READINGS or (is_hidden and tag not in VOID):
            if tag not in READINGS:
                self.end_block(self._place())
            self._skipped.append(tag)
            return
        if tag == "br":
            self._text.append("\n")
        elif tag in ("td", "th"):
            self._text.append(" ")
        elif tag not in INLINE:
            self.end_block(self._place())
            self._heading = tag if tag in HEADINGS else self._heading
            self._verbatim += tag == "pre"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._skipped:
            if tag == self._skipped[-1]:
                self._skipped.pop()
            return
        if tag not in INLINE and tag not in ("td", "th", "br"):
            self.end_block(self._place())
            self._heading = "" if tag == self._heading else self._heading
            self._verbatim = max(0, self._verbatim - (tag == "pre"))

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            if not "".join(self._text).strip():
                self._start = self._place()
            self._text.append(data if self._verbatim else BLANKS.sub(" ", data))

    def end_block(self, place: int) -> None:
        """What was read since the last one is a paragraph."""
        said = "".join(self._text)
        text = said.strip("\n") if self._verbatim else _collapsed(said)
        if text.strip():
            self.found.append(Block(text, self._start, place, bool(self._heading)))
        self._text = []

    def _place(self) -> int:
        line, column = self.getpos()
        return self._lines[min(line - 1, len(self._lines) - 1)] + column


def _collapsed(text: str) -> str:
    lines = (JOINED.sub("", BLANKS.sub(" ", line)).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)
