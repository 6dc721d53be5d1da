"""What sample answers show by themselves, whatever brought it: symptoms, which are no causes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jobs.logic.diagnosing.answers_seen import AnswersSeen
from jobs.logic.diagnosing.bearing import LEAST_SHARE, LEAST_UNENDED
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.pages.amounts import count

SHOWN = {
    "num_empty": ("empty-answers", "empty"),
    "num_punctuation": ("punctuation", "nothing but a sign or two"),
    "num_loops": ("loops", "a piece repeated without end"),
    "num_unended": ("does-not-stop", "cut off without an end of their own"),
    "num_control": ("control-tokens-in-answers", "with control tokens in their text"),
    "num_think_tags": ("think-leaks", "with a tag of thoughts in their text"),
    "num_tags": ("tags-in-answers", "in the form of tags"),
}
"""Count of `AnswersSeen` to the symptom's name in `symptoms.py`, and what so many answers are. Another language and
declining are left out: whether they are faults is for the prompts to say."""
WHOSE = {"hf": " of the tuned model", "f16": " of F16", "quant": " of the quant", "unknown": ""}


@dataclass(frozen=True)
class SymptomSeen:
    """One symptom in one set of answers."""

    name: str
    """In `symptoms.py`."""
    file: str
    text: str
    """`12 of 20 answers are empty`."""


def symptoms_seen(evidence: Evidence) -> tuple[SymptomSeen, ...]:
    """Symptoms of answers but the base's: a fifth of a set or more has them, two answers at least or all there are, and
    more than of the base's."""
    base = [one for one in evidence.answers if one.of == "base" and one.num]
    return tuple(
        found for answers in evidence.answers if answers.of != "base" for found in _of(answers, base) if answers.num
    )


def _of(answers: AnswersSeen, base: list[AnswersSeen]) -> Iterator[SymptomSeen]:
    for field, (name, what) in SHOWN.items():
        num: int | None = getattr(answers, field)
        if num is None or num < min(LEAST_UNENDED, answers.num) or num < LEAST_SHARE * answers.num:
            continue
        same = [
            one for one in base if (shown := getattr(one, field)) is not None and shown * answers.num >= num * one.num
        ]
        if not same:
            of = f"{num:,} of {count(answers.num, 'answer')}{WHOSE[answers.of]}"
            yield SymptomSeen(name, answers.file, f"{of} {'is' if num == 1 else 'are'} {what}")
