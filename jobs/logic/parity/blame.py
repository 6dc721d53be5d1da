"""Which step of the hand-over lost something: the first artefact that no longer has what the one before it had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jobs.logic.pages.amounts import percent

LADDER = ("Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0", "F16")
"""Types worth shipping, smaller to larger."""
BELOW = {"Q2": "Q3_K_M", "IQ1": "Q3_K_M", "IQ2": "Q3_K_M", "Q3": "Q4_K_M", "IQ3": "Q4_K_M", "Q4": "Q5_K_M",
         "IQ4": "Q5_K_M", "Q5": "Q6_K", "Q6": "Q8_0", "Q8": "F16", "BF16": "F16"}  # fmt: skip


def next_larger(quant: str) -> str | None:
    """The type to try where `quant` loses too much; None where there is nothing larger."""
    if quant in LADDER[:-1]:
        return LADDER[LADDER.index(quant) + 1]
    return BELOW.get(quant.partition("_")[0])


def steps(artifact: str) -> tuple[tuple[str, str], ...]:
    """What an artefact went through: (the model that each step made, the step), from training on."""
    path = [
        ("tuned", "training"),
        ("merged", "merging"),
        ("F16", "converting"),
        (artifact, f"quantizing to {artifact}"),
    ]
    made = [name for name, _ in path]
    return tuple(path[: made.index(artifact) + 1])


def lost_by(artifact: str, right: Mapping[str, bool]) -> str:
    """In words, the step after which something is no longer right; `right` may lack models that were not looked at.

    `artifact` itself is wrong. Where F16 is right and a quant is wrong it was quantizing; where F16 is wrong too, it
    was not.
    """
    path = [(model, step) for model, step in steps(artifact) if model in right]
    for place, (model, step) in enumerate(path):
        if not right[model]:
            if model == artifact and place:
                return f"{path[place - 1][0]} is right: it was lost by {step}"
            return f"{model} is wrong already: it was lost by {step}, not by what came after"
    return f"every model before {artifact} is right"


def losses(retentions: Sequence[tuple[str, float]]) -> str:
    """What each step took of the fine-tune's effect, in words, without judging it.

    `retentions`: (artefact, retention) in the order merged, F16, quants.
    """
    kept = dict(retentions)
    words = []
    for artifact, value in retentions:
        before = next((model for model, _ in reversed(steps(artifact)[:-1]) if model in kept), "tuned")
        lost = kept.get(before, 1.0) - value
        words.append(f"{steps(artifact)[-1][1]} took {percent(lost)}" if lost == lost else f"{artifact} has no number")
    return f"Of what training changed, {', '.join(words)}." if words else ""
