"""What is wrong with one generated answer, seen from its text alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from jobs.logic.text.similarity import TrainingAnswers, rouge_l, tidy

SHORT_UNIT = 3
"""Units up to this many characters are repeated characters; longer ones are loops."""
LONGEST_UNIT = 400
"""Characters; a loop of longer units shows as an answer that does not stop."""

THINK = re.compile(r"\s*<think>(.*?)</think>\s*", re.DOTALL)
THINK_TAG = re.compile(r"</?think>")
MARKUP = re.compile(
    r"<\|[^|<>\s]{1,40}\|>"  # control tokens of ChatML, Llama 3, fill-in-the-middle
    r"|</?s>|\[/?INST\]|<</?SYS>>"
    r"|</?tool_(?:call|response)>"
    r"|^#{2,3} ?(?:Instruction|Response|Input|指示|入力|応答) ?[::]"
    r"|^(?:system|user|assistant|human)[::]?[ \t]*$",
    re.MULTILINE | re.IGNORECASE,
)


@dataclass(frozen=True)
class Measure:
    """What counts as repeated, looping and taken over."""

    repeat_chars: int
    """Characters that a unit of one to three must fill, over and over, to count as repeated characters."""
    loop_repeats: int
    """Times a longer unit must stand in a row to count as a loop."""
    loop_chars: int
    """Characters that a loop must fill."""


@dataclass(frozen=True)
class Signs:
    """What one answer shows."""

    stopped: bool
    loop: bool
    repeat: bool
    empty: bool
    markup: bool
    think_leak: bool
    copy: bool
    exact: bool
    agreement: float
    overlap: float


def signs(
    text: str, stopped: bool, reference: str, training: TrainingAnswers, measure: Measure, may_think: bool
) -> Signs:
    """Look at one answer, whole: what the prompt already had of it, and what the model wrote.

    `may_think`: a think block with something in it is what the model was trained to write.
    A repetition or a markup string that the reference has as well is the task's, not a fault; repeated characters are
    not counted as a loop too.
    """
    thought, answer = split_thinking(text)
    _, wanted = split_thinking(reference)
    answer, wanted = tidy(answer), tidy(wanted)
    repeats = has_repeat(answer, measure)
    return Signs(
        stopped=stopped,
        loop=not repeats and has_loop(answer, measure) and not has_loop(wanted, measure),
        repeat=repeats and not has_repeat(wanted, measure),
        empty=not answer,
        markup=bool(MARKUP.search(answer)) and not MARKUP.search(wanted),
        think_leak=bool(THINK_TAG.search(thought + answer)) or bool(thought.strip() and not may_think),
        copy=answer in training.unique and answer != wanted,
        exact=answer == wanted,
        agreement=rouge_l(answer, wanted),
        overlap=training.overlap(answer),
    )


def split_thinking(text: str) -> tuple[str, str]:
    """What stands in a think block that opens the text, and the text after it; a block left open stays in the text."""
    found = THINK.match(text)
    return (found[1], text[found.end() :]) if found else ("", text)


def has_repeat(text: str, measure: Measure) -> bool:
    """Whether one to three characters stand in a row over and over, as in 、、、、、、、、."""
    units = range(1, SHORT_UNIT + 1)
    return _repeats_itself(text, {unit: max(measure.repeat_chars, 3 * unit) for unit in units})


def has_loop(text: str, measure: Measure) -> bool:
    """Whether a phrase stands in a row over and over."""
    repeats = max(measure.loop_repeats, 3)
    units = range(SHORT_UNIT + 1, min(LONGEST_UNIT, len(text) // repeats) + 1)
    return _repeats_itself(text, {unit: max(measure.loop_chars, repeats * unit) for unit in units})


def _repeats_itself(text: str, least: Mapping[int, int]) -> bool:
    """Whether some piece equals itself `unit` characters on, for at least so many characters; unit -> characters.

    Any white space counts as one blank: indentation is no repetition, and line breaks hide none. A piece of three
    units or more holds two equal neighbours that begin at a multiple of the unit, so only those are looked at.
    """
    text = re.sub(r"\s+", " ", text)
    for unit, wanted in least.items():
        for start in range(0, len(text) - 2 * unit + 1, unit):
            middle = start + unit
            if text[start:middle] == text[middle : middle + unit] and _run(text, start, unit, wanted) >= wanted:
                return True
    return False


def _run(text: str, start: int, unit: int, enough: int) -> int:
    """Length of the piece around `start` that repeats itself every `unit` characters; stops counting at `enough`."""
    end = start + 2 * unit
    while end < len(text) and end - start < enough and text[end] == text[end - unit]:
        end += 1
    while start and end - start < enough and text[start - 1] == text[start - 1 + unit]:
        start -= 1
    return end - start
