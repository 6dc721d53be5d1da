"""Wrong decodings are seen; those that lost nothing are turned back."""

import pytest

from jobs.logic.mojibake import is_mojibake, mended

JAPANESE = "土鍋の手入れと長持ちのこつ"
ENGLISH = "Caring for clay pots — what’s “best” for café owners"


def browser(data: bytes) -> str:
    """Windows-1252 as browsers read it: its five free bytes are control characters."""
    return "".join(
        bytes([byte]).decode("cp1252" if byte not in b"\x81\x8d\x8f\x90\x9d" else "latin-1") for byte in data
    )


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        (JAPANESE.encode().decode("latin-1"), JAPANESE),
        (browser(JAPANESE.encode()), JAPANESE),
        (browser(JAPANESE.encode("cp932")), JAPANESE),
        (JAPANESE.encode("euc_jp").decode("latin-1"), JAPANESE),
        ("日本語の文字".encode().decode("cp932", "replace"), None),
        (JAPANESE.encode().decode("cp932", "ignore"), None),
        (JAPANESE.encode().decode("gbk", "ignore"), None),
        (JAPANESE.encode("cp932").decode("utf-8", "replace"), None),
        (browser(ENGLISH.encode()), ENGLISH),
        (ENGLISH.encode().decode("mac-roman"), ENGLISH),
    ],
)
def test_wrong(wrong: str, meant: str | None) -> None:
    assert is_mojibake(wrong)
    assert mended(wrong) == meant


@pytest.mark.parametrize(
    "text", ["", "plain", JAPANESE, ENGLISH, "東京×大阪±3° é", "ｶﾀｶﾅ ﾊﾝｶｸ", "縺れた糸", "ÄÖÜ ß Größe"]
)
def test_right(text: str) -> None:
    assert not is_mojibake(text)
