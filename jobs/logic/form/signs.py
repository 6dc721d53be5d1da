"""Kinds of characters, as tables over code points: what an answer looks like, whatever it says."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from jobs.logic.text import plane

SPACE, NEWLINE, LETTER, LOWER, UPPER, WIDE_LETTER, HALF_KANA, CJK, DIGIT, PLAIN, PAIR, SIGN, MARK, EMOJI = range(14)
NUM_KINDS = 14
"""Letters from LETTER to CJK, words from LETTER to DIGIT, marks from PLAIN on."""
LAST = 0x2FFFF
"""The last code point that is told apart."""

SENTENCE_ENDS = "؟۔॥।။።፧។៕։՞།༎᙮᠃᠉෴׃"
"""Full stops and question marks of other scripts: Arabic, Indic, Burmese, Ethiopic, Khmer, Armenian, Tibetan ..."""
PLAIN_MARKS = f".,!?'’‘…‥。、，．！？・〜～%％&＆°′″´™®©℃℉№♪☆★♡♥♫;；:：¡¿ゝゞ゛゜،؛{SENTENCE_ENDS}"
"""Usual in sentences and titles."""
PAIRS = {
    '"': '"', "'": "'", "“": "”", "‘": "’", "„": "“", "「": "」", "『": "』", "(": ")", "（": "）", "«": "»", "‹": "›",
    "【": "】",
}  # fmt: skip
SIGNS = "+-$€£¥￥<>=≤≥≈±×÷√−~#/^*–—"
"""Usual beside a number."""
OPENERS = ".…‥'‘’¡¿〜～—–"
"""Plain marks that an answer may open with."""
CLOSERS = "+#-–—~]}>"
"""Other marks that an answer may end with: C++, an interrupted line, a reference."""
OFTEN_DOUBLED = ".…‥!?！？。・〜～~♪♡♥☆★+–—"
"""Usual twice at the end."""
SEPARATORS = "\t,、，;；:：/／|｜・→>_=#+~@＃＝*\\"
PROSE_SEPARATORS = ",、，;；:：/・"
"""Those that any sentence may have."""
BARS = "|｜→\t"
"""Those that are nothing else."""
NEVER_IN_NUMBERS = "|｜;；→_@\\"
DOUBLING = ":@|/{[%^~;$&=\\<>"
"""Marks that stand twice in markup and in code."""
JOINER, TONES, FLAG_LETTERS = 0x200D, (0x1F3FB, 0x1F3FF), (0x1F1E6, 0x1F1FF)
"""What emoji are made of that are one to the eye: a joiner between two, skin tones, pairs of letters."""

RANGES = (
    (0x3041, 0x3096, CJK), (0x30A1, 0x30FA, CJK), (0x30FC, 0x30FC, CJK), (0x3005, 0x3007, CJK), (0x3400, 0x9FFF, CJK),
    (0xAC00, 0xD7A3, CJK), (0xFF21, 0xFF3A, WIDE_LETTER), (0xFF41, 0xFF5A, WIDE_LETTER), (0xFF66, 0xFF9F, HALF_KANA),
    (0x3200, 0x33FF, LETTER), (0x2100, 0x214F, LETTER), (0x2600, 0x2604, EMOJI), (0x2614, 0x2615, EMOJI),
    (0x26A1, 0x27BF, EMOJI), (0xFE00, 0xFE0F, SPACE), (0x1F000, 0x1FBFF, EMOJI), (0x1D400, 0x1D7FF, WIDE_LETTER),
)  # fmt: skip
BY_CATEGORY = {"Ll": LOWER, "Lu": UPPER, "Zs": SPACE, "Nd": DIGIT, "No": DIGIT, "Cc": SPACE, "Cf": SPACE}


@cache
def kinds() -> NDArray[np.uint8]:
    """Kind by code point, [LAST + 1]."""
    table = np.full(LAST + 1, CJK, np.uint8)
    found = plane.categories()
    by_category = {one: BY_CATEGORY.get(one, LETTER if one[0] in "LMN" else MARK) for one in set(found)}
    table[: plane.NUM_BASIC] = np.fromiter(map(by_category.__getitem__, found), np.uint8, plane.NUM_BASIC)
    for first, last, kind in RANGES:
        table[first : last + 1] = kind
    pairs = "".join((*PAIRS, *PAIRS.values()))
    for marks, kind in ((PLAIN_MARKS, PLAIN), (pairs, PAIR), (SIGNS, SIGN), ("\n", NEWLINE), ("\t", MARK)):
        table[points(marks)] = kind
    return table


@cache
def hashes() -> NDArray[np.uint32]:
    """A number for each letter and digit, the same for both cases; 0 for everything else, [LAST + 1]."""
    table = np.zeros(LAST + 1, np.uint32)
    words = np.flatnonzero((kinds() >= LETTER) & (kinds() <= DIGIT))
    lower = _lower()[words].astype(np.uint64)
    table[words] = ((lower + 1) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(32)).astype(np.uint32)
    return table


def _lower() -> NDArray[np.uint32]:
    """The code point of each in lower case, the first of several, [LAST + 1]: most pages of 256 have no capital."""
    found, every = np.arange(LAST + 1, dtype=np.uint32), plane.first(LAST + 1)
    for start in range(0, LAST + 1, 256):
        page = every[start : start + 256]
        if page.lower() != page:
            found[start : start + 256] = [ord(sign.lower()[0]) for sign in page]
    return found


@cache
def among(marks: str) -> NDArray[np.bool_]:
    """Whether each code point is one of `marks`, [LAST + 1]."""
    table = np.zeros(LAST + 1, bool)
    table[points(marks)] = True
    return table


def points(marks: str) -> NDArray[np.uint32]:
    """The code points of `marks`."""
    return np.frombuffer(marks.encode("utf-32-le", "surrogatepass"), np.uint32)


def is_letter(found: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which kinds are letters."""
    return (found >= LETTER) & (found < DIGIT)


def is_word(found: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which kinds are letters or digits."""
    return (found >= LETTER) & (found <= DIGIT)
