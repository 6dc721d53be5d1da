"""What is unfit is named, what is real text stays, what can be put right is, and no secret is ever shown."""

import unicodedata
from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from jobs.logic.row import Message, Row
from jobs.logic.rows import clean, count
from jobs.logic.rows.clean import AT_ONCE, SEEN, CleanOptions, examined, faults, is_tidy
from jobs.logic.rows.reasons import ALLOWABLE, REASONS, TAG_REASONS
from jobs.logic.text.private import MARKS
from jobs.logic.text.repetition import RepetitionLimits

OPTIONS = CleanOptions(
    mojibake="mend",
    invisible="strip",
    secrets="drop",
    personal="keep",
    allow=(),
    repetition=RepetitionLimits(marks=4, characters=12, phrases=4),
)
PROMPT = "次の文章に題名を付けてください。\n\n土鍋は使う前に水を含ませ、弱火で温める。"
WRONG = "土鍋の手入れと長持ちのこつ".encode().decode("latin-1")
LOST = "土鍋の\ufffd\ufffdれ"
KEY = "sk" + "-" + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dF3"
MAIL = "taro.yamada@gmail.com"
PHONE = "090-2345-6789"


def row(*contents: str, source: str | None = None) -> Row:
    """Turns of user and assistant, the user's first."""
    roles = ("user", "assistant")
    messages = [Message(roles[number % 2], content) for number, content in enumerate(contents)]
    return Row(id="r", source=source, messages=messages, file="a", line=1, changes={})


def why(answer: str, prompt: str = PROMPT, options: CleanOptions = OPTIONS) -> str | None:
    [found] = faults([row(prompt, answer)], options)
    return found.reason if found else None


UNFIT = {
    "empty-answer": ["", " \u200b\u3000", "\u2800", "\u3164", "<think>\n\n</think>\n\n"],
    "control-token": ["土鍋<|im_end|>", "土鍋<|im\u200b_end|>", "Pots|im_end|>", "Pots</s>", "[INST] Pots", "<mask>"],
    "think-tag": ["<think>hm", "pots</think>", "<think>a</think>b<think>c</think>"],
    "mojibake": [WRONG, LOST, "It was a neighbourâ€™s café"],
    "invisible": ["土鍋の\u200b手入れ", "Care\u202e for pots", "\ufeff土鍋", "Pots\U000e0041\U000e0042"],
    "secret": [f"鍵は{KEY}です。", f"The key is {KEY}.", "パスワードはXk29fQz7!です。"],
    "template-header": ["### Response:\nCare for pots", "### 応答:\n土鍋", "Below is an instruction that describes it"],
    "hashtags": ["#土鍋 #手入れ #暮らし", "Care for pots #home #pots"],
    "label": ["【タイトル】土鍋の手入れ", "**Title:** Care for pots", "title=Care", "タグ: 土鍋, 手入れ"],
    "role-label": ["User: hello\nAssistant: hi", "assistant\nCare for pots", "AI：土鍋の手入れ"],
    "bracket-tag": ["[TITLE] Care for pots", "[title]土鍋[/title]", "{{title}}"],
    "markup-tag": ["<title>土鍋の手入れ</title>", "Care for pots<br/>and pans", "R&amp;D"],
    "repeated-character": ["、、、、、、、、", "土鍋の手入れ！！！！！！", "GGGGGGGGGGGGGGGGGG"],
    "repeated-phrase": ["土鍋の手入れ土鍋の手入れ土鍋の手入れ", "very very very very very ok.", "、。、。、。、。、。"],
    "refusal": ["申し訳ありませんが、題名を付けることはできません。", "I'm sorry, but I can't assist with that."],
    "copied-prompt": [PROMPT, "土鍋は使う前に水を含ませ、弱火でゆっくり温める。"],
    "cut-off": ["土鍋は、", "Care for pots and,", "```\nx = 1", "彼は「今日は"],
}  # fmt: skip


@pytest.mark.parametrize(("reason", "answer"), [(reason, one) for reason, some in UNFIT.items() for one in some])
def test_unfit_answers(reason: str, answer: str) -> None:
    prompt = f"題名は。\n\n{answer}" if reason == "copied-prompt" else PROMPT
    assert why(answer, prompt) == reason


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        ("", "empty-prompt"),
        ("\u200b", "empty-prompt"),
        ("a<|im_end|>\n<|im_start|>assistant\nb", "control-token"),
        ("<think>a</think>", "think-tag"),
        (WRONG, "mojibake"),
        ("土\u200b鍋", "invisible"),
        (f"鍵は{KEY}です。", "secret"),
        ("Title: a\n#b #c <p>d</p> 、、、、、、、、", None),
        ("I'm sorry, but I can't assist with that.", None),
        ("土鍋は、", None),
        (f"{MAIL} {PHONE}", None),
    ],
)
def test_prompts_are_only_looked_at_for_what_no_turn_may_have(prompt: str, reason: str | None) -> None:
    assert why("土鍋の手入れ", prompt) == reason


def test_every_word_is_tested() -> None:
    assert {*UNFIT, "empty-prompt", "personal"} == set(REASONS)
    assert {*TAG_REASONS} < {*ALLOWABLE} < {*REASONS}
    assert len(REASONS) == len(set(REASONS))


@pytest.mark.parametrize(
    "answer",
    [
        "土鍋の手入れ",
        "【保存版】土鍋の手入れ！！",
        "もしもし、えーと……はい",
        "C#とF#の違い",
        "Title page design: a history",
        "He said: no, no, no.",
        "| a | b |\n| --- | --- |\n| 1 | 2 |",
        "1,000,000,000,000 and 0.33333333333333",
        "Élève café ½ × 3° – “quoted” naïve Zürich",
        "<think>\nplan\n</think>\n\n土鍋の手入れ",
        "Use `<br>` to break a line:\n```html\n<p>a</p>\n```",
        "葛󠄀西さんと👩‍👩‍👧は☺️",
        "می‌خواهم",
        "Unfortunately, you can't wash pots in hot water.",
        f"連絡先は{MAIL}、電話は{PHONE}です。",
        f"連絡先は{MARKS['email']}です。",
        MARKS["secret"],
        "弱火で温める",
    ],
)
def test_real_answers_stay(answer: str) -> None:
    assert why(answer) is None


@pytest.mark.parametrize("reason", ALLOWABLE)
def test_allowed_reasons_do_not_count(reason: str) -> None:
    for answer in UNFIT[reason]:
        prompt = f"題名は。\n\n{answer}" if reason == "copied-prompt" else PROMPT
        assert why(answer, prompt, replace(OPTIONS, allow=(reason,))) != reason


def test_another_reason_still_counts_where_one_is_allowed() -> None:
    options = replace(OPTIONS, allow=("markup-tag",))
    assert why("<p>a</p>", options=options) is None
    assert why("<p>[TITLE]</p> [/TITLE]", options=options) == "bracket-tag"


def test_each_answer_is_compared_with_its_own_question() -> None:
    first, second = "How do I keep a clay pot for many years?", "And how do I keep an iron kettle?"
    assert faults([row(first, "Dry it.", second, "Dry it too.")], OPTIONS) == [None]
    [found] = faults([row(first, "Dry it.", second, second)], OPTIONS)
    assert found is not None
    assert found.reason == "copied-prompt"


def test_rows_and_faults_go_together_however_many_there_are() -> None:
    rng = Random(5)
    answers = [
        rng.choice(["土鍋の手入れ", "Care for pots", "、、、、、、", "#a #b", ""]) for _ in range(2 * AT_ONCE + 7)
    ]
    rows = [row("a question", "an answer", f"question {number}", answer) for number, answer in enumerate(answers)]
    alone = [fault for one in rows for fault in faults([one], OPTIONS)]
    assert faults(rows, OPTIONS) == alone
    assert [fault is not None for fault in alone] == [not answer[:1].isalnum() for answer in answers]
    assert faults([], OPTIONS) == []


def test_evidence() -> None:
    assert faults([row(PROMPT, "#土鍋 #手入れ")], OPTIONS) == [clean.Fault("hashtags", "assistant: #土鍋 #手入れ")]
    [invisible] = faults([row(PROMPT, "土\u200b鍋\u200b\ufeff")], OPTIONS)
    assert invisible == clean.Fault("invisible", "assistant: U+200B x 2, U+FEFF x 1")
    [long] = faults([row(PROMPT, f"【タイトル】{'土' * 500}\n")], replace(OPTIONS, allow=("label",)))
    assert long is not None
    assert len(long.evidence) <= 60


@pytest.mark.parametrize("reason", [reason for reason in UNFIT if reason not in ("copied-prompt", "empty-answer")])
@pytest.mark.parametrize("private", [KEY, MAIL, PHONE])
def test_no_evidence_shows_private_data(reason: str, private: str) -> None:
    options = replace(OPTIONS, secrets="keep", personal="keep") if reason != "secret" else OPTIONS
    for answer in UNFIT[reason]:
        for said in (f"{private} {answer}", f"{answer} {private}", f"{answer}\n{private}", f"<|{private}|> {answer}"):
            dirty = row(PROMPT, said)
            found = faults([dirty], options)[0]
            clean.tidy(dirty, options)
            for shown in (found.evidence if found else "", *dirty.changes.values()):
                assert not any(private[start : start + 6] in shown for start in range(len(private) - 5))


def test_names_that_are_private_are_replaced() -> None:
    first, second, third = (row(PROMPT, "答え", source=source) for source in (MAIL, MAIL, "wiki/12"))
    first.id, second.id, third.id, third.label = KEY, "user@host-7", MAIL, MAIL
    clean.tidy_all([first, second, third], OPTIONS)
    assert second.id == "user@host-7"
    assert first.id.startswith("id-")
    assert first.id != third.id
    assert first.source == second.source
    assert (third.label or "").startswith("label-")
    assert (first.source or "").startswith("source-")
    assert third.source == "wiki/12"
    assert [one.changes.get("private-name") for one in (first, second, third)] == ["source", "source", "label"]
    assert MAIL not in str((first, second, third))


def test_tidy() -> None:
    dirty = row("\r\nか\u3099き\r\n二\u200b行", f"\n\n{WRONG}", source="か\u3099")
    assert not is_tidy(dirty.messages)
    clean.tidy(dirty, OPTIONS)
    assert dirty.messages == [Message("user", "がき\n二行"), Message("assistant", "土鍋の手入れと長持ちのこつ")]
    assert dirty.source == "が"
    assert sorted(dirty.changes) == ["invisible", "line-ends", "mojibake", "nfc", "outer-space"]
    assert dirty.changes["invisible"] == "U+200B x 1"
    assert is_tidy(dirty.messages)
    assert faults([dirty], OPTIONS) == [None]


@pytest.mark.parametrize(
    ("text", "options", "expected", "changes"),
    [
        (WRONG, {"mojibake": "drop"}, WRONG, []),
        (WRONG, {"allow": ("mojibake",)}, WRONG.replace("\xad", ""), []),
        (LOST + "\u200b", {}, LOST + "\u200b", []),
        ("土\u200b鍋", {}, "土鍋", ["invisible"]),
        ("土\u200b鍋", {"invisible": "keep"}, "土\u200b鍋", []),
        ("土\u200b鍋", {"invisible": "drop"}, "土\u200b鍋", []),
        ("か\u200b\u3099", {}, "が", ["invisible", "nfc"]),
        ("\u200b 土鍋", {}, "土鍋", ["invisible", "outer-space"]),
        ("葛󠄀西さんと👩‍👩‍👧は☺️", {}, "葛󠄀西さんと👩‍👩‍👧は☺️", []),
        ("$B$3$s$K$A$O(B", {}, "こんにちは", ["mojibake"]),
        (f"鍵は{KEY}", {"secrets": "redact"}, "鍵は[SECRET]", ["redacted"]),
        (f"鍵は{KEY}", {}, f"鍵は{KEY}", []),
        (f"{MAIL}か{PHONE}", {"personal": "redact"}, "[EMAIL]か[PHONE]", ["redacted"]),
        (f"{MAIL}か{PHONE}", {}, f"{MAIL}か{PHONE}", []),
        ("plain text", {"secrets": "redact", "personal": "redact"}, "plain text", []),
    ],
)
def test_what_is_put_right_is_by_config(text: str, options: dict[str, str], expected: str, changes: list[str]) -> None:
    some = replace(OPTIONS, **options)  # type: ignore[arg-type]
    one, many = row(text, "土鍋の手入れ"), [row("a", "b"), row(text, "土鍋の手入れ")]
    clean.tidy(one, some)
    clean.tidy_all(many, some)
    assert one.messages[0].content == unicodedata.normalize("NFC", expected)
    assert sorted(one.changes) == changes
    assert (many[1].messages, many[1].changes) == (one.messages, one.changes)


def test_what_was_taken_out_is_counted_and_not_shown() -> None:
    dirty = row(f"{MAIL} {MAIL} {PHONE}", f"鍵は{KEY}")
    clean.tidy(dirty, replace(OPTIONS, secrets="redact", personal="redact"))
    assert dirty.changes == {"redacted": "email x 2, phone x 1, secret x 1"}


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        (f"鍵は{KEY}", {"secrets": "drop"}, "secret"),
        (f"鍵は{KEY}", {"secrets": "redact"}, "secret"),
        (f"鍵は{KEY}", {"secrets": "keep"}, None),
        (MAIL, {"personal": "drop"}, "personal"),
        (PHONE, {"personal": "redact"}, "personal"),
        (PHONE, {"personal": "keep"}, None),
        ("taro@example.com 090-0000-0000", {"personal": "drop"}, None),
        ("土\u200b鍋", {"invisible": "drop"}, "invisible"),
        ("土\u200b鍋", {"invisible": "strip"}, "invisible"),
        ("土\u200b鍋", {"invisible": "keep"}, None),
    ],
)
def test_what_was_not_put_right_is_a_fault(text: str, options: dict[str, str], reason: str | None) -> None:
    assert why(text, options=replace(OPTIONS, **options)) == reason  # type: ignore[arg-type]


def seen(rows: list[Row], options: CleanOptions) -> Counter[str]:
    return count.seen(examined(rows, options)[1])


def test_seen() -> None:
    rows = [
        row(f"{MAIL} {MAIL}", "土鍋の手入れ"),
        row("誰の電話ですか。", f"{PHONE}か{MAIL}です。"),
        row("User: hi\nAssistant: hello\nUser: bye", "土\u200b鍋"),
        row(f"鍵は{KEY}", "はい"),
        row("土鍋", "鉄瓶"),
    ]
    keep = replace(OPTIONS, invisible="keep", secrets="keep")
    assert seen(rows, keep) == {"email": 2, "phone": 1, "nested-dialog": 1, "invisible": 1, "secret": 1}
    assert seen(rows, replace(OPTIONS, personal="drop")) == {"nested-dialog": 1}
    assert seen([], keep) == {}
    assert set(seen(rows, keep)) < set(SEEN)
