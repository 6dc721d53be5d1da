"""Causes in the recipe: what the training was told, and what its log shows of it."""

from __future__ import annotations

from jobs.logic.diagnosing import curve
from jobs.logic.diagnosing.bearing import by_record
from jobs.logic.diagnosing.cause import Link, Outcome, cause, consistent, measured, not_checked, ruled_out
from jobs.logic.diagnosing.curve import Move
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.recipe import Recipe, recipe
from jobs.logic.pages.amounts import count, learning_rate, loss, number, p_value

MOST_HEAT = 2.0e-3
"""Effective scale x learning rate, as `preflight` refuses it; recipes that work use a tenth to a half of it."""
LEAST_HEAT = 1.5e-4
"""Below it an adapter hardly moves in the steps that small sets have; alpha = 2 r at 2e-4 gives 4e-4."""
SMALL_RANK = 2
WIDE_ROWS = 100
LITTLE = 0.10
"""Relative fall of the loss that is little for a training that should have taught something."""
SETTINGS = "settings, or an adapter's folder beside a log with learning rates"


def moved(found: Move, what: str) -> str:
    """How a curve went, as a sentence."""
    return f"{what} goes from {loss(found.first)} to {loss(found.last)} (p {p_value(found.p)})"


def heat(found: Recipe) -> str:
    """Scale, learning rate and their product, as a sentence."""
    scale, rate = number(found.scale or 0), learning_rate(found.rate or 0)
    return f"scale {scale} ({found.scale_as}) x learning rate {rate} = {learning_rate(found.heat or 0)}"


def fell_apart(evidence: Evidence) -> list[str]:
    """Signs in the log that the updates were too large: the loss rises, or is no number."""
    log = evidence.log
    if log is None:
        return []
    signs = []
    bad = [step.step for step in log.steps if step.loss != step.loss or abs(step.loss) == float("inf")]
    if bad:
        signs.append(f"the loss is no number from step {bad[0]:,} on")
    worst = curve.highest_rise(log)
    if worst is not None and worst.rose:
        signs.append(moved(worst, "the training loss"))
    over = curve.whole(log)
    if over is not None and not over.fell:
        signs.append(f"{moved(over, 'the training loss')}: it did not fall")
    return signs


def too_hot(evidence: Evidence, found: Recipe, said: str) -> Outcome:
    """The outcome for a heat above the limit: measured where the log or a gate shows what it did."""
    signs, against = fell_apart(evidence), []
    over = curve.whole(evidence.log) if evidence.log is not None else None
    if over is not None and over.fell:
        against.append(moved(over, "the training loss"))
    places = (*found.place("learning_rate"), *found.place("alpha"))
    if signs:
        return measured(said, *signs, places=places, against=against)
    gates = by_record(evidence, "TOK021", "TRN011")
    if gates is not None:
        return measured(said, *gates.signs, places=places, against=against)
    return consistent(said, decides=("a log of losses", "answers", "the same rows at a lower rate"), against=against)


@cause(
    "101", "scale-of-rslora", Link.RECIPE, symptoms=("loops", "punctuation", "loss-diverges"),
    explains=("CAU109", "CAU110"), rules=("TOK021", "TOK022", "TRN011"), shows="preflight",
    separates="smoke train.lora.rslora=false",
)  # fmt: skip
def scale_of_rslora(evidence: Evidence) -> Outcome:
    """rsLoRA makes the update several times what alpha was meant for.

    Why: rsLoRA takes alpha / sqrt(rank) where LoRA takes alpha / rank: at rank 32 and alpha 64 the scale is 11.3
    and not 2, so each step moves the weights 5.7 times as far.
    Fix: switch rsLoRA off, or lower alpha until scale x learning rate is below 1e-3.
    Seen in: the post-mortem of noteAI v1 (rank 32, alpha 64 at 2e-4: 2.3e-3, endless commas); made in tests/faults.
    """
    found = recipe(evidence)
    if found.rank is None or found.alpha is None:
        return not_checked(SETTINGS)
    if not found.rslora:
        return ruled_out(f"rsLoRA is off: the scale is {number(found.scale or 0)} ({found.scale_as})")
    if found.heat is None:
        return not_checked("settings, or a log with learning rates")
    said = heat(found)
    if found.heat <= MOST_HEAT:
        return ruled_out(f"{said}, at most {learning_rate(MOST_HEAT)}")
    plain = found.alpha / found.rank * (found.rate or 0)
    if plain > MOST_HEAT:
        return ruled_out(
            f"{said}; without rsLoRA it would be {learning_rate(plain)}, above {learning_rate(MOST_HEAT)} too"
        )
    return too_hot(evidence, found, f"{said}, above {learning_rate(MOST_HEAT)}; without rsLoRA {learning_rate(plain)}")


@cause(
    "102", "learning-rate-too-high", Link.RECIPE, symptoms=("loops", "punctuation", "garbage", "loss-diverges"),
    explains=("CAU109", "CAU110"), rules=("TOK021", "TRN011"), shows="preflight",
    separates="smoke train.schedule.learning_rate=2e-4",
)  # fmt: skip
def learning_rate_too_high(evidence: Evidence) -> Outcome:
    """Effective scale times learning rate is too high for an adapter.

    Why: each step moves the weights by scale x learning rate; above 2e-3 small sets fall apart or are learnt by heart.
    Fix: lower the learning rate until scale x learning rate is below 1e-3.
    Seen in: the post-mortem of noteAI v1; made in tests/faults (10 times too high).
    """
    found = recipe(evidence)
    if found.heat is None or found.rank is None or found.alpha is None:
        return not_checked(SETTINGS)
    said = heat(found)
    plain = found.alpha / found.rank * (found.rate or 0)
    if found.heat <= MOST_HEAT:
        return ruled_out(f"{said}, at most {learning_rate(MOST_HEAT)}")
    if found.rslora and plain <= MOST_HEAT:
        return ruled_out(f"{said}; without rsLoRA {learning_rate(plain)}: it is the scale that is too high")
    return too_hot(evidence, found, f"{said}, above {learning_rate(MOST_HEAT)}")


@cause(
    "103", "learning-rate-too-low", Link.RECIPE, symptoms=("nothing-learnt",), rules=("TRN005", "GEN007"),
    shows="train", separates="smoke train.schedule.learning_rate=2e-4",
)  # fmt: skip
def learning_rate_too_low(evidence: Evidence) -> Outcome:
    """Effective scale times learning rate is too low for the steps that there were.

    Why: an adapter wants about ten times the rate of a full fine-tune; at the rate of one it hardly moves.
    Fix: raise the learning rate to 1e-4 to 3e-4 with alpha of one to two times the rank, or train for more steps.
    Seen in: TRL's default of 2e-5, which is meant for all weights; made in tests/faults (10 times too low).
    """
    found = recipe(evidence)
    over = curve.whole(evidence.log) if evidence.log is not None else None
    if found.heat is None:
        return not_checked(SETTINGS)
    said = heat(found)
    if found.heat >= LEAST_HEAT:
        if over is not None and not over.fell and found.heat <= MOST_HEAT:
            return consistent(f"{said}, which is enough for most sets, and {moved(over, 'the training loss')}",
                              decides=("answers",))  # fmt: skip
        return ruled_out(f"{said}, at least {learning_rate(LEAST_HEAT)}")
    said = f"{said}, below {learning_rate(LEAST_HEAT)}"
    late = curve.end(evidence.log) if evidence.log is not None else None
    signs = [moved(over, "the training loss")] if over is not None and not over.share > LITTLE else []
    if gates := by_record(evidence, "TRN005", "GEN007"):
        signs += gates.signs
    falling = []
    if late is not None and late.fell:
        falling = [f"{moved(late, 'the training loss')} in the last half: it was still falling"]
    if signs:
        return measured(said, *signs, *falling, places=found.place("learning_rate"))
    return consistent(said, *falling, decides=("a log of losses", "answers"))


@cause(
    "104", "rank-too-small", Link.RECIPE, symptoms=("nothing-learnt", "wrong-format"), rules=("TRN005", "GEN007"),
    shows="train", separates="smoke train.lora.rank=16 train.lora.alpha=32",
)  # fmt: skip
def rank_too_small(evidence: Evidence) -> Outcome:
    """The adapter's rank is too small for what the rows ask for.

    Why: a rank of 1 or 2 holds one or two directions a matrix; a wide task levels off above what it could reach.
    Fix: rank 16 to 32 on all seven linear layers.
    Seen in: made in tests/faults (rank 1 on a wide task).
    """
    found = recipe(evidence)
    if found.rank is None:
        return not_checked("an adapter's folder", "settings")
    if found.rank > SMALL_RANK:
        return ruled_out(f"the rank is {found.rank}, above {SMALL_RANK}")
    rows = (
        evidence.train_rows.num_rows if evidence.train_rows else evidence.labels.num_rows if evidence.labels else None
    )
    said = f"the rank is {found.rank}" + (f" for {count(rows, 'row')}" if rows else "")
    late = curve.end(evidence.log) if evidence.log is not None else None
    over = curve.whole(evidence.log) if evidence.log is not None else None
    if rows is not None and rows < WIDE_ROWS:
        few = f"fewer than {WIDE_ROWS} rows are no wide task"
        return consistent(said, decides=("a log of losses",), against=(few,))
    if late is not None and over is not None and not late.fell and over.share < 0.5:
        level = f"{moved(late, 'it')} in the last half: it levelled off"
        return measured(said, moved(over, "the training loss"), level, places=found.place("rank"))
    if gates := by_record(evidence, "TRN005", "GEN007"):
        return measured(said, *gates.signs, places=found.place("rank"))
    return consistent(said, decides=("the same rows at rank 16",))
