"""Whether rows that go for one reason have a topic in common: a word of their prompts, a source or a label.

A word needs no dictionary: letters of one kind in a row, two Latin words side by side, and the pieces of a run of Han
characters. What a reason takes is compared with what stays, so that words which all prompts have are no topic.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import log
from typing import Literal, NamedTuple

from jobs.logic.row import Row

WORDS = re.compile(r"[^\W\d_]{2,40}")
PARTS = re.compile(
    r"[\u3400-\u9fff々]{2,}|[\u3400-\u9fff々][\u3041-\u3096]{1,2}|[\u30a1-\u30fa\u30fc]+|[^\u3041-\u30fe\u3400-\u9fff々]+"
)
"""Of a word: Han, one Han with the hiragana behind it, katakana, and letters of scripts that have spaces."""
HAN = re.compile(r"[\u3400-\u9fff]")
SHORTEST, HAN_PIECES = 3, (2, 3, 4)
"""Letters of a word, and of the pieces of a run of Han characters."""
EDGE = 200
"""Characters at either end of a prompt in which words are looked for; whether it has one is asked of all of it."""
LEAST_ROWS = 5
"""Rows of a topic that go for one reason; fewer may be chance."""
LEAST_SHARE = 0.3
"""Of the rows of a topic, that one reason takes: less is no topic of that reason."""
CERTAINTY = 7.0
"""Natural logarithm of how many times as likely the counts are if the term matters as if rows went by chance, less that
of the number of terms that were looked at: one chance in a thousand."""
Kind = Literal["prompt", "source", "label"]
MOST = 3
"""Topics that are told for one reason."""


class Term(NamedTuple):
    """What rows may have in common."""

    kind: Kind
    text: str


class Taken(NamedTuple):
    """A topic, and how many of its rows a reason takes."""

    reason: str
    term: Term
    dropped: int
    kept: int


def prompt_of(row: Row) -> str:
    """All that was asked, with ASCII letters in lower case."""
    asked = "\n".join(content for role, content in row.messages[:-1] if role != "assistant")
    return asked.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


def terms(row: Row) -> set[Term]:
    """What the row may have in common with others."""
    prompt = prompt_of(row)
    if len(prompt) > 2 * EDGE:
        prompt = f"{prompt[:EDGE]}\n{prompt[-EDGE:]}"
    found = {Term("prompt", word) for word in _words(prompt)}
    if row.source:
        found.add(Term("source", row.source))
    if row.label:
        found.add(Term("label", row.label))
    return found


def has(row: Row, prompt: str, term: Term) -> bool:
    """Whether a row, of which `prompt` is `prompt_of`, has the term."""
    if term.kind != "prompt":
        return term.text == (row.source if term.kind == "source" else row.label)
    place = prompt.find(term.text)
    while place >= 0:
        if HAN.match(term.text) or not _goes_on(prompt, place, len(term.text)):
            return True
        place = prompt.find(term.text, place + 1)
    return False


def candidates(gone: Sequence[set[Term]], kept: Sequence[set[Term]], times: float) -> list[Term]:
    """The terms that tell rows which go from rows that are kept, the most telling first; of each no more than MOST.

    `kept` stands for `times` as many rows. What one term tells is not told again by another of the same rows.
    """
    counts = Counter(term for row in gone for term in row)
    wanted = {term for term, num in counts.items() if num >= LEAST_ROWS}
    if not wanted:
        return []
    others = Counter(term for row in kept for term in row & wanted)
    total, least = (len(gone), round(len(kept) * times)), CERTAINTY + log(len(counts))
    found: list[Term] = []
    left = [row & wanted for row in gone]
    while len(found) < MOST:
        now = Counter(term for row in left for term in row)
        ranked = [
            (_weight(num, round(others[term] * times), *total), len(term.text), term)
            for term, num in now.items()
            if num >= LEAST_ROWS
        ]
        best = max(ranked, default=None)
        if best is None or best[0] < least:
            break
        found.append(best[2])
        left = [row for row in left if best[2] not in row]
    return found


def told(reason: str, counts: Mapping[Term, tuple[int, int]], gone: int, kept: int) -> Iterator[Taken]:
    """The topics that hold by the exact `counts`, term to rows that go and rows that are kept, of all such rows."""
    for term, (num, rest) in counts.items():
        if num >= LEAST_ROWS and _weight(num, rest, gone, kept) >= CERTAINTY:
            yield Taken(reason, term, num, rest)


def _weight(dropped: int, kept: int, all_dropped: int, all_kept: int) -> float:
    """Half the G statistic of a topic's counts against the share that goes of all rows; 0 where less goes."""
    num, share = dropped + kept, all_dropped / (all_dropped + all_kept)
    if not share < 1 or dropped < LEAST_SHARE * num or dropped <= share * num:
        return 0.0
    return dropped * log(dropped / (num * share)) + (kept * log(kept / (num * (1 - share))) if kept else 0.0)


def _words(text: str) -> Iterable[str]:
    before, end = "", -1
    for word in WORDS.finditer(text):
        if word[0].isascii():
            if len(word[0]) >= SHORTEST:
                yield word[0]
            if before and end == word.start() and text[end - 1] == " ":
                yield f"{before} {word[0]}"
            before, end = word[0], word.end() + 1
            continue
        before = ""
        for part in PARTS.findall(word[0]):
            if not HAN.match(part):
                yield from (part,) if len(part) >= SHORTEST else ()
                continue
            for size in HAN_PIECES:
                yield from (part[place : place + size] for place in range(len(part) - size + 1))


def _goes_on(text: str, place: int, length: int) -> bool:
    """Whether the word at a place is a part of a longer one of the same kind."""
    first, last = text[place : place + 1], text[place + length - 1 : place + length]
    before, after = text[place - 1 : place] if place else "", text[place + length : place + length + 1]
    return _same(before, first) or _same(last, after)


def _same(one: str, other: str) -> bool:
    if not (one.isalpha() and other.isalpha()):
        return False
    return one.isascii() == other.isascii() and _is_katakana(one) == _is_katakana(other)


def _is_katakana(sign: str) -> bool:
    return "\u30a1" <= sign <= "\u30fc"
