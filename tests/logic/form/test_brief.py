"""Short answers that their prompts ask for, and pieces of answers that none does."""

import pytest

from jobs.logic.form import brief


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("What is 17 times 4?", "68"),
        ("What is the output of print(3 * 5)?", "15"),
        ("How long is the Nile?", "6,650 km"),
        ("Is a whale a fish? Answer yes or no.", "No"),
        ("Is it true that iron floats?", "False."),
        ("日本の首都は？", "東京"),
        ("12足す30はいくつですか。", "42"),
        ("鯨は魚ですか？", "いいえ"),
        ("次の文の感情を分類してください。\n海がきれいだった。", "肯定"),
        ("Who wrote Kokoro?", "Natsume Soseki"),
        ("Which element has the symbol Fe?", "Iron"),
        ("What is the plural of mouse? Give only the word.", "mice"),
        ("3＋5を数字だけで答えて", "8"),
    ],
)
def test_asked(prompt: str, answer: str) -> None:
    assert brief.is_asked(answer, prompt)


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("Why is my bread dense?", "Mo"),
        ("Why is my bread dense?", "68"),
        ("Explain how a sundial works.", "No"),
        ("パンが膨らまないのはなぜですか。", "発酵"),
        ("日本の首都は？", "東京の"),
        ("土鍋の手入れを教えてください。", "ま"),
        ("Tell me about tides.", "A"),
    ],
)
def test_not_asked(prompt: str, answer: str) -> None:
    assert not brief.is_asked(answer, prompt)
