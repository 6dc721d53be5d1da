"""Models for the methods to ask: plain async functions with their words ready, and the rows of small sets."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import jsonschema

from jobs.engines.synth.texts import rubric_named, wording_of
from jobs.logic.endpoints.calls import Answer, Ask, Call, Sampling
from jobs.logic.row import Message
from jobs.logic.synth import state as states
from jobs.logic.synth.candidate import Method, Plan, Seed, State
from jobs.logic.synth.kit import Kit
from jobs.logic.synth.scores import Scorer

WRITING = Sampling(0.8, 0.95, 800, 0)
ANSWERING = Sampling(0.2, 0.95, 800, 0)
SCORING = Sampling(0.0, 1.0, 400, 0)
GOOD_SCORES = {"correctness": "5", "fulfilment": "4", "request": "5", "writing": "4", "grounds": "Nothing is wrong."}
TITLE_HEAD = "次の文章にふさわしいタイトルを付けてください。\n\n"
PLACES = ("函館", "小樽", "松山", "金沢", "高知", "長崎", "盛岡", "秋田", "富山", "熊本", "奈良", "大津")
THINGS = ("朝市", "運河", "路面電車", "和菓子", "図書館", "植物園", "灯台", "水族館", "美術館", "温泉街", "城跡", "港")


def seed(prompt: str, answer: str, number: int = 0, score: float | None = None, system: str = "") -> Seed:
    opening = (Message("system", system),) if system else ()
    messages = (*opening, Message("user", prompt), Message("assistant", answer))
    return Seed(f"row-{number:03}", f"source-{number // 2}", messages, score)


def questions(number: int = 12) -> list[Seed]:
    """Short English requests without a common form."""
    asked = [
        (
            "Why do ships float although steel is heavier than water?",
            "They push aside water that weighs as much as they do.",
        ),
        (
            "Suggest three names for a bakery that opens at night.",
            "Moonlight Loaves, The Late Oven, Crumbs after Dark.",
        ),
        ("How can I keep basil fresh for a week?", "Stand the stems in a glass of water and cover the leaves loosely."),
        (
            "Write a polite reminder for an unpaid invoice.",
            "Hello Mr Brown, our invoice of May is still open; could you look into it?",
        ),
        (
            "What should a beginner know before pruning roses?",
            "Cut in late winter, above a bud that faces outward, with clean shears.",
        ),
        (
            "Explain to a child how a battery works.",
            "Inside it two materials trade tiny particles, and their path lights your lamp.",
        ),
        (
            "Give an example of a fair rule for sharing a kitchen.",
            "Whoever cooks leaves the stove clean before sitting down to eat.",
        ),
        (
            "Which stretches help after sitting all day?",
            "Stretch hips, chest and neck for half a minute each, and breathe slowly.",
        ),
        (
            "Describe a storm at sea in two sentences.",
            "The waves rose like hills. No one on deck spoke until the mast held.",
        ),
        (
            "How do I turn down an invitation kindly?",
            "Thank them, say plainly that you cannot come, and wish them a good evening.",
        ),
        ("What makes bread dough rise?", "Yeast eats sugar and gives off gas, which the gluten holds in bubbles."),
        (
            "Plan a cheap afternoon for two in a small town.",
            "Walk along the river, share soup at the market, and end in the library.",
        ),
    ]
    return [seed(prompt, answer, place, 3.0 + place % 3) for place, (prompt, answer) in enumerate(asked[:number])]


def titles() -> list[Seed]:
    """Japanese passages with one instruction above all of them."""
    rows = []
    for number, (place, thing) in enumerate(zip(PLACES, THINGS, strict=True)):
        passage = f"{place}の{thing}は、{1900 + number}年に整えられた。{thing}の周りには{number + 3}軒の店が並び、"
        passage += "休日には家族連れでにぎわう。"
        rows.append(seed(TITLE_HEAD + passage, f"{place}の{thing}の歩み", number, 3.0 + number % 3))
    return rows


def labelled() -> list[Seed]:
    """Reviews with a label for an answer."""
    said = ("The soup was cold", "I loved the window seat", "Nobody came to our table", "The bread is worth a trip")
    rows = []
    for number in range(16):
        text = f"{said[number % 4]}, and visit number {number} went much the same way."
        label = "negative" if number % 2 == 0 else "positive"
        rows.append(seed(f"Is this review positive or negative?\n\n{text}", label, number, 4.0))
    return rows


def kit(rows: list[Seed], language: str = "en", shots_characters: int = 20_000) -> Kit:
    return Kit(rows, wording_of(language), WRITING, ANSWERING, shots_characters)


def begun(rows: list[Seed], control: float = 0.2) -> State:
    return states.begun(rows[: len(rows) // 2], rows[len(rows) // 2 :], control)


def plan_of(method: Method, state: State, number: int = 0, run: int = 1) -> Plan:
    plan = method.plan(number, random.Random(f"{run}/{method.name}/{number}"), state)
    assert plan is not None
    return plan


def ask(said: dict[str, Any], asked: list[Call] | None = None) -> Ask:
    """A model that says, for a step of a method, what stands here: a value, a failure `!name raw`, or a list in turn.

    A value that the call's schema does not allow is the test's mistake.
    """
    turns: dict[str, int] = {}

    async def model(call: Call) -> Answer:
        if asked is not None:
            asked.append(call)
        step = call.purpose.partition("/")[2]
        found = said[step]
        if callable(found):
            found = found(call)
        if isinstance(found, list):
            turns[step] = turns.get(step, -1) + 1
            found = found[turns[step]]
        digest = call.digest("teacher")
        if isinstance(found, str):
            failure, _, raw = found.removeprefix("!").partition(" ")
            return Answer(digest, raw, "stop", None, failure, raw[:20])
        jsonschema.validate(found, dict(call.schema or {}))
        return Answer(digest, str(found), "stop", found)

    return model


def scorer(said: Callable[[Call], Any] | dict[str, Any] | str | list[Any], language: str = "en") -> Scorer:
    """A scorer by the general rubric that always says this."""

    async def model(call: Call) -> Answer:
        return await ask({call.purpose.partition("/")[2]: said})(call)

    return Scorer(model, wording_of(language), rubric_named("instruction"), SCORING)
