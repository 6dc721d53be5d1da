"""Texts that say which language they are in are told, and names, formulas, code and short texts are left open."""

import pytest

from jobs.logic.text.language import HAN, KANA, LANGUAGES, LATIN, SCRIPTS, index, is_requested, script_of, spoken


def told(text: str) -> str:
    return str(LANGUAGES[spoken([text]).languages[0]])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("土鍋の手入れを毎日する", "ja"),
        ("ゴジラ", "ja"),
        ("Umbrella は清水翔太のアルバムである", "ja"),
        ("时间不早了，我们应该回家了，明天还要上班。", "zh"),
        ("这是东京的图书馆", "zh"),
        ("안녕하세요, 반갑습니다", "ko"),
        ("Сегодня мы идём в лес, а завтра поедем на море.", "ru"),
        ("Η γέφυρα είναι παλιά", "el"),
        ("She sold the clips to her friends and then went home with them.", "en"),
        ("The bridge was built in winter.", "en"),
        ("Der alte Hafen liegt hinter dem Dorf und wird heute kaum noch benutzt.", "de"),
        ("Nous allons demain au marché avec les enfants pour acheter des fruits.", "fr"),
        ("ALL OF THE CLIPS WERE SOLD TO HER FRIENDS AND THEN SHE WENT HOME.", "en"),
    ],
)
def test_a_language_is_told(text: str, code: str) -> None:
    assert told(text) == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "42",
        "飛騨市図書館",
        "第二次世界大戦",
        "New York",
        "Wolfgang Amadeus Mozart",
        "positive",
        "π",
        "x = 2π",
        "metastore = manager.metastore",
        "const errCode = (msg, code) => code",
        "0.999...",
        "🔥🔥🔥",
        "東京😀😀😀",
        "Undertale の OST",
    ],
)
def test_names_numbers_and_code_are_left_open(text: str) -> None:
    assert told(text) == ""


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("飛騨市図書館", "Han"),
        ("土鍋の手入れ", "kana"),
        ("New York", "Latin"),
        ("π", ""),
        ("2 + 2 = 4", ""),
        ("Привет", "Cyrillic"),
        ("한국", "Hangul"),
        ("مرحبا بكم", "Arabic"),
    ],
)
def test_the_script_is_told(text: str, script: str) -> None:
    assert SCRIPTS[spoken([text]).scripts[0]] == script


def test_a_short_text_is_not_sure() -> None:
    found = spoken(
        [
            "Uncompressor for Amiga DMS archives",
            "Der alte Hafen liegt hinter dem Dorf und wird heute kaum noch benutzt.",
        ]
    )
    assert found.sure.tolist() == [False, True]
    assert found.certain.tolist() == [False, True]


def test_a_list_of_names_is_never_certain() -> None:
    found = spoken(["- Ragu alla Bolognese\n- Risotto\n- Spaghetti alla Carbonara\n- Lasagne\n- Gelato"])
    assert not found.certain.any()


def test_texts_side_by_side_do_not_mix() -> None:
    texts = ["土鍋の手入れ", "", "She sold the clips to her friends and then went home.", "東京", "안녕하세요"]
    together = spoken(texts)
    assert together.languages.tolist() == [spoken([text]).languages[0] for text in texts]
    assert together.scripts.tolist() == [spoken([text]).scripts[0] for text in texts]


@pytest.mark.parametrize(
    "prompt",
    [
        "次の文を英語で書いてください。",
        "次の文を日本語に訳してください。",
        "Translate this: good morning",
        "Say good morning in French.",
        "请翻译成英文",
    ],
)
def test_a_language_is_requested(prompt: str) -> None:
    assert is_requested(prompt)


@pytest.mark.parametrize("prompt", ["題名を付けてください。", "Write a title for this article about Paris.", ""])
def test_no_language_is_requested(prompt: str) -> None:
    assert not is_requested(prompt)


def test_codes() -> None:
    assert LANGUAGES[index("ja")] == "ja"
    assert index("tlh") == 0
    assert [script_of(code) for code in ("ja", "zh", "de")] == [KANA, HAN, LATIN]
