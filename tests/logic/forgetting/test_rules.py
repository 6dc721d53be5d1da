"""Each rule: what it takes for right, whatever form it comes in, and what it does not."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.logic.forgetting.numerals import hedged, numbers, of_kanji
from jobs.logic.forgetting.plain import answer_of, items, lines, plain
from jobs.logic.forgetting.rules import RULES, is_right

CASES: list[tuple[dict[str, Any], list[str], list[str]]] = [
    (
        {"rule": "exact", "is": ["cold"]},
        [
            "cold",
            "Cold.",
            "**Cold**",
            '"cold"',
            "The opposite is cold.",
            'The opposite of "hot" is "cold".',
            "Sure! The answer is: cold",
            "Answer: cold",
            "It is cold.",
            "答えは「cold」です。",
        ],
        ["colder", "warm", "cold or warm", "not cold", "cold, since it is the opposite of hot", "", "co ld"],
    ),
    (
        {"rule": "exact", "is": ["寒い"]},
        [
            "寒い",
            "寒いです。",
            "「寒い」",
            "はい、寒いです。",
            "反対の言葉は寒いです。",
            "答え：寒い",
            "承知しました。寒い",
        ],
        ["涼しい", "寒くない", "寒いか暑い", "暑いの反対"],
    ),
    ({"rule": "exact", "is": ["BANANA"], "case": True}, ["BANANA", "**BANANA**."], ["banana", "Banana", "BANANAS"]),
    (
        {"rule": "number", "is": 1200, "given": ["3", "400"]},
        [
            "1200",
            "1,200",
            "１，２００円",
            "3 x 400 = 1200",
            "The answer is **1200**.",
            "$1200.00",
            "千二百",
            "1200 yen (3 times 400)",
            "one thousand two hundred",
            r"\boxed{1200}",
        ],
        ["1201", "12000", "1200 or 1300", "1200か1300です", "400", "3 x 400 = 1100", "-1200", "", "1.200.5", "v1200"],
    ),
    ({"rule": "number", "is": 42, "given": []}, ["forty-two", "forty two", "四十二", "四二", "42."], ["forty", "四十"]),
    ({"rule": "number", "is": -3, "given": []}, ["-3", "−3", "The result is -3."], ["3", "5-3"]),
    (
        {"rule": "contains", "all": ["Saturday"], "none": ["Friday"]},
        ["Saturday", "on **saturday**", "Saturday, I think."],
        ["Friday", "Saturdays", "Friday and Saturday", ""],
    ),
    (
        {"rule": "contains", "any": ["6", "six"], "most": 20},
        ["6", "at six", "6時", "6."],
        ["16", "6.5", "60", "sixty", "6 " * 20],
    ),
    ({"rule": "times", "text": "ha", "count": 3}, ["ha ha ha", "Ha, ha, ha!"], ["ha ha", "hahaha", "ha ha ha ha"]),
    (
        {"rule": "choice", "is": "no", "of": ["yes", "no"]},
        ["No", "No, they are not.", "no.", "The answer is no."],
        ["Yes", "Yes and no", "none", "I know", "maybe"],
    ),
    (
        {"rule": "choice", "is": "いいえ", "of": ["はい", "いいえ"]},
        ["いいえ、違います。", "いいえです。"],
        ["はい", "たぶん", "これははいですか、いいえですか。" * 5],
    ),
    (
        {"rule": "list", "is": ["a1", "b", "c"]},
        [
            "a1, b, c",
            "a1、b、c",
            "a1, b, and c",
            "1. a1\n2. b\n3. c",
            "- A1\n- B\n- C",
            "Here is the list:\na1\nb\nc",
            "a1 b c",
            "a1; b; c.",
        ],
        ["a1, c, b", "a1, b", "a1, b, c, d", "a, b, c", ""],
    ),
    ({"rule": "list", "is": ["赤", "青"], "any_order": True}, ["青、赤", "赤と青", "・青\n・赤"], ["赤", "赤、青、緑"]),
    (
        {"rule": "lines", "count": 2, "different": True},
        ["x\ny", "\nx\n\ny\n", "Here are two:\n- x\n- y", "以下の通りです。\nx\ny"],
        ["x", "x\nx", "x\ny\nz", ""],
    ),
    (
        {"rule": "lines", "count": 2, "numbered": True},
        ["1. x\n2. y", "1) x\n2) y", "１．x\n２．y"],
        ["x\ny", "1. x\n3. y"],
    ),
    ({"rule": "lines", "count": 1, "begin": "- "}, ["- x"], ["x", "* x"]),
    (
        {"rule": "json", "keys": ["a", "b"], "values": {"a": 3}},
        [
            '{"a": 3, "b": null}',
            '```json\n{"b": 1, "a": 3}\n```',
            '{"a": "3", "b": []}',
            'Here is the JSON:\n{"a": 3.0, "b": 1}',
        ],
        [
            '{"a": 3}',
            '{"a": 4, "b": 1}',
            '{"a": 3, "b": 1, "c": 2}',
            "a: 3",
            '{"a": 3, "b": 1',
            '[{"a": 3, "b": 1}]',
            '{"a": 3, "b": 1} I hope that this helps.',
            'You asked for it. I made it. {"a": 3, "b": 1}',
        ],
    ),
    ({"rule": "json", "list": [1, 2]}, ["[1, 2]", "[1,2]", "```\n[1, 2]\n```"], ["[2, 1]", "1, 2", '{"x": [1, 2]}']),
    (
        {"rule": "table", "rows": [["a", "b"], ["x", "3"]]},
        [
            "| a | b |\n| --- | --- |\n| x | 3 |",
            "a | b\n--- | :-:\nx | 3",
            "Here it is:\n\n|A   | B  |\n|:---|---:|\n|x   |  $3|",
        ],
        [
            "| a | b |\n| x | 3 |",
            "| a | b |\n|---|\n| x | 3 |",
            "| a | b |\n|---|---|\n| x | 4 |",
            "| a | b |\n|---|---|\n| x | 3 |\nThat is all.",
            "",
        ],
    ),
    (
        {"rule": "length", "unit": "words", "least": 2, "most": 3},
        ["two words", "don't stop now"],
        ["one", "one two three four", ""],
    ),
    ({"rule": "length", "unit": "characters", "most": 4}, ["海は青い。", "「海」"], ["海はとても青い", ""]),
    (
        {"rule": "length", "unit": "sentences", "least": 2, "most": 2},
        ["One. Two.", "Mr. Fox ran. He hid!", "一つ。二つ。", "It cost 3.50 dollars. That is cheap."],
        ["One.", "One. Two. Three.", "一つ。", ""],
    ),
    (
        {"rule": "script", "only": "hiragana"},
        ["さっぽろ", "「おおさか」。", "らーめん"],
        ["札幌", "サッポロ", "sapporo", "", "。"],
    ),
    ({"rule": "script", "only": "upper"}, ["FRANCE", "**NEW YORK**!"], ["France", "フランス", ""]),
    ({"rule": "script", "only": "lower"}, ["paris.", "the city is paris"], ["Paris"]),
    (
        {"rule": "starts", "with": "Yesterday"},
        ["Yesterday, I ran.", "**Yesterday** I ran", '"Yesterday I ran."'],
        ["I ran yesterday."],
    ),
    (
        {"rule": "ends", "with": "end"},
        ["It will end.", "The end!", '"...the end."'],
        ["The weekend.", "The end of it."],
    ),
    ({"rule": "without", "signs": [" "]}, ["a;b"], ["a; b", ""]),
    (
        {"rule": "declines", "no_number": True, "none": ["red"]},
        [
            "I don't know.",
            "I can’t see it.",
            "Not stated",
            "That is unknown.",
            "分かりません。",
            "書かれていません",
            "お答えできかねます。",
            "There is no photo attached.",
            "申し訳ありませんが、確認できません。",
            "The text does not mention it.",
        ],
        [
            "It is 12.",
            "I don't know, perhaps 12.",
            "I cannot say, but red.",
            "Of course!",
            "はい、そうです。",
            "",
            "12番です。",
        ],
    ),
]


@pytest.mark.parametrize(("check", "right", "wrong"), CASES)
def test_a_rule_tells_right_from_wrong(check: dict[str, Any], right: list[str], wrong: list[str]) -> None:
    rule = RULES[check["rule"]]
    assert [text for text in right if not rule(text, check)] == []
    assert [text for text in wrong if rule(text, check)] == []


def test_every_rule_is_tested() -> None:
    assert {check["rule"] for check, _, _ in CASES} == set(RULES)


def test_an_answer_keeps_every_check() -> None:
    checks = [{"rule": "starts", "with": "a"}, {"rule": "ends", "with": "z"}]
    assert is_right("a to z", checks)
    assert not is_right("a to y", checks)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>\nx\n</think>\n\ny", "y"),
        ("x</think>y", "y"),
        ("<think>cut", ""),
        ("  <think>cut", ""),
        ("plain <think> text", "plain <think> text"),
    ],
)
def test_thoughts_are_no_part_of_an_answer(text: str, expected: str) -> None:
    assert answer_of(text) == expected


def test_numbers_are_read_in_order_and_in_words() -> None:
    assert [str(one) for one in numbers("12 + 1,000 = 1012.5, x2 and -3")] == ["12", "1000", "1012.5", "-3"]
    assert numbers("twenty-one and two hundred and five") == [21, 205]
    assert [of_kanji(text) for text in ("十", "二十五", "百三", "千二百", "三万五千", "二〇五", "零")] == [
        10, 25, 103, 1200, 35_000, 205, 0,
    ]  # fmt: skip
    assert hedged("42 or 43")
    assert hedged("42個か43個")
    assert not hedged("42, or in words forty-two")
    assert not hedged("1か月は30日なので31")


def test_markup_and_width_do_not_count() -> None:
    assert plain("# Ｔｉｔｌｅ\r\n```json\n{}\n```\n**１２**") == "Title\n{}\n12"
    assert lines("Sure, here you go:\n\na\nb") == ["a", "b"]
    assert items("- 1. x\n- y") == ["1. x", "y"]


@pytest.mark.parametrize("rule", RULES)
def test_a_long_answer_costs_no_more_than_its_length(rule: str) -> None:
    """A model that goes on and on is checked too: 40,000 signs of what each rule looks for, over and over."""
    check = next(check for check, _, _ in CASES if check["rule"] == rule)
    for piece in ("a, ", "1 or ", "はは、", "the answer is ", "not ", "{", "第一は"):
        RULES[rule](piece * (40_000 // len(piece)), check)
