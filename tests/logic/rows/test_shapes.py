"""What shape the rows of a file have is told, never guessed, and every shape gives the same conversation."""

from typing import Any

import pytest

from jobs.logic.rows import shape_hints, shapes
from jobs.logic.rows.conversation import BadRow, RowOptions, conversation
from jobs.logic.rows.reasons import BAD_REASONS
from jobs.logic.rows.shapes import Ambiguous, Unknown, detect, ignored, known_columns

MESSAGES = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
SHAREGPT = {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}
ALPACA = {"instruction": "q", "input": "", "output": "a"}
PAIR = {"prompt": "q", "completion": "a"}
TALK = {"prompt": MESSAGES["messages"][:1], "completion": MESSAGES["messages"][1:]}
QA = [("user", "q"), ("assistant", "a")]


def options(shape: str, columns: dict[str, str] | None = None, detected: bool = False) -> RowOptions:
    return RowOptions(shape, columns or {}, "refuse", "refuse", "refuse", detected)


def talk(record: dict[str, Any], shape: str, columns: dict[str, str] | None = None) -> list[tuple[str, str]]:
    row = conversation(record, "a", 1, options(shape, columns))
    return [(role, content) for role, content in row.messages]


@pytest.mark.parametrize(
    ("record", "columns", "shape"),
    [
        (MESSAGES, {}, "messages"),
        (SHAREGPT, {}, "sharegpt"),
        (ALPACA, {}, "alpaca"),
        ({"instruction": "q", "output": "a", "text": "q a"}, {}, "alpaca"),
        (PAIR, {}, "prompt_completion"),
        (TALK, {}, "prompt_completion"),
        ({**MESSAGES, "prompt": None}, {}, "messages"),
        ({"question": "q", "answer": "a"}, {"prompt": "question", "completion": "answer"}, "prompt_completion"),
        ({"dialog": MESSAGES["messages"], "id": "r"}, {"messages": "dialog"}, "messages"),
        ({**MESSAGES, "prompt": "q"}, {"messages": "messages"}, "messages"),
        ({**PAIR, "chosen": "a"}, {"completion": "chosen"}, "prompt_completion"),
        ({"instruction": "q", "context": "", "response": "a"}, {"input": "context", "output": "response"}, "alpaca"),
    ],
)
def test_shapes_are_told_and_read(record: dict[str, Any], columns: dict[str, str], shape: str) -> None:
    assert detect([{"id": "odd"}, record], columns) == (shape, columns)
    assert detect([record], columns, shape) == (shape, columns)
    assert talk(record, shape, columns) == QA


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([MESSAGES, PAIR], r"`messages` \(messages\) and `prompt` \(prompt and completion\): say which"),
        ([{**MESSAGES, "prompt": "q"}], r"is meant with prepare\.shape=messages$"),
        ([{**ALPACA, **PAIR}], r"prepare\.shape=alpaca or prepare\.shape=prompt_completion"),
    ],
)
def test_two_shapes_are_refused(records: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(Ambiguous, match=said):
        detect(records, {})


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"text": "once upon a time"}, "`text`; a `text` has no prompt and no answer: part it"),
        ({"instruction": "q", "instances": [{"input": "", "output": "a"}]}, r"take them apart with jq -c '\. as"),
        ({"prompt": "q", "chosen": "a", "rejected": "b"}, r"set prepare\.pairs=preferred$"),
        ({"chosen": MESSAGES["messages"], "rejected": []}, r"set prepare\.pairs=preferred$"),
        ({"mesages": []}, "did you mean `messages`"),
        ({"x": 1, "y": 2}, "`x`, `y`; give the column that asks the name `prompt`"),
        ({f"c{number}": 1 for number in range(20)}, r"`c7` \.\.\.; give the column that asks"),
        ({}, "none; give the column that asks"),
    ],
)
def test_unknown_shapes_are_explained(record: dict[str, Any], said: str) -> None:
    with pytest.raises(Unknown, match=said):
        detect([record], {})


@pytest.mark.parametrize(
    ("columns", "shape", "said"),
    [
        ({"promt": "q"}, "auto", "no shape has `promt`; did you mean `prompt`"),
        ({"messages": "q"}, "alpaca", "Alpaca rows have no `messages`; there are: instruction, output, input"),
        ({"source": "ulr"}, "auto", "no row has `ulr`, given for source; did you mean `url`"),
        ({"source": "ulr"}, "messages", "no row has `ulr`"),
    ],
)
def test_a_column_map_must_fit(columns: dict[str, str], shape: str, said: str) -> None:
    with pytest.raises(Unknown, match=said):
        detect([{**MESSAGES, "url": "u"}], columns, shape)


def test_no_rows_have_no_shape() -> None:
    assert detect([], {}, "alpaca") == ("alpaca", {})
    with pytest.raises(Unknown, match=r"set prepare\.shape to one of messages, .*, text"):
        detect([], {})


@pytest.mark.parametrize("name", ["human", "user", "Human "])
@pytest.mark.parametrize("answers", ["gpt", "chatgpt", "bing", "bard", "assistant", "GPT"])
def test_sharegpt_names(name: str, answers: str) -> None:
    turns = [{"from": "system", "value": "s"}, {"from": name, "value": "q"}, {"from": answers, "value": "a"}]
    assert talk({"conversations": turns}, "sharegpt") == [("system", "s"), *QA]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({**ALPACA, "input": "本文"}, [("user", "q\n\n本文"), ("assistant", "a")]),
        ({**ALPACA, "input": None}, QA),
        ({**ALPACA, "input": " \n"}, QA),
        ({**ALPACA, "input": "<NoInput>"}, QA),
        ({**ALPACA, "instruction": "", "input": "q"}, QA),
        ({**ALPACA, "system": "s"}, [("system", "s"), *QA]),
        ({**ALPACA, "system": "", "history": []}, QA),
        ({**ALPACA, "history": [["p", "b"]], "system": "s"}, [("system", "s"), ("user", "p"), ("assistant", "b"), *QA]),
    ],
)
def test_alpaca(record: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert talk(record, "alpaca") == expected


def test_a_stand_in_for_no_input_is_noted() -> None:
    row = conversation({**ALPACA, "input": "<noinput>"}, "a", 1, options("alpaca"))
    assert row.changes == {"no-input": "<noinput>"}


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": "q", "completion": TALK["completion"]},
        {"prompt": TALK["prompt"], "completion": "a"},
        {"prompt": TALK["prompt"], "completion": [{"role": "assistant", "content": [{"type": "text", "text": "a"}]}]},
    ],
)
def test_prompt_and_completion_may_be_messages(record: dict[str, Any]) -> None:
    assert talk(record, "prompt_completion") == QA


def test_a_system_column_comes_first() -> None:
    assert talk({**MESSAGES, "system": "s"}, "messages") == [("system", "s"), *QA]
    assert talk({**PAIR, "sys": "s"}, "prompt_completion", {"system": "sys"}) == [("system", "s"), *QA]


@pytest.mark.parametrize(
    ("record", "shape", "reason", "said"),
    [
        (PAIR, "messages", "other-shape", "with `prompt` the row is of the prompt and completion shape"),
        (ALPACA, "messages", "other-shape", "Alpaca"),
        (SHAREGPT, "messages", "other-shape", "ShareGPT"),
        (MESSAGES, "alpaca", "other-shape", "there is no `instruction`; with `messages`"),
        ({}, "messages", "column-missing", "there is no `messages`; there are: none"),
        ({"messages": None}, "messages", "content-null", "`messages` is null"),
        ({"message": []}, "messages", "column-missing", "did you mean `messages`"),
        ({"instruction": "q", "response": "a"}, "alpaca", "column-missing", "give the row its `output`"),
        ({"instruction": "q", "instances": []}, "alpaca", "column-missing", "take them apart"),
        ({"text": "t"}, "messages", "column-missing", "other rows have it"),
        ({**ALPACA, "output": None}, "alpaca", "content-null", "`output` is null"),
        (
            {**ALPACA, "output": ["x", "y"]},
            "alpaca",
            "content-type",
            "`output` is a list of 2 values, expected one text",
        ),
        ({**ALPACA, "output": []}, "alpaca", "content-type", "`output` is an empty list, expected one text"),
        ({**ALPACA, "output": [["x"]]}, "alpaca", "content-type", "`output` is a list of lists"),
        ({**ALPACA, "input": {"a": 1}}, "alpaca", "content-type", "`input` is an object, expected text"),
        ({**ALPACA, "system": {}}, "alpaca", "content-type", "`system` is an object, expected text"),
        ({**ALPACA, "history": "x"}, "alpaca", "column-type", "`history` is text, expected a list of"),
        ({**ALPACA, "history": [["p"]]}, "alpaca", "column-type", "item 1 of `history` is not a pair"),
        ({**ALPACA, "history": [["p", None]]}, "alpaca", "content-null", "item 1 of `history`"),
        ({"prompt": None, "completion": "a"}, "prompt_completion", "content-null", "`prompt` is null"),
        ({"prompt": "q"}, "prompt_completion", "column-missing", "there is no `completion`"),
        ({"prompt": [], "completion": "a"}, "prompt_completion", "empty-conversation", "`prompt` is an empty list"),
        ({"prompt": {}, "completion": "a"}, "prompt_completion", "content-type", "`prompt` is an object"),
        ({"prompt": TALK["completion"], "completion": "a"}, "prompt_completion", "role-order", "message 1"),
        ({"conversations": '[{"from"'}, "sharegpt", "column-type", "is text.*a table cannot hold one"),
        ({"conversations": MESSAGES["messages"]}, "sharegpt", "role-missing", "are of prepare.shape=messages"),
        ({"messages": SHAREGPT["conversations"]}, "messages", "role-missing", "are of prepare.shape=sharegpt"),
        (
            {"conversations": [{"from": "humen", "value": "q"}]},
            "sharegpt",
            "unknown-role",
            "message 1 of `conversations`.*did you mean human",
        ),
        ({"conversations": [{"from": "function_call", "value": "f"}]}, "sharegpt", "tool-call", "'function_call'"),
        ({"conversations": [{"from": "observation", "value": "f"}]}, "sharegpt", "tool-role", "'observation'"),
        ({"conversations": [{"from": "gpt", "value": "a"}]}, "sharegpt", "role-order", "message 1"),
        ({"system": "s", "messages": [{"role": "system", "content": "t"}]}, "messages", "role-order", "`system`"),
    ],
)
def test_bad_rows(record: dict[str, Any], shape: str, reason: str, said: str) -> None:
    with pytest.raises(BadRow, match=f"{reason}: .*{said}"):
        conversation(record, "a", 1, options(shape))
    assert reason in BAD_REASONS


def test_a_row_of_two_shapes() -> None:
    both = {**MESSAGES, "prompt": "q"}
    assert talk(both, "messages") == QA
    with pytest.raises(BadRow, match=r"two-shapes: .*prepare\.shape=messages"):
        conversation(both, "a", 1, options("messages", detected=True))
    conversation({**MESSAGES, "prompt": None}, "a", 1, options("messages", detected=True))
    conversation(both, "a", 1, options("messages", {"messages": "messages"}, detected=True))


def test_columns_that_are_not_read() -> None:
    known = known_columns("messages", {"id": "key"})
    assert known == {"messages", "system", "thoughts", "key", "source", "label"}
    record = {"id": 1, "key": 2, "messages": [{"role": "user", "content": "q", "name": "n"}]}
    assert ignored(record, known) == {"id", "messages[].name"}
    assert ignored(MESSAGES, known) == set()


def test_hints_know_every_column_that_a_shape_needs() -> None:
    assert sorted(shape_hints.OURS) == sorted(name for shape in shapes.SHAPES.values() for name in shape.needed)
