"""The same sign, phrase or sentence over and over, as a model writes it that does not stop.

`logic/parity/behaviour.py` counts what a model said; this looks at every row of a data set and must be fast: `suspects`
tells for a block of texts which of them are worth the exact search, at a few nanoseconds a character.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from jobs.logic.text import plane

MARKS = "、。,.!?;:・…‥〜~*’‘”“\uff0c\uff0e\uff01\uff1f\uff1b\uff1a\uff61\uff64\uff65"
RULED = re.compile(r"[\s|:+=\-_*~#─━═.・…]+")
"""What tables, rules and forms are drawn with."""
NUMBERED = re.compile(r"[\s\d|:+=\-_*~#─━═.,・…/%×()（）$¥€]+")
"""What tables, sums and lists of numbers are made of."""
LONGEST_UNIT = 200
"""Characters of a phrase; longer ones are left to the duplicate search."""
ANCHOR = 4
"""Characters that are looked for again, to find a phrase that repeats."""
SHORTEST = 8
"""Characters that repetitions must fill together: `haha` is a word."""
SENTENCE_ENDS = {True: ("\n", ". ", "! "), False: ("\n", "。", "！")}
"""By whether the text is ASCII."""
LIST_MARK = re.compile(r"[\s\d.)）、:：・*•#>-]*")
SHORTEST_SENTENCE = 4

CHARACTER, PHRASE = 1, 2
"""Bits of `suspects`."""
GRAM = 8
"""Characters that are compared at once, for phrases of that length and longer."""
ODD = np.uint32(0x9E3779B1)
UNLIKE = np.uint32(0x110000)
"""From here on stands for what is equal to nothing; code points end below."""
SPANS = (range(GRAM, 28), range(28, LONGEST_UNIT + 1))
"""Lengths of phrases that are looked for at the same places."""
WORTHWHILE = 4000
"""Characters; fewer are searched sooner than screened."""
Codes = NDArray[np.uint32]
Places = NDArray[np.int64]
NONE: Places = np.zeros(0, np.int64)


@dataclass(frozen=True)
class RepetitionLimits:
    """How often is too often: the most that may stand in a row."""

    marks: int
    """Of one punctuation mark."""
    characters: int
    """Of any other sign but digits."""
    phrases: int
    """Of a phrase; three are too many where they fill more than half of the text."""


def repeated_character(text: str, limits: RepetitionLimits) -> str | None:
    """The first run of one sign that is longer than allowed; lines that are drawn (-----) and digits are left alone."""
    line_end, is_drawn = -1, False
    for found in _runs(limits.marks, limits.characters).finditer(text):
        if found[0].isdigit():
            continue
        if found.start() >= line_end:  # a line that is drawn may have a run in every few places
            line_end, is_drawn = _is_drawn(text, found.start(), found.end())
        if not is_drawn:
            return found[0]
    return None


def repeated_phrase(text: str, limits: RepetitionLimits) -> str | None:
    """The first phrase of 2 to 200 characters that stands in a row too often; numbers and rules are left alone."""
    step = 1 if len(text) < 80 else 3
    start = 0
    while start < len(text) - ANCHOR:
        unit, first, end = _run_at(text, start)
        span = end - first
        if unit > 1 and span >= 3 * unit and span >= SHORTEST:
            too_often = span > limits.phrases * unit or 2 * span > len(text)
            if too_often and _is_phrase(text[first : first + unit]):
                return text[first:end]
            start = end - ANCHOR
        elif unit == 1:  # one sign over and over is no phrase, wherever in it one looks
            start += max(0, end - ANCHOR - 1 - start) // step * step
        start += step
    return None


def repeated_sentence(text: str, limits: RepetitionLimits) -> str | None:
    """The longest of the sentences or lines that stand there too often, though not in a row, and fill half the text."""
    for end in SENTENCE_ENDS[text.isascii()]:
        if text.count(end) < limits.phrases - 1:
            continue
        pieces = text.split(end)
        # Lines may be numbered: they are the same where they end alike.
        different = {piece[-SHORTEST_SENTENCE:] for piece in pieces} if end == "\n" else set(pieces)
        if len(pieces) - len(different) < limits.phrases - 1:
            continue
        times = Counter(LIST_MARK.sub("", piece, count=1).strip() for piece in pieces)
        often = [said for said, number in times.items() if number >= limits.phrases and len(said) >= SHORTEST_SENTENCE]
        often = [said for said in often if _is_phrase(said)]
        if 2 * sum(times[said] * (len(said) + len(end)) for said in often) > len(text):
            return max(often, key=len)
    return None


def suspects(texts: Sequence[str], limits: RepetitionLimits) -> NDArray[np.uint8]:
    """[texts] CHARACTER and PHRASE where `repeated_character` and `repeated_phrase` may find something.

    Never misses what they find. A phrase of n characters that stands there three times is equal to itself n characters
    on, 2n times in a row; so short phrases are looked for at every place, and longer ones, by hashes of 8 characters,
    at places so far apart that one of them lies in such a row.
    """
    if sum(map(len, texts)) < WORTHWHILE:
        return np.full(len(texts), CHARACTER | PHRASE, np.uint8)
    bits = np.zeros(len(texts), np.uint8)
    codes, starts = _codes(texts)
    _mark(bits, starts, _characters(codes, limits), CHARACTER)
    places, units = (np.concatenate(parts) for parts in zip(*_phrases(codes), strict=True))
    if len(places):
        num_said = np.concatenate(([0], np.cumsum(~_is_numbered().take(codes, mode="clip"), dtype=np.int64)))
        says = num_said[np.minimum(places + units, len(codes))] > num_said[places]
        _mark(bits, starts, places[says], PHRASE)
    return bits


def _codes(texts: Sequence[str]) -> tuple[Codes, Places]:
    """The code points of all texts, each followed by one that is like no other, and where each text begins."""
    ends = np.cumsum([len(text) + 1 for text in texts], dtype=np.int64)
    joined = "\0".join([*texts, ""])
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.dtype("<u4")).astype(np.uint32)
    codes[ends - 1] = UNLIKE + (ends - 1).astype(np.uint32)
    return codes, np.concatenate((np.zeros(1, np.int64), ends[:-1]))


def _mark(bits: NDArray[np.uint8], starts: Places, places: Places, bit: int) -> None:
    bits[np.searchsorted(starts, places, side="right") - 1] |= np.uint8(bit)


def _characters(codes: Codes, limits: RepetitionLimits) -> Places:
    """Where a mark, or a sign that is no digit and no blank, may stand too often."""
    same = codes[1:] == codes[:-1]
    marks, others = (np.flatnonzero(_all_of(same, most)) for most in (limits.marks, limits.characters))
    blank = (codes[others] == ord(" ")) | (codes[others] - np.uint32(ord("0")) < 10)
    return np.concatenate((marks[np.isin(codes[marks], _mark_codes())], others[~blank]))


def _phrases(codes: Codes) -> Iterator[tuple[Places, Places]]:
    """Places where a phrase may repeat, and how long the phrase is."""
    for unit in range(2, GRAM):
        same = codes[unit:] == codes[:-unit]
        places = np.flatnonzero(_all_of(same, max(2 * unit, SHORTEST - unit)))
        yield places, np.full(len(places), unit)
    grams = codes
    for shift in (1, 2, 4):
        grams = grams[:-shift] * ODD + grams[shift:]
    for units in SPANS:
        yield _confirmed(grams, *_equal_grams(grams, units))


def _equal_grams(grams: Codes, units: range) -> tuple[Places, Places]:
    # Where a phrase stands three times, hashes are equal 2 * unit - 7 times in a row: one place is a multiple of this.
    stride = 2 * units.start - GRAM
    whole = np.zeros(-(-len(grams) // stride) * stride, np.uint32)
    whole[: len(grams)] = grams
    columns = np.ascontiguousarray(whole.reshape(-1, stride).T)
    places, found = [], []
    for unit in units:
        later = columns[unit % stride][unit // stride :]
        hits = np.flatnonzero(columns[0][: len(later)] == later)
        if len(hits):
            places.append(hits * stride)
            found.append(np.full(len(hits), unit))
    return np.concatenate([NONE, *places]), np.concatenate([NONE, *found])


def _confirmed(grams: Codes, places: Places, units: Places) -> tuple[Places, Places]:
    """Those with equal hashes further on or further back as well, where a phrase that stands three times has them."""
    for quarters in (4, 2, 1, 3):
        away = (units - GRAM // 2) * quarters // 4
        kept = np.zeros(len(places), np.bool_)
        for near in (places + away, places - away):
            inside = (near >= 0) & (near + units < len(grams))
            first = np.where(inside, near, 0)
            kept |= inside & (grams[first] == grams[np.where(inside, near + units, 0)])
        places, units = places[kept], units[kept]
    return places, units


def _all_of(flags: NDArray[np.bool_], length: int) -> NDArray[np.bool_]:
    """Whether `length` flags from here on are all set."""
    width = 1
    while width < length:
        shift = min(width, length - width)
        flags = flags[:-shift] & flags[shift:]
        width += shift
    return flags


def _run_at(text: str, start: int) -> tuple[int, int, int]:
    """(unit, first, end) of the periodic run around `start`; unit 0 where there is none of three units."""
    anchor = text[start : start + ANCHOR]
    again = text.find(anchor, start + 1, start + LONGEST_UNIT + ANCHOR)
    while again >= 0:
        unit = again - start
        first, end = start, again + ANCHOR
        while end < len(text) and text[end] == text[end - unit]:
            end += 1
        if end - first >= 2 * unit:
            while first > 0 and text[first - 1] == text[first - 1 + unit]:
                first -= 1
            if end - first >= 3 * unit:
                return unit, first, end
        again = text.find(anchor, again + 1, start + LONGEST_UNIT + ANCHOR)
    return 0, start, start


def _is_phrase(unit: str) -> bool:
    return not NUMBERED.fullmatch(unit)


@cache
def _runs(marks: int, characters: int) -> re.Pattern[str]:
    return re.compile(rf"([{re.escape(MARKS)}])\1{{{marks},}}|(\S)\2{{{characters},}}")


@cache
def _mark_codes() -> NDArray[np.uint32]:
    return np.array([ord(mark) for mark in MARKS], np.uint32)


@cache
def _is_numbered() -> NDArray[np.bool_]:
    """By code point; the last stands for all that come after it."""
    flags = np.zeros(plane.NUM_BASIC, np.bool_)
    for code, sign in enumerate(plane.first(plane.NUM_BASIC)):
        flags[code] = NUMBERED.fullmatch(sign) is not None
    return flags


def _is_drawn(text: str, start: int, end: int) -> tuple[int, bool]:
    """Where the line of the piece ends, and whether it is drawn and stands beside lines that say something."""
    stop = text.find("\n", end)
    stop = stop if stop >= 0 else len(text)
    line = text[text.rfind("\n", 0, start) + 1 : stop]
    return stop, bool(RULED.fullmatch(line)) and line.strip() != text.strip()
