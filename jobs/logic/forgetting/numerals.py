"""Numbers in an answer, in digits, in kanji and in English words."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import pairwise

from jobs.logic.forgetting.plain import plain

NUMBER = re.compile(r"(?<![A-Za-z0-9_.^])[-−]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?")
KANJI = re.compile(r"[〇零一二三四五六七八九十百千万]+")
DIGITS = {sign: value for value, sign in enumerate("〇一二三四五六七八九")} | {"零": 0}
PLACES = {"十": 10, "百": 100, "千": 1000}
SMALL = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
WORD = re.compile(
    rf"\b(?:(?:{'|'.join(TENS)})(?:[- ](?:{'|'.join(SMALL[1:10])}))?|{'|'.join(SMALL)}|hundred|thousand)\b"
)
BETWEEN = re.compile(r"[^\d,.。、\n]{0,6}?\s*(?:\bor\b|\bmaybe\b|または|もしくは|あるいは|か)\s*(?:maybe|perhaps)?\s*")


def numbers(text: str) -> list[Decimal]:
    """In the order that they stand in; words and kanji only where no digits are."""
    said = plain(text)
    found = [Decimal(match[0].replace(",", "").replace("−", "-")) for match in NUMBER.finditer(said)]
    return found or _in_words(said.casefold()) or [Decimal(of_kanji(match[0])) for match in KANJI.finditer(said)]


def hedged(text: str) -> bool:
    """Whether two numbers stand as alternatives: `42 or 43`."""
    said = plain(text)
    places = [match.span() for match in NUMBER.finditer(said)]
    return any(BETWEEN.fullmatch(said[end:begin]) for (_, end), (begin, _) in pairwise(places))


def of_kanji(text: str) -> int:
    """`二百五` is 205, and `二〇五` too."""
    if not set(text) & {*PLACES, "万"}:
        return int("".join(str(DIGITS[sign]) for sign in text))
    total = part = digit = 0
    for sign in text:
        if sign in DIGITS:
            digit = digit * 10 + DIGITS[sign]
        elif sign == "万":
            total, part, digit = total + (part + digit or 1) * 10_000, 0, 0
        else:
            part, digit = part + (digit or 1) * PLACES[sign], 0
    return total + part + digit


def _in_words(text: str) -> list[Decimal]:
    """`two hundred forty-two` is one number: thousands, and what is below them."""
    found: list[tuple[int, int]] = []
    end = -1
    for match in WORD.finditer(text):
        value = _word(match[0])
        goes_on = end >= 0 and re.fullmatch(r"[ -]|,? and | ", text[end : match.start()]) is not None
        above, below = found[-1] if found and goes_on else (0, 0)
        if goes_on and value == 1000:
            found[-1] = (above + below * value, 0)
        elif goes_on and value == 100:
            found[-1] = (above, below * value)
        elif goes_on and (below >= 100 or not below):
            found[-1] = (above, below + value)
        else:
            found.append((0, value))
        end = match.end()
    return [Decimal(above + below) for above, below in found]


def _word(text: str) -> int:
    if text in ("hundred", "thousand"):
        return 100 if text == "hundred" else 1000
    tens, *ones = re.split(r"[- ]", text)
    if tens in SMALL:
        return SMALL.index(tens)
    return (TENS.index(tens) + 2) * 10 + (SMALL.index(ones[0]) if ones else 0)
