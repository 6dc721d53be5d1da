"""Columns by other names are read where one thing can be meant, and asked about with lines that work otherwise."""

import json
import re
import shlex
import shutil
import subprocess
from typing import Any

import pytest

from jobs.core.compose import compose
from jobs.logic.rows.conversation import RowOptions, conversation
from jobs.logic.rows.shapes import Ambiguous, Detected, Unknown, detect, known_columns
from jobs.logic.rows.strict_json import BadRow, Number, record as parsed
from jobs.logic.rows.usual import usual

Records = list[dict[str, Any]]
LONG = "An explanation that is far too long to be the name of a class or of a file."
TURNS = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
PAIRS = [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]
CHATML = "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\na<|im_end|>\n"


def read(record: dict[str, Any], found: Detected) -> str:
    row = conversation(record, "a", 1, RowOptions(found.shape, found.columns, "refuse", "refuse", "refuse", True))
    return "|".join(message.content for message in row.messages)


@pytest.mark.parametrize(
    ("record", "told", "talk"),
    [
        ({"question": "q", "answer": "a"}, "prompt_completion {prompt:question,completion:answer}", "q|a"),
        ({"Question": "q", "ANSWER": "a"}, "prompt_completion {prompt:Question,completion:ANSWER}", "q|a"),
        ({"質問": "q", "回答": "a"}, "prompt_completion {prompt:質問,completion:回答}", "q|a"),
        ({"問題": "q", "解答": "a", "番号": "3"}, "prompt_completion {prompt:問題,completion:解答}", "q|a"),
        ({"题目": "q", "答案": "a"}, "prompt_completion {prompt:题目,completion:答案}", "q|a"),
        ({"Prompt": "q", "Completion": "a"}, "prompt_completion {prompt:Prompt,completion:Completion}", "q|a"),
        ({"input": "q", "output": "a"}, "prompt_completion {prompt:input,completion:output}", "q|a"),
        ({"入力": "q", "出力": "a"}, "prompt_completion {prompt:入力,completion:出力}", "q|a"),
        ({"指示": "q", "出力": "a"}, "alpaca {instruction:指示,output:出力}", "q|a"),
        ({"指示": "q", "入力": "c", "出力": "a"}, "alpaca {instruction:指示,input:入力,output:出力}", "q\n\nc|a"),
        (
            {"context": "c", "question": "q", "answer": "a"},
            "alpaca {instruction:question,input:context,output:answer}",
            "q\n\nc|a",
        ),
        (
            {"本文": "c", "質問": "q", "答え": "a"},
            "alpaca {instruction:質問,input:本文,output:答え}",
            "q\n\nc|a",
        ),
        (
            {"text": "c", "question": "q", "answer": "a"},
            "alpaca {instruction:question,input:text,output:answer}",
            "q\n\nc|a",
        ),
        (
            {"text": "q: q, a: a", "question": "q", "answer": "a"},
            "prompt_completion {prompt:question,completion:answer}",
            "q|a",
        ),
        ({"instruction": "q", "context": "c", "response": "a"}, "alpaca {input:context,output:response}", "q\n\nc|a"),
        ({"instruction": "q", "context": "c", "output": "a"}, "alpaca {input:context}", "q\n\nc|a"),
        (
            {"prompt": "q", "document": "c", "completion": "a"},
            "alpaca {instruction:prompt,input:document,output:completion}",
            "q\n\nc|a",
        ),
        ({"prompt": "q about c", "document": "c", "completion": "a"}, "prompt_completion", "q about c|a"),
        (
            {"question": "q", "answer": "a", "history": [["p", "b"]]},
            "alpaca {instruction:question,output:answer}",
            "p|b|q|a",
        ),
        (
            {"質問": "q", "回答": "a", "システム": "s"},
            "prompt_completion {prompt:質問,completion:回答,system:システム}",
            "s|q|a",
        ),
        ({"text": "q", "label": "a"}, "prompt_completion {prompt:text,completion:label}", "q|a"),
        ({"id": Number("0"), "text": "q", "label": ["a"]}, "prompt_completion {prompt:text,completion:label}", "q|a"),
        ({"会話": TURNS}, "messages {messages:会話}", "q|a"),
        ({"conversations": TURNS}, "messages {messages:conversations}", "q|a"),
        ({"messages": PAIRS}, "sharegpt {conversations:messages}", "q|a"),
        ({"text": CHATML}, "text", "q|a"),
        ({"text": CHATML, "label": "short"}, "text", "q|a"),
        ({"dialog": CHATML}, "text {text:dialog}", "q|a"),
    ],
)
def test_what_can_be_meant_in_one_way_is_read(record: dict[str, Any], told: str, talk: str) -> None:
    found = detect([record], {})
    assert found.told({}) == told
    assert read(record, found) == talk
    assert {name for name, value in record.items() if isinstance(value, str)} - known_columns(*found) <= {
        "番号",
        "text",
        "document",
    }


ASKED: list[tuple[dict[str, Any], str]] = [
    ({"question": "q", "answer": "a", "response": "b"}, "q|a"),
    ({"prompt": "q", "question": "c", "answer": "a"}, "q\n\nc|a"),
    ({"instruction": "q", "text": LONG, "prompt_text": LONG, "response": "a"}, f"q\n\n{LONG}|a"),
    ({"question": "q", "answer": "a", "explanation": LONG}, "q|a"),
    ({"question": "q", "answer": "a", "choices": ["a", "b"]}, "q|a"),
    ({"article": "q", "summary": "a"}, "q|a"),
    ({"text": "q", "label": Number("1")}, "q|1"),
    ({"text": "q", "label": True}, "q|true"),
    ({"en": "q", "de": "a"}, "q|a"),
    ({"2024": "q", "true": "a"}, "q|a"),
    ({"Japanese": "q", "English (US)": "a"}, "q|a"),
    ({"記事": "q", "見出し": "a"}, "q|a"),
    ({"日本語": "q", "英語 (US)": "a"}, "q|a"),
    ({"in: German, old": "q", "out": "a"}, "q|a"),
    ({"first talk": TURNS, "second": TURNS}, "q|a"),
]  # fmt: skip


def settings(said: str) -> list[list[str]]:
    """The words of each line to paste."""
    return [shlex.split(line) for line in re.findall(r"set ((?:prepare\.\S+='(?:[^']|'\\'')+'|prepare\.\S+| )+)", said)]


def test_thoughts_beside_question_and_answer_are_read() -> None:
    record = {"Question": "q", "Complex_CoT": LONG, "Response": "a"}
    found = detect([record], {})
    assert found.columns == {"prompt": "Question", "completion": "Response"}
    assert read(record, found) == f"q|<think>\n{LONG}\n</think>\n\na"


def test_a_query_with_a_context_is_no_row_of_ms_swift() -> None:
    options = RowOptions("auto", {}, "refuse", "refuse", "refuse")
    record, _ = usual({"query": "q", "context": "c", "response": "a"}, options)
    assert read(record, detect([record], {})) == "q\n\nc|a"


@pytest.mark.parametrize(("record", "talk"), ASKED)
def test_every_line_that_is_told_works(record: dict[str, Any], talk: str) -> None:
    with pytest.raises(Unknown) as caught:
        detect([record], {})
    lines = settings(str(caught.value))
    assert lines, str(caught.value)
    talks = []
    for words in lines:
        prepare = compose(words)["prepare"]
        found = detect([record], prepare["columns"], prepare["shape"])
        talks.append(read(record, found))
    assert talks[0] == talk


@pytest.mark.parametrize(("record", "talk"), ASKED)
def test_every_line_passes_a_shell_and_make(record: dict[str, Any], talk: str, tmp_path: Any) -> None:
    with pytest.raises(Unknown) as caught:
        detect([record], {})
    (tmp_path / "Makefile").write_text('show:\n\t@printf "%s\\n" $(ARGS)\n')
    for line in re.findall(r"set ((?:prepare\.\S+='(?:[^']|'\\'')+'|prepare\.\S+| )+)", str(caught.value)):
        line = line.strip()
        script = f'printf "%s\\n" {line}\nmake --no-print-directory show ARGS="run.name=x {line}"'
        done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
        words = shlex.split(line)
        assert done.stdout.splitlines() == [*words, "run.name=x", *words]


def test_a_name_that_no_line_can_hold_is_not_put_into_one() -> None:
    with pytest.raises(Unknown, match="give the column that asks the name `prompt`"):
        detect([{"what's asked": "q", "cost in $": "a"}], {})


@pytest.mark.parametrize(
    "record",
    [
        {"question": "q", "context": "c", "passage": "d", "answer": "a"},
        {"質問": "q", "文脈": "c", "記事": "d", "回答": "a"},
    ],
)
def test_more_than_one_context_is_joined_by_the_command_that_is_told(record: dict[str, Any]) -> None:
    jq = shutil.which("jq")
    if jq is None:
        pytest.skip("jq is not here")
    with pytest.raises(Unknown, match="all belong to the question") as caught:
        detect([record], {})
    command = re.search(r"jq -c '([^']+)'", str(caught.value))
    assert command is not None
    said = subprocess.run([jq, "-c", command[1]], input=json.dumps(record), text=True, capture_output=True, check=True)
    mended = json.loads(said.stdout)
    assert read(mended, detect([mended], {})) == "q\n\nc\n\nd|a"


ARTICLE = {
    "title": "t",
    "paragraphs": [
        {
            "context": "c",
            "qas": [
                {"id": "1", "question": "q", "answers": [{"text": "a", "answer_start": 0}]},
                {"id": "2", "question": "nobody knows", "answers": [], "is_impossible": True},
            ],
        }
    ],
}
TREE = {
    "message_tree_id": "x",
    "prompt": {
        "text": "q",
        "role": "prompter",
        "replies": [
            {"text": "a", "role": "assistant", "replies": [{"text": "more", "role": "prompter", "replies": []}]},
            {"text": "worse", "role": "assistant", "replies": []},
        ],
    },
}
SAID = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]


@pytest.mark.parametrize(
    ("record", "whole", "named", "expected"),
    [
        (ARTICLE, {"data": [ARTICLE]}, "as SQuAD has them", {"context": "c", "question": "q", "answer": "a"}),
        (ARTICLE, ARTICLE, "as SQuAD has them", {"id": "1", "source": "t", "question": "q"}),
        (TREE, TREE, "as Open Assistant", {"messages": [*SAID, {"role": "user", "content": "more"}]}),
        ({"dialog": ["q", "a"]}, {"dialog": ["q", "a"]}, "without who said it", {"messages": SAID}),
    ],
)
def test_rows_of_another_build_are_named_with_the_command_that_mends_them(
    record: dict[str, Any], whole: Any, named: str, expected: dict[str, Any]
) -> None:
    with pytest.raises(Unknown, match=named) as caught:
        detect([record], {})
    command = re.search(r"jq -c '([^']+)'", str(caught.value))
    assert command is not None
    jq = shutil.which("jq")
    if jq is None:
        pytest.skip("jq is not here")
    said = subprocess.run([jq, "-c", command[1]], input=json.dumps(whole), text=True, capture_output=True, check=True)
    mended = [json.loads(line) for line in said.stdout.splitlines()]
    assert len(mended) == 1
    assert expected.items() <= mended[0].items()
    detect(mended, {})


@pytest.mark.parametrize(
    "record",
    [
        {"instruction": "q", "input": "c", "context": "d", "output": "a"},
        {"prompt": "q", "context": "c", "passage": "d", "completion": "a"},
    ],
)
def test_a_context_without_a_place_is_asked_about(record: dict[str, Any]) -> None:
    with pytest.raises(Ambiguous, match=r"may belong to `\w+`: to leave out .* prepare\.shape=\w+") as caught:
        detect([record], {})
    said = re.search(r"prepare\.shape=(\w+)", str(caught.value))
    assert said is not None
    assert read(record, detect([record], {}, said[1])).endswith("|a")


def test_a_said_shape_that_no_row_has_is_asked_about() -> None:
    with pytest.raises(Unknown, match=r"no row is of the Alpaca shape.*set prepare\.columns='\{completion:response\}'"):
        detect([{"prompt": "q", "response": "a"}], {}, "alpaca")


def test_numbers_are_the_text_they_were_written_in() -> None:
    rows = [parsed(b'{"prompt": "q", "completion": %b}' % value, 0, False) for value in (b"5", b"5.0", b"true", b"1e3")]
    found = [
        conversation(row, "a", 1, RowOptions("prompt_completion", {}, "refuse", "refuse", "refuse")) for row in rows
    ]
    assert [row.answer for row in found] == ["5", "5.0", "true", "1e3"]
    assert [row.changes for row in found] == [{"number-as-text": text} for text in ("5", "5.0", "true", "1e3")]


SQUAD = {"context": "c", "question": "q", "answers": {"text": ["a"], "answer_start": [Number("3")]}}


@pytest.mark.parametrize("texts", [["a"], ["a", "a"]])
def test_answers_as_squad_has_them(texts: list[str]) -> None:
    found = detect([SQUAD], {})
    assert read({**SQUAD, "answers": {"text": texts, "answer_start": []}}, found) == "q\n\nc|a"


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"text": ["a", "b"], "answer_start": []}, "`answers` is a list of 2 values, expected one text"),
        ({"text": [], "answer_start": []}, "`answers` is an empty list, expected one text"),
        ({"text": "a", "label": "b"}, "`answers` is an object, expected text"),
    ],
)
def test_squads_answers_that_differ_are_refused(answers: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRow, match=f"content-type: {said}"):
        read({**SQUAD, "answers": answers}, detect([SQUAD], {}))


def test_a_class_that_answers_is_still_the_label_of_its_row() -> None:
    options = RowOptions("prompt_completion", {"prompt": "text", "completion": "label"}, "refuse", "refuse", "refuse")
    assert conversation({"text": "q", "label": "good"}, "a", 1, options).label == "good"
    assert conversation({"text": "q", "label": ["good"]}, "a", 1, options).label is None
    assert conversation({"text": "q", "label": "an answer\nof lines"}, "a", 1, options).label is None
    translation = RowOptions(
        "prompt_completion", {"prompt": "source", "completion": "target"}, "refuse", "refuse", "refuse"
    )
    assert conversation({"source": "a\nb", "target": "c"}, "a", 1, translation).source is None
