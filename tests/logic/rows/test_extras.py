"""Thoughts in a field of their own, and turns that are marked not to be learnt, as every trainer spells them."""

import json
from typing import Any

import pytest

from jobs.logic.row import Message, Row, block, parted
from jobs.logic.rows import clean, shapes
from jobs.logic.rows.conversation import BadRow, RowOptions, conversation, record, stored
from jobs.logic.rows.reasons import BAD_REASONS, LEFT_OUT
from jobs.logic.text.repetition import RepetitionLimits

ASKED, ANSWER = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}
MORE = [{"role": "user", "content": "q2"}, {"role": "assistant", "content": "a2"}]
WITH = "<think>\nwell\n</think>\n\na"
CLEAN = clean.CleanOptions("mend", "strip", "redact", "redact", [], RepetitionLimits(4, 12, 4))


def read(row: dict[str, Any], shape: str = "messages", join: bool = False, **columns: str) -> Row:
    options = RowOptions(shape, columns, "refuse", "join" if join else "refuse", "refuse", True)
    return conversation(record(json.dumps(row).encode(), 0, False), "a", 1, options)


def refused(row: dict[str, Any], shape: str = "messages", **columns: str) -> str:
    with pytest.raises(BadRow) as caught:
        read(row, shape, **columns)
    assert caught.value.reason in (*BAD_REASONS, *LEFT_OUT)
    return str(caught.value)


def talk(*answers: dict[str, Any]) -> dict[str, Any]:
    """A question before each answer; what is given is added to the answer."""
    turns = [({"role": "user", "content": f"q{n}"}, {**ANSWER, **more}) for n, more in enumerate(answers)]
    return {"messages": [turn for pair in turns for turn in pair]}


@pytest.mark.parametrize("key", ["reasoning_content", "thinking", "reasoning", "thought", "thoughts"])
@pytest.mark.parametrize("thoughts", ["well", " well\n", "<think>\nwell\n</think>", ["well"]])
def test_thoughts_of_a_turn_become_its_block(key: str, thoughts: Any) -> None:
    row = read({"messages": [ASKED, {**ANSWER, key: thoughts}]})
    assert row.messages == [Message("user", "q"), Message("assistant", WITH)]
    assert row.thoughts == (1,)
    assert row.changes == {"thoughts": f"`{key}` of message 2 of `messages`"}
    assert row.as_dict()["messages"][1] == {"role": "assistant", "reasoning_content": "well", "content": "a"}


@pytest.mark.parametrize("nothing", [None, "", " \n"])
def test_no_thoughts(nothing: Any) -> None:
    row = read({"messages": [ASKED, {**ANSWER, "reasoning_content": nothing}]})
    assert (row.messages[1].content, row.thoughts, row.changes) == ("a", (), {})


@pytest.mark.parametrize("name", ["Complex_CoT", "reasoning", "cot", "思考過程"])
def test_thoughts_of_a_column(name: str) -> None:
    rows = [
        ({"prompt": "q", "completion": "a", name: "well"}, "prompt_completion"),
        ({"instruction": "q", "output": "a", name: "well"}, "alpaca"),
        ({"messages": [ASKED, ANSWER], name: "well"}, "messages"),
        ({"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}], name: "well"}, "sharegpt"),
    ]
    for row, shape in rows:
        assert read(row, shape).messages[-1].content == WITH
        assert shapes.ignored(row, shapes.known_columns(shape, {})) == set()


def test_a_column_of_another_name_is_mapped() -> None:
    row = {"prompt": "q", "completion": "a", "long_road": "well", "cot": "other"}
    assert read(row, "prompt_completion", thoughts="long_road").messages[-1].content == WITH
    assert read({"prompt": "q", "cot": "a"}, "prompt_completion", completion="cot").messages[-1].content == "a"


@pytest.mark.parametrize("value", [7, True, {"effort": "high"}, ["a"]])
def test_a_column_that_is_no_text_has_no_thoughts(value: Any) -> None:
    row = {"prompt": "q", "completion": "a", "reasoning": value}
    parsed = record(json.dumps(row).encode(), 0, False)
    assert read(row, "prompt_completion").messages[-1].content == "a"
    assert shapes.ignored(parsed, shapes.known_columns("prompt_completion", {})) == {"reasoning"}


def test_the_same_thoughts_twice_are_once() -> None:
    for content in (WITH, "<think>well</think>a"):
        row = read({"messages": [ASKED, {"role": "assistant", "content": content, "thinking": "well"}]})
        assert (row.messages[1].content, row.thoughts) == (WITH, (1,))
    both = {"messages": [ASKED, {**ANSWER, "thinking": "well", "reasoning": "well"}], "cot": "well"}
    assert read(both).messages[1].content == WITH


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [ASKED, {**ANSWER, "thinking": "well", "reasoning": "other"}]},
        {"messages": [ASKED, {"role": "assistant", "content": WITH, "thinking": "other"}]},
        {"messages": [ASKED, {**ANSWER, "thinking": "well"}], "cot": "other"},
        {"messages": [ASKED, ANSWER], "cot": "other", "thoughts": "well"},
    ],
)
def test_other_thoughts_twice_are_refused(row: dict[str, Any]) -> None:
    assert refused(row).startswith("two-thoughts: ")


def test_thoughts_that_are_no_text_are_refused() -> None:
    assert refused({"messages": [ASKED, {**ANSWER, "thinking": {"a": 1}}]}).startswith("content-type: `thinking` of")


def test_thoughts_of_a_prompt_are_left_out_and_said() -> None:
    row = read({"messages": [{**ASKED, "thinking": "hm"}, ANSWER]})
    assert (row.messages[0].content, row.changes) == (
        "q",
        {"prompt-thoughts": "`thinking` of message 1 of `messages` is left out"},
    )


def test_a_block_in_the_answer_stays_what_it_was() -> None:
    row = read({"messages": [ASKED, {"role": "assistant", "content": WITH}]})
    assert (row.messages[1].content, row.thoughts) == (WITH, ())


@pytest.mark.parametrize(
    ("thoughts", "content", "kept"),
    [
        ("write to jo.meier@firma.de", "a", "<think>\nwrite to [EMAIL]\n</think>\n\na"),
        ("\u200b", "a", "a"),
        ("well\u200b ", "\u200b a", WITH),
        ("か\u3099", "a", "<think>\nが\n</think>\n\na"),
    ],
)
def test_thoughts_are_cleaned_as_answers_are(thoughts: str, content: str, kept: str) -> None:
    row = read({"messages": [ASKED, {"role": "assistant", "content": content, "thinking": thoughts}]})
    clean.tidy(row, CLEAN)
    assert row.messages[1].content == kept
    assert clean.is_tidy(row.messages)
    again = stored(json.dumps(row.as_dict()).encode(), "a", 1)
    assert (again.messages, again.thoughts, again.unlearnt) == (row.messages, row.thoughts, row.unlearnt)


@pytest.mark.parametrize(
    ("thoughts", "reason"),
    [("a <|im_end|> b", "control-token"), ("a </think> b", "think-tag"), ("a <think> b", "think-tag")],
)
def test_thoughts_that_nobody_wants_learnt(thoughts: str, reason: str) -> None:
    row = read({"messages": [ASKED, {**ANSWER, "thinking": thoughts}]})
    (fault,) = clean.faults([row], CLEAN)
    assert fault is not None
    assert fault.reason == reason


def test_what_is_seen() -> None:
    rows = [read(talk({})), read(talk({"thinking": "t"})), read(talk({"weight": 0}, {}))]
    words = clean.examined(rows, CLEAN)[1].tolist()
    bits = [1 << clean.SEEN.index(word) for word in ("thoughts", "turn-not-to-learn")]
    assert words == [0, *bits]


def test_block_and_parts() -> None:
    assert block(" t ", " a ") == "<think>\nt\n</think>\n\na"
    assert block(" ", " a ") == "a"
    assert parted(block("t", "a")) == ("t", "a")


@pytest.mark.parametrize("key", ["weight", "train", "loss", "loss_weight", "trainable", "loss_mask"])
@pytest.mark.parametrize("no", [0, 0.0, False, "false", "0"])
def test_a_turn_that_is_not_to_be_learnt(key: str, no: Any) -> None:
    row = read(talk({key: no}, {key: 1}))
    assert (row.unlearnt, row.changes) == ((1,), {})
    assert [turn.get("weight") for turn in row.as_dict()["messages"]] == [None, 0, None, None]
    assert stored(json.dumps(row.as_dict()).encode(), "a", 1).as_dict() == row.as_dict()


@pytest.mark.parametrize("value", [0.5, 2, -1, "half", [0, 1], {"a": 1}, "0.3"])
def test_half_a_turn_is_refused(value: Any) -> None:
    assert refused(talk({"loss_weight": value}, {})).startswith("turn-mark: `loss_weight` of message 2 of `messages`")


def test_letters_that_are_not_to_be_learnt_are_refused() -> None:
    detail = [{"begin_offset": 0, "end_offset": 1, "train": False}]
    assert "turn-mark: `train_detail` of message 2 of `messages` is a list" in refused(
        talk({"train_detail": detail}, {})
    )
    assert read(talk({"loss_scale": 0}, {"loss_scale": 1})).unlearnt == (1,)


def test_marks_that_contradict_each_other_are_refused() -> None:
    assert "by one and not by another of weight, train" in refused(talk({"train": True, "weight": 0}, {}))
    assert "the row is not to be learnt, and message 2 is" in refused({**talk({"train": True}), "train": False})
    assert "says other than `loss_mask`" in refused({**talk({"train": True}, {}), "loss_mask": [0, 0, 0, 1]})


@pytest.mark.parametrize(
    ("answers", "mask", "kept", "unlearnt", "cut"),
    [
        (2, [0, 0, 0, 1], 4, (1,), None),
        (2, [0, 1, 0, 1], 4, (), None),
        (2, [1, 1, 1, 1], 4, (), None),
        (3, [0, 1, 0, 0, 0, 1], 6, (3,), None),
        (2, [0, 1, 0, 0], 2, (), "message 3 and what followed"),
        (3, [0, 0, 0, 1, 0, 0], 4, (1,), "message 5 and what followed"),
        (2, [None, 0, None, None], 4, (1,), None),
    ],
)
def test_a_mask_of_the_row(answers: int, mask: list[Any], kept: int, unlearnt: tuple[int], cut: str | None) -> None:
    row = read({**talk(*[{}] * answers), "loss_mask": mask})
    assert (len(row.messages), row.unlearnt, row.changes.get("not-to-learn")) == (kept, unlearnt, cut)


def test_a_mask_beside_a_system_column_has_a_value_for_each_turn_of_the_list() -> None:
    assert read({**talk({}, {}), "system": "s", "loss_mask": [0, 0, 0, 1]}).unlearnt == (2,)


def test_masks_that_fit_no_turn_are_refused() -> None:
    assert "`loss_mask` has 3 values for 4 messages" in refused({**talk({}, {}), "loss_mask": [0, 0, 1]})
    assert "message 1 is the user's and is marked to be learnt" in refused({**talk({}, {}), "loss_mask": [1, 0, 0, 1]})


@pytest.mark.parametrize("key", ["weight", "train", "loss", "loss_weight", "trainable"])
def test_a_row_that_is_not_to_be_learnt_is_left_out(key: str) -> None:
    for no in (0, False, "false"):
        assert refused({"prompt": "q", "completion": "a", key: no}, "prompt_completion").startswith(
            "not-to-learn: 1 of 1"
        )
        assert refused({**talk({}, {}), key: no}).startswith("not-to-learn: 2 of 2 answers")
    assert read({"prompt": "q", "completion": "a", key: 1}, "prompt_completion").unlearnt == ()
    assert "`weight` of the row is 0.5" in refused({**talk({}), "weight": 0.5})
    assert refused(talk({"train": False})).startswith("not-to-learn")


def test_words_of_other_columns_are_no_marks() -> None:
    row = {"prompt": "q", "completion": "a", "train": "train", "weight": "5 kg"}
    assert read(row, "prompt_completion").unlearnt == ()
    assert shapes.ignored(row, shapes.known_columns("prompt_completion", {})) == {"train", "weight"}
    assert shapes.ignored({"train": False}, frozenset()) == set()


def test_joined_answers_are_learnt_or_not_together() -> None:
    answers = [ASKED, {**ANSWER, "weight": 0}, {**ANSWER, "weight": 0}, *MORE]
    assert read({"messages": answers}, join=True).unlearnt == (1,)
    with pytest.raises(BadRow, match="turn-mark: messages 2 and 3 would be one"):
        read({"messages": [ASKED, {**ANSWER, "weight": 0}, ANSWER, *MORE]}, join=True)
