"""Faults of an answer, one example of each kind and the good text that looks most like it."""

from __future__ import annotations

import pytest

from jobs.logic.parity.behaviour import Measure, has_loop, has_repeat, signs, split_thinking
from jobs.logic.text.similarity import TrainingAnswers

MEASURE = Measure(repeat_chars=12, loop_repeats=4, loop_chars=20)
NONE = TrainingAnswers([], 8)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("、" * 12, True),
        ("、" * 11, False),
        ("題名、、、、、、、、、、、、、、、、", True),
        ("GGGGGGGGGGGGG", True),
        ("はい。" * 4, True),
        ("。\n" * 12, True),
        ("a ba ba ba ba ba", True),
        ("def f():\n                return 1", False),
        ("ーーーー！！！", False),
        ("猫の飼い方を学ぶ", False),
        ("", False),
    ],
)
def test_has_repeat(text: str, expected: bool) -> None:
    assert has_repeat(text, MEASURE) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("猫の飼い方、" * 4, True),
        ("猫の飼い方、" * 3, False),
        ("はじめに。" + "毎日の散歩で、犬は元気になる。" * 4 + "おわり", True),
        ("x" + "毎日の散歩で、犬は元気になる。" * 3 + "毎日の散歩で、犬は元気になる", False),
        ("| --- | --- | --- |", False),
        ("1. 朝食\n2. 昼食\n3. 夕食\n4. 夜食\n", False),
        ("".join(f"第{number}章、" for number in range(40)), False),
        ("", False),
    ],
)
def test_has_loop(text: str, expected: bool) -> None:
    assert has_loop(text, MEASURE) is expected


def test_a_loop_is_found_wherever_it_begins() -> None:
    for offset in range(40):
        assert has_loop(
            "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりる"[:offset]
            + "abcdefg" * 4,
            MEASURE,
        )


@pytest.mark.parametrize(
    ("text", "thought", "answer"),
    [
        ("<think>\n\n</think>\n\n題名", "\n\n", "題名"),
        ("<think>考え</think>題名", "考え", "題名"),
        ("<think>考え", "", "<think>考え"),
        ("題名<think></think>", "", "題名<think></think>"),
        ("題名", "", "題名"),
    ],
)
def test_split_thinking(text: str, thought: str, answer: str) -> None:
    assert split_thinking(text) == (thought, answer)


@pytest.mark.parametrize(
    ("text", "reference", "expected"),
    [
        ("猫の日", "猫の日", {"exact"}),
        ("<think>\n\n</think>\n\n猫の日", "猫の日", {"exact"}),
        ("ガ\u0301", "ガ\u0301", {"exact"}),
        ("カ\u3099", "ガ", {"exact"}),
        ("犬の日", "猫の日", set()),
        ("", "猫の日", {"empty"}),
        ("<think>\n\n</think>\n\n", "猫の日", {"empty"}),
        ("猫の日<|im_start|>user", "猫の日", {"markup"}),
        ("猫の日\nassistant\n犬", "猫の日", {"markup"}),
        ("### Response: 猫", "猫の日", {"markup"}),
        ("The assistant helps a user.", "猫の日", set()),
        ("<|im_start|>とは", "<|im_start|>の話", set()),
        ("<think>考え</think>猫の日", "猫の日", {"exact", "think_leak"}),
        ("猫の日</think>", "猫の日", {"think_leak"}),
        ("、" * 20, "猫の日", {"repeat"}),
        ("、" * 20, "猫" + "、" * 20, set()),
        ("猫の飼い方、" * 9, "猫の日", {"loop"}),
    ],
)
def test_signs(text: str, reference: str, expected: set[str]) -> None:
    found = signs(text, True, reference, NONE, MEASURE, may_think=False)
    flags = ("loop", "repeat", "empty", "markup", "think_leak", "copy", "exact")
    assert {flag for flag in flags if getattr(found, flag)} == expected


def test_thoughts_are_no_leak_where_they_were_trained() -> None:
    assert not signs("<think>考え</think>猫", True, "猫", NONE, MEASURE, may_think=True).think_leak
    assert signs("<think>考え", False, "猫", NONE, MEASURE, may_think=True).think_leak


def test_a_copy_is_another_rows_answer() -> None:
    training = TrainingAnswers(["港の夕暮れ", "はい", "はい"], 3)
    assert signs("港の夕暮れ", True, "猫の日", training, MEASURE, may_think=False).copy
    assert not signs("港の夕暮れ", True, "港の夕暮れ", training, MEASURE, may_think=False).copy
    assert not signs("はい", True, "いいえ", training, MEASURE, may_think=False).copy
