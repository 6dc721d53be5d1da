"""What training measured, and what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from jobs.checks.train_recipe import Recipe, prompt_tokens_differ, rates_not_the_schedules
from jobs.core.model import Facts, Limits
from jobs.core.rule import Gate, Skip


class TrainFacts(Facts):
    """Losses are mean nats a graded token; steps are optimiser steps."""

    backend: str
    dtype: str
    num_train_rows: int
    num_val_rows: int
    planned_steps: int
    num_steps: int
    steps_per_epoch: int
    chosen_step: int
    best_eval_loss: float
    restored_step: int
    restored_eval_loss: float
    num_embeddings: int
    """Rows of the model's vocabulary: a guess among all of them costs the logarithm of that."""
    first_eval_loss: float
    """Of the base model, before the first step."""
    last_eval_loss: float
    first_train_loss: float
    last_train_loss: float
    """Mean of the last tenth of the steps."""
    best_content_loss: float | None
    best_template_loss: float | None
    nonfinite_step: int | None
    max_grad_norm: float
    effective_scale: float
    """alpha / rank, or alpha / sqrt(rank) with rsLoRA, of the adapter file."""
    configured_scale: float
    learning_rate: float
    effective_batch: int
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
    recipe: Recipe

    def lines(self) -> list[tuple[str, str]]:
        counts = ", ".join(f"{name} {count}" for name, count in self.target_modules.items())
        return [
            ("rows", f"{self.num_train_rows} train, {self.num_val_rows} validation"),
            ("steps", f"{self.num_steps} of {self.planned_steps} planned, {self.steps_per_epoch} an epoch"),
            (
                "chosen step",
                f"{self.chosen_step} (validation loss {self.best_eval_loss:.4f}, base {self.first_eval_loss:.4f})",
            ),
            ("restored", f"step {self.restored_step}, validation loss {self.restored_eval_loss:.4f}"),
            ("train loss", f"{self.first_train_loss:.4f} to {self.last_train_loss:.4f}"),
            ("content / template loss", f"{_number(self.best_content_loss)} / {_number(self.best_template_loss)}"),
            ("generalisation gap", f"{self.gap:+.4f} [{self.gap_low:+.4f}, {self.gap_high:+.4f}]"),
            (
                "effective scale",
                f"{self.effective_scale:g}, learning rate {self.learning_rate:g}, batch {self.effective_batch}",
            ),
            *self.recipe.lines(),
            ("adapter", f"{self.num_adapter_weights:,} weights, norm {self.adapter_norm:.4f}; {counts}"),
        ]


class TrainLimits(Limits):
    max_restored_difference: float
    """Relative, between the best validation loss and the one after restoring its adapter."""
    max_loss_of_a_guess: float
    """Share of what a uniform guess costs that the validation loss may be."""
    min_improvement: float
    """Relative fall of the validation loss against the base model."""
    max_validation_rise: float
    """Relative, from the best to the last evaluation."""
    max_gap: float
    """Nats a content token."""
    max_heat: float
    """Effective scale x learning rate."""
    implausible_loss: float
    """Mean training content loss below which rows were learnt by heart."""
    max_rate_difference: float
    """Of a logged learning rate from the schedule's, relative to the highest rate."""


GATE = Gate("train", "TRN", TrainFacts, TrainLimits)


@GATE.rule("001", "loss-not-finite", explains=("TRN003", "TRN005", "GEN001"))
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
    if facts.chosen_step < 1:
        yield "no evaluation after step 0 was finite, so there is no best step"
        return
    if facts.restored_step != facts.chosen_step:
        yield f"restored step {facts.restored_step}, the best is step {facts.chosen_step}"
    difference = abs(facts.restored_eval_loss - facts.best_eval_loss) / max(facts.best_eval_loss, 1e-12)
    if not difference <= limits.max_restored_difference:
        yield (
            f"validation loss {facts.restored_eval_loss:.6f} after restoring, {facts.best_eval_loss:.6f} at the best "
            f"step: {difference:.2e} relative, the most is {limits.max_restored_difference:g}"
        )


@GATE.rule("003", "adapter-all-zero", explains=("PAR001",))
def adapter_all_zero(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """The adapter changes nothing.

    Why: a LoRA starts as zero; one that is still zero was not trained, or not saved.
    Fix: check train.schedule.learning_rate, train.lora.alpha and that rows have graded tokens.
    """
    if not facts.adapter_norm > 0:
        yield f"the norm of all updates is {facts.adapter_norm:g}, it must be above 0"


@GATE.rule("004", "target-not-trained", explains=("GEN007",))
def target_not_trained(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """A target module has no adapter, or one that is zero.

    Why: a misspelt target trains half an adapter without a word.
    Fix: set train.lora.target_modules=all-linear, or name some of the seven linear layers of Qwen3 in it.
    """
    most = max(facts.target_modules.values(), default=0)
    for name, count in facts.target_modules.items():
        if count == 0:
            yield f"{name}: in no layer of the adapter file"
        elif count < most:
            yield f"{name}: in {count} layers of the adapter file, others are in {most}"
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
        yield (
            f"validation loss {facts.first_eval_loss:.4f} to {facts.best_eval_loss:.4f}: {improvement:.1%} better, "
            f"the least is {limits.min_improvement:.1%}"
        )
    guess = limits.max_loss_of_a_guess * math.log(facts.num_embeddings)
    if not facts.best_eval_loss < guess:
        yield (
            f"validation loss {facts.best_eval_loss:.4f}, it must be below {guess:.4f}: "
            f"{limits.max_loss_of_a_guess:g} times that of a guess among {facts.num_embeddings:,} tokens"
        )


@GATE.rule("006", "graded-tokens-differ", explains=("GEN001",))
def graded_tokens_differ(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """The trainer did not grade the tokens that preflight judged.

    Why: trainers truncate, drop and mask rows on their own; what was looked at must be what is trained on.
    Fix: a bug in the hand-over to the trainer; report it with the backend's version.
    """
    if facts.graded_tokens_an_epoch is None:
        raise Skip("the run did not consist of whole epochs in one go")
    if facts.graded_tokens_an_epoch != facts.graded_tokens_expected:
        yield f"{facts.graded_tokens_an_epoch} graded tokens an epoch, preflight wrote {facts.graded_tokens_expected}"


@GATE.rule("007", "validation-rises", level="warn", explains=("GEN006",))
def validation_rises(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """Overfitting: training loss falls while validation loss rises after the best step.

    Why: the last steps learnt rows, not the task. The best step is kept, so this is advice, not a failure.
    Fix: fewer epochs, more rows, a lower learning rate.
    """
    rise = facts.last_eval_loss / facts.best_eval_loss - 1 if facts.best_eval_loss > 0 else math.nan
    if not rise <= limits.max_validation_rise and not facts.last_train_loss >= facts.first_train_loss:
        yield (
            f"validation loss rose by {rise:.1%} from step {facts.chosen_step} to the last evaluation, advice is at "
            f"most {limits.max_validation_rise:.0%}; training loss ended at {facts.last_train_loss:.4f}"
        )


@GATE.rule("008", "generalisation-gap", level="warn", explains=("GEN006",))
def generalisation_gap(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """Content tokens of held-out rows cost much more than those of training rows.

    Why: the distance between the two, beyond its uncertainty, is what was learnt by heart.
    Fix: more and more varied rows, fewer epochs, a smaller rank.
    """
    if not facts.gap_low <= limits.max_gap:
        yield (
            f"validation minus training content loss {facts.gap:.4f} [{facts.gap_low:.4f}, {facts.gap_high:.4f}] nats, "
            f"advice is at most {limits.max_gap:g}"
        )


@GATE.rule("009", "loss-implausibly-low", level="warn", explains=("GEN006",))
def loss_implausibly_low(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """Training content loss is lower than free text allows, while validation loss is not.

    Why: answers known by heart score near zero. Short or fixed answers may do so rightly, then validation does too.
    Fix: look at smoke's copies of training answers; fewer epochs if there are any.
    """
    low = not facts.train_content_loss >= limits.implausible_loss
    if low and not facts.val_content_loss <= 2 * limits.implausible_loss:
        yield (
            f"training content loss {facts.train_content_loss:.4f} is below {limits.implausible_loss:g}, validation is "
            f"{facts.val_content_loss:.4f}"
        )


@GATE.rule("010", "still-improving", level="info")
def still_improving(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """The best step is the last one: training could have gone on.

    Why: the validation loss had not yet turned.
    Fix: raise train.schedule.num_epochs.
    """
    if 0 < facts.chosen_step == facts.num_steps:
        yield f"the best of {facts.num_steps} steps is the last, with validation loss {facts.best_eval_loss:.4f}"


@GATE.rule("011", "update-too-hot-in-adapter", explains=("TRN001", "GEN003"))
def update_too_hot_in_adapter(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """Effective scale times learning rate of what was really trained is beyond what is known to go well.

    Why: preflight judges the configured values; this looks at the adapter itself.
    Fix: lower train.lora.alpha or train.schedule.learning_rate; leave rsLoRA off.
    """
    heat = facts.effective_scale * facts.learning_rate
    if not heat <= limits.max_heat:
        scale = f"scale {facts.effective_scale:g} x learning rate {facts.learning_rate:g}"
        yield f"{scale} = {heat:g}, the most is {limits.max_heat:g}"


@GATE.rule("012", "scale-not-as-configured", explains=("GEN007",))
def scale_not_as_configured(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """The adapter file says another effective scale than the config it was trained with.

    Why: every later stage scales the update by what the file says.
    Fix: take adapter_config.json as training wrote it; train again with redo=true.
    """
    if not abs(facts.effective_scale - facts.configured_scale) <= 1e-9 * abs(facts.configured_scale):
        yield f"scale {facts.effective_scale:g} in adapter_config.json, {facts.configured_scale:g} configured"


@GATE.rule("013", "batch-larger-than-set", level="info")
def batch_larger_than_set(facts: TrainFacts, limits: TrainLimits) -> Iterator[str]:
    """One step of the optimiser takes all rows.

    Why: an epoch is then one step, whatever the batch size says, and the learning rate was meant for more of them.
    Fix: lower train.schedule.batch_size or train.schedule.gradient_accumulation.
    """
    if facts.effective_batch > facts.num_train_rows:
        yield f"{facts.effective_batch} rows a step, train has {facts.num_train_rows}"


GATE.rule("030", "rates-not-the-schedules", explains=("TRN005",))(rates_not_the_schedules)
GATE.rule("031", "prompt-tokens-differ")(prompt_tokens_differ)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
