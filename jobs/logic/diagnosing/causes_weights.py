"""Causes in how an adapter was merged into its base (CAU3xx): by the strength of the update, and by what else moved."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.logic.diagnosing import scales
from jobs.logic.diagnosing.cause import Link, Outcome, Place, cause, consistent, not_checked, proven, ruled_out
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.kinship import is_bases_own
from jobs.logic.diagnosing.model_seen import ModuleWeights, WeightsSeen
from jobs.logic.pages.amounts import number, percent

BASE, ADAPTER, MERGED = "the base's folder", "the adapter's folder", "the merged folder or a GGUF of it"
AGAIN = "merge redo=true"
VOCABULARY = ("model.embed_tokens.weight ", "lm_head.weight ")
"""How what is said of tensors begins that have another length where tokens were added."""
LOST, WEAK = 1.0, 0.3
"""Norm of what rounding leaves against the update's: from here on it is lost; up to here it does not matter."""


def result(evidence: Evidence) -> WeightsSeen | None:
    """What is held against the base: the merged folder, or without one the GGUF that says the most about it."""
    if evidence.weights is not None:
        return None if evidence.weights.of_another_model else evidence.weights
    files = [file for file in evidence.ggufs if not file.broken and not is_bases_own(file, evidence)]
    held = [file.weights for file in files if file.weights is not None]
    return min(held, key=lambda one: one.kept[1] if one.kept else 1.0, default=None)


def lacking(evidence: Evidence, adapter: bool = True) -> tuple[str, ...]:
    """What is not there to be held against each other."""
    found = [] if evidence.base is not None else [BASE]
    found += [] if not adapter or (evidence.adapter is not None and not evidence.adapter.not_plain) else [ADAPTER]
    found += [] if evidence.merged is not None or evidence.ggufs else [MERGED]
    return tuple(found) or (MERGED,)


def telling(evidence: Evidence) -> tuple[WeightsSeen | None, list[ModuleWeights]]:
    """What is held, and its modules whose scale says something; none where the update was not an adapter's, or where
    half of its modules or more were not found or say nothing."""
    held = result(evidence)
    found = scales.telling(held.modules) if held is not None and held.by == "adapter" else []
    return held, found if 2 * len(found) > num_adapted(evidence, held) else []


def num_adapted(evidence: Evidence, held: WeightsSeen | None) -> int:
    """Matrices that the adapter is on, in what is held or not."""
    adapter = evidence.adapter
    of_adapter = sum(adapter.target_modules.values()) - len(adapter.zero) if adapter is not None else 0
    return max(of_adapter, len(held.modules) if held is not None else 0)


def span(modules: Sequence[ModuleWeights]) -> str:
    """The smallest and the largest scale, in words."""
    low, high = (number(end(one.scale for one in modules)) for end in (min, max))
    return f"{low} times" if low == high else f"{low} to {high} times"


def named(modules: Sequence[ModuleWeights]) -> str:
    """Some of them by name."""
    names = [one.name.removeprefix("model.") for one in modules]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


@cause(
    "301", "adapter-not-merged", Link.MERGE, symptoms=("nothing-learnt",), shows=AGAIN, explains=("CAU403",),
    rules=("MRG001", "MRG002"),
)  # fmt: skip
def adapter_not_merged(evidence: Evidence) -> Outcome:
    """The merged weights are the base's: the adapter is not in them.

    Why: everything after the merge ships the base, and answers like it, whatever the training log says.
    Fix: merge again, and look at one adapted matrix before and after.
    Seen in: unsloth #611; made in tests/faults.
    """
    held, found = telling(evidence)
    if held is None:
        return not_checked(*lacking(evidence, adapter=False))
    if held.num_exact == held.num_shared > 0 and not (held.modules and all(one.exact for one in held.modules)):
        return proven(
            f"all {held.num_shared} tensors of {held.of} are the base's, bit for bit", places=[Place(held.of)]
        )
    if not found:
        return not_checked(*lacking(evidence))
    absent = [one for one in found if scales.fits(one, 0.0)]
    if len(absent) == len(found) and not held.off:
        sign = f"{held.of}: {span(found)} the adapter's update is in its {len(found)} adapted matrices, expected once"
        return proven(sign, places=[Place(held.of)])
    return ruled_out(f"{held.of}: the update is in {len(found) - len(absent)} of {len(found)} adapted matrices")


@cause(
    "302", "adapter-merged-twice", Link.MERGE, symptoms=("garbage", "loops"), shows=AGAIN, rules=("MRG003",)
)  # fmt: skip
def adapter_merged_twice(evidence: Evidence) -> Outcome:
    """The adapter is in the merged weights twice.

    Why: twice the update is another model than the one that was trained and validated; a strong one falls into loops.
    Fix: merge into the untouched base. A merged model that was saved beside its adapter is loaded with the adapter on
        top of it: keep the two in two folders.
    Seen in: made in tests/faults.
    """
    held, found = telling(evidence)
    if held is None or not found:
        return not_checked(*lacking(evidence))
    if all(scales.fits(one, 2.0) for one in found):
        like = [one.words for one in scales.MISTAKES if scales.is_mistake(one, found)]
        against = [f"the same strength would come from {like[0]}"] if like else []
        sign = f"{held.of}: {span(found)} the update is in its {len(found)} adapted matrices, expected once"
        return proven(sign, places=[Place(held.of)], against=against)
    return ruled_out(f"{held.of}: {span(found)} the update is in it")


@cause(
    "303", "merged-into-another-base", Link.MERGE, symptoms=("garbage", "worse-than-trained"), shows=AGAIN,
    explains=("CAU301", "CAU304", "CAU305"), rules=("MRG004", "MRG005"),
)  # fmt: skip
def merged_into_another_base(evidence: Evidence) -> Outcome:
    """The adapter was merged into other weights than those it was trained on.

    Why: an update belongs to the weights that it was found on; on others it is noise. Base and post-trained models,
        or two revisions, have the same shapes, so nothing complains.
    Fix: merge into the revision that training names, and compare a matrix that the adapter does not touch.
    Seen in: made in tests/faults.
    """
    held, _ = telling(evidence)
    if held is None or held.by != "adapter" or not held.num_other:
        return not_checked(*lacking(evidence))
    if held.swapped:
        return ruled_out(f"{held.of}: its matrices are the base's, in other places")
    if wrong := [one for one in held.misshapen if not one.startswith(VOCABULARY)]:
        return proven(f"{held.of}: {wrong[0]}", places=[Place(held.of)])
    if held.other_changed and len(held.off) > len(held.modules) / 2:
        middle = sorted(one.apart for one in held.off)[len(held.off) // 2]
        sign = (
            f"{held.of}: {len(held.other_changed)} tensors that the adapter does not touch are not the base's "
            f"({held.other_changed[0]}, up to {percent(held.other_moved)} away), and {len(held.off)} of "
            f"{len(held.modules)} adapted matrices are {percent(middle)} away from base plus update"
        )
        return proven(sign, places=[Place(held.of, key=held.other_changed[0])])
    kept = held.num_other - len(held.other_changed)
    return ruled_out(f"{held.of}: {kept} of {held.num_other} tensors without an update are the base's")


@cause(
    "304", "merged-with-wrong-scale", Link.MERGE, symptoms=("worse-than-trained", "garbage", "nothing-learnt"),
    shows=AGAIN, rules=("MRG003",),
)  # fmt: skip
def merged_with_wrong_scale(evidence: Evidence) -> Outcome:
    """The update is in the merged weights with another strength than the adapter's settings give it.

    Why: the scale is alpha / rank, or alpha / sqrt(rank) with rsLoRA, and alpha_pattern and rank_pattern give modules
        their own. A tool that reads only r and lora_alpha makes another model, weaker or stronger.
    Fix: merge with PEFT or with `make merge`, which read all of these settings.
    Seen in: made in tests/faults.
    """
    held, found = telling(evidence)
    if held is None or not found:
        return not_checked(*lacking(evidence))
    wrong = [one for one in found if not one.exact and not any(scales.fits(one, right) for right in (0.0, 1.0))]
    patterned = [one for one in found if one.patterned and not scales.fits(one, 1.0) and not scales.fits(one, 0.0)]
    wrong = wrong or patterned
    if held.off or not wrong or all(scales.fits(one, 2.0) for one in found):
        return ruled_out(f"{held.of}: {span(found)} the update is in it, with {lost_said(held)}")
    mistakes = [one.words for one in scales.MISTAKES if scales.is_mistake(one, found)]
    told = f": {mistakes[0]}" if mistakes else ""
    sign = f"{held.of}: {span(wrong)} the update is in {len(wrong)} of {len(found)} adapted matrices{told}"
    return proven(sign, places=[Place(held.of, key=wrong[0].name)])


def lost_said(held: WeightsSeen) -> str:
    """How much of it rounding takes, in words."""
    return f"{percent(held.rounding)} of its norm in rounding" if held.rounding else "nothing lost in rounding"


@cause(
    "305", "modules-left-out-of-merge", Link.MERGE, symptoms=("worse-than-trained",), shows=AGAIN, rules=("MRG001",)
)  # fmt: skip
def modules_left_out(evidence: Evidence) -> Outcome:
    """Some of the adapter's modules are not in the merged weights.

    Why: names that do not match are passed over in silence, and the model answers half trained.
    Fix: merge again; every module of the adapter must change its matrix. Read the adapter with PeftModel.
    Seen in: transformers 5.17.0, which leaves out whole layers where it reads an adapter's folder itself
        (findings/adapter_read_by_transformers.sh); made in tests/faults.
    """
    held, found = telling(evidence)
    if held is None or not found:
        return not_checked(*lacking(evidence))
    names = {one.name for one in held.modules}
    absent = [one for one in found if scales.fits(one, 0.0) and one not in held.off and not one.exact]
    if absent and len(absent) < len(found):
        targets = {one.name.rpartition(".")[2] for one in absent}
        sign = f"{held.of}: {len(absent)} of {len(found)} adapted matrices are still the base's: {named(absent)}" + (
            f" (all of them {targets.pop()})" if len(targets) == 1 and len(absent) > 1 else ""
        )
        return proven(sign, places=[Place(held.of, key=one.name) for one in absent[:5]])
    if len(found) < num_adapted(evidence, held):
        return not_checked("weights in which every module's update shows")
    return ruled_out(f"{held.of}: of {len(names)} adapted matrices none is left out while others are merged")


@cause(
    "306", "tune-lost-in-rounding", Link.MERGE, symptoms=("worse-than-trained", "nothing-learnt"),
    shows="merge merge.dtype=float32 redo=true", rules=("MRG004", "PAR003"),
)  # fmt: skip
def tune_lost_in_rounding(evidence: Evidence) -> Outcome:
    """The merged weights were rounded so coarsely that a weak tune is lost in it.

    Why: bfloat16 has eight bits: a change of less than 0.4 % of a weight is rounded away or doubled. A gentle tune is
        made of such changes, so a merge in bfloat16 adds as much noise as there is update.
    Fix: merge in float32, and make the GGUFs from that.
    Seen in: unsloth #3091; made in tests/faults.
    """
    held = result(evidence)
    if held is None or held.by != "adapter" or held.kept is None:
        return not_checked(*lacking(evidence))
    kinds = "/".join(kind for kind in ("BF16", "F16") if kind in held.types)
    if not kinds:
        return ruled_out(f"{held.of}: its matrices are {'/'.join(held.types)}, which rounds nothing of the update away")
    said = (
        f"{held.of}: rounding to {kinds} moves the weights by {percent(held.rounding)} of what the update does; "
        f"{number(held.kept[0])} times the update is left in it"
    )
    if held.rounding >= LOST:
        return proven(said, places=[Place(held.of)])
    if held.rounding > WEAK:
        return consistent(said, decides=("answers of the adapter and of the merged model",))
    return ruled_out(said)


@cause(
    "313", "merged-into-quantized-weights", Link.MERGE, symptoms=("worse-than-trained",), shows=AGAIN,
    rules=("MRG004",),
)  # fmt: skip
def merged_into_quantized_weights(evidence: Evidence) -> Outcome:
    """The adapter was merged into weights that had been quantized to train it.

    Why: QLoRA trains beside a base of 4 bits. Merged into that base, the quantizing error ships, and the GGUF is
        quantized a second time.
    Fix: merge into the original weights in 16 or 32 bit.
    Seen in: made in tests/engines/diagnosing.
    """
    held, found = telling(evidence)
    if held is None or not found:
        return not_checked(*lacking(evidence))
    exact = [kind for kind in held.types if kind in ("F32", "F16", "BF16")]
    if not exact or len(exact) < len(held.types):
        return not_checked(MERGED)
    near = [one for one in held.off if 0.02 < one.apart < 0.2 and scales.fits(one, 1.0)]
    if not held.other_changed and len(near) > 0.9 * len(held.modules):
        middle = sorted(one.apart for one in near)[len(near) // 2]
        sign = (
            f"{held.of}: the update is in it once, and its {len(near)} adapted matrices are {percent(middle)} away "
            "from the base's besides, as 4-bit weights are; no other tensor has moved"
        )
        return proven(sign, places=[Place(held.of)])
    return ruled_out(f"{held.of}: {len(held.off)} of {len(held.modules)} adapted matrices moved beside the update")


@cause(
    "316", "merged-of-another-adapter", Link.MERGE, symptoms=("worse-than-trained",), shows=AGAIN,
    rules=("MRG004",), explains=("CAU301", "CAU305"),
)  # fmt: skip
def merged_of_another_adapter(evidence: Evidence) -> Outcome:
    """The merged weights are the base's with another update than this adapter's.

    Why: of several checkpoints another one was merged, or the model was trained on after the merge.
    Fix: merge the adapter that was validated; its digest stands in the record of `train`.
    Seen in: made in tests/faults.
    """
    held, found = telling(evidence)
    if held is None or not found:
        return not_checked(*lacking(evidence))
    others = [one for one in held.off if not scales.fits(one, 1.0)]
    if not held.other_changed and not held.swapped and len(others) > len(held.modules) / 2:
        sign = (
            f"{held.of}: its {len(others)} adapted matrices moved, and {span(others)} this adapter's update is in that "
            "move; what the adapter does not touch is the base's"
        )
        return proven(sign, places=[Place(held.of)])
    return ruled_out(f"{held.of}: {len(held.modules) - len(others)} of {len(held.modules)} moved as the adapter says")
