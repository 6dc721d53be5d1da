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


WORDS = (
    "質問", "日本", "当時", "侵攻", "同年", "明治", "開始", "最初", "最後", "言葉", "所属", "漱石",
    "薔薇", "題名", "記事", "手入れ", "任天堂", "東京都", "体制", "絶滅", "地域", "使用", "作品", "建設",
    "中心", "支持", "構成", "本来", "成立", "完成", "ワイン", "トリム", "ハリル", "ルマン", "サイズ", "カメラ",
    "ドイツ", "チーム", "パンダ", "ことば", "はるか", "すぐに", "おもに", "しかし", "という", "または", "それぞれ",
)  # fmt: skip
READ_AS = ("cp932", "gbk", "gb18030", "big5", "euc_jp", "euc_kr", "latin-1", "cp1252", "mac-roman", "cp437")


@pytest.mark.parametrize("errors", ["strict", "ignore", "replace"])
@pytest.mark.parametrize("was", ["utf-8", "cp932", "euc_jp"])
@pytest.mark.parametrize("read_as", READ_AS)
def test_short_words_come_back_right_or_not_at_all(read_as: str, was: str, errors: str) -> None:
    for word in WORDS:
        try:
            wrong = word.encode(was).decode(read_as, errors)
        except UnicodeDecodeError:
            continue
        if wrong != word and is_mojibake(wrong):
            assert mended(wrong) in (word, None), (word, wrong)


@pytest.mark.parametrize(("read_as", "least"), [("latin-1", 1.0), ("cp932", 1.0), ("gbk", 0.9), ("mac-roman", 0.9)])
def test_short_words_that_lost_nothing_come_back(read_as: str, least: float) -> None:
    wrong = {}
    for word in WORDS:
        try:
            wrong[word] = word.encode().decode(read_as)
        except UnicodeDecodeError:
            continue
    assert len(wrong) > 10
    assert sum(mended(text) == word for word, text in wrong.items() if is_mojibake(text)) >= least * len(wrong)
