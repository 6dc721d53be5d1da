"""Wrong decodings are seen; those that lost nothing are turned back."""

from random import Random

import ftfy.badness
import pytest

from jobs.logic.text import signs
from jobs.logic.text.mojibake import ODD, is_mojibake, mended

JAPANESE = "土鍋の手入れと長持ちのこつ"
KANJI = "東京都庁舎"
ENGLISH = "Caring for clay pots — what’s “best” for café owners"
ARTICLE = f"{JAPANESE}。\n乾かしてから、風通しのよい場所に置く。\n\n| 手順 | 時間 |\n|---|---|\n| 洗う | 5分 |"


def browser(data: bytes) -> str:
    """Windows-1252 as browsers read it: its five free bytes are control characters."""
    return "".join(
        bytes([byte]).decode("cp1252" if byte not in b"\x81\x8d\x8f\x90\x9d" else "latin-1") for byte in data
    )


def bare_jis(text: str) -> str:
    return text.encode("iso2022_jp").decode("ascii").replace("\x1b", "")


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        (JAPANESE.encode().decode("latin-1"), JAPANESE),
        (browser(JAPANESE.encode()), JAPANESE),
        (browser(JAPANESE.encode("cp932")), JAPANESE),
        (browser("アイスクリーム".encode("cp932")), "アイスクリーム"),
        (JAPANESE.encode("euc_jp").decode("latin-1"), JAPANESE),
        (browser(browser(JAPANESE.encode()).encode()), JAPANESE),
        (JAPANESE.encode().decode("mac-roman"), JAPANESE),
        (ARTICLE.encode().decode("mac-roman"), ARTICLE),
        (JAPANESE.encode().decode("cp437"), JAPANESE),
        ("料理".encode().decode("cp932"), "料理"),
        ("歴史".encode().decode("gbk"), "歴史"),
        (bare_jis(JAPANESE), JAPANESE),
        (bare_jis("題名は土鍋(2)です"), "題名は土鍋(2)です"),
        (f"題名を付けてください。\n\n{browser(JAPANESE.encode())}", f"題名を付けてください。\n\n{JAPANESE}"),
        (browser(ENGLISH.encode()), ENGLISH),
        (ENGLISH.encode().decode("mac-roman"), ENGLISH),
        ("a neighbour’s guide".encode().decode("cp932"), "a neighbour’s guide"),
        ("in Cádiz and Zürich".encode().decode("cp932"), "in Cádiz and Zürich"),
        ("日本語の文字".encode().decode("cp932", "replace"), None),
        (JAPANESE.encode().decode("cp932", "ignore"), None),
        (KANJI.encode().decode("cp932", "ignore"), None),
        (JAPANESE.encode().decode("gbk", "ignore"), None),
        (JAPANESE.encode("cp932").decode("utf-8", "replace"), None),
        (JAPANESE.encode("euc_jp").decode("cp932", "ignore"), None),
        (JAPANESE.encode().decode("latin-1")[:-1], None),
        ("土鍋の\ufffdれ", None),
    ],
)
def test_wrong(wrong: str, meant: str | None) -> None:
    assert is_mojibake(wrong)
    assert mended(wrong) == meant
    assert signs.block([wrong]).of_each()[0] & signs.NOTABLE or "$B" in wrong


@pytest.mark.parametrize(
    "text",
    [
        *("", "plain", JAPANESE, ENGLISH, ARTICLE, "東京×大阪±3° é", "ｶﾀｶﾅ ﾊﾝｶｸ", "ｶﾀｶﾅ､ﾊﾝｶｸ｡", "縺れた糸", "銛"),
        *("蜘蛛と蟷螂", "繧繝彩色の歴史", "窶れた顔", "ÄÖÜ ß Größe"),
        *("Élève du café à Zürich, naïve façade – “quoted”", "São Paulo é ótimo", "Привет, как дела?"),
        *("Ελληνικά γράμματα", "© 2020 «Foo» ™ ®", "árvíztűrő tükörfúrógép", "Łódź żółć", "đặng ữ ệ"),
        *("° × ÷ µ ¶ § ½ ¼", "“Wait… what?!” — she said", "US$100 (about)", "A$B(C)", "パン屋のｶﾌｪ", "辻󠄀さんの㈱"),
        *("π≒3.14、25〜30℃",),
    ],
)  # fmt: skip
def test_right(text: str) -> None:
    assert not is_mojibake(text)


def test_what_ftfy_takes_offence_at_in_a_short_text_is_mojibake() -> None:
    rng = Random(3)
    table = "".join("".join(characters) for characters in ftfy.badness.MOJIBAKE_CATEGORIES.values())
    known = [chr(code) for code in range(0x80, 0x2600) if chr(code) in table or chr(code) in "ÃÂœ°√×éüöАя"]
    for _ in range(20_000):
        text = "".join(rng.choices([*known, *"aZ .,0\n"], k=rng.randint(2, 5)))
        assert is_mojibake(text) or not ftfy.badness.is_bad(text)
        assert ODD.search(text) or not ftfy.badness.is_bad(text)
