"""Causes that a log of losses shows, and how long and on what was trained."""

from __future__ import annotations

import math

from jobs.logic.diagnosing import curve
from jobs.logic.diagnosing.bearing import by_record
from jobs.logic.diagnosing.cause import (
    Link,
    Outcome,
    Place,
    cause,
    consistent,
    measured,
    not_checked,
    proven,
    ruled_out,
)
from jobs.logic.diagnosing.causes_overfitting import rows_known_by_heart
from jobs.logic.diagnosing.causes_recipe import moved
from jobs.logic.diagnosing.dialects import KIWAME
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.log_seen import LogSeen
from jobs.logic.diagnosing.recipe import recipe
from jobs.logic.pages.amounts import count, loss, number, part, percent

MANY_EPOCHS, FEW_EPOCHS = 8.0, 1.0
LOW_SHARE = 0.3
"""Of the first losses: what is left where rows are known by heart."""
LEAST_RISE = 0.05
"""Relative, of the validation loss from its best to its last: less may be noise where no row's own loss is there."""
MUCH_RISE = 0.20
"""Where the best step is kept, a rise behind it harms nothing; one that large says that most steps were in vain."""
LEAST_EVALUATIONS, LEAST_TO_CLEAR = 5, 3
NEXT_TO_NOTHING = 0.05
"""Nats: free text that was not learnt by heart costs more; labels may cost less."""
SCALING_STEPS, LEAST_BAD, MOST_SCALED = 20, 3, 0.01
"""In how many first steps fp16's loss scaling finds its scale (2^16 halved until gradients are finite), and how many
steps, or which share of them, it may skip later."""
MOST_CUT = 0.02
"""Of the rows, as `preflight` allows to leave out."""
LOG = "a log of losses"


@cause(
    "105", "too-many-epochs", Link.RECIPE, symptoms=("memorised", "loops"), rules=("TRN007", "TRN009", "GEN006"),
    explains=("CAU601",), shows="train", separates="smoke train.schedule.num_epochs=3",
)  # fmt: skip
def too_many_epochs(evidence: Evidence) -> Outcome:
    """The rows were gone through more often than they have to say.

    Why: after a few epochs the loss falls by learning rows by heart; what the rows have in common was learnt before.
    Fix: 1 to 5 epochs with an evaluation every quarter of one, and the best of them kept.
    Seen in: the post-mortem of noteAI v1 (loss 2.847 to 0.254 without validation); made in tests/faults (30 epochs).
    """
    found, log = recipe(evidence), evidence.log
    told = found.num_epochs if found.num_epochs is not None else found.epochs_run
    epochs = found.epochs_run if found.epochs_run is not None else told
    if epochs is None:
        return not_checked(LOG, "settings")
    said = f"{number(epochs)} epochs"
    rise = validation_rise(log)
    kept = evidence.settings is not None and evidence.settings.best_kept is True
    if rise is not None and rise[0] > (MUCH_RISE if kept else LEAST_RISE) and epochs > (MANY_EPOCHS if kept else 1):
        return measured(said, rise[1], places=found.place("num_epochs"))
    gates = by_record(evidence, "TRN007", "TRN008") if epochs >= MANY_EPOCHS else None
    if gates is not None:
        return measured(said, *gates.signs, places=found.place("num_epochs"))
    if rise is not None and rise[0] <= 0:
        return ruled_out(f"{said}: {rise[1]}")
    if epochs <= FEW_EPOCHS:
        return ruled_out(f"{said}: no row was seen twice")
    over = curve.whole(log) if log is not None else None
    signs = [said]
    if over is not None and over.fell and 1 - over.share < LOW_SHARE:
        signs.append(moved(over, "the training loss"))
    if epochs >= MANY_EPOCHS or len(signs) > 1:
        return consistent(*signs, *([rise[1]] if rise else []), decides=("a log with validation losses", "answers"))
    return not_checked("a log with at least five validation losses")


def validation_rise(log: LogSeen | None) -> tuple[float, str] | None:
    """(relative rise from the best validation loss to the last, in words); None for too few evaluations."""
    found = [one for one in log.evaluations if math.isfinite(one.loss)] if log is not None else []
    best = min(found, key=lambda one: one.loss, default=None)
    if best is None or len(found) < (LEAST_TO_CLEAR if best is found[-1] else LEAST_EVALUATIONS):
        return None
    rise = found[-1].loss / best.loss - 1 if best.loss else math.nan
    if best is found[-1]:
        return 0.0, f"the validation loss is at its best at the last of {len(found)} evaluations ({loss(best.loss)})"
    return rise, (
        f"the validation loss rises from {loss(best.loss)} at step {best.step:,} to {loss(found[-1].loss)} at step "
        f"{found[-1].step:,} ({percent(rise)}, of {len(found)} evaluations)"
    )


@cause(
    "106", "no-validation", Link.RECIPE, symptoms=("memorised",), rules=("TOK025",),
    shows="prepare", separates="train",
)  # fmt: skip
def no_validation(evidence: Evidence) -> Outcome:
    """Nothing was held out, so nobody could see when the training went on too long.

    Why: a training loss falls whatever is learnt, by heart too; only rows that were not trained on tell.
    Fix: hold out 5 to 10 % of the rows, evaluate every quarter of an epoch, and keep the best step.
    Seen in: the post-mortem of noteAI v1; 47 % of 89 public runs that one tool looked at; made in tests/faults.
    """
    log, settings = evidence.log, evidence.settings
    if log is not None and log.evaluations:
        return ruled_out(f"{log.file} has {count(len(log.evaluations), 'evaluation')}")
    if log is not None and log.evaluated_in:
        return ruled_out(f"{log.evaluated_in} has evaluations")
    if evidence.held_out_rows is not None and evidence.held_out_rows.num_rows and log is None:
        return not_checked(LOG)
    signs, where = [], []
    if log is not None and len(log.steps) > 1 and not log.num_bytes_left_out:
        signs.append(f"{log.file} has {count(len(log.steps), 'step')} and no evaluation")
        where.append(Place(log.file))
    if settings is not None and settings.has_evaluation is False:
        key = (settings.keys or {}).get("has_evaluation", "")
        how = f"says so ({key})" if key else f"says nothing of one, and {settings.dialect} makes none by itself"
        signs.append(f"no evaluation: {settings.file} {how}")
        where.append(Place(settings.file, key=key))
    if not signs:
        return by_record(evidence, "TOK025") or not_checked(LOG, "settings")
    if gates := by_record(evidence, "TOK025"):
        return measured(*gates.signs, *signs, places=where)
    if by_heart := known_by_heart(evidence):
        return proven(*signs, *by_heart, places=where)
    blind = "so nobody can see whether it overfits"
    return consistent(*signs, blind, decides=("losses of rows that were not trained on",))


def known_by_heart(evidence: Evidence) -> list[str]:
    """Signs beside a missing validation that it was missed: next to no loss, or little after many epochs, or copies."""
    signs = list(rows_known_by_heart(evidence).signs) if rows_known_by_heart(evidence).certainty.found else []
    over = curve.whole(evidence.log) if evidence.log is not None else None
    if over is None or not over.fell:
        return signs
    epochs = recipe(evidence).epochs_run or 0.0
    said = moved(over, "the training loss")
    labels = evidence.train_rows is not None and evidence.train_rows.answers_are_labels
    if over.last < NEXT_TO_NOTHING and not labels:
        signs.append(f"{said}, next to nothing")
    elif epochs >= MANY_EPOCHS and 1 - over.share < LOW_SHARE:
        signs.append(f"{said}, in {number(epochs)} epochs")
    return signs


@cause(
    "107", "rows-longer-than-max-length", Link.RECIPE, symptoms=("does-not-stop", "cut-answers"),
    rules=("TOK009",), explains=("CAU203",), shows="preflight", separates="preflight",
)  # fmt: skip
def rows_longer_than_max_length(evidence: Evidence) -> Outcome:
    """Rows are longer than the maximal length, and are cut or left out.

    Why: a trainer cuts them at the end of the answer, so they teach to go on, and have no end of turn.
    Fix: set the maximal length above the longest row; `preflight` prints the table of lengths.
    Seen in: TRL's default of 1,024 tokens and Axolotl's of 512; made in tests/faults.
    """
    settings, rows = evidence.settings, evidence.train_rows
    if recorded := by_record(evidence, "TOK009"):
        return recorded
    if evidence.passed("TOK009"):
        return ruled_out("TOK009: no row is cut, and few were left out for their length")
    if settings is None or settings.max_length is None:
        return not_checked("settings", "rows and their tokenizer")
    most = settings.max_length
    key = (settings.keys or {}).get("max_length", "")
    said = f"{key}={most:,}" if key else f"{most:,}, the default of {settings.dialect}"
    if rows is None or rows.num_tokens_longest is None:
        wanted = "rows and their tokenizer" if rows is None else "the rows' tokenizer, with its chat template"
        return not_checked(wanted)
    if rows.num_tokens_longest <= most:
        return ruled_out(f"the longest row has {count(rows.num_tokens_longest, 'token')}, at most {said}")
    above = rows.num_above.get(most)
    if above is None:
        return consistent(f"the longest row has {count(rows.num_tokens_longest, 'token')}, the most is {said}",
                          decides=("rows and their tokenizer",))  # fmt: skip
    least = "" if rows.num_counted + rows.num_unreadable >= rows.num_rows else "at least "
    what = f"{least}{above:,} of {count(rows.num_rows, 'row')} ({part(above, rows.num_rows)}) are longer than {said}"
    does = "left out or refused" if settings.dialect == KIWAME else "cut"
    if above > MOST_CUT * rows.num_rows and settings.dialect != KIWAME:
        return proven(f"{what} and are {does}", places=(Place(settings.file, key=key),))
    return consistent(f"{what} and are {does}", decides=(LOG,), against=("few rows of many",))


@cause(
    "108", "rows-packed-together", Link.RECIPE, symptoms=("wrong-format", "does-not-stop"), shows="train",
    separates="train",
)  # fmt: skip
def rows_packed_together(evidence: Evidence) -> Outcome:
    """Several rows are packed into one sequence and may see each other.

    Why: without an attention that keeps rows apart each row is read behind the ones before it, and is asked without.
    Fix: switch packing off for small sets, or use an attention that knows where rows end.
    Seen in: a mask of ones or a default cache mixes packed rows (2.5 in logits, measured on sdpa and eager).
    """
    settings = evidence.settings
    if settings is None or settings.packing is None:
        return not_checked("settings")
    key = (settings.keys or {}).get("packing", "")
    if settings.packing:
        return consistent(f"{settings.file} packs rows ({key})", decides=("the attention that was used",))
    said = f"{settings.file} says {key}" if key else f"{settings.dialect} packs nothing unless told"
    return ruled_out(f"rows are not packed: {said}")


@cause(
    "109", "loss-not-finite", Link.TRAINING, symptoms=("garbage", "punctuation", "loss-not-finite"),
    rules=("TRN001", "MRG006"), shows="train", separates="train train.dtype=float32",
)  # fmt: skip
def loss_not_finite(evidence: Evidence) -> Outcome:
    """The loss, or a gradient, was no number.

    Why: one step with NaN makes every weight of the adapter NaN; transformers goes on and logs a loss of 0.
    Fix: bf16 or fp32 in place of fp16, a lower learning rate, gradients clipped; no row without a graded token.
    Seen in: made in tests/faults.
    """
    log = evidence.log
    if log is None or not (log.steps or log.evaluations):
        return by_record(evidence, "TRN001") or not_checked(LOG)
    bad = [step for step in log.steps if not math.isfinite(step.loss)]
    gradients = [step for step in log.steps if step.grad_norm is not None and not math.isfinite(step.grad_norm)]
    zeros = [step for step in log.steps if step.loss == 0]
    evaluated = [one for one in log.evaluations if not math.isfinite(one.loss)]
    signs = [
        f"{what} at step {found[0].step:,} ({len(found):,} of {num:,})"
        for what, found, num in (
            ("the loss is no number", bad, len(log.steps)),
            ("the gradient's norm is no number", gradients, len(log.steps)),
            ("the validation loss is no number", evaluated, len(log.evaluations)),
        ) if found
    ]  # fmt: skip
    if signs and not (bad or evaluated) and not again_and_again(log):
        scaled = "loss scaling in fp16 skips such steps, and the loss is a number at each of them"
        return consistent(*signs, decides=("an adapter's folder",), against=(scaled,))
    if signs:
        also = [f"the loss is logged as 0 at step {zeros[0].step:,}"] if zeros else []
        return measured(*signs, *also, places=(Place(log.file),))
    if zeros and len(zeros) < len(log.steps):
        return consistent(f"the loss is exactly 0 from step {zeros[0].step:,} on, as transformers logs a NaN",
                          decides=("an adapter's folder",))  # fmt: skip
    return ruled_out(f"every loss of {count(len(log.steps), 'step')} is a number above 0")


def again_and_again(log: LogSeen) -> bool:
    """Whether gradients are no numbers beyond what loss scaling in fp16 makes: it halves its scale in the first steps,
    and doubles it every 2,000 to see whether that goes. A loss of 0 behind one, or an end of nothing else, is no such.
    """
    bad = [step.grad_norm is not None and not math.isfinite(step.grad_norm) for step in log.steps]
    behind = sum(one for one, step in zip(bad, log.steps, strict=True) if step.step > SCALING_STEPS)
    zero = any(step.loss == 0 for one, step in zip(bad, log.steps, strict=True) if one)
    ends = len(bad) > SCALING_STEPS and all(bad[-LEAST_BAD:])
    return zero or ends or behind > max(LEAST_BAD, MOST_SCALED * len(bad))


@cause(
    "110", "training-loss-rose", Link.TRAINING, symptoms=("loss-diverges", "garbage", "punctuation"),
    rules=("TRN001", "TRN005"), shows="train", separates="smoke train.schedule.learning_rate=1e-4",
)  # fmt: skip
def training_loss_rose(evidence: Evidence) -> Outcome:
    """The training loss went up and stayed there.

    Why: updates that are too large throw the weights out of where the base was; what follows learns from ruins.
    Fix: lower the learning rate, or scale x learning rate; warm up over 5 % of the steps; clip gradients at 1.
    Seen in: made in tests/faults (learning rate 10 times too high).
    """
    log = evidence.log
    over = curve.whole(log) if log is not None else None
    if log is None or over is None:
        return not_checked(f"{LOG} of at least {curve.LEAST_STEPS} steps")
    if over.rose:
        return measured(moved(over, "the training loss"), places=(Place(log.file),))
    return ruled_out(moved(over, "the training loss"))


@cause(
    "111", "half-precision-of-fp16", Link.RECIPE, symptoms=("loss-not-finite", "garbage"), explains=("CAU109",),
    rules=("TRN001",), shows="train", separates="train train.dtype=float32",
)  # fmt: skip
def half_precision_of_fp16(evidence: Evidence) -> Outcome:
    """The model was trained in fp16, whose largest number is 65,504.

    Why: models that were trained in bf16 have activations beyond it; they become infinite, and the loss NaN.
    Fix: bf16 where the GPU has it, else fp32.
    Seen in: made in tests/faults (fp16 overflow).
    """
    settings = evidence.settings
    if settings is None or not settings.dtype:
        return not_checked("settings")
    key = (settings.keys or {}).get("dtype", "fp16")
    if "float16" not in settings.dtype or "bfloat16" in settings.dtype:
        return ruled_out(f"{settings.file} trains in {settings.dtype}")
    said = f"{settings.file} trains in {settings.dtype} ({key})"
    nan = loss_not_finite(evidence)
    if nan.certainty.found:
        return measured(said, *nan.signs, places=(Place(settings.file, key=key),))
    return consistent(said, decides=(LOG,))
