"""Damage to the text itself: wrong decoding, repetition, invisible characters, nothing at all."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.spoilage.clean_rows import JOINTS, CleanRow
from tests.spoilage.spoiled import Spoiled, of_answer

MARKS = (
    "、",
    "。",
    "！",
    "？",
    "!",
    "?",
    ".",
    ",",
    "…",
    "・",
    "~",
    "！？",
    "?!",
    "。、",
    "*",
    "ー",
    ":",
    ";",
    "〜",
    "’",
)
LETTERS = {
    "ja": ("あ", "ん", "ア", "わ", "の", "土", "w", "G", "ッ", "い"),
    "en": ("a", "o", "G", "x", "e", "0O", "z", "A", "m", "l"),
}
EMPTY = (
    *("", " ", "\n", "\n\n\n", "\t", "　", "\u00a0", "\u200b", "\ufeff", "\u2060\u200d", "\u3164", "\u2800", "\u00ad"),
    *("\u200e \u200f", "　\n　", " \u200b ", "\u180e", "\U000e0020", "\u2063", "\u202c"),
)
INVISIBLE = (
    *("\u200b", "\u200c", "\u2060", "\ufeff", "\u00ad", "\u200e", "\u202e", "\u2066", "\u2063", "\ufff9"),
    *("\U000e0041\U000e0042", "\u061c", "\u180e", "\u202d\u202c", "\u206f"),
)


def repeated_marks(row: CleanRow, rng: Random) -> Spoiled:
    """、、、、、、、、 for an answer, behind it, or in it."""
    mark = rng.choice(MARKS)
    run = mark * rng.randint(6, 40)
    place = rng.randint(1, len(row.answer) - 1)
    answers = (run, row.answer + run, row.answer[:place] + run, row.answer[:place] + run + row.answer[place:])
    return Spoiled(row.answered(rng.choice(answers)), (run,))


def repeated_letters(row: CleanRow, rng: Random) -> Spoiled:
    """GGGGGGGGGGGGGGGG, the same ways."""
    run = rng.choice(LETTERS[row.language]) * rng.randint(14, 60)
    place = rng.randint(1, len(row.answer) - 1)
    answers = (run, row.answer + run, row.answer[:place] + run, row.answer[:place] + run + row.answer[place:])
    return Spoiled(row.answered(rng.choice(answers)), (run,))


def repeated_phrases(row: CleanRow, rng: Random) -> Spoiled:
    """A word, a phrase or the whole answer over and over."""
    joint = rng.choice((JOINTS[row.language], "\n", " ", "、" if row.language == "ja" else ", "))
    phrase = row.scene.fill(rng.choice(("{thing}", "{adj} {thing}", "{place}", "{person}", "{tool}")))
    if row.language == "ja":
        phrase = phrase.replace(" ", "")
    loop = joint.join([phrase] * rng.randint(6, 24))
    again = joint.join([row.answer] * rng.randint(4, 8))
    first = row.answer[: rng.randint(1, len(row.answer))]
    return of_answer(
        row, rng.choice((loop, f"{row.answer}{joint or ' '}{loop}", f"{first}{joint or ' '}{loop}", again))
    )


def empty(row: CleanRow, rng: Random) -> Spoiled:
    """Nothing, or nothing that can be seen."""
    return of_answer(row, rng.choice(EMPTY))


def invisible(row: CleanRow, rng: Random) -> Spoiled:
    """Characters without width or with power over the direction, in the answer or the prompt."""
    mark = rng.choice(INVISIBLE)
    if rng.random() < 0.6:
        return Spoiled(row.answered(sprinkled(row.answer, mark, rng)), (mark,))
    return Spoiled(row.asked(sprinkled(row.prompt, mark, rng)), (mark,))


def sprinkled(text: str, mark: str, rng: Random) -> str:
    """`text` with `mark` in one to four places."""
    for _ in range(rng.randint(1, 4)):
        place = rng.randint(0, len(text))
        text = text[:place] + mark + text[place:]
    return text


def mojibake(row: CleanRow, rng: Random) -> Spoiled:
    """Decoded wrongly: the answer, the prompt, or both. English gets the marks that suffer from it."""
    if row.language == "en":
        row = row.answered(typeset(row.answer)).asked(typeset(row.prompt))
    wrong = rng.choice([*READINGS, *(READINGS_OF_JAPANESE if row.language == "ja" else ())])
    both = row.answered(wrong(row.answer)).asked(wrong(row.prompt))
    return Spoiled(rng.choice((row.answered(wrong(row.answer)), row.asked(wrong(row.prompt)), both)), original=row)


def typeset(text: str) -> str:
    """With the dashes, quotes and accents of a publisher: mojibake needs characters beyond ASCII."""
    swaps = {"'": "’", "resume": "résumé", " and ": " — and ", " for ": " for “real” ", "a cafe": "a café"}
    for plain, fine in swaps.items():
        text = text.replace(plain, fine, 1)
    return text if not text.isascii() else f"{text} — déjà vu…"


def windows_1252(data: bytes) -> str:
    """As browsers decode it: the five bytes without a character become control characters."""
    return "".join(
        bytes([byte]).decode("latin-1" if byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else "cp1252") for byte in data
    )


def _utf8(text: str) -> bytes:
    return text.encode("utf-8")


READINGS: tuple[Callable[[str], str], ...] = (
    lambda text: windows_1252(_utf8(text)),
    lambda text: _utf8(text).decode("latin-1"),
    lambda text: _utf8(text).decode("cp932", "replace"),
    lambda text: _utf8(text).decode("gbk", "replace"),
    lambda text: _utf8(text).decode("mac_roman"),
    lambda text: windows_1252(_utf8(windows_1252(_utf8(text)))),
    lambda text: _utf8(_utf8(text).decode("latin-1")).decode("latin-1"),
    lambda text: _utf8(text).decode("ascii", "replace"),
)
"""What a wrong decoder makes of a text."""
READINGS_OF_JAPANESE: tuple[Callable[[str], str], ...] = (
    lambda text: _utf8(text).decode("cp932", "ignore"),
    lambda text: windows_1252(text.encode("cp932", "ignore")),
    lambda text: text.encode("euc_jp", "ignore").decode("latin-1"),
)
"""Of English they would leave nothing to see."""
