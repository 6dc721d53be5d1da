"""Text that was decoded with the wrong encoding: seen, and mended where the original can be had back whole.

UTF-8 read as Latin-1, Windows-1252 or MacRoman is ftfy's field (https://ftfy.readthedocs.io). UTF-8 read as Shift_JIS
or GBK, Shift_JIS or EUC-JP read as something else, and ISO-2022-JP that lost its escapes are not; those are looked for
here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

LOST = "\ufffd"
"""Stands where bytes could not be decoded: what was there is gone."""
WESTERN = re.compile(r"[\x80-\xffŒœŠšŸŽžƒˆ˜–—‘’‚“”„†‡•…‰‹›€™¬√∫ÄÇ]")
"""Characters that single-byte encodings make of the bytes 0x80 to 0xff."""
KANA_LEADS = re.compile("縺|繧(?!繝)|(?<!繧)繝")
"""What Shift_JIS makes of the UTF-8 lead bytes of kana; rare in real text but for 繧繝, a way of painting."""
GBK_LEADS = "銇銈銉"
"""The same for GBK."""
JAPANESE = re.compile("[ぁ-ヿ一-鿿、。「」]")
WESTERN_CODECS = ("latin-1", "sloppy-windows-1252")
"""The second is ftfy's: Windows-1252 as browsers read it, every byte a character."""
UTF_8_IN_ASIA = (("cp932", "utf-8"), ("gbk", "utf-8"))
IN_THE_WEST = tuple((read_as, was) for read_as in WESTERN_CODECS for was in ("utf-8", "cp932", "euc_jp"))
MISREADINGS = (*UTF_8_IN_ASIA, ("cp932", "euc_jp"), *IN_THE_WEST)
"""(read as, really was), for Japanese text."""
OLDER = tuple((read_as, was) for read_as in ("mac-roman", "cp437") for was in ("utf-8", "cp932", "euc_jp"))
BEFORE = (*MISREADINGS, *OLDER)
"""What a text may have been: one that may have been two things is not mended."""
BARE = "$B"
BARE_JIS = re.compile(r"\$B((?:[!-~]{2}){1,300}?)\([BJ]")
"""ISO-2022-JP without its escape characters, as in old mail."""
LONE_HALF_WIDTH = re.compile("(?<=[一-鿿])[｡-ﾟ](?![｡-ﾟ])")
"""What Shift_JIS makes of some kanji in UTF-8; real text has half-width kana in words of their own."""


RARE_FROM = b"\x98\x9f"
"""In Shift_JIS: the second level of JIS X 0208, kanji that are seldom used."""
NO_WORD = re.compile(
    "[｡-ﾟ\ue000-\uf8ff\x80-\xa0\u0250-\u036f€‚ƒ„†‡ˆ‰‹›Œœ˜∂∆∏∑∫≈◊\u2500-\u259f]|[ぁ-ヿ一-鿿][À-ɏ]|[À-ɏ][ぁ-ヿ一-鿿]"
)
"""Stands in no Japanese word that was decoded rightly; half-width kana are decoded wrongly more often than meant."""
HAN = re.compile("[\u3400-\u9fff]")
LOST_HALF = re.compile("･･|､､")
"""Two lead bytes of kana in EUC-JP, read as Shift_JIS: the byte between them may have been left out."""
CUT = re.compile("[ぁ-ヿ一-鿿][!-~]|[!-~][ぁ-ヿ一-鿿]")
"""The second byte of a sign in Shift_JIS or GBK may be ASCII: where the first was left out, it stands alone."""


def _rare(codec: str) -> str:
    """What a codec of two bytes makes of the first two bytes of kana and kanji in UTF-8, without common kanji."""
    pairs = (bytes((first, second)) for first in range(0xE2, 0xEA) for second in range(0x80, 0xC0))
    signs = (pair.decode(codec, "ignore") for pair in pairs)
    return "".join(sign for sign in signs if not b"\x88" < sign.encode("cp932", "ignore") < RARE_FROM)


RARE = frozenset(_rare("cp932") + _rare("gbk"))
LATIN_LEADS = "窶鈥ﾂﾃ"
IN_LATIN = re.compile("[窶鈥](?=[A-Za-z])|(?<=[A-Za-z])(?:[窶鈥]|[ﾂﾃ][｡-ﾟ])")
"""What Shift_JIS and GBK make of quotes, dashes and accents in UTF-8."""
LEFT_OVER = re.compile("[ぁ-ヿ一-鿿][\x80-\xff]|[\x80-\xff][ぁ-ヿ一-鿿]|[\x80-\xff]{2}")
"""Where a part could not be mended, it stands beside Japanese as it was."""
SHORT = 24
"""Characters; in a longer text one odd sign says nothing, unless it is one of these."""
ENOUGH = frozenset(f"{LOST}{LATIN_LEADS}ŒœÂÃØÙÎЂ" + "".join(map(chr, range(0x80, 0xA0))))
ODD = re.compile(f"[\x80-\xffĀ-ɏʰ-ӿ†‡‚„‰‹›⁄₠-⅏∂-≥⌐─-▟◊ﬁﬂ\uf8ff{LOST}､･ﾂﾃ{''.join(sorted(RARE))}]")
"""One of these is in every text that was decoded wrongly; curly quotes, dashes and ellipses alone say nothing."""


def is_mojibake(text: str) -> bool:
    """Whether the text shows a wrong decoding."""
    if BARE in text and _from_bare_jis(text) is not None:
        return True
    odd = [] if text.isascii() else ODD.findall(text)
    if not odd or (len(odd) == 1 and len(text) > SHORT and odd[0] not in ENOUGH):
        return False
    rare = sum(sign in RARE for sign in odd)
    if LOST in odd or (rare > 1 and len(KANA_LEADS.findall(text)) > 1) or sum(sign in GBK_LEADS for sign in odd) > 1:
        return True
    if rare < len(odd) and _is_bad(text):
        return True
    if any(lead in odd for lead in LATIN_LEADS) and IN_LATIN.search(text):
        return True
    if len(odd) * 4 >= len(text) and len(WESTERN.findall(text)) * 5 >= len(text) * 2:
        return _can_be_had_back(text, IN_THE_WEST)
    kana = odd.count("､") + odd.count("･")
    if kana * (7 if kana > 3 else 3) >= len(text) and kana > 2:
        return True  # kana in EUC-JP, read as Shift_JIS: every other sign is one of these
    return rare > 0 and _is_utf_8_in_asia(text, rare)


def _is_utf_8_in_asia(text: str, rare: int) -> bool:
    said = sum(not sign.isascii() for sign in text) if rare * 16 >= len(text) else len(text)
    lone = len(LONE_HALF_WIDTH.findall(text))
    if rare > 1 and lone and (rare + lone) * 3 >= said:
        return True
    return rare * (5 if rare > 1 else 8) >= said and _can_be_had_back(text, UTF_8_IN_ASIA)


def mended(text: str) -> str | None:
    """The text as it was meant, or None where it cannot be had back whole."""
    if LOST in text:
        return None
    if BARE in text and not ODD.search(text):
        return _from_bare_jis(text)
    likely = {meant: was for was, meant in _decoded(text, reversed(BEFORE)) if _is_plausible(meant, text, was)}
    in_utf_8 = [meant for meant, was in likely.items() if was == "utf-8"]  # other text is valid UTF-8 by no chance
    if len(in_utf_8) == 1:
        return in_utf_8[0]
    if likely:
        meant = next(iter(likely))
        return meant if len(likely) == 1 and _num_odd(meant, seldom=True) * FEW <= len(text) else None
    import ftfy  # only where something is wrong: it costs a tenth of a second

    meant = ftfy.fix_encoding(text)
    if not _is_whole(meant, text) and "\n" in text:
        # An instruction that is right may stand above a passage that is not.
        meant = "\n".join((mended(line) or line) if is_mojibake(line) else line for line in text.split("\n"))
    return meant if _is_whole(meant, text) else None


def _is_whole(meant: str, text: str) -> bool:
    if meant == text or is_mojibake(meant) or (len(meant) < 3 and not meant[:1].isascii()):
        return False
    return not JAPANESE.search(meant) or not (
        LEFT_OVER.search(meant) or _num_odd(meant, seldom=False) * FEW > len(meant)
    )


FEW = 16
"""One odd sign in so many: a formula in an article, and no word in which a byte was lost."""


def _is_plausible(meant: str, text: str, was: str) -> bool:
    """Whether the text reads as Japanese, or as the Latin it had beside it; a short one must not have one odd sign."""
    if not JAPANESE.search(meant):
        return True
    if len(text) <= SHORT and (LOST_HALF.search(text) or (was != "utf-8" and CUT.search(meant))):
        return False
    return _num_odd(meant, seldom=False) * FEW <= sum(not sign.isascii() for sign in meant)


def _num_odd(meant: str, seldom: bool) -> int:
    """Signs that stand in no text; of kanji those that neither Japanese nor simplified Chinese has, with `seldom` all
    that are not on the first level of JIS X 0208: any two bytes give one of the others."""
    return len(NO_WORD.findall(meant)) + sum(not _is_known(sign, seldom) for sign in HAN.findall(meant))


def _is_known(sign: str, seldom: bool) -> bool:
    code = sign.encode("cp932", "ignore")
    if seldom:
        return b"\x88" < code < RARE_FROM
    return bool(code or sign.encode("gb2312", "ignore"))


def _can_be_had_back(text: str, misreadings: Iterable[tuple[str, str]]) -> bool:
    return any(_decoded(text, misreadings))


def _decoded(text: str, misreadings: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """(what it was, the text) wherever decoding anew loses nothing and gives Japanese with no wrong decoding in it."""
    import ftfy.bad_codecs  # noqa: F401 (registers the codec)

    for read_as, was in misreadings:
        try:
            meant = text.encode(read_as).decode(was)
        except UnicodeError:
            continue
        if meant == text or KANA_LEADS.search(meant) or any(lead in meant for lead in GBK_LEADS):
            continue
        in_japanese = len(JAPANESE.findall(meant))
        said = len(meant) // 3 if read_as in WESTERN_CODECS else sum(not sign.isascii() for sign in meant) * 4 // 5
        if in_japanese >= max(said, 1) or (was == "utf-8" and IN_LATIN.search(text)):
            yield was, meant


def _from_bare_jis(text: str) -> str | None:
    def decoded(found: re.Match[str]) -> str:
        return (b"\x1b$B" + found[1].encode() + b"\x1b(B").decode("iso2022_jp")

    if "(B" not in text and "(J" not in text:
        return None
    try:
        meant = BARE_JIS.sub(decoded, text)
    except UnicodeError:
        return None
    return meant if len(JAPANESE.findall(meant)) > len(JAPANESE.findall(text)) + 1 else None


def _is_bad(text: str) -> bool:
    import ftfy.badness

    return bool(_offensive().search(text)) and bool(ftfy.badness.is_bad(text))


@cache
def _offensive() -> re.Pattern[str]:
    """Whatever ftfy takes offence at has this, and it is found many times faster."""
    from ftfy.badness import MOJIBAKE_CATEGORIES as CATEGORIES

    letters = CATEGORIES["lower_common"] + CATEGORIES["upper_common"]
    signs = "".join(characters for name, characters in CATEGORIES.items() if not name.endswith("_common"))
    neighbours = rf"[{signs}][{signs}{letters}]|[{letters}][{signs}]"
    return re.compile(rf"[\x80-\x9fŒœÂÃØÙÎЂ]|(?!·|…|―|—|–)(?:{neighbours})")
