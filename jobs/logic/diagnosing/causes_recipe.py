"""Causes in the recipe: what the training was told, and what its log shows of it."""

from __future__ import annotations

from jobs.logic.diagnosing.cause import Link, Outcome, cause, consistent, not_checked, ruled_out
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.recipe import recipe
from jobs.logic.pages.amounts import learning_rate, number

WARN_HEAT, MOST_HEAT = 1.0e-3, 2.0e-3
"""Effective scale x learning rate, as `preflight`'s limits have it: half or less is what recipes that work use."""


@cause(
    "101", "update-too-hot", Link.RECIPE, symptoms=("loops", "punctuation", "loss-diverges"), explains=("CAU109",),
    rules=("TOK021", "TOK022", "TRN012"), shows="preflight", separates="smoke train.schedule.learning_rate=1e-4",
)  # fmt: skip
def update_too_hot(evidence: Evidence) -> Outcome:
    """Effective scale times learning rate is too high for an adapter.

    Why: a step moves the weights by scale x learning rate; rsLoRA takes alpha / sqrt(rank) where LoRA takes
    alpha / rank, so at rank 32 the same alpha is 5.7 times the step.
    Fix: switch rsLoRA off or lower alpha or the learning rate, until their product is below 1e-3.
    Seen in: the post-mortem of noteAI v1 (rsLoRA, rank 32, alpha 64 at 2e-4: heat 2.3e-3, endless commas).
    """
    found = recipe(evidence)
    if found.heat is None:
        return not_checked("settings or an adapter's folder, and a log with learning rates")
    scale, rate = number(found.scale or 0), learning_rate(found.rate or 0)
    said = f"scale {scale} ({found.scale_as}) x learning rate {rate} = {learning_rate(found.heat)}"
    if found.heat > MOST_HEAT:
        return consistent(f"{said}, above {learning_rate(MOST_HEAT)}", decides=("a log of losses", "answers"))
    return ruled_out(f"{said}, at most {learning_rate(MOST_HEAT)}")
