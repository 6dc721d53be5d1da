"""Causes in base, adapter and merged weights (CAU3xx)."""

from __future__ import annotations

from jobs.logic.diagnosing import scales
from jobs.logic.diagnosing.cause import Link, Outcome, Place, cause, not_checked, proven, ruled_out
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.model_seen import ModuleWeights, WeightsSeen
from jobs.logic.pages.amounts import number

BASE, ADAPTER, MERGED = "base folder", "adapter folder", "merged folder or its GGUF"


def result(evidence: Evidence) -> WeightsSeen | None:
    """What is held against the base: the merged folder, or without one the GGUF that says the most about it."""
    if evidence.weights is not None:
        return evidence.weights
    held = [file.weights for file in evidence.ggufs if file.weights is not None and not file.broken]
    return min(held, key=lambda one: one.kept[1] if one.kept else 1.0, default=None)


def lacking(evidence: Evidence, adapter: bool = True) -> tuple[str, ...]:
    """What is not there to be held against each other."""
    found = [] if evidence.base is not None else [BASE]
    found += [] if not adapter or evidence.adapter is not None else [ADAPTER]
    found += [] if evidence.merged is not None or evidence.ggufs else [MERGED]
    return tuple(found)


def span(modules: list[ModuleWeights]) -> str:
    """The smallest and the largest scale, in words."""
    low, high = min(one.scale for one in modules), max(one.scale for one in modules)
    return f"{number(low)} to {number(high)} times"


@cause(
    "301", "adapter-not-merged", Link.MERGE, symptoms=("nothing-learnt",), shows="merge redo=true",
    rules=("MRG001", "MRG003"),
)  # fmt: skip
def adapter_not_merged(evidence: Evidence) -> Outcome:
    """The merged weights are the base's: the adapter is not in them.

    Why: everything after the merge ships the base, and answers like it, whatever the training log says.
    Fix: merge again, and look at one adapted matrix before and after.
    Seen in: unsloth #611 (a merge that did nothing); made in tests/faults.
    """
    held = result(evidence)
    if held is None:
        return not_checked(*lacking(evidence, adapter=False))
    place = Place(held.of)
    if held.base_is_same:
        return proven(f"every tensor of {held.of} is the base's, as far as its type can say", places=[place])
    found = scales.telling(held.modules)
    if not found:
        return not_checked(*(lacking(evidence) or (MERGED,)))
    absent = [one for one in found if scales.fits(one, 0.0)]
    if len(absent) == len(found):
        return proven(
            f"{held.of}: of the update of {len(found)} adapted matrices {span(found)} is in it, expected once",
            places=[place],
        )
    return ruled_out(f"{held.of}: the update is in {len(found) - len(absent)} of {len(found)} adapted matrices")


@cause(
    "302", "adapter-merged-twice", Link.MERGE, symptoms=("garbage", "loops"), shows="merge redo=true",
    rules=("MRG002",),
)  # fmt: skip
def adapter_merged_twice(evidence: Evidence) -> Outcome:
    """The adapter is in the merged weights twice.

    Why: twice the update is another model than the one that was trained and validated; a strong one falls into loops.
    Fix: merge into the untouched base. A merged model saved beside its adapter is loaded with the adapter on top once
        more: keep them in two folders.
    Seen in: made in tests/faults.
    """
    held = result(evidence)
    if held is None or not scales.telling(held.modules):
        return not_checked(*(lacking(evidence) or (MERGED,)))
    found = scales.telling(held.modules)
    if all(scales.fits(one, 2.0) for one in found):
        return proven(f"{held.of}: {span(found)} the update is in it, expected once", places=[Place(held.of)])
    return ruled_out(f"{held.of}: {span(found)} the update is in it")
