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
FIRST = re.compile(r"[^.。!?\n]*(?:\.\d[^.。!?\n]*)*(?:[.。!?]\s+|。|\n+)(?=\S)")
COUNTS = re.compile(r"\W*(?:first|let'?s|step|to |we |まず|最初に)", re.IGNORECASE)
COMES_TO = re.compile(
    r"\b(?:so|therefore|thus|hence|total|answer|result|final\w*|altogether|wait|actually|no|correct\w*|but)\b"
    r"|したがって|よって|だから(?!です)|なので|答え|合計|つまり|最終|結果|しかし|いや|=",
    re.IGNORECASE,
)
"""Goes on to something else than it began with."""
NO_NUMBER = re.compile(
    r"^[ \t]*\(?\d{1,2}[.):、]\s|(?<![A-Za-z])[A-Za-z]{1,2}\d{1,4}(?![A-Za-z\d])"
    r"|\b1 in (?:about )?[\d,.]+(?: [mb]illion)?"
    r"|(?:since|until|in|up to|cut-?off|as of) (?:\w+ )?20\d\d\b|24(?:/7| hours|時間)",
    re.MULTILINE | re.IGNORECASE,
)
COUNTED = re.compile(
    r"[二三四五六七八九十百千〇零][〇一二三四五六七八九十百千]{0,7}(?:時|番|度(?!と)|人|名|月|日|年|円|号|個)"
)
ALWAYS = re.compile(r"\b(?:one or two|no one|a hundred (?:percent|per cent)|two of us|ten out of ten)\b")
BETWEEN = re.compile(r"[^\d,.。、\n]{0,6}?\s*(?:\bor\b|\bmaybe\b|または|もしくは|あるいは|か)\s*(?:maybe|perhaps)?\s*")


def numbers(text: str) -> list[Decimal]:
    """In the order that they stand in; words and kanji only where no digits are."""
    said = plain(text)
    found = [Decimal(match[0].replace(",", "").replace("−", "-")) for match in NUMBER.finditer(said)]
    return found or in_words(said.casefold()) or [Decimal(of_kanji(match[0])) for match in KANJI.finditer(said)]


def hedged(text: str) -> bool:
    """Whether two numbers stand as alternatives: `42 or 43`."""
    said = plain(text)
    places = [match.span() for match in NUMBER.finditer(said)]
    return any(BETWEEN.fullmatch(said[end:begin]) for (_, end), (begin, _) in pairwise(places))


def first_sentence(text: str) -> str:
    """The first sentence, where what stands behind it comes to nothing else: `She has 15. She had 20, and found 3.`"""
    said = plain(text)
    end = FIRST.match(said)
    if end is None or COMES_TO.search(said, end.end()) or COUNTS.match(said):
        return ""
    return end[0]


def has_own_number(text: str) -> bool:
    """Whether a plain answer has a number, in digits or in words, that is no item's of a list, no cell's (`B10`), no
    chance (`1 in 14 million`) and no year that knowledge ends in."""
    said = NO_NUMBER.sub(" ", text)
    return (
        re.search(r"\d", said) is not None
        or COUNTED.search(said) is not None
        or any(value > 1 for value in in_words(ALWAYS.sub(" ", said.casefold())))
    )


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


def in_words(text: str) -> list[Decimal]:
    """In small letters, `two hundred forty-two` is one number: thousands, and what is below them."""
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
