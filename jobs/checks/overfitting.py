"""Whether it was trained too long, not long enough, or neither shows, by validation losses and their noise."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from jobs.checks.adopted import trained
from jobs.core.model import StrictModel
from jobs.logic.pages.amounts import beside, count, loss, percent

if TYPE_CHECKING:
    from jobs.checks.train import TrainFacts, TrainLimits
    from jobs.logic.training.overfitting import Judgement


CLEAR = 0.10
"""Relative rise that is told where there are too few evaluations or rows to say what noise makes."""


class Learning(StrictModel):
    """What the evaluations of a training say, by the content losses of held-out rows; clusters are their sources."""

    verdict: Literal["none shown", "overfits", "memorised", "under-trained", "cannot judge"]
    why: str
    """What stands in the way where nothing can be judged; else empty."""
    num_evaluations: int
    num_sources: int
    """A row that says no source is one of its own, as if rows without one were independent."""
    since_step: int | None
    """The first evaluation from which on all are worse than the best."""
    best_step: int | None
    """With the least content loss."""
    best_loss: float
    last_step: int | None
    last_loss: float
    rise: float | None
    """From the best to the last, relative."""
    rise_low: float | None
    """Its lower end (95 %), which holds for all pairs of evaluations at once."""
    template_rise: float | None
    """Of the template's tokens, between the same evaluations."""
    enough_step: int | None
    """The first whose content loss is within 1 % of the best's (`EQUAL` of logic/training/overfitting.py)."""
    gain_of_more: float | None
    """Relative fall that as many steps again promise, by the curve's own course."""

    @classmethod
    def of(cls, found: Judgement, template_rise: float | None) -> Learning:
        """As facts hold it."""
        return cls(
            verdict=found.verdict.value, why=found.why, num_evaluations=found.num_evaluations,
            num_sources=found.num_sources, since_step=found.since_step, best_step=found.best_step,
            best_loss=found.best_loss, last_step=found.last_step, last_loss=found.last_loss,
            rise=found.rise.value if found.rise else None, rise_low=found.rise.low if found.rise else None,
            template_rise=template_rise, enough_step=found.enough_step, gain_of_more=found.gain_of_more,
        )  # fmt: skip

    def lines(self) -> list[tuple[str, str]]:
        """For the table that the stage ends with."""
        return [("overfitting", self.told())]

    def told(self) -> str:
        """The verdict with what it stands on."""
        by = f"{count(self.num_evaluations, 'evaluation')}, {count(self.num_sources, 'source')} of held-out rows"
        if self.verdict == "cannot judge":
            return f"cannot judge: {NEEDED.get(self.why, self.why)} ({by})"
        verdict = f"overfits from step {count(self.since_step or 0)}" if self.verdict == "overfits" else self.verdict
        enough = f"step {count(self.enough_step or 0)} was within 1 % of the best, {count(self.best_step or 0)}"
        return f"{verdict} ({by}; {enough})" if self.enough_step != self.best_step else f"{verdict} ({by})"


NEEDED = {
    "no-validation": "no validation loss is finite",
    "few-evaluations": "too few evaluations, it takes 5 with the base's (train.schedule.evals_per_epoch)",
    "few-rows": "too few held-out rows, it takes those of 10 sources",
}


def measured(row_losses: str, seed: int) -> Learning:
    """From the text of `row_losses.jsonl`."""
    from jobs.logic.training import overfitting, row_losses as files  # numpy, which judging facts needs not

    losses = files.read(row_losses)
    found = overfitting.judge(losses.graded(), losses.held_out(), seed=seed)
    return Learning.of(found, losses.rise("template", found.best_step, found.last_step))


def validation_rises(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """Overfitting: the content of held-out rows costs more after the best step than chance makes it.

    Why: the last steps learnt rows, not the task. The best step is kept, so this is advice, not a failure. The rows of
    all evaluations are the same, so their differences tell noise; the best is the least of many, which is allowed for.
    Noise is by source, a row without one counts as a source of its own: where rows of one origin say no `source`, a
    rise looks surer than it is. Of too few evaluations or sources only a rise above 10 % is told, as one that may be
    noise.
    Fix: fewer epochs, more rows, a lower learning rate.
    """
    found = trained(facts.learning)
    yield from _clear_rise(found)
    rise, low = found.rise, found.rise_low
    if found.verdict != "overfits" or rise is None or low is None:
        if not all(map(math.isfinite, (facts.best_eval_loss, trained(facts.last_eval_loss)))):
            yield f"validation loss {loss(facts.best_eval_loss)} at best, {loss(trained(facts.last_eval_loss))} at last"
        return
    if not rise <= limits.max_validation_rise:
        shown, most = beside(rise, limits.max_validation_rise, percent)
        template = (
            f", that of the template by {percent(found.template_rise)}" if found.template_rise is not None else ""
        )
        steps = [count(step or 0) for step in (found.best_step, found.last_step, facts.chosen_step, found.enough_step)]
        alone = ", each row counts as a source of its own," if found.num_sources == facts.num_val_rows else ""
        yield (
            f"overfits from step {count(found.since_step or 0)}: content loss of {count(found.num_sources, 'source')}"
            f"{alone} rose by {shown}, at least {percent(low)}, from {loss(found.best_loss)} at step {steps[0]} to "
            f"{loss(found.last_loss)} at step {steps[1]}{template}; advice is at most {most}. Step {steps[2]} was "
            f"kept, step {steps[3]} is within 1 % of the best"
        )


def _clear_rise(found: Learning) -> Iterator[str]:
    """Of a training that has too few evaluations or sources for a verdict."""
    best, last = found.best_loss, found.last_loss
    if found.verdict == "cannot judge" and 0 < best * (1 + CLEAR) < last:
        yield (
            f"validation loss rose by {percent(last / best - 1)}, from {loss(best)} at step "
            f"{count(found.best_step or 0)} to {loss(last)} at step {count(found.last_step or 0)}; it cannot be told "
            f"from noise with {count(found.num_evaluations, 'evaluation')} and {count(found.num_sources, 'source')}: "
            f"{NEEDED.get(found.why, found.why)}"
        )


def still_improving(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """The validation loss was still falling fast: more steps would buy something.

    Why: a rate that decays to zero makes the last step the best of nearly every run; only a fall beyond noise in the
    second half, that by its own course as many steps again would continue, is worth more steps.
    Fix: raise train.schedule.num_epochs.
    """
    found = trained(facts.learning)
    if found.verdict == "under-trained":
        yield (
            f"as many steps again promise {percent(found.gain_of_more or 0.0)} less content loss than "
            f"{loss(found.last_loss)} at step {count(found.last_step or 0)}, by the curve's own course"
        )


def overfitting_not_judged(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """Nobody can say whether it was trained too long.

    Why: noise hides a turning point where evaluations are few, or the held-out rows come from a few sources.
    Fix: raise train.schedule.evals_per_epoch; hold out more rows.
    """
    found = trained(facts.learning)
    if found.verdict == "cannot judge":
        yield found.told()
