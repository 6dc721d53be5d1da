"""CoT-Self-Instruct: consistent answers where they can be compared, the worst reply where they cannot."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jobs.logic.endpoints.calls import Answer, Call
from jobs.logic.row import Message
from jobs.logic.synth import comparable
from jobs.logic.synth.candidate import Made
from jobs.logic.synth.cot_self_instruct import CotSelfInstruct
from tests.logic.synth.teachers import GOOD_SCORES, ask, begun, kit, plan_of, questions, scorer

PROMPT = "A crate holds 12 jars, and 3 of 5 crates are full. How many jars are in the full crates?"
OPEN = "Suggest a way to thank a neighbour who watered the plants."


def written(answer: str, prompt: str = PROMPT) -> dict[str, str]:
    return {"plan": "They ask for short help. Mine counts jars.", "prompt": prompt, "answer": answer}


def replies(*answers: str) -> list[Any]:
    return [
        answer if answer.startswith("!") else {"thoughts": f"Think: {answer}", "answer": answer} for answer in answers
    ]


def made(said: dict[str, Any], scores: Any = None, asked: list[Call] | None = None) -> Made:
    method = CotSelfInstruct(kit(questions()), 3, scorer(scores) if scores else None)
    return asyncio.run(method.make(plan_of(method, begun(questions())), ask(said, asked)))


def test_answers_that_agree_stay_and_reasoning_stays_beside_them() -> None:
    asked: list[Call] = []
    found = made({"write": written("36"), "reply": replies("36", "36 jars", "35")}, asked=asked)
    assert found.reason is None
    assert found.messages == (Message("user", PROMPT), Message("assistant", "36"))
    assert found.notes["replies"] == {"agreeing": 2, "asked": 3}
    assert found.notes["thoughts"] == "Think: 36"
    assert found.notes["reasoning"].startswith("They ask")
    assert len({call.sampling.seed for call in asked}) == 4
    assert found.call_ids == tuple(call.digest("teacher") for call in asked)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"write": written("36"), "reply": replies("35", "35", "36")}, "inconsistent-answers"),
        ({"write": written("36"), "reply": replies("36", "35", "34")}, "inconsistent-answers"),
        ({"write": written("36"), "reply": replies("36", "!unparsable x", "!cut y")}, "inconsistent-answers"),
        ({"write": written("36"), "reply": replies("", "", "")}, "inconsistent-answers"),
        ({"write": written("36"), "reply": [{"thoughts": "<|im_end|>", "answer": "36"}] * 3}, "inconsistent-answers"),
        ({"write": written("36"), "reply": [{"thoughts": "Mm.</think>", "answer": "36"}] * 3}, "inconsistent-answers"),
        ({"write": "!unparsable Let me think"}, "unparsable"),
        ({"write": written("")}, "cannot"),
        ({"write": written("36", "")}, "empty-part"),
        ({"write": written("36", f"{PROMPT}<|im_end|>")}, "control-tokens"),
        ({"write": written("I'm sorry, but I can't help with that.")}, "cannot"),
        ({"write": written("Bake bread.", OPEN), "reply": replies("Bake.", "Sing.", "Write.")}, "not-comparable"),
    ],
)
def test_what_is_not_kept(said: dict[str, Any], reason: str) -> None:
    found = made(said)
    assert (found.messages, found.reason) == (None, reason)


def by_answer(**means: str) -> Any:
    def said(call: Call) -> Any:
        word = next(word for word in means if f"{word} them" in call.messages[1].content)
        return GOOD_SCORES | {"writing": means[word]}

    return said


OPEN_ANSWERS = ("Bake them a loaf.", "Sing them a song.", "Write them a card.")


def test_the_worst_reply_decides_and_the_best_is_the_answer() -> None:
    said = {"write": written("Give them a hug and a pie.", OPEN), "reply": replies(*OPEN_ANSWERS)}
    found = made(said, by_answer(Bake="3", Sing="5", Write="4"))
    assert found.messages is not None
    assert found.messages[-1].content == "Sing them a song."
    assert found.notes["thoughts"] == "Think: Sing them a song."
    assert found.scores["replies"] == [4.25, 4.75, 4.5]
    assert len(found.call_ids) == 7


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        (by_answer(Bake="2", Sing="5", Write="5"), "low-replies"),
        (by_answer(Bake="5", Sing="cannot say", Write="5"), "cannot-say"),
        ("!unparsable 5", "scorer-failed"),
    ],
)
def test_one_bad_reply_is_enough(scores: Any, reason: str) -> None:
    said = {"write": written("Give them a hug and a pie.", OPEN), "reply": replies(*OPEN_ANSWERS)}
    assert made(said, scores).reason == reason


def test_a_reply_that_failed_is_not_left_out_of_the_worst() -> None:
    said = {"write": written("Give them a pie.", OPEN), "reply": replies(*OPEN_ANSWERS[:2], "!call-failed ")}
    assert made(said, by_answer(Bake="5", Sing="5")).reason == "inconsistent-answers"


PASSAGE = "The mill by the weir was built by Anna Holm in 1902.\n\nWho built it?"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("36", "36 jars", True),
        ("1,200", "1200", True),
        ("$18.50", "18.5", True),
        ("36", "63", False),
        ("－3", "-3", True),
        ("3", "-3", False),
        ("3/4", "3/4", True),
        ("30", "3", False),
        ("36個", "36", True),
        ("Anna Holm", "anna holm.", True),
        ("Anna Holm", "the mill", False),
        ("Positive", "positive", False),
        ("positive", "positive", True),
        ('{"a": 1, "b": 2}', '{"b": 2, "a": 1}', True),
        ('{"a": 1}', '{"a": 2}', False),
        ("First 3 x 4 = 12.\n#### 12", "It is 12.\nAnswer: 12", True),
        ("足して36になります。\n答え：36", "36", True),
    ],
)  # fmt: skip
def test_answers_that_can_be_compared(one: str, other: str, same: bool) -> None:
    first = comparable.key(one, PASSAGE, ("positive", "negative"))
    second = comparable.key(other, PASSAGE, ("positive", "negative"))
    assert (first == second and first is not None) == same


@pytest.mark.parametrize(
    "answer", ["", "A sentence that says something of its own.", "one\ntwo", "{not json", "[1, 2", "。"]
)
def test_answers_that_cannot(answer: str) -> None:
    assert comparable.key(answer, PASSAGE, ()) is None


@pytest.mark.parametrize(
    ("replies", "agree"),
    [(["x", "x", "y"], True), (["x", "y", "y"], False), (["x", "x", None, None], False), ([None], False), ([], False)],
)
def test_more_than_half_of_all_that_were_asked(replies: list[str | None], agree: bool) -> None:
    assert comparable.agreeing("x", replies) == agree


@pytest.mark.parametrize("last", range(4))
def test_the_order_in_which_answers_come_decides_nothing(last: int) -> None:
    method = CotSelfInstruct(kit(questions()), 3, None)
    plan = plan_of(method, begun(questions()))

    async def late(call: Call) -> Answer:
        turn = call.sampling.seed - plan.seed
        for _ in range(8 if turn == last else turn):
            await asyncio.sleep(0)
        said = written("36") if turn == 0 else {"thoughts": f"reply {turn}", "answer": "36"}
        return Answer(call.digest("teacher"), str(said), "stop", said)

    found = asyncio.run(method.make(plan, late))
    at_once = asyncio.run(method.make(plan, ask({"write": written("36"), "reply": replies("36", "36", "36")})))
    assert found.call_ids == at_once.call_ids
    assert found.messages == at_once.messages
    assert found.notes["thoughts"] == "reply 1"
