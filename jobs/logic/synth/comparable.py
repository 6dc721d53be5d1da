"""Answers that can be compared: numbers, labels, spans of the prompt, JSON. Two right ones of others may differ."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

FINAL = re.compile(
    r"(?:\A|\n)[^\S\n]*(?:####|(?:the )?(?:final )?answer(?: is)?[:=]?|答え?[:：は]|解答[:：]|正解[:：])[^\S\n]*"
    r"([^\n]{1,80})\Z",
    re.IGNORECASE,
)
"""A last line that gives the result of what stands above it."""
QUANTITY = re.compile(r"[^\d\n+-]{0,4}([+-]?\d[\d,]{0,20}(?:\.\d{1,12})?(?:/\d{1,9})?)([^\d\n]{0,12})[.。]?")
"""A number with its unit on either side, and nothing else."""
LONGEST_SPAN = 60
"""Characters."""
MARKS = re.compile(r"[\s\"'“”‘’「」『』。、.,!?()（）]+")
ARTICLES = re.compile(r"\A(?:the|a|an) ")


def key(answer: str, prompt: str, labels: Sequence[str]) -> str | None:
    """What an answer is compared by; None where it is of no kind that can be."""
    found = FINAL.search(answer.rstrip())
    said = unicodedata.normalize("NFKC", found[1] if found else answer).strip()
    if said[:1] in ("{", "["):
        return _of_json(said)
    number = QUANTITY.fullmatch(said)
    if number:
        return f"number {_number(number[1])}"
    if answer in labels or found:
        return f"text {_plain(said)}"
    is_span = "\n" not in said and 0 < len(said) <= LONGEST_SPAN and _plain(said) in _plain(prompt)
    return f"text {_plain(said)}" if is_span and _plain(said) else None


def agreeing(written: str, replies: Sequence[str | None]) -> bool:
    """Whether more than half of the replies say one thing, and that is what was written. None: a reply that failed."""
    counts = Counter(reply for reply in replies if reply is not None)
    first = counts.most_common(1)
    return bool(first) and first[0][0] == written and 2 * first[0][1] > len(replies)


def _of_json(said: str) -> str | None:
    try:
        value = json.loads(said)
    except (ValueError, RecursionError):
        return None
    return f"json {json.dumps(value, sort_keys=True, ensure_ascii=False)}"


def _number(said: str) -> str:
    """Without marks of thousands, zeros behind a point, and a plus."""
    plain = said.replace(",", "").lstrip("+")
    whole, point, rest = plain.partition(".")
    rest = rest.rstrip("0") if "/" not in plain else rest
    return f"{whole}{point if rest else ''}{rest}"


def _plain(text: str) -> str:
    small = unicodedata.normalize("NFKC", text).casefold().strip()
    return MARKS.sub("", ARTICLES.sub("", small))
