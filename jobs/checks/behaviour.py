"""What generated answers look like, for the two gates that judge them: in Hugging Face and in llama.cpp."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from jobs.checks.belonging import AnswersBelonging
from jobs.core.model import StrictModel
from jobs.core.rule import Measured
from jobs.logic.pages.amounts import beside, count, percent, score
from jobs.logic.parity.behaviour import Measure, Signs, signs, split_thinking
from jobs.logic.text.similarity import TrainingAnswers, rouge_l, tidy

THINK_CLOSE = "</think>"
OPENINGS = {"default": "opening", "no_thinking": "opening_no_thinking"}
"""A generation prompt to the field of `prompts.jsonl` that holds what it already has of the answer."""


class BelongingMeasure(StrictModel):
    """How answers are asked whether they go with their own references or with any."""

    seed: int
    num_permutations: int
    max_p: float
    """At most which p-value shows that they do."""
    some: float
    """Share of rows: a model that gets so many right must be seen, else nothing can be said."""


class MeasureConfig(StrictModel):
    """How faults are told from good answers."""

    thinking_block: Literal["empty", "none", "keep"]
    """What the rows have; only with `keep` may an answer open with thoughts."""
    repeat_chars: int
    """Characters that one to three, over and over, must fill to count as repeated."""
    loop_repeats: int
    """Times a phrase must stand in a row to count as a loop."""
    loop_chars: int
    """Characters that a loop must fill."""
    overlap_chars: int
    """The smallest piece of a training answer that counts as taken over."""
    belonging: BelongingMeasure


class Generation(StrictModel):
    """One line of `generations.jsonl`."""

    id: str
    model: str
    """`base`, `tuned`, or the artefact."""
    prompt: str
    """`default`: what a client sends that passes no flag; `no_thinking`: the template's other generation prompt."""
    opening: str
    """What the prompt already has of the answer, such as `<think>\\n`."""
    text: str
    """Every token that the model wrote, control tokens too, without the one that stopped it."""
    ids: list[int]
    stopped: bool
    reference: str

    @property
    def answer(self) -> str:
        """What is judged: a block that the prompt opened is closed in what the model writes."""
        return self.opening + self.text

    @property
    def shown(self) -> str:
        """What the model wrote, for people; a block that the prompt left open is said in front of it."""
        is_open = self.opening.strip() and not self.opening.rstrip().endswith(THINK_CLOSE)
        return f"[the prompt has {self.opening.strip()}]\n{self.text}" if is_open else self.text


class Behaviour(StrictModel):
    """What one model does under one generation prompt; rates are shares of the rows."""

    model: str
    prompt: str
    num_rows: int
    num_tokens: int
    stop_rate: float
    loop_rate: float
    repeat_rate: float
    empty_rate: float
    markup_rate: float
    think_leak_rate: float
    copy_rate: float
    """Equal to an answer that belongs to one training row, when the reference is another."""
    exact_rate: float
    agreement: float
    """Mean character-level ROUGE-L F1 with the reference, both NFC."""
    overlap: float
    """Mean share of an answer's pieces that one single training answer has."""
    belonging: AnswersBelonging

    @property
    def label(self) -> str:
        """How a message calls a model under a prompt."""
        return self.model if self.prompt == "default" else f"{self.model} under the {self.prompt} prompt"


class Sample(StrictModel):
    """One held-out row with its answers side by side, for people."""

    id: str
    prompt: str
    reference: str
    texts: dict[str, str]


def behaviours(generations: Sequence[Generation], training: Sequence[str], measure: MeasureConfig) -> list[Behaviour]:
    """One Behaviour per model and prompt, in the order they first appear."""
    answers = TrainingAnswers(training, measure.overlap_chars)
    what = Measure(measure.repeat_chars, measure.loop_repeats, measure.loop_chars)
    groups: dict[tuple[str, str], list[Generation]] = {}
    for generation in generations:
        groups.setdefault((generation.model, generation.prompt), []).append(generation)
    return [
        _behaviour(
            model,
            prompt,
            rows,
            [
                signs(row.answer, row.stopped, row.reference, answers, what, measure.thinking_block == "keep")
                for row in rows
            ],
            measure.belonging,
        )
        for (model, prompt), rows in groups.items()
    ]


def _behaviour(
    model: str, prompt: str, rows: Sequence[Generation], seen: Sequence[Signs], how: BelongingMeasure
) -> Behaviour:
    def mean(field: str) -> float:
        return math.fsum(getattr(one, field) for one in seen) / len(seen)

    return Behaviour(
        model=model,
        prompt=prompt,
        num_rows=len(rows),
        num_tokens=sum(len(row.ids) for row in rows),
        stop_rate=mean("stopped"),
        loop_rate=mean("loop"),
        repeat_rate=mean("repeat"),
        empty_rate=mean("empty"),
        markup_rate=mean("markup"),
        think_leak_rate=mean("think_leak"),
        copy_rate=mean("copy"),
        exact_rate=mean("exact"),
        agreement=mean("agreement"),
        overlap=mean("overlap"),
        belonging=_belonging(rows, how),
    )


def _belonging(rows: Sequence[Generation], how: BelongingMeasure) -> AnswersBelonging:
    from jobs.logic.parity import belonging  # numpy, which judging facts needs not

    found = belonging.measured(
        [split_thinking(row.answer)[1] for row in rows],
        [split_thinking(row.reference)[1] for row in rows],
        belonging.Test(how.num_permutations, how.max_p, how.some),
        how.seed,
    )
    return AnswersBelonging(some=how.some, **found._asdict())


def samples(
    generations: Sequence[Generation], questions: Mapping[str, str], worst_of: str, num_samples: int
) -> list[Sample]:
    """`num_samples` rows: half of them where `worst_of` agrees least with the reference, the rest as they come."""
    texts: dict[str, dict[str, str]] = {}
    references: dict[str, str] = {}
    agreement: dict[str, float] = {}
    for one in generations:
        label = one.model if one.prompt == "default" else f"{one.model} ({one.prompt})"
        texts.setdefault(one.id, {})[label] = one.shown
        references[one.id] = one.reference
        if label == worst_of:
            agreement[one.id] = rouge_l(tidy(split_thinking(one.answer)[1]), tidy(split_thinking(one.reference)[1]))
    worst = sorted(agreement, key=lambda key: agreement[key])[: num_samples // 2]
    chosen = [*worst, *(key for key in texts if key not in worst)][:num_samples]
    return [
        Sample(id=key, prompt=questions.get(key, ""), reference=references[key], texts=texts[key]) for key in chosen
    ]


def wilson(rate: float, number: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a rate seen on `number` rows (Wilson 1927): honest at 0, at 1, and on few."""
    if not number:
        return 0.0, 1.0
    z = 1.959964
    center = (rate + z * z / (2 * number)) / (1 + z * z / number)
    half = z * math.sqrt(rate * (1 - rate) / number + z * z / (4 * number * number)) / (1 + z * z / number)
    return max(0.0, center - half), min(1.0, center + half)


EARLIER = {"base": "the base model", "tuned": "the tuned model in Hugging Face"}
"""What a message calls the model that another was made from."""


def rates_above(
    found: Sequence[Behaviour], field: str, what: str, limit: float, before: Sequence[Behaviour] = ()
) -> Iterator[str]:
    """One message for each Behaviour whose rate is above the limit, or is no number.

    `before`: of the model that this one was made from, where it was asked the same.
    """
    for one in found:
        rate = getattr(one, field)
        if not rate <= limit:
            shown, most = beside(rate, limit, percent)
            earlier = next((other for other in before if other.prompt == one.prompt), None)
            had = getattr(earlier, field) if earlier else math.nan
            text = f"{name(one)}: {shown} of {count(one.num_rows, 'answer')} {what}, the most is {most}"
            text += f"; {EARLIER[earlier.model]}: {percent(had)}" if earlier else ""
            yield Measured(text, rate, limit, worst=1.0, inherited=had >= rate)


def name(one: Behaviour) -> str:
    """How a message calls a model under a prompt."""
    return one.label


def behaviour_lines(found: Sequence[Behaviour]) -> list[tuple[str, str]]:
    """A line per Behaviour for the table a stage ends with."""
    return [
        (
            f"{name(one)}, {count(one.num_rows, 'answer')}",
            f"stops {percent(one.stop_rate)}, agreement {score(one.agreement)}, exact {percent(one.exact_rate)}, "
            f"loops {percent(one.loop_rate)}, repeats {percent(one.repeat_rate)}, copies {percent(one.copy_rate)}; "
            f"{one.belonging}",
        )
        for one in found
    ]
