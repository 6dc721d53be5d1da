"""Tool calls, images and preference pairs are refused by their kind, and every way out that is named works."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from jobs.logic.rows.conversation import BadRow, RowOptions, conversation
from jobs.logic.rows.extras import LeftOut
from jobs.logic.rows.reasons import BAD_REASONS, LEFT_OUT
from jobs.logic.rows.shapes import Unknown, detect
from jobs.logic.rows.strict_json import record as parsed
from jobs.logic.rows.usual import usual

USER, ANSWER = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}
TURNS = [USER, ANSWER]
ASKED, ANSWERED = {"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {}}}
LOOK = [{"type": "text", "text": "look"}]


def options(shape: str, detected: bool = True, **columns: str) -> RowOptions:
    return RowOptions(shape, columns, "refuse", "refuse", "refuse", detected)


def read(row: dict[str, Any], shape: str = "messages", detected: bool = True, **columns: str) -> list[tuple[str, str]]:
    found = conversation(parsed(json.dumps(row).encode(), 0, False), "a", 1, options(shape, detected, **columns))
    return [(message.role, message.content) for message in found.messages]


@pytest.mark.parametrize(
    ("row", "shape", "reason", "said"),
    [
        ({"messages": [USER, {**ANSWER, "tool_calls": [{}]}]}, "messages", "tool-call", "message 2 of `messages`"),
        ({"messages": [USER, {**ANSWER, "function_call": {"name": "f"}}]}, "messages", "tool-call", "calls tools"),
        ({"messages": [USER, {"role": "tool", "content": "4"}, ANSWER]}, "messages", "tool-role", "'tool'"),
        ({"messages": [USER, {"role": "function", "content": "4"}, ANSWER]}, "messages", "tool-role", "'function'"),
        ({"conversations": [ASKED, {"from": "function_call", "value": "f"}]}, "sharegpt", "tool-call", "calls tools"),
        ({"conversations": [ASKED, {"from": "observation", "value": "f"}]}, "sharegpt", "tool-role", "a tool's answer"),
        ({"messages": TURNS, "tools": [TOOL]}, "messages", "tool-call", "`tools` offers tools"),
        ({"messages": TURNS, "tools": json.dumps([TOOL])}, "messages", "tool-call", "take out `tools` where none"),
        ({"messages": TURNS, "functions": [TOOL]}, "messages", "tool-call", "`functions` offers tools"),
        ({"messages": [{"role": "user", "content": [*LOOK, {"type": "image_url", "image_url": {"url": "x"}}]}, ANSWER]},
         "messages", "content-type", "not text: image_url, which is"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}, *LOOK]}, ANSWER]},
         "messages", "content-type", "not text: image, which is"),
        ({"messages": [{"role": "user", "content": [*LOOK, {"type": "input_audio"}]}, ANSWER]},
         "messages", "content-type", "input_audio, which is"),
        ({"messages": TURNS, "images": ["a.jpg"]}, "messages", "column-type", "`images` holds images; images are"),
        ({"messages": TURNS, "image": {"bytes": None, "path": "a.jpg"}}, "messages", "column-type", "`image` holds"),
        ({"prompt": "q", "completion": "a", "videos": ["a.mp4"]}, "prompt_completion", "column-type", "video is"),
        ({"image": "a.jpg", "conversations": [{"from": "human", "value": "<image> What?"}, ANSWERED]},
         "sharegpt", "column-type", "`image` holds images"),
        ({"conversations": [{"from": "human", "value": "<image>\nWhat?"}, ANSWERED]},
         "sharegpt", "content-type", "message 1 has <image> in the place of images"),
        ({"messages": TURNS, "chosen": TURNS, "rejected": TURNS}, "messages", "preference-pair",
         "set prepare.pairs=preferred; to learn what stands beside them say prepare.shape=messages"),
        ({"prompt": "q", "completion": "a", "label": True}, "prompt_completion", "label-type", "KTO"),
    ],
)  # fmt: skip
def test_the_kind_is_named_and_said_to_be_out_of_scope(row: Any, shape: str, reason: str, said: str) -> None:
    with pytest.raises(BadRow) as caught:
        read(row, shape)
    assert caught.value.reason == reason
    assert reason in BAD_REASONS
    assert "out of scope" in caught.value.evidence
    assert said in caught.value.evidence


@pytest.mark.parametrize(
    "row",
    [
        {"messages": TURNS, "tools": []},
        {"messages": TURNS, "tools": None},
        {"messages": TURNS, "tools": "[]"},
        {"messages": TURNS, "tools": "hammer, saw"},
        {"messages": TURNS, "tools": ["hammer", "saw"]},
        {"messages": TURNS, "images": []},
        {"messages": TURNS, "image": "https://example.org/a.jpg"},
        {"messages": TURNS, "chosen": None, "rejected": None},
        {"messages": [{"role": "user", "content": "What does <image> mean in SVG?"}, ANSWER]},
        {"messages": [{**USER, "tool_calls": None}, {**ANSWER, "tool_calls": []}]},
        {"messages": TURNS, "label": 1},
    ],
)
def test_what_only_looks_like_it_is_read(row: dict[str, Any]) -> None:
    assert [role for role, _ in read(row)] == ["user", "assistant"]


def test_what_a_person_has_said_is_taken() -> None:
    pair = {"messages": TURNS, "chosen": [USER, {**ANSWER, "content": "b"}], "rejected": TURNS}
    assert read(pair, detected=False) == [("user", "q"), ("assistant", "a")]
    assert read(pair, messages="chosen") == [("user", "q"), ("assistant", "b")]
    boxes = {"question": "q", "image": ["a"], "completion": "a"}
    assert read({**boxes, "image": "box"}, "prompt_completion", prompt="question", label="image")


PAIRS: list[dict[str, Any]] = [
    {"prompt": "q", "chosen": "a", "rejected": "b"},
    {"prompt": "q", "chosen": [ANSWER], "rejected": [ANSWER]},
    {"prompt": [USER], "chosen": [ANSWER], "rejected": [ANSWER]},
    {"prompt": "q", "chosen": TURNS, "rejected": TURNS},
    {"chosen": TURNS, "rejected": TURNS},
    {"chosen": [ASKED, ANSWERED], "rejected": [ASKED, ANSWERED]},
    {"question": "q", "chosen": "a", "rejected": "b"},
    {"instruction": "q", "input": "", "chosen": "a", "rejected": "b"},
    {"conversations": [ASKED], "chosen": ANSWERED, "rejected": ANSWERED},
    {"messages": [USER], "chosen": ANSWER, "rejected": ANSWER},
    {"input": {"messages": [USER], "tools": []}, "preferred_output": [ANSWER], "non_preferred_output": [ANSWER]},
]


@pytest.mark.parametrize("row", PAIRS)
def test_a_pair_is_named_and_its_way_out_works(row: dict[str, Any]) -> None:
    with pytest.raises((BadRow, Unknown), match="preference pair") as caught:
        read(row, detect([row], {}).shape)
    assert re.search(r"set prepare\.pairs=preferred(;|$)", str(caught.value))
    assert preferred(row) == [("user", "q"), ("assistant", "a")]


@pytest.mark.parametrize(
    "row",
    [
        {"chosen": "\n\nHuman: q\n\nAssistant: a", "rejected": "\n\nHuman: q\n\nAssistant: b"},
        {"prompt": "q", "completion": "a", "label": True},
        {"messages": TURNS, "kto_tag": True},
        {"messages": TURNS, "rejected_response": "b"},
        {"prompt": json.dumps([USER]), "chosen": json.dumps([ANSWER]), "rejected": json.dumps([ANSWER])},
    ],
)
def test_other_spellings_of_a_preference(row: dict[str, Any]) -> None:
    with pytest.raises((BadRow, Unknown), match=r"prepare\.pairs=preferred"):
        read(row, detect([row], {}).shape)
    assert preferred(row) == [("user", "q"), ("assistant", "a")]


@pytest.mark.parametrize("name", ["label", "kto_tag"])
def test_an_answer_that_was_not_liked_is_left_out(name: str) -> None:
    with pytest.raises(LeftOut) as caught:
        preferred({"prompt": "q", "completion": "a", name: False})
    assert caught.value.reason == "not-preferred"
    assert caught.value.reason in LEFT_OUT


def test_a_pair_without_its_prompt_cannot_be_learnt() -> None:
    with pytest.raises(BadRow, match="`chosen` answers nothing that is found: there is none of prompt"):
        preferred({"chosen": "a", "rejected": "b"})


def preferred(row: dict[str, Any]) -> list[tuple[str, str]]:
    asked = replace(options("auto"), pairs="preferred")
    found, notes = usual(parsed(json.dumps(row).encode(), 0, False), asked)
    assert notes["pair"] == "the preferred side"
    kept = conversation(found, "a", 1, replace(asked, shape=detect([found], {}).shape))
    return [(message.role, message.content) for message in kept.messages]
