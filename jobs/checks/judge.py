"""What is wrong with a judge, and with what it says of the model.

That a model is not better is nobody's fault: it is told, and stops nothing unless a person demands it. That a judge is
not usable stops nothing either, for the GGUF is what it was proven to be; there is then no verdict to show.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from jobs.checks.judge_facts import JudgeFacts, calibrated, spanned
from jobs.core.model import Limits
from jobs.core.rule import Gate, Measured, Skip
from jobs.logic.forgetting import words
from jobs.logic.forgetting.counting import BOTH, WORSE
from jobs.logic.pages.amounts import beside, count, percent, score, share, usd

__all__ = ["GATE", "JudgeFacts", "JudgeLimits"]


class JudgeLimits(Limits):
    """Shares are of the rows, or of the calls."""

    min_net_win: float | None
    max_failed_share: float
    min_agreement: float
    min_stop_rate: float


GATE = Gate("judge", "JDG", JudgeFacts, JudgeLimits)


@GATE.rule("001", "judge-not-usable", level="warn", explains=("JDG004",))
def judge_not_usable(facts: JudgeFacts, limits: JudgeLimits) -> Iterator[str]:
    """The judge is not fit to judge: nothing that it says of the model is told.

    Why: a win rate of a judge that likes a place, a length or whoever flatters it is worse than none.
    Fix: take a stronger judge, or one that is told how to answer (judge.judge.extra); the reasons say what it lacks.
    """
    yield from facts.unusable


@GATE.rule("002", "answers-missing", explains=("JDG003",))
def answers_missing(facts: JudgeFacts, limits: JudgeLimits) -> Iterator[str]:
    """A row has no answer of one of the two.

    Why: rows that are left out are not left out at random.
    Fix: make `judge` again with redo=true; if it happens again, report it as a bug.
    """
    if not facts.answers.num_rows:
        yield "no row was judged, the least is 1"
    if facts.answers.missing:
        yield f"{count(facts.answers.missing, 'row')} without an answer, the most is 0"


@GATE.rule("003", "verdicts-unaccounted")
def verdicts_unaccounted(facts: JudgeFacts, limits: JudgeLimits) -> Iterator[str]:
    """Verdicts or scores are not those of the pairs, or not what the judge's words say.

    Why: a verdict that vanished or was changed means that files were cut or edited after they were written.
    Fix: make `judge` again with redo=true; if it happens again, report it as a bug.
    """
    if facts.unaccounted:
        yield f"{count(facts.unaccounted)} verdicts or scores missing, of no pair, or not as it was said; the most is 0"


@GATE.rule("004", "not-better-by-enough")
def not_better_by_enough(facts: JudgeFacts, limits: JudgeLimits) -> Iterator[str]:
    """The model is not shown to win by as much as is demanded.

    Why: judge.limits.min_net_win was set, so a model that may win by less is not to ship.
    Fix: judge more rows, which narrows the interval; or train a better model; or take the demand back.
    """
    if limits.min_net_win is None:
        raise Skip("nothing is demanded (judge.limits.min_net_win)")
    least = percent(limits.min_net_win)
    if facts.result is None:
        yield f"no verdict: the judge is not usable; the lower end of the net wins must be at least {least}"
    elif not facts.result.net.low >= limits.min_net_win:
        shown, least = beside(facts.result.net.low, limits.min_net_win, percent)
        text = f"lower end of the interval of the net wins {shown}, the least is {least}"
        yield Measured(text, facts.result.net.low, limits.min_net_win, worst=-1.0)


@GATE.rule("005", "judge-is-kin", level="warn")
def judge_is_kin(facts: JudgeFacts, limits: JudgeLimits) -> Iterator[str]:
    """The judge is kin of what it judges, and may by the reason that was given.

    Why: a model likes what its own family writes.
    Fix: take a judge of another family.
    """
    if facts.judging.kin:
        yield f"{facts.judging.judge.name}: {facts.judging.kin}"


@GATE.rule("006", "judge-of-unknown-family", level="info")
def judge_of_unknown_family(facts: JudgeFacts, limits: JudgeLimits) -> Iterator[str]:
    """No name tells whether the judge is of another family than what it judges.

    Why: a model likes what its own family writes, and a name that somebody made up hides it.
    Fix: none where you know; else give the judge under its maker's name (judge.judge.model).
    """
    if facts.judging.unknown_kin:
        yield f"{facts.judging.judge.name} beside {', '.join(facts.judging.unknown_kin)}"


@GATE.rule("007", "worse-than-before", level="warn")
def worse_than_before(facts: JudgeFacts, limits: JudgeLimits) -> Iterator[str]:
    """The model's answers are worse than those it is held against.

    Why: it is the model that was trained, and people would rather have the other.
    Fix: read the pairs that it lost; mend the rows that taught it, or train less.
    """
    if facts.result is None:
        raise Skip("there is no verdict")
    if facts.result.word == "worse":
        yield facts.result.sentence


@GATE.rule("008", "no-difference-shown", level="info")
def no_difference_shown(facts: JudgeFacts, limits: JudgeLimits) -> Iterator[str]:
    """Neither is shown to be better.

    Why: that no difference is shown is not that there is none.
    Fix: judge more rows, or hold more rows out; the message says what so many can show.
    """
    if facts.result is None:
        raise Skip("there is no verdict")
    if facts.result.word in ("no difference shown", "cannot say"):
        yield facts.result.sentence


@GATE.rule("009", "uncalibrated", level="info")
def uncalibrated(facts: JudgeFacts, limits: JudgeLimits) -> Iterator[str]:
    """No person's votes stand beside the judge's.

    Why: a judge that tells right from wrong may still like other things than the people who will use the model.
    Fix: `make judge-sheet` writes forty pairs to vote on, judge.votes=[FILE.json] takes what was saved.
    """
    if facts.result is None:
        raise Skip("there is no verdict")
    if facts.calibration is None:
        yield "no person's votes stand beside the judge's"


@GATE.rule("010", "people-disagree", level="warn")
def people_disagree(facts: JudgeFacts, limits: JudgeLimits) -> Iterator[str]:
    """The judge is not shown to agree with people.

    Why: what it calls better is then its own taste.
    Fix: take another judge, or have more pairs voted on; or believe the people (`make compare-votes`).
    """
    if facts.calibration is None:
        raise Skip("there are no votes")
    if facts.calibration.says_nothing:
        raise Skip("all chose alike, which tells nothing of chance")
    low = facts.calibration.agreement.low
    if not low >= limits.min_agreement:
        shown, least = beside(low, limits.min_agreement, score)
        ends = (
            "no interval of alpha; the least of its lower end"
            if math.isnan(low)
            else f"lower end of alpha {shown}, the least"
        )
        text = f"{ends} is {least}: {calibrated(facts.calibration)}"
        yield Measured(text, low, limits.min_agreement, worst=-1.0)


@GATE.rule("011", "wins-by-length", level="warn")
def wins_by_length(facts: JudgeFacts, limits: JudgeLimits) -> Iterator[str]:
    """What wins is not shown to win where answers are as long.

    Why: judges like long answers, and people who asked for a short one do not.
    Fix: read the pairs; where the longer answer is rightly longer, none.
    """
    if facts.result is None or facts.result.word not in ("better", "worse"):
        raise Skip("nothing wins")
    equal, net = facts.result.at_equal_length, facts.result.net
    if equal is None:
        raise Skip("cannot separate: the lengths do not overlap, so length alone could be what is liked")
    if not (equal.low > 0 if net.value > 0 else equal.high < 0):
        yield f"net wins {spanned(net)}, at equal length {spanned(equal)}"


@GATE.rule("012", "judged-answers-run-on", level="warn")
def judged_answers_run_on(facts: JudgeFacts, limits: JudgeLimits) -> Iterator[str]:
    """Answers of the model do not end by themselves.

    Why: better but without an end is not better.
    Fix: see what `verify` says of stops; behaviour comes first, taste second.
    """
    answers = facts.answers
    if not answers.num_rows:
        raise Skip("no row was judged")
    rate = share(answers.first_stopped, answers.num_rows)
    if not rate >= limits.min_stop_rate:
        shown, least = beside(rate, limits.min_stop_rate, percent)
        yield Measured(
            f"{shown} of {answers.first}'s answers end, the least is {least}", rate, limits.min_stop_rate, worst=0.0
        )


@GATE.rule("013", "judge-calls-failed", level="warn")
def judge_calls_failed(facts: JudgeFacts, limits: JudgeLimits) -> Iterator[str]:
    """Too many questions had no answer from the server.

    Why: what is unread for a server's fault says nothing of the judge; the next run asks it again.
    Fix: run `judge` again with redo=true when the server keeps up; what was answered is kept.
    """
    if not facts.calls:
        raise Skip("nothing was asked")
    failed = share(facts.failed_calls, facts.calls)
    if not failed <= limits.max_failed_share:
        shown, most = beside(failed, limits.max_failed_share, percent)
        text = f"{count(facts.failed_calls)} of {count(facts.calls, 'call')} ({shown}), the most is {most}"
        yield Measured(text, failed, limits.max_failed_share, worst=1.0)


@GATE.rule("014", "lost-in-the-gguf", level="warn")
def lost_in_the_gguf(facts: JudgeFacts, limits: JudgeLimits) -> Iterator[str]:
    """The model answers worse as a GGUF than in Hugging Face.

    Why: the fine-tune is not to blame for what quantizing took.
    Fix: ship a larger type (quantize.types), or an importance matrix; `verify` says what each keeps.
    """
    if facts.no_blame:
        raise Skip(f"cannot say: {'; '.join(facts.no_blame)}")
    if facts.blame is None:
        raise Skip("answers in Hugging Face were not judged")
    if facts.blame.lost.low > 0:
        yield f"net wins lost on the way to {facts.answers.first}: {spanned(facts.blame.lost)}"


@GATE.rule("015", "judging-over-estimate", level="warn")
def judging_over_estimate(facts: JudgeFacts, limits: JudgeLimits) -> Iterator[str]:
    """Judging cost more than twice what was estimated.

    Why: the next run is planned by the estimate.
    Fix: look at the tries: unreadable verdicts are paid for; judge.max_usd is the cap.
    """
    judging = facts.judging
    if judging.usd is None or judging.estimated_usd is None:
        raise Skip("the price is not known")
    if judging.usd > 2 * judging.estimated_usd:
        yield f"{usd(judging.usd)}, estimated were {usd(judging.estimated_usd)}"


@GATE.rule("016", "tasks-forgotten", level="warn")
def tasks_forgotten(facts: JudgeFacts, limits: JudgeLimits) -> Iterator[str]:
    """The model does plain tasks worse than its base.

    Why: what is gained on the rows may be paid for with what they do not ask.
    Fix: mix general rows into the set, train less, or let it be where the model will only ever see such rows.
    """
    found = facts.forgetting.found()
    if not found.groups:
        raise Skip("no task was asked")
    for group in found.groups:
        if group.language == BOTH and group.verdict == WORSE:
            counts = (
                f"{count(group.base_right)} of {count(group.num_items)} right before, {count(group.tuned_right)} after"
            )
            yield f"{words.name(group)}: {counts}; {count(group.only_base)} lost, {count(group.only_tuned)} won"
