"""Code that was asked for, and nothing else."""

import pytest

from jobs.logic.text.asked_code import is_all, is_beside_prose, is_told
from jobs.logic.text.wanted import Asked


@pytest.mark.parametrize(
    ("prompt", "answer", "is_code"),
    [
        ("Write a regex for brackets.", r"\[(.*?)\]", True),
        ("郵便番号の正規表現は？", r"^\d{3}-\d{4}$", True),
        ("Which git command shows it?", "git blame <file>", True),
        ("隠しファイルを消すコマンドは？", "rm -r ディレクトリ名", True),
        ("Write a Python function.", "def f(x):\n    return x", True),
        ("Create a Python dictionary.", '{"a": 1}', True),
        ("Write a Python function.", "It adds the two numbers that you give it.", False),
        ("Write a Python function.", "**Adding numbers**", False),
        ("Write a Python function.", '{"answer": "x = 1"}', False),
        ("Write a title for this code.\n\nx = 1", "x = 1", False),
        ("Why is the sky blue?", "x = 1", False),
        ("関数とは？", "値を返すまとまりです。", False),
    ],
)
def test_nothing_but_code(prompt: str, answer: str, is_code: bool) -> None:
    assert is_all(answer, prompt) is is_code


@pytest.mark.parametrize(
    ("prompt", "answer", "beside", "told"),
    [
        ("Write Python.", "Use this:\n\nx = f(1)", True, True),
        ("What does it do?\n\nx = f(1)\ny = g(x)", "z = h(y)", True, True),
        ("What next?", "a = 1;\nb = 2;\nc = 3;", False, True),
        ("What next?", "a = 1;", False, False),
        ("Write Python.", "It is easy.", False, False),
    ],
)
def test_code_beside_prose(prompt: str, answer: str, beside: bool, told: bool) -> None:
    asked = Asked(prompt)
    assert (is_beside_prose(answer, asked), is_told(answer, asked)) == (beside, told)
