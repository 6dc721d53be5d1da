"""What `judge` measures, and the words for it."""

from __future__ import annotations

import math
from typing import Literal

from jobs.checks.forgetting import ForgettingFacts
from jobs.checks.synth_facts import Asked, ModelFacts
from jobs.core.model import Facts, StrictModel
from jobs.logic.judging.usable import CHECKS
from jobs.logic.judging.verdicts import Word
from jobs.logic.pages.amounts import count, mark, p_value, part, percent, score, signed, usd

UNCALIBRATED = "uncalibrated: no person's votes stand beside the judge's"


class IntervalFacts(StrictModel):
    """A mean with its interval; `low` and `high` are NaN where it has none."""

    value: float
    low: float
    high: float
    level: float

    @property
    def can_say(self) -> bool:
        return self.low <= self.high


class Tally(StrictModel):
    """What a judge said of some pairs, in both orders; `wins` are those of the first answer."""

    num_pairs: int
    wins: int
    losses: int
    ties: int
    flips: int
    """Pairs whose verdict changed with the order; each counts as a tie."""
    unread: int
    """Pairs with no verdict after every try; they stay in the denominator."""
    unanswered: int
    """Of these, pairs that no server answered."""
    first_place: int
    """Flips to what stood first, both times."""
    second_place: int
    calls: int
    unparsable: int
    """Calls whose answer was no verdict."""
    position_p: float
    """That both places are as likely; NaN where nothing flipped."""


class Check(StrictModel):
    """One thing that the judge was asked before it might speak."""

    name: str
    """A key of `usable.CHECKS`."""
    tally: Tally


class Result(StrictModel):
    """What a usable judge said. There is none of a judge that is not."""

    net: IntervalFacts
    """Wins less losses, as a share of the pairs; bootstrap over sources."""
    sign_p: float
    """Exact, by source; NaN where no source leans either way."""
    least_difference: float
    """What so many rows of so many sources show with probability 0.8; NaN where nothing can be said."""
    at_equal_length: IntervalFacts | None
    """Net wins of answers that are as long; None where lengths do not overlap, and length cannot be separated; NaN
    where sources are too few."""
    word: Word
    sentence: str


class Blame(StrictModel):
    """The same pairs with the answers of base and adapter in Hugging Face: what did the GGUF lose?"""

    num_same: int
    """Rows with the same text from both."""
    net: IntervalFacts
    lost: IntervalFacts
    """Net wins in Hugging Face less those of the GGUF, row by row."""


class CriterionFacts(StrictModel):
    """What a rubric's criterion says of both answers; means from 1 to 5 over rows that have both."""

    name: str
    num_rows: int
    first: float
    second: float
    difference: IntervalFacts
    cannot_say: int
    """Of the answers; nobody's score stands for them."""
    failed: int
    """Answers of which nothing could be read, or no server answered."""


class Calibration(StrictModel):
    """The judge beside people who saw the same pairs blind."""

    num_pairs: int
    num_raters: int
    num_same: int
    """Pairs of which the judge says what most of them say."""
    agreement: IntervalFacts
    """Krippendorff's alpha, nominal: 1 the same, 0 as by chance."""

    @property
    def says_nothing(self) -> bool:
        """Whether all chose alike everywhere, so that nothing tells agreement from chance."""
        return 0 < self.num_pairs == self.num_same and math.isnan(self.agreement.value)


class AnswerFacts(StrictModel):
    """The answers that are judged."""

    num_rows: int
    num_sources: int
    """Clusters: rows of one source are no two witnesses."""
    prompt: Literal["default", "no_thinking"]
    first: str
    """What is judged: the type of the GGUF."""
    second: str
    """What it is held against."""
    first_stopped: int
    second_stopped: int
    equal: int
    """Rows with the same text from both: a tie that nobody is asked about."""
    as_in_verify: int
    """Rows that `verify` had from this GGUF in the same words."""
    missing: int
    """Rows without an answer."""


class JudgingFacts(StrictModel):
    """How it was judged, as `judging.json` has it: what the other files do not tell."""

    judge: ModelFacts
    kin: str
    """Why the judge may be kin; empty where it is none, as far as names tell."""
    unknown_kin: list[str]
    """Models of which no name tells whether the judge is of their family."""
    shows_reference: bool
    rubric: str
    """Empty where nothing is scored."""
    language: Literal["ja", "en"]
    digests: dict[str, str]
    """Of the prompts and the rubric, and of the GGUFs that answered: SHA-256."""
    asked: list[Asked]
    usd: float | None
    estimated_calls: int
    estimated_tokens: int | None
    estimated_usd: float | None


class PairExample(StrictModel):
    """A pair as a person reads it."""

    id: str
    outcome: str
    prompt: str
    first: str
    second: str
    reference: str
    grounds: str
    """The judge's, of the first order."""


class JudgeFacts(Facts):
    """Counted in the files of the folder."""

    judging: JudgingFacts
    answers: AnswerFacts
    checks: list[Check]
    pairs: Tally | None
    """None where the judge was found unusable before, and was asked no more."""
    unusable: list[str]
    """Why the judge is not usable, in sentences; none where it is."""
    result: Result | None
    blame: Blame | None
    no_blame: list[str]
    """Why nothing is told of the answers in Hugging Face though they were judged, in sentences."""
    scores: list[CriterionFacts]
    calibration: Calibration | None
    forgetting: ForgettingFacts
    unaccounted: int
    """Pairs without their calls, calls of no pair, verdicts that are not what the judge's words say."""
    examples: list[PairExample]

    @property
    def word(self) -> Word:
        return self.result.word if self.result is not None else "cannot say"

    @property
    def calls(self) -> int:
        return sum(one.calls for one in self.judging.asked)

    @property
    def failed_calls(self) -> int:
        """Those that a server did not answer."""
        return sum(one.failed.get("call-failed", 0) for one in self.judging.asked)

    def lines(self) -> list[tuple[str, str]]:
        answers, judging = self.answers, self.judging
        rows = f"{count(answers.num_rows, 'row')} of {count(answers.num_sources, 'source')}"
        told = [
            ("verdict", self.result.sentence if self.result else "cannot say: the judge is not usable"),
            *(("not usable", reason) for reason in self.unusable),
            *(("people", calibrated(self.calibration)) for _ in range(self.result is not None)),
            ("judged", f"{answers.first} against {answers.second}, {rows}"),
            ("judge", f"{judging.judge.name} ({'served here' if judging.judge.served == 'embedded' else 'a server'})"),
            *(("kin", judging.kin) for _ in range(bool(judging.kin))),
        ]
        told += [(f"qualified: {one.name}", f"{CHECKS[one.name]}: {tallied(one.tally)}") for one in self.checks]
        if self.result is not None and self.pairs is not None:
            told += [
                ("pairs", tallied(self.pairs)),
                ("place", placed(self.pairs)),
                ("sign test", f"p {p_value(self.result.sign_p)}"),
                ("at equal length", at_equal_length(self.result)),
            ]
        told += [("Hugging Face", blamed(self.blame))] if self.blame else []
        told += [("Hugging Face", f"cannot say: {reason}") for reason in self.no_blame]
        told += [(f"score: {one.name}", scored(one)) for one in self.scores]
        told += self.forgetting.lines()
        told += [
            ("stopped", f"{part(answers.first_stopped, answers.num_rows)}, against "
                        f"{part(answers.second_stopped, answers.num_rows)}"),
            ("calls", f"{count(self.calls)}, estimated {count(judging.estimated_calls)}"),
            ("cost", f"{usd(judging.usd)}, estimated {usd(judging.estimated_usd)}"),
        ]  # fmt: skip
        return told


def tallied(one: Tally) -> str:
    """Counts of outcomes, in words."""
    said = [(one.wins, "won"), (one.losses, "lost"), (one.ties, "tied"), (one.flips, "flipped"), (one.unread, "unread")]
    told = ", ".join(f"{count(num)} {word}" for num, word in said if num) or "none"
    return f"of {count(one.num_pairs)}: {told}" + (
        f" ({count(one.unanswered)} of them for the server)" if one.unanswered else ""
    )


def placed(one: Tally) -> str:
    """Which place the judge likes, by its flips."""
    if not one.flips:
        return "no verdict changed with the order"
    both = f"{count(one.first_place)} flips to the first, {count(one.second_place)} to the second"
    return f"{both}, p {p_value(one.position_p)}"


def spanned(one: IntervalFacts) -> str:
    """A difference of shares with its interval."""
    if not one.can_say:
        return f"{signed(one.value, percent)}, no interval"
    return f"{signed(one.value, percent)} ({signed(one.low, percent)} to {signed(one.high, percent)})"


def at_equal_length(result: Result) -> str:
    """What is left of the net wins where answers are as long."""
    found = result.at_equal_length
    if found is None:
        return "cannot separate: the lengths do not overlap"
    return f"net wins {spanned(found)}" if found.can_say else "no interval: too few sources"


def blamed(one: Blame) -> str:
    return f"net wins {spanned(one.net)} with its answers; lost on the way to the GGUF {spanned(one.lost)}"


def scored(one: CriterionFacts) -> str:
    said = [f"cannot say of {count(one.cannot_say, 'answer')}"] if one.cannot_say else []
    said += [f"nothing read of {count(one.failed, 'answer')}"] if one.failed else []
    if not one.num_rows:
        return "; ".join(said) or "no answer was scored"
    low, high = (signed(end, mark) for end in (one.difference.low, one.difference.high))
    span = f"{low} to {high}" if one.difference.can_say else "no interval"
    told = f"{mark(one.first)}, against {mark(one.second)} ({signed(one.difference.value, mark)}, {span})"
    return "; ".join([told, *said])


def calibrated(one: Calibration | None) -> str:
    """How the judge stands to people."""
    if one is None:
        return UNCALIBRATED
    people = "1 person" if one.num_raters == 1 else f"{count(one.num_raters)} people"
    same = f"the same as {people} in {count(one.num_same)} of {count(one.num_pairs, 'pair')}"
    if one.says_nothing:
        return f"{same}; alpha cannot be said, for all chose alike"
    if math.isnan(one.agreement.value):
        return f"{same}; no agreement can be computed"
    span = f" ({score(one.agreement.low)} to {score(one.agreement.high)})" if one.agreement.can_say else ""
    return f"{same}, alpha {score(one.agreement.value)}{span}"
