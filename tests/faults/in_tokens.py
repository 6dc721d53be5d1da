"""Faults of the template, the labels and the tokenizer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.faults import on_a_run
from tests.faults.fault import Fault, Ours, Theirs
from tests.faults.peer import EMPTY, NOT_GRADED, Example, Messages, Recipe, Ways, rendered
from tests.whole_run import own

START, END, TEXT, NEWLINE = 151_644, 151_645, 151_643, 198
THINK_END = 151_668
Row = dict[str, Any]


def every(change: Callable[[Row, int], None]) -> Callable[[Path], None]:
    """Change every training row that `preflight` made; the labels' letters are made to agree."""

    def spoil(run: Path) -> None:
        numbers = iter(range(1_000_000))

        def one(row: Row) -> None:
            change(row, next(numbers))
            row["kinds"] = "".join(
                "p" if label == NOT_GRADED else "c" for label in row["labels"]
            )  # fmt: skip

        on_a_run.edit_rows(run / "preflight/train.jsonl", one)

    return spoil


def cut_out(row: Row, place: int) -> None:
    del row["input_ids"][place], row["labels"][place]


def put_in(row: Row, place: int, numbers: list[int]) -> None:
    row["input_ids"][place:place] = numbers
    row["labels"][place:place] = [NOT_GRADED] * len(numbers)


def last(row: Row, token: int) -> int:
    return max(place for place, number in enumerate(row["input_ids"]) if number == token)


def end_missing(row: Row, number: int) -> None:
    cut_out(row, last(row, END))


def cut(row: Row, number: int) -> None:
    del row["input_ids"][-8:], row["labels"][-8:]


def inverted(row: Row, number: int) -> None:
    row["labels"] = [
        token if label == NOT_GRADED else NOT_GRADED
        for token, label in zip(row["input_ids"], row["labels"], strict=True)
    ]


def shifted(row: Row, number: int) -> None:
    graded = [label != NOT_GRADED for label in row["labels"]]
    graded = [*graded[1:], False]
    row["labels"] = [token if on else NOT_GRADED for token, on in zip(row["input_ids"], graded, strict=True)]


def prompts_too(row: Row, number: int) -> None:
    row["labels"] = list(row["input_ids"])


def header_without_newline(row: Row, number: int) -> None:
    cut_out(row, last(row, START) + 2)


def header_with_two(row: Row, number: int) -> None:
    put_in(row, last(row, START) + 2, [NEWLINE])


def half_of_the_blocks(row: Row, number: int) -> None:
    if number % 2:
        end = last(row, THINK_END) + 1
        row["labels"][: end + 1] = [NOT_GRADED] * (end + 1)


def doubled_bos(row: Row, number: int) -> None:
    put_in(row, 0, [TEXT, TEXT])


def system_added(row: Row, number: int) -> None:
    # <|im_start|>system\nYou are a helpful assistant.<|im_end|>\n
    put_in(row, 0, [START, 8_948, NEWLINE, 2_610, 525, 264, 10_950, 17_847, 13, END, NEWLINE])


def pad_is_end(run: Path) -> None:
    path = own(run / "preflight/tokenizer/tokenizer_config.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"pad_token": "<|im_end|>"}, indent=1))


def another_template(run: Path) -> None:
    own(run / "preflight/tokenizer/chat_template.jinja").write_text(
        "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
        "{% if add_generation_prompt %}[assistant] {% endif %}"
    )


def tokens_exchanged(folder: Path) -> None:
    """A tokenizer of the same length, in which neighbours have each other's numbers."""
    path = own(folder / "tokenizer.json")
    data = json.loads(path.read_text(encoding="utf-8"))
    vocab = data["model"]["vocab"]
    names = sorted(vocab, key=vocab.__getitem__)[300:151_300]
    for one, other in zip(names[::2], names[1::2], strict=True):
        vocab[one], vocab[other] = vocab[other], vocab[one]
    path.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")


def grading(change: Callable[[Row, int], None]) -> Ways:
    """The same change to a stranger's rows: nothing of it is in their files."""

    def grade(tokenizer: Any, example: Example, number: int) -> Example:
        row: Row = {"input_ids": list(example.ids), "labels": list(example.labels)}
        change(row, number)
        return Example(row["input_ids"], row["labels"])

    return Ways(grade=grade)


def end_ungraded(row: Row, number: int) -> None:
    row["labels"][last(row, END)] = NOT_GRADED


def written(change: Callable[[str], str], **more: Any) -> Ways:
    """Another text of every row, which is what the stranger keeps."""

    def render(messages: Messages, number: int) -> str:
        return change(rendered(messages))

    return replace(Ways(render=render, as_text=True), **more)


def alpaca(text: str) -> str:
    turns = re.findall(r"<\|im_start\|>(\w+)\n(.*?)<\|im_end\|>\n", text, re.DOTALL)
    asked, said = turns[0][1], turns[-1][1].removeprefix(EMPTY)
    return f"### Instruction:\n{asked}\n\n### Response:\n{said}<|im_end|>"


FAULTS = [
    Fault(
        "end of turn missing",
        "end-of-turn-missing",
        Ours("TOK006 TOK002", stage="preflight", spoil=every(end_missing)),
        Theirs(ways=written(lambda text: text.removesuffix("<|im_end|>\n"))),
    ),
    Fault(
        "end of turn cut off",
        "answers-cut-by-length end-of-turn-missing",
        Ours("TOK006 TOK002 TOK004", stage="preflight", spoil=every(cut)),
        Theirs(ways=written(lambda text: text[:-16])),
    ),
    Fault(
        "end of turn masked",
        "end-of-turn-not-graded",
        Ours("TOK002", stage="preflight", spoil=every(end_ungraded)),
        Theirs(ways=grading(end_ungraded)),
    ),
    Fault(
        "pad equal to end of turn",
        "pad-is-end-of-turn",
        Ours("TOK014", stage="preflight", spoil=pad_is_end),
        Theirs(ways=grading(end_ungraded), after=lambda folder: pad_of(folder / "adapter")),
    ),
    Fault(
        "mask inverted",
        "mask-inverted",
        Ours("TOK005 TOK004", stage="preflight", spoil=every(inverted)),
        Theirs(ways=grading(inverted)),
    ),
    Fault(
        "labels shifted by one",
        "labels-shifted",
        Ours("TOK002 TOK004 TOK005", stage="preflight", spoil=every(shifted)),
        Theirs(ways=grading(shifted)),
    ),
    Fault(
        "prompts graded",
        "prompts-graded",
        Ours("TOK005", stage="preflight", spoil=every(prompts_too)),
        Theirs(ways=grading(prompts_too)),
    ),
    Fault("nothing graded", "nothing-graded", Ours("TOK001", stage="preflight", spoil=on_a_run.all_masked), None),
    Fault(
        "wrong template",
        "wrong-template",
        Ours("TOK015 TOK006", stage="preflight", spoil=another_template),
        Theirs(ways=written(alpaca, recipe=Recipe(response_part="### Response:\n"))),
    ),
    Fault(
        "newline after the header missing",
        "header-newline-odd",
        Ours("TOK006 TOK008", stage="preflight", spoil=every(header_without_newline)),
        Theirs(
            ways=written(
                lambda text: text.replace("assistant\n<", "assistant<"),
                recipe=Recipe(response_part="<|im_start|>assistant"),
            )
        ),
    ),
    Fault(
        "newline after the header doubled",
        "header-newline-odd",
        Ours("TOK006 TOK008", stage="preflight", spoil=every(header_with_two)),
        Theirs(ways=written(lambda text: text.replace("assistant\n<", "assistant\n\n<"))),
    ),
    Fault(
        "default system prompt added",
        "system-prompt-added",
        Ours("TOK006 TOK008 TOK003", stage="preflight", spoil=every(system_added)),
        Theirs(ways=written(lambda text: f"<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{text}")),
    ),
    Fault(
        "thinking block graded in one half",
        "think-block-graded-in-some",
        Ours("TOK004 TOK020", stage="preflight", spoil=every(half_of_the_blocks)),
        Theirs(ways=grading(half_of_the_blocks)),
    ),
    Fault(
        "doubled BOS",
        "doubled-bos",
        Ours("TOK003 TOK006", stage="preflight", spoil=every(doubled_bos)),
        Theirs(ways=written(lambda text: f"<|endoftext|><|endoftext|>{text}")),
    ),
    Fault(
        "control token from content",
        "control-tokens-from-content",
        Ours("TOK003", stage="preflight", spoil=on_a_run.control_token_in_content),
        None,
    ),
    Fault(
        "another tokenizer of the same length",
        "another-tokenizer",
        Ours("TOK013 FET003", stage="fetch", spoil=lambda run: tokens_exchanged(run / "fetch/model")),
        Theirs(after=lambda folder: tokens_exchanged(folder / "adapter")),
    ),
]


def pad_of(folder: Path) -> None:
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"pad_token": "<|im_end|>"}, indent=1))
