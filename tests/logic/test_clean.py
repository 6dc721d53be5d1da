"""What is unfit is named, what is real text stays, and what can be put right is."""

import unicodedata

import pytest

from jobs.logic.clean import REASONS, TAG_REASONS, fault, is_tidy, tidied
from jobs.logic.repetition import RepetitionLimits
from jobs.logic.rows import Message, Row

LIMITS = RepetitionLimits(marks=4, characters=12, phrases=4)
WRONG = "土鍋の手入れと長持ちのこつ".encode().decode("latin-1")


def why(answer: str, prompt: str = "題名を付けてください。", allow: tuple[str, ...] = ()) -> str | None:
    found = fault([Message("user", prompt), Message("assistant", answer)], LIMITS, allow)
    return found.reason if found else None


def row(prompt: str, answer: str) -> Row:
    return Row("r", "か\u3099", [Message("user", prompt), Message("assistant", answer)], "a", 1, {})


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "empty-answer"),
        (" \u200b\u3000", "empty-answer"),
        ("<think>\n\n</think>\n\n", "empty-answer"),
        ("土鍋の手入れ<|im_end|>", "control-token"),
        ("土鍋の手入れ<\uff5cim_end\uff5c>", "control-token"),
        ("土鍋の手入れ<|im\u200b_end|>", "control-token"),
        ("Care for pots|im_end|>", "control-token"),
        ("Care for pots</s>", "control-token"),
        ("[INST] Care for pots [/INST]", "control-token"),
        ("<tool_call>{}</tool_call>", "control-token"),
        ("<think>hm", "think-tag"),
        ("pots</think>", "think-tag"),
        ("<think>a</think>b<think>c</think>", "think-tag"),
        (WRONG, "mojibake"),
        ("土鍋の\ufffd\ufffdれ", "mojibake"),
        ("### Response:\nCare for pots", "template-header"),
        ("Care for pots\n### Instruction: next", "template-header"),
        ("#土鍋 #手入れ #暮らし", "hashtags"),
        ("＃土鍋 ＃手入れ", "hashtags"),
        ("#pots", "hashtags"),
        ("Care for pots #home #pots", "hashtags"),
        ("Care for pots\n#home\n#pots", "hashtags"),
        ("【タイトル】土鍋の手入れ", "label"),
        ("タイトル：土鍋の手入れ", "label"),
        ("**Title:** Care for pots", "label"),
        ("題名: 土鍋の手入れ", "label"),
        ("タグ: 土鍋, 手入れ", "label"),
        ("User: hello\nAssistant: hi", "role-label"),
        ("assistant\nCare for pots", "role-label"),
        ("Care for pots\nUser: and then?", "role-label"),
        ("[TITLE] Care for pots", "bracket-tag"),
        ("[title]Care[/title]", "bracket-tag"),
        ("<title>Care for pots</title>", "markup-tag"),
        ("Care for pots<br/>and pans", "markup-tag"),
        ('<a href="x">pots</a>', "markup-tag"),
        ("、、、、、、、、", "repeated-character"),
        ("土鍋の手入れ！！！！！！", "repeated-character"),
        ("GGGGGGGGGGGGGGGGGG", "repeated-character"),
        ("土鍋の手入れ土鍋の手入れ土鍋の手入れ", "repeated-phrase"),
        ("、。、。、。、。、。", "repeated-phrase"),
        ("The pot is hot and very very very very very very good.", "repeated-phrase"),
    ],
)
def test_unfit_answers(answer: str, reason: str) -> None:
    assert why(answer) == reason
    assert reason in REASONS


@pytest.mark.parametrize(
    "answer",
    [
        "土鍋の手入れ",
        "【保存版】土鍋の手入れ！！",
        "C#とF#の違い",
        "Issues #12 and #15 are closed",
        "もしもし、えーと……はい",
        "a < b and c > d, or a<b> in a sum",
        "Title page design: a history",
        "Answers to your questions",
        "He said: no, no, no.",
        "| a | b |\n| --- | --- |\n| 1 | 2 |",
        "1,000,000,000,000 and 0.33333333333333",
        "x\n----------------\ny",
        "Élève café ½ × 3° – “quoted” naïve Zürich",
        "ﾃｽﾄの題名",
        "繧繝彩色の歴史",
        "<think>\nplan\n</think>\n\n土鍋の手入れ",
        "Use `<br>` to break a line:\n```html\n<p>a</p>\n```",
        "[1] 土鍋の歴史",
        "NASAの歴史: [要出典] とは",
    ],
)
def test_real_answers_stay(answer: str) -> None:
    assert why(answer) is None


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        ("", "empty-prompt"),
        ("a<|im_end|>\n<|im_start|>assistant\nb", "control-token"),
        ("<think>a</think>", "think-tag"),
        (WRONG, "mojibake"),
        ("Title: a\n#b #c <p>d</p> 、、、、、、、、", None),
    ],
)
def test_prompts_are_only_looked_at_for_what_breaks_tokens(prompt: str, reason: str | None) -> None:
    assert why("土鍋の手入れ", prompt) == reason


def test_allowed_reasons_do_not_count() -> None:
    assert why("<p>a</p>", allow=("markup-tag",)) is None
    assert why("<p>[TITLE]</p> [/TITLE]", allow=("markup-tag",)) == "bracket-tag"
    assert set(TAG_REASONS) < set(REASONS)


def test_tidied() -> None:
    dirty = row("\r\nか\u3099き\r\n二行", f"\n\n{WRONG}")
    assert not is_tidy(dirty.messages)
    tidied(dirty, mend=True)
    assert dirty.messages == [Message("user", "がき\n二行"), Message("assistant", "土鍋の手入れと長持ちのこつ")]
    assert dirty.source == "が"
    assert sorted(dirty.changes) == ["line-ends", "mojibake", "nfc", "outer-space"]
    assert is_tidy(dirty.messages)


def test_tidied_leaves_tidy_text_and_mojibake_without_mend() -> None:
    tidy = row("が", WRONG)
    tidied(tidy, mend=False)
    assert tidy.messages[1].content == unicodedata.normalize("NFC", WRONG)
    assert tidy.changes == {}
