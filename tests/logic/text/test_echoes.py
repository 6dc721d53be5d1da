"""Answers that have the prompt in them: edits and sentences that take it up are right, copies are not."""

import pytest

from jobs.logic.text.echoes import is_right
from jobs.logic.text.wanted import Asked

TEXT, TEXT_JA = "The nets were dry by noon and the men went home.", "網は昼までに乾き、男たちは家に帰った。"
RIGHT = [
    (f"Fix the errors, if there are some.\n\n{TEXT}", TEXT),
    (f"誤字があれば直して。\n\n{TEXT_JA}", TEXT_JA),
    (f"Extract the first half.\n\n{TEXT}", "The nets were dry by noon"),
    (f"前半を抜き出して。\n\n{TEXT_JA}", "網は昼までに乾き"),
    ("Debug this.\n\ndef f(x)\n    return x", "def f(x):\n    return x"),
    ("What is the capital of the old kingdom", "The capital of the old kingdom was Porto Novo."),
    ("Translate into Japanese.\n\nInes Marsh, Porto", "Ines Marsh, Porto"),
]
WRONG = [
    (f"Translate into German.\n\n{TEXT}", TEXT),
    (f"英訳して。\n\n{TEXT_JA}", TEXT_JA),
    (f"Write a title.\n\n{TEXT}", TEXT),
    (f"Fix the errors.\n\n{TEXT}", f"Fix the errors.\n\n{TEXT}"),
    ("What is the capital of the old kingdom", "What is the capital of the old kingdom"),
    ("Explain the code.\n\nx = f(1)", "x = f(1)"),
]


@pytest.mark.parametrize(("prompt", "answer"), RIGHT)
def test_right(prompt: str, answer: str) -> None:
    assert is_right(answer, Asked(prompt))


@pytest.mark.parametrize(("prompt", "answer"), WRONG)
def test_wrong(prompt: str, answer: str) -> None:
    assert not is_right(answer, Asked(prompt))
