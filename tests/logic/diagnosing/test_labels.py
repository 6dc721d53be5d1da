"""Rows of ids and labels with one thing wrong, and the cause that it is."""

from collections.abc import Callable, Sequence

import pytest

from jobs.logic.diagnosing import causes_labels, causes_tokens
from jobs.logic.diagnosing.cause import Outcome
from jobs.logic.diagnosing.certainty import Certainty
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.labels import Alphabet, Shape, Tally

START, END, NEWLINE, TWO, SYSTEM, USER, ASSISTANT, THINK, CLOSE = 90, 91, 10, 11, 80, 81, 82, 92, 93
ALPHABET = Alphabet(START, END, NEWLINE, frozenset({NEWLINE, TWO}), {"system": SYSTEM, "user": USER,
                    "assistant": ASSISTANT}, THINK, frozenset({START, END, THINK, CLOSE}))  # fmt: skip
PROMPT = [START, USER, NEWLINE, 1, 2, 3, END, NEWLINE, START, ASSISTANT, NEWLINE]
ANSWER = [THINK, TWO, CLOSE, TWO, 4, 5, 6, 7, END]
Row = tuple[list[int], list[int]]
SHAPE = Shape(("user", "assistant"), False)


def row(ids: Sequence[int], graded: Sequence[int]) -> Row:
    """A row that is graded from place to place."""
    return list(ids), [one if graded[0] <= place < graded[1] else -100 for place, one in enumerate(ids)]


GOOD = row([*PROMPT, *ANSWER, NEWLINE], (len(PROMPT), len(PROMPT) + len(ANSWER)))
WHOLE = len(PROMPT) + len(ANSWER)


def told(rows: Sequence[Row], shape: Shape | None = SHAPE) -> Evidence:
    tally = Tally(ALPHABET)
    for ids, labels in rows:
        tally.add(ids, labels, shape)
    return Evidence(labels=tally.seen("train.jsonl", shape is not None))


FAULTS: dict[str, tuple[Callable[[Evidence], Outcome], list[Row]]] = {
    "end of turn masked": (causes_labels.end_of_turn_not_graded, [row(GOOD[0], (len(PROMPT), WHOLE - 1))] * 4),
    "end of turn missing": (
        causes_labels.end_of_turn_missing,
        [row([*PROMPT, *ANSWER[:-1], NEWLINE], (len(PROMPT), WHOLE - 1)), GOOD] * 4,
    ),
    "cut": (causes_labels.answers_cut_by_length, [row([*PROMPT, *range(20, 40)], (len(PROMPT), 99)), GOOD] * 4),
    "inverted": (causes_labels.mask_inverted, [row(GOOD[0], (0, len(PROMPT)))] * 4),
    "labels shifted": (causes_labels.labels_shifted, [(GOOD[0], [*GOOD[1][1:], -100])] * 4),
    "span shifted": (causes_labels.labels_shifted, [row(GOOD[0], (len(PROMPT) - 1, WHOLE - 1))] * 4),
    "prompts graded": (causes_labels.prompts_graded, [row(GOOD[0], (0, 99))] * 4),
    "nothing graded": (causes_labels.nothing_graded, [row(GOOD[0], (0, 0))] * 4),
    "header doubled": (
        causes_tokens.header_newline_odd,
        [row([*PROMPT[:-1], TWO, *ANSWER[4:], NEWLINE], (len(PROMPT), 99))] * 4,
    ),
    "header missing": (
        causes_tokens.header_newline_odd, [row([*PROMPT[:-1], *ANSWER[4:], NEWLINE], (len(PROMPT), 99))] * 4,
    ),
    "system added": (
        causes_tokens.system_prompt_added,
        [row([START, SYSTEM, NEWLINE, 8, END, NEWLINE, *GOOD[0]], (6 + len(PROMPT), 6 + WHOLE))] * 4,
    ),
    "block in one half": (causes_labels.think_block_graded_in_some, [GOOD, row(GOOD[0], (len(PROMPT) + 4, WHOLE))] * 4),
    "first token doubled": (causes_labels.doubled_bos, [row([END, END, *GOOD[0]], (2 + len(PROMPT), 2 + WHOLE))] * 4),
    "turn from content": (
        causes_labels.control_tokens_from_content,
        [row([START, 5, 6, *GOOD[0]], (3 + len(PROMPT), 3 + WHOLE))] * 4,
    ),
    "another template": (causes_tokens.wrong_template, [row([1, 2, 3, 4, 5], (3, 5))] * 4),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_the_rows_is_proven(name: str) -> None:
    check, rows = FAULTS[name]
    assert check(told(rows)).certainty == Certainty.PROVEN


@pytest.mark.parametrize("name", FAULTS)
def test_good_rows_rule_it_out(name: str) -> None:
    found = FAULTS[name][0](told([GOOD] * 4))
    assert found.certainty in (Certainty.RULED_OUT, Certainty.NOT_CHECKED)
    if name != "another template":  # its rows are held against a tokenizer
        assert found.certainty == Certainty.RULED_OUT


def test_the_newline_behind_an_answer_may_be_graded() -> None:
    found = told([row(GOOD[0], (len(PROMPT), 99))] * 4)
    assert causes_labels.prompts_graded(found).certainty == Certainty.RULED_OUT
    assert causes_labels.labels_shifted(found).certainty == Certainty.RULED_OUT


def test_one_odd_row_of_many_proves_nothing() -> None:
    found = told([GOOD] * 200 + [row(GOOD[0], (len(PROMPT), WHOLE - 1))])
    assert causes_labels.end_of_turn_not_graded(found).certainty == Certainty.CONSISTENT


def test_examples_name_rows() -> None:
    found = causes_labels.end_of_turn_not_graded(told([GOOD, row(GOOD[0], (len(PROMPT), WHOLE - 1))]))
    assert [place.row for place in found.places] == [2]
