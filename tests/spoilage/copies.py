"""Rows that stand behind a clean one and say it again, or say otherwise."""

from __future__ import annotations

import unicodedata
from random import Random

from tests.spoilage.clean_rows import CleanRow, clean_rows
from tests.spoilage.spoiled import Spoiled


def exact_copy(row: CleanRow, rng: Random) -> Spoiled:
    """The same row once more, as it reads: other white space, width, case or composition."""
    change = rng.choice((_same, _same, _spaced, wide, _upper, _decomposed))
    return whole(row.asked(change(row.prompt)).answered(change(row.answer)))


def near_copy(row: CleanRow, rng: Random) -> Spoiled:
    """The same row but for a slip of the pen or a note that it was posted before."""
    change = rng.choice((_noted, _typo, _typo, _stopped, _greeted))
    return whole(row.asked(change(row.prompt, rng)))


def contradictory(row: CleanRow, rng: Random) -> Spoiled:
    """The same prompt with the answer of another row."""
    while True:
        answer = clean_rows(row.language, row.task, 1, rng.getrandbits(32), 0)[0].answer
        if answer != row.answer:
            return whole(row.answered(answer))


def whole(row: CleanRow) -> Spoiled:
    """A row that may not be kept at all."""
    return Spoiled(row, (row.prompt, row.answer))


def _same(text: str) -> str:
    return text


def _spaced(text: str) -> str:
    return f" {text.replace(chr(10), ' ' + chr(10))}\n"


def wide(text: str) -> str:
    """With digits as wide as Japanese characters."""
    return "".join(chr(ord(sign) + 0xFEE0) if sign.isdigit() and sign.isascii() else sign for sign in text)


def _upper(text: str) -> str:
    return text.upper()


def _decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def _noted(text: str, rng: Random) -> str:
    return f"{text}{rng.choice((' (Posted again.)', ' [edited]') if text.isascii() else ('（再掲）', '※再送'))}"


def _typo(text: str, rng: Random) -> str:
    place = rng.randrange(len(text) // 2, len(text) - 2)
    return f"{text[:place]}{text[place + 1]}{text[place]}{text[place + 2 :]}"


def _stopped(text: str, rng: Random) -> str:
    return f"{text.rstrip('。.?？')}{rng.choice('!！')}"


def _greeted(text: str, rng: Random) -> str:
    return f"{rng.choice(('Hi! ', 'Hello, ') if text.isascii() else ('こんにちは。', 'はじめまして。'))}{text}"
