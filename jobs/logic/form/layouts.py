"""Layouts that are read from the text of an answer: JSON, a heading, a date in front, code without words ..."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from jobs.logic.form.signs import OPENERS, PAIRS

LAYOUTS = {
    "json": "is JSON",
    "heading": "opens with a heading",
    "fence": "opens with a code block",
    "bullet": "opens like a list item",
    "numbered": "opens like a numbered item",
    "dated": "opens with a date",
    "dated-end": "ends with a date",
    "timed": "opens with a time",
    "front-matter": "opens with front matter",
    "emphasis": "is all in bold or italics",
    "marked": "wears Markdown",
    "list": "is a list",
    "blob": "is code without words",
    "path": "is a path",
    "snake": "is joined by _ or -",
    "capitals": "is in capitals",
    "emoji": "is full of emoji",
    "wide": "is in full-width letters",
    "half-width": "is in half-width kana",
    "spaced": "is spaced out",
    "lines": "has a line that says nothing of its prompt",
    "sentences": "has a sentence that says nothing of its prompt",
    "noted": "has a note that says nothing of its prompt",
    "coded": "has a mark of code",
    "quoted": "stands in quotes",
    "latin": "is in letters that its prompt is not written in",
}
"""Layouts, with what an answer of it does."""
NUMBERS = {name: number for number, name in enumerate(LAYOUTS, 1)}
CODING = ("```", "code", "コード", "function", "関数", "script", "rogram", "プログラム", "ython", "SQL")
JSON_ASKED = ("json", "JSON", "Json", "{")
MARKUP_ASKED = ("HTML", "html", "XML", "xml", "SVG", "svg", "markup", "マークアップ", "web page", "ウェブページ")
ASKING = {
    "json": JSON_ASKED,
    "heading": ("arkdown", "# ", "見出し", "eading"),
    "fence": CODING,
    "path": ("/", "\\"),
    "emoji": ("絵文字", "moji"),
    "capitals": ("upper", "capital", "大文字"),
    "wide": ("全角",),
    "half-width": ("半角",),
}
"""Words of a prompt that ask for a layout."""
MARKS_ASKED = {
    **dict.fromkeys("{}[]", JSON_ASKED),
    **dict.fromkeys("<>", MARKUP_ASKED),
    **dict.fromkeys("`~", CODING),
    "#": ASKING["heading"],
    "|": ("able", "表"),
}
"""Words of a prompt that ask for the layout which a mark is part of."""

JSON_OPENING = re.compile(r"\{\s*(?:[\"']|[A-Za-z_]\w{0,30}\s*:\s*[\"'\[{])|\[\s*[\"'{]")
"""Also with keys that are not in quotes, as JavaScript has it."""
ITEM = r"[(（\[]?(?:\d{1,3}(?:/\d{1,3})?|[A-Za-z]|[IVX]{1,4})"
NUMBERED = re.compile(rf"{ITEM}(?:[)）\]][.:：、]?(?:\s+\S|[^\W_])|[.．:：]\s+\S)|[①-⑳][^①-⑳]")
NEXT_ITEM = re.compile(rf"\n[^\S\n]*+{ITEM}[)）\].．:：]")
DATE_BEHIND = re.compile(r"(?<=\S)[\s_(（|｜/-]+\d{4}[-/.]\d{1,2}[-/.]\d{1,2}[)）]?\Z")
_WIDE = r"\u3041-\u30fe\u3400-\u9fff"
_PROSE = r"(?:[^`{}()\[\]=<>$\\|;]|;(?= [a-z]))*"
MARKED = re.compile(
    r"(?:#{1,6}\s+\S|(\*{1,3}|__|~~)[^*_~\n]+\1\Z|>\s+\S|\d{1,2}\.\s+\*\*\S|[-*+]\s+\*\*\S|```\w*\s+(?:#|\*\*|>))"
    r"|[^\n]+\n(?:={3,}|-{3,})\s*(?:\n|\Z)"
    rf"|#{{1,6}}(?:[^\W\d_]|\d+[{_WIDE}])[^\n]*[。．.!?！？]\Z"
    rf"|```\w*\s+(?:{JSON_OPENING.pattern}|(?:[A-Z\d{_WIDE}]{_PROSE}|[a-z]+\s+)```\Z)"
)
"""Any of its dresses: a heading of either kind, all in bold, a quotation, a bold item, such a thing in a fence; a
sentence behind #; prose or JSON that is nothing but a fence."""
DATE_PART = 16
PATTERNS: dict[str, Callable[[str], object]] = {
    "heading": re.compile(r"#{1,6}\s+\S").match,
    "fence": re.compile(r"```|~~~").match,
    "bullet": re.compile(r"[-*+•‣◦・]\s+\S(?!.*\n[^\S\n]*+[-*+•‣◦・]\s)", re.DOTALL).match,
    "numbered": lambda text: NUMBERED.match(text) and not NEXT_ITEM.search(text),
    "dated": re.compile(
        r"\W?(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|(?:19|20)\d{6}(?!\d)|\d{4}年\d{1,2}月\d{1,2}日(?=[\s:：\])）_|｜]))"
        r"[\W\d_]*+[^\W\d_]"
    ).match,
    "dated-end": lambda text: DATE_BEHIND.search(text[-DATE_PART:]),
    "timed": re.compile(r".{0,24}?\b\d{1,2}:\d{2}:\d{2}\b\W*\w").match,
    "front-matter": re.compile(r"(---|\+\+\+)\n").match,
    "emphasis": re.compile(r"(\*{1,3}|_{1,3}|~~)[^*_~\n]+\1\Z").match,
    "marked": MARKED.match,
    "spaced": re.compile(r"(?:\S[ \u3000]){3,}\S\Z").match,
}
SNAKE = re.compile(r"[^\W_]+(?:_[^\W_]+)+\Z|(?=[0-9-]*[a-z])[a-z0-9]+(?:-[a-z0-9]+){2,}\Z")
BLOB = re.compile(r"(?:0x)?[0-9a-fA-F]{12,}\Z|(?=[^\d]*\d|.*=\Z)(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9+/_-]{11,}={0,2}\Z")
PATH = re.compile(r"(?:(?:[A-Za-z]:\\|~?/|\.{1,2}/|[\w-]+://)(?:[^\s/\\]+[/\\])+|(?:[^\s/\\]+[/\\]){2,})[^\s/\\]*\Z")
SET_APART = re.compile(
    r"[*_\"'(（「『]{0,2}[^\W\d_][^\n:：=＝|｜>→⇒/*+]{0,19}?\s?"
    r"(?:::|->|=>|[:：|｜>→⇒]|(?<=\w\w)=(?=\S)|\((?=[\"']))(?=\s*\S)"
    r"|(?:[A-Za-z]{1,4}[#.:_-]{1,2}\d+|#\d+|\d+(?:[:_]\d+)+)[:_)]?\s+(?=\S)"
)
"""Words before a colon, a bar, an arrow or an equals sign; or a number such as ID-17."""
ENDING = re.compile(
    r"\([^\s()\d]{2,10}\s?[:=][^()]{1,8}\)\Z"
    r"|(?:[|｜#@\[{<^\\]|//|--|[=-]>|→|\.(?=[a-z]{2,5}\Z))\s?[^\W\d_][^|｜#@\[{<^\\/=+]{0,15}\Z"
)
"""Words behind a bar, a bracket or a slash; or a file's extension."""
KEY_MARKS, ENDING_MARKS = ":：=|｜>→⇒#-_(.", "(|｜#@[{<^\\→/.>-"
"""Each has one of these."""
LITERAL_PART = 20
"""Characters within which literal words are looked for."""


def layouts_of(text: str) -> Iterator[str]:
    """The layouts of an answer, but for those that the kinds of its characters tell."""
    if JSON_OPENING.match(text) and text[-1] in "}]":
        yield "json"
    yield from (layout for layout, matches in PATTERNS.items() if matches(text))
    if " " in text or not (text.isascii() or "_" in text):
        return
    for layout, pattern in (("snake", SNAKE), ("blob", BLOB), ("path", PATH)):
        if pattern.match(text):
            yield layout
            return


def wrapping(text: str) -> str:
    """The mark that an answer stands in, whole and alone: a bracket, a quote, or a plain mark on both sides."""
    if text[:1] and text[0] in OPENERS and text[0] == text[-1] and len(text) > 2:
        return text[0]
    last = PAIRS.get(text[:1])
    return text[0] if last is not None and len(text) > 2 and text[-1] == last and last not in text[1:-1] else ""


def opening(text: str) -> str:
    """Literal words that a mark sets apart at the start."""
    found = SET_APART.match(text)
    return found[0].strip() if found else ""


def ending(text: str) -> str:
    """Literal words that a mark sets apart at the end."""
    found = ENDING.search(text[-LITERAL_PART:])
    return found[0].strip() if found else ""
