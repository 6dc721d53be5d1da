"""What of the recipe was trained by shows in the log: the learning rate of every step, and what prompts weighed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jobs.checks.adopted import trained
from jobs.core.model import StrictModel
from jobs.core.rule import Measured, Skip
from jobs.logic.pages.amounts import beside, count, number, percent, relative

if TYPE_CHECKING:
    from jobs.checks.train import TrainFacts, TrainLimits


class Recipe(StrictModel):
    """The schedule, the noise and the weight of prompts, as configured and as logged."""

    schedule: str
    warmup_fraction: float
    rate_difference: float
    """The largest distance of a logged learning rate from the schedule's, relative to the highest rate."""
    neftune_alpha: float
    prompt_loss_weight: float
    prompt_tokens_an_epoch: int | None
    """As the trainer weighed them in its first epoch; None where it did not get that far, or weighed none."""
    prompt_tokens_expected: int
    """Of the rows of train; 0 where prompts weigh nothing."""
    tokens_an_epoch: int | None
    """Of the rows that were trained on in the first epoch; None where it did not get that far."""
    computed_an_epoch: int | None
    """Places of the batches that they were laid out in: with padding, and what rows begin with in common once."""

    def lines(self) -> list[tuple[str, str]]:
        """What a person is shown of it; what is off is left out."""
        found = [("schedule", f"{self.schedule}, after a warm-up over {percent(self.warmup_fraction)} of the steps")]
        if self.neftune_alpha:
            found.append(("NEFTune", f"alpha {number(self.neftune_alpha)}, where it trains and nowhere else"))
        if self.prompt_loss_weight:
            tokens = (
                f"{count(self.prompt_tokens_expected, 'token')} of prompts count {number(self.prompt_loss_weight)} each"
            )
            found.append(("prompt loss", f"{tokens}; validation loss is that of graded tokens alone"))
        if self.tokens_an_epoch and self.computed_an_epoch:
            found.append(("computed", self._computed(self.tokens_an_epoch, self.computed_an_epoch)))
        return found

    @staticmethod
    def _computed(tokens: int, computed: int) -> str:
        """What an epoch's rows cost in places of batches."""
        text = f"{count(computed, 'place')} for {count(tokens, 'token')} of an epoch's rows"
        if computed > tokens:
            return f"{text}; {percent(1 - tokens / computed)} are padding"
        return f"{text}; {percent(1 - computed / tokens)} spared where rows begin alike" if computed < tokens else text


def rates_not_the_schedules(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """The learning rate did not go the way that the schedule says.

    Why: a schedule that is not the one that was asked for, or begins anew after a resume, trains another model.
    Fix: a bug in the hand-over to the trainer, or a changed log.jsonl; train again with redo=true.
    """
    recipe = trained(facts.recipe)
    if not recipe.rate_difference <= limits.max_rate_difference:
        shown, most = beside(recipe.rate_difference, limits.max_rate_difference, relative)
        text = f"a logged learning rate is {shown} of the highest away from the {recipe.schedule} schedule"
        yield Measured(f"{text}, the most is {most}", recipe.rate_difference, limits.max_rate_difference)


def prompt_tokens_differ(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """The trainer did not weigh the prompts that preflight made.

    Why: a weight that no token of a prompt got, or that others got too, is another loss than the one asked for.
    Fix: a bug in the hand-over to the trainer; report it with the backend's version.
    """
    recipe = trained(facts.recipe)
    if not recipe.prompt_loss_weight:
        raise Skip("prompts weigh nothing")
    if facts.graded_tokens_an_epoch is None:
        raise Skip("the run did not consist of whole epochs in one go")
    if recipe.prompt_tokens_an_epoch != recipe.prompt_tokens_expected:
        seen = recipe.prompt_tokens_an_epoch or 0
        wrote = count(recipe.prompt_tokens_expected)
        yield f"{count(seen, 'token')} of prompts weighed an epoch, preflight wrote {wrote}"
