"""Rules about options of training that are looked at before it: the weight of prompts, the noise on embeddings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jobs.checks.preflight_facts import planned
from jobs.core.rule import Skip
from jobs.logic.pages.amounts import beside, count, number, percent

if TYPE_CHECKING:
    from jobs.checks.preflight import PreflightLimits
    from jobs.checks.preflight_facts import PreflightFacts


def prompts_outweigh_answers(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """Prompts have more part in the loss than answers have.

    Why: long prompts under short answers teach the model to write prompts; small weights are what helped where any did.
    Fix: lower `train.prompt_loss_weight`; 0 grades the answers alone.
    """
    weight, split = planned(facts).prompt_loss_weight, facts.train
    if not weight:
        raise Skip("prompts weigh nothing")
    weighed = weight * split.num_prompt_tokens
    share = weighed / (weighed + split.num_graded_tokens) if weighed else 0.0
    if not share <= limits.max_prompt_share:
        most = limits.max_prompt_share * split.num_graded_tokens
        most /= (1 - limits.max_prompt_share) * split.num_prompt_tokens
        shown, limit = beside(share, limits.max_prompt_share, percent)
        yield (
            f"weight {number(weight)} on {count(split.num_prompt_tokens, 'token')} of prompts is {shown} of the loss "
            f"beside {count(split.num_graded_tokens)} graded ones, better at most {limit}: a weight of {number(most)}"
        )


def noise_implausible(facts: PreflightFacts, limits: PreflightLimits) -> Iterator[str]:
    """The noise on the embeddings is stronger than what NEFTune was shown to help with.

    Why: beyond the alphas of its paper (5, 10 and 15) nobody has shown that answers get better for it.
    Fix: set `train.neftune_alpha` to 5, or 0 for no noise.
    """
    alpha = planned(facts).neftune_alpha
    if not alpha:
        raise Skip("no noise is added")
    if not alpha <= limits.max_neftune_alpha:
        shown, most = beside(alpha, limits.max_neftune_alpha, number)
        yield f"train.neftune_alpha is {shown}, better at most {most}"
