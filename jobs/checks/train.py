"""What training measured, and what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from jobs.checks.adopted import (
    Adopted,
    adapter_is_not_the_adopted_one,
    adapter_of_another_base,
    adopted_lines,
    base_not_known_to_be_its_own,
    held_out_rows_may_be_known,
    trained,
)
from jobs.checks.overfitting import Learning, overfitting_not_judged, still_improving, validation_rises
from jobs.checks.train_recipe import Recipe, prompt_tokens_differ, rates_not_the_schedules
from jobs.core.model import Facts, Limits, Rise
from jobs.core.rule import Gate, Measured, Skip
from jobs.logic.pages.amounts import beside, count, learning_rate, loss, nats, number, percent, relative, signed


class TrainFacts(Facts):
    """Losses are mean nats a graded token; steps are optimiser steps.

    What only a training log can tell is None where an adapter was adopted.
    """

    adopted: Adopted | None
    """Where the adapter came from elsewhere."""

    backend: str
    dtype: str
    num_train_rows: int
    num_val_rows: int
    planned_steps: int | None
    num_steps: int | None
    steps_per_epoch: int | None
    chosen_step: int | None
    best_eval_loss: float
    """Of an adopted adapter, its only one."""
    restored_step: int | None
    restored_eval_loss: float
    num_embeddings: int
    """Rows of the model's vocabulary: a guess among all of them costs the logarithm of that."""
    first_eval_loss: float
    """Of the base model, before the first step."""
    last_eval_loss: float | None
    first_train_loss: float | None
    last_train_loss: float | None
    """Mean of the last tenth of the steps."""
    best_content_loss: float | None
    best_template_loss: float | None
    nonfinite_step: int | None
    max_grad_norm: float | None
    effective_scale: float
    """alpha / rank, or alpha / sqrt(rank) with rsLoRA, of the adapter file."""
    configured_scale: float | None
    learning_rate: float | None
    effective_batch: int | None
    target_modules: dict[str, int]
    """Target name to the number of layers that carry it in the adapter file."""
    zero_modules: list[str]
    """Adapted modules whose B matrix is all zero: they change nothing."""
    adapter_norm: float
    """Frobenius norm over all scaled products B A."""
    adapter_nonfinite: list[str]
    num_adapter_weights: int
    graded_tokens_an_epoch: int | None
    """As the trainer saw them in its first epoch; None where it did not get that far."""
    graded_tokens_expected: int
    train_content_loss: float
    val_content_loss: float
    gap: float
    """Validation minus training content loss of the chosen step, mean over rows."""
    gap_low: float
    gap_high: float
    """95 % bootstrap interval over rows."""
    learning: Learning | None
    recipe: Recipe | None

    def lines(self) -> list[tuple[str, str]]:
        layers = ", ".join(f"{name} {found}" for name, found in self.target_modules.items())
        weights = f"{count(self.num_adapter_weights, 'weight')}, norm {number(self.adapter_norm)}; {layers}"
        gap = f"{signed(self.gap)} [{signed(self.gap_low)}, {signed(self.gap_high)}]"
        against = f"validation loss {loss(self.best_eval_loss)}, base {loss(self.first_eval_loss)}"
        return [
            ("rows", f"{count(self.num_train_rows)} train, {count(self.num_val_rows)} validation"),
            *([*adopted_lines(self.adopted), ("with the adapter", against)] if self.adopted else []),
            *(self._trained_lines(self.recipe, against) if self.recipe else []),
            ("generalisation gap", gap),
            ("adapter", weights),
        ]

    def _trained_lines(self, recipe: Recipe, against: str) -> list[tuple[str, str]]:
        steps = [count(found or 0) for found in (self.num_steps, self.planned_steps, self.steps_per_epoch)]
        return [
            ("steps", f"{steps[0]} of {steps[1]} planned, {steps[2]} an epoch"),
            ("chosen step", f"{count(self.chosen_step or 0)} ({against})"),
            ("restored", f"step {count(self.restored_step or 0)}, validation loss {loss(self.restored_eval_loss)}"),
            ("train loss", f"{_number(self.first_train_loss)} to {_number(self.last_train_loss)}"),
            ("content / template loss", f"{_number(self.best_content_loss)} / {_number(self.best_template_loss)}"),
            (
                "effective scale",
                f"{number(self.effective_scale)}, learning rate {learning_rate(self.learning_rate or 0)}, "
                f"batch {count(self.effective_batch or 0)}",
            ),
            *(self.learning.lines() if self.learning else []),
            *recipe.lines(),
        ]


class TrainLimits(Limits):
    max_restored_difference: float
    """Relative, between the best validation loss and the one after restoring its adapter."""
    max_loss_of_a_guess: float
    """Share of what a uniform guess costs that the validation loss may be."""
    min_improvement: float
    """Relative fall of the validation loss against the base model."""
    max_validation_rise: Rise
    """Relative, of the content loss from the best to the last evaluation, where it is beyond noise; 0.01 or more."""
    max_gap: float
    """Nats a content token."""
    max_heat: float
    """Effective scale x learning rate."""
    implausible_loss: float
    """Mean training content loss below which rows were learnt by heart."""
    max_rate_difference: float
    """Of a logged learning rate from the schedule's, relative to the highest rate."""


GATE = Gate("train", "TRN", TrainFacts, TrainLimits)


@GATE.rule("001", "loss-not-finite", explains=("TRN002", "TRN003", "TRN005", "GEN001", "GEN003"))
def loss_not_finite(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """The loss or the adapter became NaN or infinite.

    Why: everything after that step is noise; stock trainers print 0.0 for it and end with exit 0.
    Fix: lower train.schedule.learning_rate or the effective scale (alpha / rank); check the base weights.
    """
    if facts.nonfinite_step is not None:
        yield f"the loss is not finite at step {facts.nonfinite_step}"
    if facts.adapter_nonfinite:
        yield f"not finite in the adapter: {', '.join(facts.adapter_nonfinite[:5])}"


@GATE.rule("002", "best-step-not-restored", explains=("GEN001", "GEN007"))
def best_step_not_restored(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """The adapter that was saved is not the one that was best on the validation rows.

    Why: with mismatched save and evaluation steps a trainer silently keeps the last weights.
    Fix: a bug in the restore; report it, and train again with redo=true.
    """
    if facts.adapter_norm == 0:
        raise Skip("the adapter is all zero, which is a rule of its own")
    if trained(facts.chosen_step) < 1:
        yield "no evaluation after step 0 was finite, so there is no best step"
        return
    if facts.restored_step != facts.chosen_step:
        yield f"restored step {facts.restored_step}, the best is step {facts.chosen_step}"
    difference = abs(facts.restored_eval_loss - facts.best_eval_loss) / max(facts.best_eval_loss, 1e-12)
    if not difference <= limits.max_restored_difference:
        restored, best = beside(facts.restored_eval_loss, facts.best_eval_loss, loss)
        shown, most = beside(difference, limits.max_restored_difference, relative)
        text = (
            f"validation loss {restored} after restoring, {best} at the best step: {shown} relative, the most is {most}"
        )
        yield Measured(text, difference, limits.max_restored_difference)


@GATE.rule("003", "adapter-all-zero", explains=("TRN005", "GEN007", "PAR001"))
def adapter_all_zero(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """The adapter changes nothing.

    Why: a LoRA starts as zero; one that is still zero was not trained, or not saved.
    Fix: check train.schedule.learning_rate, train.lora.alpha and that rows have graded tokens.
    """
    if not facts.adapter_norm > 0:
        yield f"the norm of all updates is {number(facts.adapter_norm)}, it must be above 0"


@GATE.rule("004", "target-not-trained", explains=("TRN005", "GEN007"))
def target_not_trained(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """A target module has no adapter, or one that is zero.

    Why: a misspelt target trains half an adapter without a word.
    Fix: set train.lora.target_modules=all-linear, or name some of the seven linear layers of Qwen3 in it.
    """
    most = max(facts.target_modules.values(), default=0)
    for name, layers in facts.target_modules.items():
        if layers == 0:
            yield f"{name}: in no layer of the adapter file"
        elif layers < most and facts.adopted is None:  # an adopted one has what its own settings choose, or is refused
            yield f"{name}: in {layers} layers of the adapter file, others are in {most}"
    if facts.zero_modules and facts.adapter_norm > 0:
        yield f"{len(facts.zero_modules)} adapted modules are all zero: {', '.join(facts.zero_modules[:5])}"


@GATE.rule("005", "nothing-learnt", explains=("GEN007", "PAR001"))
def nothing_learnt(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """The validation loss did not fall below the base model's, or not below a guess.

    Why: an adapter that is no better than the base on held-out rows is not worth shipping; above the logarithm of the
    vocabulary, a guess among all tokens would do better, however bad the base was.
    Fix: more epochs or rows, another learning rate; look at the preview for what is graded.
    """
    improvement = 1 - facts.best_eval_loss / facts.first_eval_loss if facts.first_eval_loss else math.nan
    if not improvement >= limits.min_improvement:
        shown, least = beside(improvement, limits.min_improvement, percent)
        text = (
            f"validation loss {loss(facts.first_eval_loss)} to {loss(facts.best_eval_loss)}: {shown} better, "
            f"the least is {least}"
        )
        yield Measured(text, improvement, limits.min_improvement, worst=0.0)
    guess = limits.max_loss_of_a_guess * math.log(facts.num_embeddings)
    if not facts.best_eval_loss < guess:
        shown, most = beside(facts.best_eval_loss, guess, loss)
        text = (
            f"validation loss {shown}, it must be below {most}: {number(limits.max_loss_of_a_guess)} times that of a "
            f"guess among {count(facts.num_embeddings, 'token')}"
        )
        yield Measured(text, facts.best_eval_loss, guess)


@GATE.rule("006", "graded-tokens-differ", explains=("TRN005", "GEN001", "GEN007"))
def graded_tokens_differ(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """The trainer did not grade the tokens that preflight judged.

    Why: trainers truncate, drop and mask rows on their own; what was looked at must be what is trained on.
    Fix: a bug in the hand-over to the trainer; report it with the backend's version.
    """
    trained(facts.steps_per_epoch)
    if facts.graded_tokens_an_epoch is None:
        raise Skip("the run did not consist of whole epochs in one go")
    if facts.graded_tokens_an_epoch != facts.graded_tokens_expected:
        yield (
            f"{count(facts.graded_tokens_an_epoch, 'graded token')} an epoch, preflight wrote "
            f"{count(facts.graded_tokens_expected)}"
        )


GATE.rule("007", "validation-rises", "warn", explains=("GEN006",))(validation_rises)


@GATE.rule("008", "generalisation-gap", level="warn", explains=("GEN006",))
def generalisation_gap(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """Content tokens of held-out rows cost much more than those of training rows.

    Why: the distance between the two, beyond its uncertainty, is what was learnt by heart.
    Fix: more and more varied rows, fewer epochs, a smaller rank.
    """
    if not facts.gap_low <= limits.max_gap:
        low, most = beside(facts.gap_low, limits.max_gap, nats)
        yield (
            f"validation minus training content loss {nats(facts.gap)} [{low}, {nats(facts.gap_high)}] nats, "
            f"advice for the lower end is at most {most}"
        )


@GATE.rule("009", "loss-implausibly-low", level="warn", explains=("GEN006",))
def loss_implausibly_low(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """Training content loss is lower than free text allows, while validation loss is not.

    Why: answers known by heart score near zero. Short or fixed answers may do so rightly, then validation does too.
    Fix: look at smoke's copies of training answers; fewer epochs if there are any.
    """
    low = not facts.train_content_loss >= limits.implausible_loss
    if low and not facts.val_content_loss <= 2 * limits.implausible_loss:
        shown, least = beside(facts.train_content_loss, limits.implausible_loss, loss)
        yield f"training content loss {shown} is below {least}, validation is {loss(facts.val_content_loss)}"


GATE.rule("010", "still-improving", "info")(still_improving)


@GATE.rule("011", "update-too-hot-in-adapter", explains=("TRN001", "TRN005", "GEN002", "GEN003"))
def update_too_hot_in_adapter(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """Effective scale times learning rate of what was really trained is beyond what is known to go well.

    Why: preflight judges the configured values; this looks at the adapter itself.
    Fix: lower train.lora.alpha or train.schedule.learning_rate; leave rsLoRA off.
    """
    rate = trained(facts.learning_rate)
    heat = facts.effective_scale * rate
    if not heat <= limits.max_heat:
        shown, most = beside(heat, limits.max_heat, learning_rate)
        scale = f"scale {number(facts.effective_scale)} x learning rate {learning_rate(rate)}"
        yield Measured(f"{scale} = {shown}, the most is {most}", heat, limits.max_heat)


@GATE.rule("012", "scale-not-as-configured", explains=("GEN007",))
def scale_not_as_configured(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """The adapter file says another effective scale than the config it was trained with.

    Why: every later stage scales the update by what the file says.
    Fix: take adapter_config.json as training wrote it; train again with redo=true.
    """
    configured = trained(facts.configured_scale)
    if not abs(facts.effective_scale - configured) <= 1e-9 * abs(configured):
        found, asked = beside(facts.effective_scale, configured, number)
        yield f"scale {found} in adapter_config.json, {asked} configured"


@GATE.rule("013", "batch-larger-than-set", level="info")
def batch_larger_than_set(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """One step of the optimiser takes all rows.

    Why: an epoch is then one step, whatever the batch size says, and the learning rate was meant for more of them.
    Fix: lower train.schedule.batch_size or train.schedule.gradient_accumulation.
    """
    batch = trained(facts.effective_batch)
    if batch > facts.num_train_rows:
        yield f"{count(batch, 'row')} a step, train has {count(facts.num_train_rows)}"


GATE.rule("014", "overfitting-not-judged", "info")(overfitting_not_judged)
GATE.rule("020", "adapter-of-another-base", explains=("TRN005", "PAR001"))(adapter_of_another_base)
GATE.rule("021", "adapter-is-not-the-adopted-one", explains=("GEN007", "PAR001"))(adapter_is_not_the_adopted_one)
GATE.rule("022", "held-out-rows-may-be-known", "info", explains=("GEN006",))(held_out_rows_may_be_known)
GATE.rule("023", "base-not-known-to-be-its-own", "warn", ("TRN005", "PAR001"))(base_not_known_to_be_its_own)
GATE.rule("030", "rates-not-the-schedules", explains=("TRN005",))(rates_not_the_schedules)
GATE.rule("031", "prompt-tokens-differ")(prompt_tokens_differ)


def _number(value: float | None) -> str:
    return "-" if value is None else loss(value)
