"""What no method keeps, and good rows that look like it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

import pytest

from jobs.logic.endpoints.calls import Answer, Call
from jobs.logic.synth.cot_self_instruct import CotSelfInstruct
from jobs.logic.synth.craft import Craft
from jobs.logic.synth.drafting import NotMade, looked_at
from jobs.logic.synth.evol_instruct import EvolInstruct
from jobs.logic.synth.forms import FREE
from jobs.logic.synth.self_instruct import SelfInstruct
from tests.logic.synth.teachers import begun, kit, labelled, plan_of, questions, titles


@dataclass(frozen=True)
class Piece:
    """A passage."""

    text: str
    sha256: str = "digest"

    def as_dict(self) -> dict[str, object]:
        return {"sha256": self.sha256}


KIT = kit(questions())
KIT_JA = kit(questions(), "ja")
GOOD = [
    ("Translate the following sentence into German: Good day.", "Guten Tag."),
    ("Print two lines in Python.", 'print("one\\ntwo\\nthree")\nprint("four")'),
    ("Print a blank line in C.", 'printf("\\n");'),
    ("Which JSON has the name Ann?", '{"name": "Ann"}'),
    ("He go home. Correct the sentence above.", "He goes home."),
    ("Write a function that returns the following table as a JSON object:\n\nid,name\n1,Ann", "def table(): ..."),
    ("Which of the following is a verb: run, cat, red?", "Run."),
    ("Explain the passage 'to be or not to be'.", "Hamlet weighs life against death."),
    ("How do I write a good prompt for a drawing program?", "Name the subject, the style and the light."),
    ("I'm sorry to bother you, but I can't make my printer work. What can I do?", "Turn it off and on again."),
    ("Give me another example of a palindrome, like level.", "Here is one: rotor."),
    ("次の文章を英語に訳してください。\n\n今日は晴れです。", "It is sunny today."),
    ("以下の数を小さい順に並べてください：3、1、2", "1、2、3"),
    ("申し訳ない気持ちを伝えるメールを作成してください。", "このたびはご迷惑をおかけしました。"),
    ("「次の文章」という言葉を使って短文を作ってください。", "次の文章を読んで笑った。"),
]
BAD = [
    ("Summarize the following article in two sentences.", "It says much.", "no-material"),
    ("次の文章を要約してください。", "短い話です。", "no-material"),
    ("以下の表をもとに売上の合計を求めてください。", "合計は百です。", "no-material"),
    ("What is the main point of the given text?", "Nothing.", "no-material"),
    ("Here is another example: why is grass green?", "It holds chlorophyll.", "copies-prompt"),
    ("書き換えた依頼：空はなぜ青いのですか。", "光が散るからです。", "copies-prompt"),
    ("Why is it dark?", "It has the form, the tone and the length of the answers above.", "copies-prompt"),
    ("As an AI I cannot create such a request.", "Fine.", "cannot"),
    ("申し訳ありませんが、その依頼は作成できません。", "はい。", "cannot"),
]


@pytest.mark.parametrize(("prompt", "answer"), GOOD)
def test_good_rows_stay(prompt: str, answer: str) -> None:
    for one in (KIT, KIT_JA):
        looked_at(one, (), FREE, (prompt,), answer)


@pytest.mark.parametrize(("prompt", "answer", "reason"), BAD)
def test_what_no_method_keeps(prompt: str, answer: str, reason: str) -> None:
    with pytest.raises(NotMade) as caught:
        looked_at(KIT, (), FREE, (prompt,), answer)
    assert caught.value.reason == reason
    assert caught.value.evidence


def test_words_of_the_prompts_that_the_set_itself_has_are_the_sets() -> None:
    text = "Each part is a whole text of its own, of the kind and length that fits."
    with pytest.raises(NotMade, match="copies-prompt"):
        looked_at(KIT, (), FREE, (text,), "Yes.")
    looked_at(KIT, (), FREE, (text,), "Yes.", known=(f"Remember. {text}",))
    own = "例がどれも求めていないことを求め、例の文をそのまま使わない。"
    with pytest.raises(NotMade, match="copies-prompt"):
        looked_at(KIT_JA, (), FREE, (own,), "はい。")
    looked_at(KIT, (), FREE, (own,), "はい。")


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_field_is_named_to_servers_that_take_no_schema(language: str) -> None:
    asked: list[Call] = []

    async def model(call: Call) -> Answer:
        asked.append(call)
        return Answer("id", "", "stop", None, "empty")

    one = kit(titles(), language)
    passage = Piece("網走の流氷館では流氷に触れられる。")
    craft = Craft(one, lambda query, k: [passage], None)
    methods = [(method, titles()) for method in (SelfInstruct(one), EvolInstruct(one, 3), craft)]
    methods += [(CotSelfInstruct(one, 3, None), titles()), (SelfInstruct(kit(labelled(), language)), labelled())]
    for method, rows in methods:
        asyncio.run(method.make(plan_of(method, begun(rows)), model))
    assert len(asked) == 5
    for call in asked:
        assert call.schema is not None
        last = call.messages[1].content.splitlines()[-1]
        assert re.findall(r'"(\w+)"', last) == list(call.schema["required"])
