"""Does the fine-tune behave, before anything is converted?"""

from __future__ import annotations

from collections.abc import Iterator

from jobs.checks.behaviour import Behaviour, Sample, behaviour_lines, name, rates_above, wilson
from jobs.core.model import Facts, Limits
from jobs.core.rule import Gate, Measured, Skip
from jobs.logic.pages.amounts import beside, count, percent, score, score_gain


class SmokeFacts(Facts):
    """What base and adapter answered on held-out rows in Hugging Face, in float32, greedily."""

    num_held_out: int
    """Rows with a prompt that the data has."""
    num_rows: int
    """Of them chosen."""
    num_references: int
    """Of the chosen ones, those with an answer to compare with."""
    prompts: list[str]
    """The generation prompts that the template has."""
    num_missing: int
    """Answers that should be in the folder and are not, counting row, model and prompt."""
    num_foreign: int
    """Answers in the folder to rows that were not asked."""
    max_new_tokens: int
    """An answer that is longer counts as one that does not stop."""
    num_longer_references: int
    """True answers that are longer than that."""
    reference_overlap: float
    """What `overlap` of the behaviours is for the true answers: what the task itself repeats."""
    behaviours: list[Behaviour]
    samples: list[Sample]

    def of(self, model: str) -> list[Behaviour]:
        """The behaviours of `base` or `tuned`."""
        return [one for one in self.behaviours if one.model == model]

    def lines(self) -> list[tuple[str, str]]:
        return [
            ("held-out rows asked", f"{count(self.num_rows)} of {count(self.num_held_out)}"),
            ("answers at most", count(self.max_new_tokens, "token")),
            *behaviour_lines(self.behaviours),
        ]


class SmokeLimits(Limits):
    """Shares of the held-out answers, unless it says otherwise."""

    min_rows: int
    advised_rows: int
    min_stop_rate: float
    max_loop_rate: float
    max_repeat_rate: float
    max_empty_rate: float
    max_markup_rate: float
    max_think_leak_rate: float
    max_copy_rate: float
    advised_copy_rate: float
    max_overlap_gain: float
    min_agreement_gain: float


GATE = Gate("smoke", "GEN", SmokeFacts, SmokeLimits)


def tuned(facts: SmokeFacts) -> list[Behaviour]:
    """The fine-tuned model's behaviours; raises Skip where it answered nothing, for GEN010 says so."""
    found = facts.of("tuned")
    if not found:
        raise Skip("the fine-tuned model answered nothing")
    return found


@GATE.rule("001", "does-not-stop", explains=("GEN007", "PAR008", "PAR010"))
def does_not_stop(facts: SmokeFacts, limits: SmokeLimits) -> Iterator[str]:
    """Answers run on to the length limit.

    Why: a model that was not taught to end its turn never does, in any format, and answers turn to gibberish.
    Fix: see that preflight grades the end-of-turn token of every row, that the base is not an untrained Base model,
    and train for more steps if loss is still falling.
    """
    for one in tuned(facts):
        if not one.stop_rate >= limits.min_stop_rate:
            low, high = wilson(one.stop_rate, one.num_rows)
            shown, least = beside(one.stop_rate, limits.min_stop_rate, percent)
            earlier = [other.stop_rate for other in facts.of("base") if other.prompt == one.prompt]
            text = (
                f"{name(one)}: {shown} of {count(one.num_rows, 'answer')} stop (95% interval {percent(low)} to "
                f"{percent(high)}) within {count(facts.max_new_tokens, 'token')}, the least is {least}"
            )
            text += f"; the base model: {percent(earlier[0])}" if earlier else ""
            inherited = bool(earlier) and earlier[0] <= one.stop_rate
            yield Measured(text, one.stop_rate, limits.min_stop_rate, worst=0.0, inherited=inherited)


@GATE.rule("002", "loops", explains=("GEN001", "GEN007", "PAR011"))
def loops(facts: SmokeFacts, limits: SmokeLimits) -> Iterator[str]:
    """Answers say the same phrase over and over.

    Why: endless loops on new input are what overfitting and too hot a learning rate look like.
    Fix: fewer epochs, a lower learning rate or effective scale, no repeated phrases in the data.
    """
    yield from rates_above(tuned(facts), "loop_rate", "loop", limits.max_loop_rate, facts.of("base"))


@GATE.rule("003", "repeats-characters", explains=("GEN001", "GEN007", "PAR011"))
def repeats_characters(facts: SmokeFacts, limits: SmokeLimits) -> Iterator[str]:
    """Answers are one character over and over.

    Why: this is the collapse that a tune at too large an effective scale, or on garbage rows, ends in.
    Fix: look at the effective scale times the learning rate in `train`, and at the rows that `prepare` kept.
    """
    yield from rates_above(tuned(facts), "repeat_rate", "repeat characters", limits.max_repeat_rate, facts.of("base"))


@GATE.rule("004", "empty-answers", explains=("GEN007", "PAR013"))
def empty_answers(facts: SmokeFacts, limits: SmokeLimits) -> Iterator[str]:
    """Answers are empty.

    Why: rows whose answer was empty or lost to the mask teach the model to stop at once.
    Fix: look at the shortest rows in preflight's preview.
    """
    yield from rates_above(tuned(facts), "empty_rate", "are empty", limits.max_empty_rate, facts.of("base"))


@GATE.rule("005", "leaked-markup", explains=("GEN007", "PAR009"))
def leaked_markup(facts: SmokeFacts, limits: SmokeLimits) -> Iterator[str]:
    """Control tokens or role headers stand in answers.

    Why: the model learned markup as text, from rows in another chat format or under another template than it is asked.
    Fix: clean the rows in `prepare`; train and ask with the same template.
    """
    yield from rates_above(tuned(facts), "markup_rate", "contain markup", limits.max_markup_rate, facts.of("base"))


@GATE.rule("006", "answers-are-training-rows", explains=("GEN007",))
def answers_are_training_rows(facts: SmokeFacts, limits: SmokeLimits) -> Iterator[str]:
    """New questions are answered with training rows.

    Why: an answer that belongs to another question, word for word, is memory and not skill.
    Fix: fewer epochs or a smaller rank, more and more varied rows; see that the best checkpoint was restored.
    """
    yield from rates_above(tuned(facts), "copy_rate", "are a training row's, wrongly", limits.max_copy_rate)


@GATE.rule("007", "no-better-than-base", explains=("PAR001", "PAR014"))
def no_better_than_base(facts: SmokeFacts, limits: SmokeLimits) -> Iterator[str]:
    """The fine-tune agrees with held-out answers no better than the base model.

    Why: whatever the loss says, a tune that does not move held-out answers towards the references taught nothing.
    Fix: more steps, a higher learning rate or rank, or data that shows the task more clearly; and see that the adapter
    is not zero.
    """
    found, bases = tuned(facts), facts.of("base")
    if not facts.num_references or not bases:
        raise Skip("there are no held-out references, or the base was not asked")
    best = max(one.agreement for one in bases)
    for one in found:
        gain = one.agreement - best
        if not gain >= limits.min_agreement_gain:
            shown, least = beside(gain, limits.min_agreement_gain, score_gain)
            yield Measured(
                f"{name(one)}: agreement {score(one.agreement)}, the base has {score(best)}; "
                f"the gain {shown} must be at least {least}",
                gain, limits.min_agreement_gain, worst=-best,
            )  # fmt: skip


@GATE.rule("008", "think-leak", explains=("GEN007", "PAR012"))
def think_leak(facts: SmokeFacts, limits: SmokeLimits) -> Iterator[str]:
    """Think tags stand in answers where none belong.

    Why: a user sees them as text; under one of two prompts only, they mean that rows were trained inconsistently.
    Fix: choose the thinking block in `chat` and keep it for every row.
    """
    yield from rates_above(
        tuned(facts), "think_leak_rate", "leak a think block", limits.max_think_leak_rate, facts.of("base")
    )


@GATE.rule("009", "copies-training-answers", level="warn")
def copies_training_answers(facts: SmokeFacts, limits: SmokeLimits) -> Iterator[str]:
    """Some new questions are answered with training rows.

    Why: it is the first sign of memorising.
    Fix: compare with an earlier checkpoint; stop earlier.
    """
    yield from rates_above(tuned(facts), "copy_rate", "are a training row's, wrongly", limits.advised_copy_rate)


@GATE.rule("010", "too-few-answers")
def too_few_answers(facts: SmokeFacts, limits: SmokeLimits) -> Iterator[str]:
    """Too few held-out rows were answered to judge by.

    Why: a stage that asked next to nothing proves next to nothing.
    Fix: raise smoke.num_rows; hold out more rows in `prepare`.
    """
    least = min(limits.min_rows, facts.num_held_out)
    if not facts.num_rows >= max(1, least):
        asked, there = count(facts.num_rows, "held-out row"), count(facts.num_held_out)
        yield f"{asked} asked, the least is {count(max(1, least))}: {count(limits.min_rows)}, or all of the {there}"
    if facts.num_missing or facts.num_foreign:
        yield (
            f"{count(facts.num_missing, 'answer')} missing, {count(facts.num_foreign)} to no row that was asked; "
            "the most is 0 of each"
        )


@GATE.rule("011", "prompt-not-tried")
def prompt_not_tried(facts: SmokeFacts, limits: SmokeLimits) -> Iterator[str]:
    """One of the template's generation prompts was not tried.

    Why: clients cannot all pass the thinking flag; the tune must behave under every prompt that the template makes.
    Fix: run `smoke` again with redo=true; see that preflight wrote both prompts.
    """
    tried = {one.prompt for one in facts.of("tuned")}
    for prompt in facts.prompts:
        if prompt not in tried:
            yield f"the {prompt} prompt has 0 answers, the template has {len(facts.prompts)} prompts"


@GATE.rule("012", "memorised-phrases", level="warn")
def memorised_phrases(facts: SmokeFacts, limits: SmokeLimits) -> Iterator[str]:
    """Answers share more with single training answers than the true answers do.

    Why: whole phrases of one training row in answers to new questions hint at memorising before copies are exact.
    Fix: fewer epochs, more varied rows.
    """
    for one in tuned(facts):
        gain = one.overlap - facts.reference_overlap
        if not gain <= limits.max_overlap_gain:
            shown, most = beside(gain, limits.max_overlap_gain, percent)
            yield Measured(
                f"{name(one)}: {percent(one.overlap)} of an answer stands in one training answer, of a true answer "
                f"{percent(facts.reference_overlap)}; the difference is {shown}, the most is {most}",
                gain, limits.max_overlap_gain, worst=1.0,
            )  # fmt: skip


@GATE.rule("013", "answer-limit-too-short", level="warn", explains=("GEN001",))
def answer_limit_too_short(facts: SmokeFacts, limits: SmokeLimits) -> Iterator[str]:
    """True answers are longer than answers may be here.

    Why: a model that answers as it was taught would then count as one that does not stop.
    Fix: raise smoke.max_new_tokens.
    """
    if facts.num_longer_references:
        longer, most = count(facts.num_longer_references, "true answer"), count(facts.max_new_tokens, "token")
        yield f"{longer} longer than {most}, the most is 0"


@GATE.rule("014", "few-rows-judged", level="info")
def few_rows_judged(facts: SmokeFacts, limits: SmokeLimits) -> Iterator[str]:
    """The rates rest on few rows.

    Why: with 50 rows a fault in one answer of twenty is missed one time in thirteen.
    Fix: hold out more rows, raise smoke.num_rows.
    """
    if facts.num_rows < limits.advised_rows:
        yield f"{count(facts.num_rows, 'row')} asked, {count(limits.advised_rows)} are advised"
