"""Good rows that look like spoilage stay, because of what their prompts ask for; and the prompts are what keeps them.

The rows are written by hand (`tests/good_rows`, a file for each task and language): a line holds a system message if
the number of its texts is odd, then the user and the assistant in turn. `public` has rows as public instruction and
code sets have them: of all tasks together, so that the set has no form of its own; `eight` of eight tasks.
"""

import json
import re
from pathlib import Path
from random import Random

import pytest

from jobs.logic.form import departures
from jobs.logic.row import Message, Row
from jobs.logic.rows.clean import faults
from tests.logic.form.test_mixed_tasks import OPTIONS as FORM
from tests.logic.rows.test_clean import OPTIONS
from tests.spoilage.spoiled import dresses

FOLDER = Path(__file__).parents[2] / "good_rows"
SETS = sorted(path.stem for path in FOLDER.glob("*.jsonl"))
MOST_LOST = 0.005
TAGS = {"{a}": "home", "{b}": "pots", "{c}": "clay", "{d}": "kitchen"}
TAGS |= {"{thing}": "clay pots", "{year}": "2021", "{town}": "Graz", "{adj}": "old"}
LEAST_FOUND = {
    "label": 0.97, "role-label": 0.97, "template-header": 0.98, "bracket-tag": 0.99, "markup-tag": 0.93,
    "chatml": 0.999, "control-token": 0.98, "refusal": 0.98, "hashtags": 0.93,
}  # fmt: skip
"""Share of good rows, dressed as spoilage is, that are found; hashtags are asked for in some of them."""
OTHER = "How long should I boil an egg for a soft yolk?"


def rows(name: str) -> list[Row]:
    lines = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [row(*json.loads(line)) for line in lines]


def row(*texts: str) -> Row:
    system = len(texts) % 2
    roles = [*(["system"] * system), *(["user", "assistant"] * (len(texts) // 2))]
    return Row("r", None, [Message(*turn) for turn in zip(roles, texts, strict=True)], "a", 1, {})


def reasons(some: list[Row]) -> list[str]:
    return [fault.reason for fault in faults(some, OPTIONS) if fault]


def test_good_rows_stay() -> None:
    assert all(len(rows(name)) >= 40 for name in SETS)
    some = [one for name in SETS for one in rows(name)]
    lost = [(fault, one.answer) for one, fault in zip(some, faults(some, OPTIONS), strict=True) if fault]
    assert len(lost) <= MOST_LOST * len(some), lost


@pytest.mark.parametrize(
    "names",
    [
        ("public/en",),
        ("public/ja",),
        ("public/en", "public/ja"),
        ("public/ja", *SETS),
        ("public/eight_en", "public/eight_ja"),
    ],
)
def test_rows_of_many_tasks_stay(names: tuple[str, ...]) -> None:
    some = [one for name in names for one in rows(name)]
    forms = departures.measured(some)
    departs = departures.faults(forms, departures.profile(forms, FORM))
    found = zip(some, faults(some, OPTIONS), departs.tolist(), strict=True)
    lost = [(fault or departures.REASONS[number], one.answer) for one, fault, number in found if fault or number]
    assert len(lost) <= MOST_LOST * len(some), lost


def test_the_prompts_are_what_keeps_them() -> None:
    """Behind another question most of what looks like spoilage is spoilage."""
    answers = [one.answer for name in SETS for one in rows(name)]
    lost = reasons([row(OTHER, answer) for answer in answers])
    assert len(lost) > 0.2 * len(answers)


@pytest.mark.parametrize("kind", sorted(LEAST_FOUND))
def test_the_same_rows_in_a_dress_are_found(kind: str) -> None:
    """In every task: a request for code or a dialogue is no pardon for what is put around it."""
    rng, found = Random(kind), []
    for name in SETS:
        for one in rows(name):
            for dress in rng.sample(dresses(kind, name[-2:]), 2):
                words = {"{x}": one.answer, "{p}": one.messages[-2].content, "{q}": OTHER, "{tag}": "home", **TAGS}
                answer = re.sub(r"\{\w+\}", lambda slot, words=words: words[slot[0]], dress)  # type: ignore[misc]
                found.append(Row("r", None, [*one.messages[:-1], Message("assistant", answer)], "a", 1, {}))
    assert len(reasons(found)) >= LEAST_FOUND[kind] * len(found)


SPOILED = {
    "hashtags": [
        ("Write a title for this article on tweets.\n\nBread at the quay.", "Bread at the quay #bread #quay"),
        ("次の記事に題名を付けてください。\n\nツイートの歴史について。", "ツイートの歴史 #歴史 #ツイート"),
        ("Summarise the Instagram post.\n\nRain again.", "It rains again. #rain #umbrella"),
        ("Return it as JSON.\n\nInes, Porto", '{"name": "Ines"} #ines #porto'),
    ],
    "label": [
        ("Write a title.", "Title: Bread at the quay"),
        ("Write a title for this code.\n\nx = 1", "Title: One"),
        ("題名を付けて。\n\n会話の例です。", "題名：会話の例"),
        ("Summarise this interview.\n\nQ: hi\nA: ho", "Summary: They greet each other."),
        ("Return it as JSON.\n\nInes", 'Answer: {"name": "Ines"}'),
        ("Article: bread.\nTitle:", "Title: Bread"),
    ],
    "role-label": [
        ("What does a luthier do?", "Assistant: A luthier builds lutes."),
        ("Write a title for this conversation.\n\nhi ho", "User: hi\nAssistant: Greetings"),
        ("Write a dialogue.", "assistant\nBaker and customer meet."),
    ],
    "template-header": [
        ("Write a Python function.", "### Response:\nHere you are."),
        ("Write a README.", "## Response\nIt is done."),
    ],
    "bracket-tag": [
        ("Write a song.", "[OUTPUT] La la la"),
        ("Write a poem on rain.", "Rain on the roof,\nrain on the sea. [END]"),
        ("Write Python code that adds.", "[ANSWER] You add the numbers."),
    ],
    "markup-tag": [
        ("Write a title for this page about HTML.\n\nTags nest.", "<h1>Tags nest</h1>"),
        ("Why is Python slow?", "<p>It is interpreted.</p>"),
        ("Explain functions.", "A function maps.<br/>Each input has one output."),
    ],
    "control-token": [
        ("Write HTML.", "<p>Hello</p><|im_end|>"),
        ("Write a Python function.", "def f():\n    return 1\n</s>"),
        ("Explain `<|im_end|>`.", "It is `<|im_end|>`."),
    ],
    "think-tag": [("What is `<think>`?", "It is `<think>`."), ("Write code.", "x = 1\n</think>")],
    "repeated-character": [
        ("Write a song.", "La la、、、、、、、、"),
        ("How many times does it ring?", "It rings GGGGGGGGGGGGGGGGGG"),
        ("請求書の書き方は？", "まず日付を書きます。。。。。。。。"),
    ],
    "repeated-phrase": [
        ("How do I repair a net?", "Tie it tie it tie it tie it tie it tie it"),
        ("Return JSON.\n\nInes", '{"name": "Ines", "town": "very good very good very good very good very good"}'),
    ],
    "refusal": [
        ("Where is my order?", "I'm sorry, but I can't assist with that request."),
        ("Can I return shoes?", "I cannot fulfill this request. Feel free to ask something else!"),
        ("Answer from the text only. Text: rain. Question: where?", "As an AI language model, I cannot answer this."),
        ("Context: rain.\n\nQuestion: where?", "I'm sorry, but I can't assist with that."),
        ("Answer from the context.\n\nContext: rain.\n\nWhere?", "There is no text. Please provide the text."),
        ("返品できますか。", "申し訳ありませんが、そのご要望にはお応えできません。"),
        ("資料だけで答えて。資料：雨。どこですか。", "私はAIなので、お答えできません。"),
        ("文章を要約してください。\n\n雨。", "申し訳ありませんが、記事が提供されていないため、回答できません。"),
        ("How do I forge a receipt?", "I can't help with that. It is illegal to forge receipts."),
    ],
    "copied-prompt": [
        (
            "Fix the errors in the text, please, wherever there are some.\n\nThe nets was dry.",
            "Fix the errors in the text, please, wherever there are some.\n\nThe nets was dry.",
        ),
        (
            "Translate into German.\n\nThe nets were dry by noon and the men went home to eat.",
            "The nets were dry by noon and the men went home to eat.",
        ),
        (
            "Rewrite this politely.\n\nSend me the file about the nets today, and do not forget the bill.",
            "Send me the file about the nets today, and do not forget the bill.",
        ),
        (
            "Extract the names as JSON.\n\nInes Marsh met Tom Lind at the northern quay on a wet morning in May.",
            "Ines Marsh met Tom Lind at the northern quay on a wet morning in May.",
        ),
        (
            "Name two common trees that keep their needles in the winter.",
            "Name two common trees that keep their needles in the winter. Pine and spruce.",
        ),
    ],
    "cut-off": [
        ("Write a Python function that adds.", "def add(a, b):\n    return sum([a, b"),
        ("Write a story.", "The boat left the quay, and then,"),
        ("Return JSON.\n\nInes", '{"name": "Ines", "town": '),
    ],
}  # fmt: skip
"""A word in the prompt is no pardon: the form of the answer, or what the prompt wants first, speaks against it."""


@pytest.mark.parametrize(
    ("reason", "prompt", "answer"), [(reason, *pair) for reason, pairs in SPOILED.items() for pair in pairs]
)
def test_a_word_in_the_prompt_is_no_pardon(reason: str, prompt: str, answer: str) -> None:
    assert reasons([row(prompt, answer)]) == [reason]


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("Is <s>$20</s> $15 a good price for a pot?", "Yes, it is."),
        ("Why does the tokenizer put <s> in front of a text?", "It tells the model where a text begins."),
        ("How does Llama mark a text?", "The BOS token <s> begins it, and </s> ends it."),
        ("What does `<s>` do in HTML?", "It strikes text out: `<s>old</s>`."),
        ("Write the price in HTML, the old one struck out: 20, now 15.", "<p><s>20</s> 15</p>"),
        ("取り消し線をHTMLで付けて：旧価格", "<s>旧価格</s>"),
    ],
)
def test_struck_out_words_and_talk_of_tokens_stay(prompt: str, answer: str) -> None:
    assert reasons([row(prompt, answer)]) == []


@pytest.mark.parametrize(
    "prompt",
    [
        "a<s>b</s>",
        "<s>Why is the sky blue?",
        "Name a token.</s>",
        "Hi</s><s>Why?</s> So",
        "[INST] hello",
        "Say <mask> twice",
        "x <|im_end|>",
        "<think>x</think>",
    ],
)
def test_a_token_in_a_prompt_is_not_explained_by_the_prompt(prompt: str) -> None:
    token = {"Say <mask> twice": []}.get(prompt, ["think-tag"] if "think" in prompt else ["control-token"])
    assert reasons([row(prompt, "Yes, it is.")]) == token
