"""Causes in how long it was trained: too long, too short, or with another step kept than the best."""

from __future__ import annotations

from collections.abc import Mapping

from jobs.logic.diagnosing.bearing import by_record
from jobs.logic.diagnosing.cause import (
    Link,
    Outcome,
    Place,
    cause,
    consistent,
    measured,
    not_checked,
    ruled_out,
)
from jobs.logic.diagnosing.causes_rows import ROWS
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.log_seen import LogSeen
from jobs.logic.pages.amounts import count, loss, part, percent
from jobs.logic.training.overfitting import (
    LEAST_EVALUATIONS,
    LEAST_SOURCES,
    Evaluation,
    HeldOut,
    Judgement,
    Verdict,
    judge,
)

WANTED = f"a log with {LEAST_EVALUATIONS} or more validation losses"
ROWS_WANTED = f"losses of {LEAST_SOURCES} or more held-out rows at every evaluation (train/row_losses.jsonl)"
SURE_BY_CURVE = 0.05
"""Relative rise from which on a curve without the losses of its rows is taken for measured: nobody knows how many rows
it stands on."""
FEW_COPIES = 2
LEAST_ANSWERS = 10


def judged(log: LogSeen) -> Judgement:
    """What the evaluations of a log say, by the losses of rows where it has them."""
    found = [one for one in log.evaluations if one.row_losses is not None]
    lengths = {len(one.row_losses or ()) for one in found}
    if found and len(found) == len(log.evaluations) and len(lengths) == 1:
        num = lengths.pop()
        sources = log.row_sources if log.row_sources is not None and len(log.row_sources) == num else (None,) * num
        tokens = log.row_tokens if log.row_tokens is not None and len(log.row_tokens) == num else (1,) * num
        nll = [[cost * size for cost, size in zip(one.row_losses or (), tokens, strict=True)] for one in found]
        held_out = HeldOut(nll, tokens, sources)
    else:
        held_out = None
    return judge([Evaluation(one.step, one.loss) for one in log.evaluations], held_out, log.saved_steps)


def best_is_kept(evidence: Evidence) -> bool | None:
    """Whether what was kept is the step with the least validation loss; None where nothing says it."""
    facts = evidence.facts.get("train")
    if isinstance(facts, Mapping) and isinstance(facts.get("chosen_step"), int):
        return facts.get("restored_step") == facts["chosen_step"] and not evidence.said("TRN002")
    return evidence.settings.best_kept if evidence.settings is not None else None


def told(found: Judgement) -> str:
    """The rise, as a sentence with what it is judged by."""
    assert found.rise is not None
    assert found.best_step is not None
    assert found.last_step is not None
    how = f"{count(found.num_evaluations, 'evaluation')}"
    if found.by_rows:
        how += f" of the same rows from {count(found.num_sources, 'source')}, at least {percent(found.rise.low)}"
    return (
        f"the validation loss goes from {loss(found.best_loss)} at step {found.best_step:,} to {loss(found.last_loss)} "
        f"at step {found.last_step:,} ({percent(found.rise.value)}; {how})"
    )


def cannot(found: Judgement) -> str:
    """Why nothing can be judged."""
    if found.why == "few-rows":
        return f"held-out rows of {count(found.num_sources, 'source')}, the least is {LEAST_SOURCES}"
    return f"{count(found.num_evaluations, 'evaluation')}, the least is {LEAST_EVALUATIONS}"


@cause(
    "601", "trained-too-long", Link.TRAINING, symptoms=("memorised", "loops"), rules=("TRN007", "TRN008"),
    explains=("CAU602",), shows="train", separates="smoke train.schedule.num_epochs=1",
)  # fmt: skip
def trained_too_long(evidence: Evidence) -> Outcome:
    """Training went on after held-out rows had turned, and that is what was kept.

    Why: from the turning point on each step learns the training rows and unlearns what they have in common with others.
    Fix: keep the step with the least validation loss, stop when it has not fallen for three evaluations, fewer epochs.
    Seen in: the post-mortem of noteAI v1 could not judge it, having no validation; made in tests/faults (30 epochs).
    """
    if evidence.log is None or not evidence.log.evaluations:
        return not_checked(WANTED)
    found, place = judged(evidence.log), Place(evidence.log.file)
    if found.verdict is Verdict.CANNOT_JUDGE:
        return not_checked(ROWS_WANTED if found.why == "few-rows" else WANTED)
    if found.verdict is not Verdict.OVERFITS:
        return ruled_out(f"no rise beyond noise: {told(found)}") if found.by_rows else _not_risen(found)
    assert found.rise is not None
    since = f"overfits from step {found.since_step or 0:,}: {told(found)}"
    kept = best_is_kept(evidence)
    if kept:
        return ruled_out(f"the step that was kept is the best, {found.best_step or 0:,}, before the rise; {since}")
    saved = found.saved_step
    signs = [since]
    if saved is not None and saved != found.last_step:
        signs.append(f"step {saved:,} is on disk and is the best of those that are")
    elif evidence.log.saved_steps:
        signs.append(f"the best step, {found.best_step or 0:,}, is not on disk; it would have been better")
    if found.by_rows or found.rise.value >= SURE_BY_CURVE:
        return measured(*signs, places=(place,))
    return consistent(*signs, decides=(ROWS_WANTED,))


def _not_risen(found: Judgement) -> Outcome:
    """A curve that has no rise rules it out where its end is its best; else it stands on noise that nobody knows."""
    if found.rise is not None and found.rise.value <= 0:
        return ruled_out(
            f"the validation loss is the least at the last of {count(found.num_evaluations, 'evaluation')}"
        )
    return not_checked(ROWS_WANTED)


@cause(
    "602", "rows-known-by-heart", Link.TRAINING, symptoms=("memorised",), rules=("GEN006", "TRN009"), shows="smoke",
    separates="smoke train.schedule.num_epochs=1",
)  # fmt: skip
def rows_known_by_heart(evidence: Evidence) -> Outcome:
    """Answers of training rows come back word for word, to prompts that they do not belong to.

    Why: a model that knows its rows by heart answers a new question with the nearest old answer.
    Fix: fewer epochs, a smaller rank, more and more varied rows; `smoke` counts the copies.
    Seen in: the post-mortem of noteAI v1 (28 % tagged rows came back as tags); made in tests/faults (30 epochs).
    """
    said = by_record(evidence, "GEN006")
    if said is not None:
        return said
    counted = [one for one in evidence.answers if one.of != "base" and one.num_copies is not None]
    num, copies = sum(one.num for one in counted), sum(one.num_copies or 0 for one in counted)
    told = f"{copies:,} of {count(num, 'answer')} ({part(copies, num)}) are answers of training rows to other prompts"
    if num >= LEAST_ANSWERS and not copies:
        return ruled_out(told)
    if evidence.passed("GEN006"):
        return ruled_out("GEN006: answers to held-out prompts are not copies of training answers")
    if not num and any(one.of != "base" for one in evidence.answers):
        return not_checked(ROWS)
    if not num:
        return not_checked("answers to held-out prompts, and the training rows")
    if copies > FEW_COPIES and copies >= num / LEAST_ANSWERS:
        return measured(told, places=tuple(Place(one.file) for one in counted))
    return consistent(told, decides=("more answers to held-out prompts",)) if copies else not_checked("more answers")


@cause(
    "603", "trained-too-short", Link.TRAINING, symptoms=("nothing-learnt", "wrong-format"), rules=("TRN010",),
    shows="train", separates="train train.schedule.num_epochs=6",
)  # fmt: skip
def trained_too_short(evidence: Evidence) -> Outcome:
    """The validation loss was still falling fast when training ended.

    Why: the last evaluation is the best of nearly every run whose rate decays to zero; only a fall beyond noise, that
    by its own course as many steps again would continue, says that more steps buy something.
    Fix: more epochs, or a higher learning rate where the curve is flat from the beginning.
    Seen in: made in tests/faults (learning rate 10 times too low).
    """
    log = evidence.log
    if log is None or not log.evaluations:
        return not_checked(WANTED)
    found = judged(log)
    if found.verdict is Verdict.CANNOT_JUDGE:
        return not_checked(ROWS_WANTED if found.why == "few-rows" else WANTED)
    if found.verdict is Verdict.UNDER_TRAINED:
        return consistent(
            f"as many steps again promise {percent(found.gain_of_more or 0.0)} less validation loss than "
            f"{loss(found.last_loss)}, by the curve's own course",
            decides=("a run with twice the epochs",),
        )
    if found.verdict is Verdict.OVERFITS:
        return ruled_out(f"the validation loss had turned: {told(found)}")
    return ruled_out(
        f"step {found.enough_step or 0:,} of {found.last_step or 0:,} is all but as good as the best; as "
        f"many steps again promise {percent(found.gain_of_more or 0.0)}"
    )


@cause(
    "604", "best-step-not-kept", Link.TRAINING, symptoms=("memorised", "worse-than-trained"), rules=("TRN002",),
    explains=("CAU601",), shows="train", separates="train",
)  # fmt: skip
def best_step_not_kept(evidence: Evidence) -> Outcome:
    """What was kept is not the step that was best on held-out rows.

    Why: trainers keep the newest checkpoint, or take the best by a measure that was not evaluated when they saved.
    Fix: `load_best_model_at_end` with equal steps for saving and evaluating; here it is always so.
    Seen in: made in tests/faults (stale checkpoint taken for the best).
    """
    said = by_record(evidence, "TRN002")
    if said is not None:
        return said
    if evidence.passed("TRN002"):
        return ruled_out("TRN002: the adapter that was saved has the best step's validation loss when loaded anew")
    log = evidence.log
    if log is None or not log.evaluations:
        return not_checked(WANTED, "checkpoints")
    found = judged(log)
    if found.verdict is Verdict.CANNOT_JUDGE or found.best_step is None:
        return not_checked(WANTED, "checkpoints")
    if found.best_step == found.last_step or found.enough_step == found.last_step:
        return ruled_out(f"the last evaluation, at step {found.last_step or 0:,}, is the best")
    if not log.saved_steps:
        return not_checked("checkpoints")
    if found.verdict is Verdict.OVERFITS and found.best_step not in log.saved_steps and not best_is_kept(evidence):
        return consistent(
            f"step {found.best_step:,} is the best, on disk are {', '.join(f'{one:,}' for one in log.saved_steps)}",
            decides=("the adapter's loss on held-out rows",),
        )
    return not_checked("the adapter's loss on held-out rows")
