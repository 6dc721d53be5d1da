"""Where a document is cut into passages: at headings and paragraphs, else at sentences, within a size in characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

PARAGRAPH = re.compile(r"\n(?:[^\S\n]*\n)+")
"""What stands between two paragraphs: the end of a line, and at least one with nothing on it."""
HEADING = re.compile(r"#{1,6}[ \t]|(?:第[0-9０-９一二三四五六七八九十百]{1,4}[章節条編])")
"""How a paragraph begins that is a heading, of Markdown or of a Japanese text."""
SETEXT = re.compile(r"[^\n]+\n(?:={3,}|-{3,})\s*$")
"""A heading of Markdown that is underlined."""
SENTENCE = re.compile(r"[。！？!?][」』）)\"'”’]*|\.(?=\s)|\n")
"""Where a sentence ends."""
LONGEST_HEADING = 120
"""Characters: a paragraph that begins like a heading and is longer is a text."""
UNSPACED = "\u3001-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uff60"
JOINED = re.compile(rf"(?<=[{UNSPACED}])[^\S\u3000]+(?=[{UNSPACED}])")
"""White space between two signs of a writing without blanks, as a line's end leaves it."""
HYPHENATED = re.compile(r"(?<=[a-z])-\n(?=[a-z])")
UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ufffe\uffff]")
"""Signs that no passage has; a form feed is a line's end."""


class Block(NamedTuple):
    """A paragraph or a heading, and where it stands in its document."""

    text: str
    start: int
    end: int
    is_heading: bool


def paragraphs(text: str) -> list[Block]:
    """The paragraphs of a plain text or of Markdown, without the blank lines between them; places in characters."""
    found, start = [], 0
    for gap in [*PARAGRAPH.finditer(text), None]:
        end = gap.start() if gap else len(text)
        begin = end - len(text[start:end].lstrip())
        end = begin + len(text[begin:end].rstrip())
        if begin < end:
            found += _with_headings(text, begin, end)
        start = gap.end() if gap else end
    return found


def cut(blocks: Sequence[Block], least: int, most: int) -> list[list[Block]]:
    """Neighbours that make a passage each: up to `most` characters, and from `least` on a heading begins a new one.

    A block that is longer is cut at its sentences. A heading stands with what follows it. A passage shorter than
    `least` is what is left over: it is the caller's to leave out.
    """
    found: list[list[Block]] = []
    for block in (piece for whole in blocks for piece in _pieces(whole, most)):
        here = found[-1] if found else []
        is_turn = block.is_heading and length(here) >= least
        if here and not is_turn and length([*here, block]) <= most:
            here.append(block)
            continue
        headings: list[Block] = []
        while not is_turn and len(here) > 1 and here[-1].is_heading and length([here[-1], *headings, block]) <= most:
            headings.insert(0, here.pop())
        found.append([*headings, block])
    if len(found) > 1 and length(found[-1]) < least and length([*found[-2], *found[-1]]) <= most:
        found[-2:] = [[*found[-2], *found[-1]]]
    return found


def length(blocks: Sequence[Block]) -> int:
    """Characters of the passage that they make."""
    return sum(len(block.text) + 2 for block in blocks) - 2 if blocks else 0


def tidied(text: str) -> str:
    """The text of a passage: NFC, line feeds, and no signs that cannot be seen or end something."""
    text = UNFIT.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0c", "\n"))
    return unicodedata.normalize("NFC", text).strip()


def unwrapped(text: str) -> str:
    """Lines as a page has them to paragraphs: a line's end is a blank, or nothing where the writing has no blanks."""
    parts = PARAGRAPH.split(HYPHENATED.sub("", text))
    lines = (" ".join(line.strip() for line in part.split("\n")).strip() for part in parts)
    return "\n\n".join(JOINED.sub("", line) for line in lines if line)


def _with_headings(text: str, begin: int, end: int) -> list[Block]:
    """A paragraph, or the heading on its first line and what follows on the next."""
    said = text[begin:end]
    first = said.partition("\n")[0]
    underlined = SETEXT.match(said)
    if underlined and len(said) <= LONGEST_HEADING:
        return [Block(said, begin, end, True)]
    if not HEADING.match(first) or len(first) > LONGEST_HEADING:
        return [Block(said, begin, end, False)]
    border = begin + len(first)
    rest = border + len(text[border:end]) - len(text[border:end].lstrip())
    below = [Block(text[rest:end], rest, end, False)] if rest < end else []
    return [Block(first, begin, border, True), *below]


def _pieces(block: Block, most: int) -> Iterator[Block]:
    """The block, or pieces of it of up to `most` characters each that end with a sentence where one ends."""
    start, text = 0, block.text
    has_places = block.end - block.start == len(text)
    while len(text) - start > most:
        ends = [found.end() for found in SENTENCE.finditer(text, start, start + most)]
        end = ends[-1] if ends and ends[-1] > start else start + most
        yield _piece(block, start, end, has_places)
        start = end
    yield _piece(block, start, len(text), has_places) if start else block


def _piece(block: Block, start: int, end: int, has_places: bool) -> Block:
    if not has_places:  # of a marked-up text: the place is that of the element
        return block._replace(text=block.text[start:end].strip())
    return Block(block.text[start:end], block.start + start, block.start + end, block.is_heading)
