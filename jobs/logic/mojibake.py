"""Text that was decoded with the wrong encoding: seen, and mended where the original can be had back whole.

UTF-8 read as Latin-1, Windows-1252 or MacRoman is ftfy's field (https://ftfy.readthedocs.io). UTF-8 read as Shift_JIS
or GBK, and Shift_JIS or EUC-JP read as something else, is not; those are looked for here.
"""

from __future__ import annotations

import re

LOST = "\ufffd"
"""Stands where bytes could not be decoded: what was there is gone."""
WESTERN = re.compile(r"[\x80-\xffŒœŠšŸŽžƒˆ˜–—‘’‚“”„†‡•…‰‹›€™¬√∫ÄÇ]")
"""Characters that single-byte encodings make of the bytes 0x80 to 0xff."""
KANA_LEADS = re.compile("縺|繧(?!繝)|(?<!繧)繝")
"""What Shift_JIS makes of the UTF-8 lead bytes of kana; rare in real text but for 繧繝, a way of painting."""
GBK_LEADS = re.compile("[銇銈銉]")
"""The same for GBK."""
JAPANESE = re.compile("[ぁ-ヿ一-鿿]")
WESTERN_CODECS = ("latin-1", "sloppy-windows-1252")
"""The second is ftfy's: Windows-1252 as browsers read it, every byte a character."""
MISREADINGS = (
    ("cp932", "utf-8"),
    ("gbk", "utf-8"),
    *((read_as, was) for read_as in WESTERN_CODECS for was in ("utf-8", "cp932", "euc_jp")),
)
"""(read as, really was), for Japanese text."""


def is_mojibake(text: str) -> bool:
    """Whether the text shows a wrong decoding."""
    if text.isascii():
        return False
    if LOST in text or len(KANA_LEADS.findall(text)) > 1 or len(GBK_LEADS.findall(text)) > 1:
        return True
    western = WESTERN.findall(text)
    return len(western) > 1 and (_is_bad(text) or _is_bytes(text, len(western)))


def mended(text: str) -> str | None:
    """The text as it was meant, or None where it cannot be had back whole."""
    if LOST in text:
        return None
    for read_as, was in MISREADINGS:
        meant = _reread(text, read_as, was)
        if meant is not None:
            return meant
    import ftfy  # only where something is wrong: it costs a tenth of a second

    meant = ftfy.fix_encoding(text)
    return None if meant == text or is_mojibake(meant) else meant


def _reread(text: str, read_as: str, was: str) -> str | None:
    """The text decoded anew, if that is possible without loss and gives Japanese that shows no wrong decoding."""
    import ftfy.bad_codecs  # noqa: F401 (registers the codec)

    try:
        meant = text.encode(read_as).decode(was)
    except UnicodeError:
        return None
    signs = KANA_LEADS.search(meant) or GBK_LEADS.search(meant)
    kana_or_kanji = len(JAPANESE.findall(meant))
    return meant if not signs and kana_or_kanji * 3 >= len(meant) and meant != text else None


def _is_bad(text: str) -> bool:
    import ftfy.badness

    return bool(ftfy.badness.is_bad(text))


def _is_bytes(text: str, num_western: int) -> bool:
    """Shift_JIS or EUC-JP read as a Western encoding: nearly all characters are high bytes."""
    return num_western * 2 > len(text) and any(
        _reread(text, read_as, was) is not None for read_as, was in MISREADINGS if read_as in WESTERN_CODECS
    )
