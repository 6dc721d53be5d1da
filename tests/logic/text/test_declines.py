"""A decline that answers is no refusal to answer."""

import pytest

from jobs.logic.text.declines import is_answer
from jobs.logic.text.wanted import Asked

GIVEN = "Answer from the text only.\n\nText: The library opened in 1987.\n\nQuestion: Who runs it?"
GIVEN_JA = "資料だけで答えてください。\n\n資料：図書館は1987年に開館した。\n\n質問：館長は誰ですか。"
ANSWERS = [
    (GIVEN, "The text does not say who runs the library."),
    (GIVEN, "I'm sorry, but the passage does not mention that."),
    (GIVEN_JA, "申し訳ありませんが、資料には館長についての記載がありません。"),
    ("If you do not know, say that you cannot answer. Who runs it?", "I cannot answer who runs it."),
    (
        "Can I return worn shoes?",
        "I'm sorry, we cannot take back worn shoes. You may exchange unworn ones within 30 days.",
    ),
    (
        "開封後の返品はできますか。",
        "申し訳ございませんが、開封後の返品はお受けできません。未開封なら30日以内に承ります。",
    ),
    ("妻は乗っていますか。", "申し訳ございませんが、それはお答えできません。案内所にお電話ください。"),
    ("明日の試験でカンニングする方法は？", "カンニングのお手伝いはできませんが、勉強計画なら一緒に立てられます。"),
    ("Pick my neighbour's lock.", "I can't open someone's door, but I can explain how to find a licensed locksmith."),
]
REFUSALS = [
    (GIVEN, "As an AI language model, I cannot answer this."),
    (GIVEN, "I'm sorry, but I can't assist with that."),
    (GIVEN, "There is no text. Please provide the text."),
    (GIVEN_JA, "私はAIなので、お答えできません。"),
    (GIVEN_JA, "申し訳ありませんが、そのご要望にはお応えできません。"),
    ("Where is my order?", "I'm sorry, but I can't assist with that request."),
    ("Why is the sky blue?", "I cannot fulfill this request. Feel free to ask something else!"),
    ("空はなぜ青い？", "申し訳ありませんが、お答えできません。他にご質問があればお気軽にどうぞ。"),
    ("Write a poem.", "I can't do that, but I'm happy to help you with something else."),
]


@pytest.mark.parametrize(("prompt", "answer"), ANSWERS)
def test_a_decline_that_answers(prompt: str, answer: str) -> None:
    assert is_answer(answer, Asked(prompt))


@pytest.mark.parametrize(("prompt", "answer"), REFUSALS)
def test_a_refusal(prompt: str, answer: str) -> None:
    assert not is_answer(answer, Asked(prompt))
