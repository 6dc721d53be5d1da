"""Causes that stand in single tensors of a base, an adapter or a merged folder (CAU307 to CAU318)."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.logic.diagnosing.cause import Link, Outcome, Place, cause, consistent, not_checked, proven, ruled_out
from jobs.logic.diagnosing.causes_weights import ADAPTER, AGAIN, BASE, MERGED, VOCABULARY
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.kinship import KNOWN
from jobs.logic.diagnosing.model_seen import ModelSeen, WeightsSeen

HEAD = "lm_head.weight"


def without(one: ModelSeen, what: str) -> str:
    """What would decide of a folder of another architecture or with tensors that were not read; empty: all is known."""
    if one.num_unread:
        return f"{one.folder}: {one.num_unread} tensors in a type that is read here (F32, F16, BF16)"
    if one.architecture != KNOWN:
        return f"{one.folder}: {what} {one.architecture or 'a model without model_type'} has; known is {KNOWN} alone"
    return ""


def unread(evidence: Evidence) -> list[str]:
    """What was given and whose tensors were not all read, as what would decide."""
    models = [one for one in (evidence.base, evidence.merged) if one is not None and one.num_unread]
    found = [without(one, "") for one in models]
    adapter = evidence.adapter
    if adapter is not None and not adapter.target_modules:
        found.append(f"{adapter.folder}: the adapter's weights as safetensors")
    found += [
        f"{file.file}: {file.not_loaded or ('a reader for tensors of ' + (file.architecture or 'this file'))}"
        for file in evidence.ggufs
        if file.content == "model" and not file.problems and not file.is_read
    ]
    return found


@cause(
    "307", "tied-head-lost", Link.MERGE, symptoms=("garbage",), shows=AGAIN, rules=("MRG008",)
)  # fmt: skip
def tied_head_lost(evidence: Evidence) -> Outcome:
    """The model has no output head: config.json says that it is not the embedding, and no file has it.

    Why: loaders fill what is missing with random numbers, and say so in one line among many.
    Fix: say tie_word_embeddings=true where the embedding is the head, as in Qwen3 up to 4B; else put the head's weights
        into the folder.
    Seen in: made in tests/faults.
    """
    merged = evidence.merged
    if merged is None:
        return not_checked(MERGED)
    place = [Place(merged.folder, key="tie_word_embeddings")]
    if HEAD in merged.missing:
        return proven(f"{merged.folder}: tie_word_embeddings=false, and no {HEAD} in its files", places=place)
    base = evidence.base
    if base is not None and base.head_differs and base.tied is False and not merged.has_head:
        return proven(f"{merged.folder}: has no {HEAD}; the base has one that is not the embedding", places=place)
    for file in evidence.ggufs:
        if merged.head_differs and merged.tied is False and file.source is not None and not file.has_head:
            sign = f"{file.file}: has no output head; {merged.folder} has one that is not the embedding"
            return proven(sign, places=[Place(file.file)])
    if not merged.has_head and (wanted := without(merged, "which output head")):
        return not_checked(wanted)
    return ruled_out(f"{merged.folder}: {'has a head' if merged.has_head else 'the embedding is its head'}")


@cause(
    "308", "tied-head-unequal", Link.MERGE, symptoms=("worse-than-trained", "garbage"), shows=AGAIN,
    rules=("MRG008",),
)  # fmt: skip
def tied_head_unequal(evidence: Evidence) -> Outcome:
    """config.json says that the head is the embedding, and a head that is not equal to it lies in the files.

    Why: transformers then computes with the embedding and llama.cpp with the head, so two models ship under one name.
    Fix: take lm_head.weight out of the files, or say tie_word_embeddings=false where the head was trained.
    Seen in: made in tests/faults.
    """
    found = [one for one in (evidence.merged, evidence.base) if one is not None]
    if not found:
        return not_checked(MERGED)
    for one in found:
        if one.tied and one.head_differs:
            sign = f"{one.folder}: tie_word_embeddings is true, and {HEAD} is not model.embed_tokens.weight"
            return proven(sign, places=[Place(one.folder, key=HEAD)])
    for one in found:
        if one.tied is None and one.head_differs:
            sign = f"{one.folder}: config.json does not say tie_word_embeddings, and {HEAD} is not the embedding"
            return consistent(sign, decides=("tie_word_embeddings in config.json",))
        if one.head_differs is None and (wanted := without(one, "which output head")):
            return not_checked(wanted)
    return ruled_out("; ".join(f"{one.folder}: {head_said(one)}" for one in found))


def head_said(one: ModelSeen) -> str:
    """What its head is, in words."""
    if not one.has_head:
        return "no head beside the embedding"
    return "its head is its own, as config.json says" if one.head_differs else "its head is the embedding"


@cause(
    "309", "weights-not-finite", Link.TRAINING, symptoms=("garbage", "punctuation", "empty-answers"),
    shows="train redo=true", explains=("CAU310",), rules=("FET001", "MRG006", "QNT005"),
)  # fmt: skip
def weights_not_finite(evidence: Evidence) -> Outcome:
    """Weights hold NaN, or infinity where no rounding explains it.

    Why: one such number spreads to every answer: `!!!!`, `、、、、`, or nothing.
    Fix: train again with a lower learning rate or a smaller effective scale; where only the merged weights have them,
        merge again in float32.
    Seen in: made in tests/faults; ggml-org/llama.cpp #13310 looks the same and is a fault of a backend.
    """
    found = list(not_finite(evidence))
    if found:
        return proven(*(sign for sign, _ in found[:3]), places=[place for _, place in found[:3]])
    seen = sum(one is not None for one in (evidence.base, evidence.adapter, evidence.merged))
    seen += sum(file.is_read for file in evidence.ggufs)
    if wanted := unread(evidence):
        return not_checked(*wanted)
    if not seen:
        return not_checked(ADAPTER, MERGED)
    return ruled_out(f"no NaN in any tensor of the {seen} that were read")


def not_finite(evidence: Evidence) -> Iterator[tuple[str, Place]]:
    """What is not finite, the first in the chain first."""
    for model in (evidence.base, evidence.merged):
        if model is evidence.merged and evidence.adapter is not None and evidence.adapter.nonfinite:
            first = evidence.adapter.nonfinite[0]
            folder = evidence.adapter.folder
            yield f"{folder}: {len(evidence.adapter.nonfinite)} modules, as {first}", Place(folder, key=first)
        if model is None:
            continue
        half = set(model.dtypes) == {"F16"}
        names = (*model.nan, *(() if half else model.infinite))
        if names:
            yield f"{model.folder}: {len(names)} tensors, as {names[0]}", Place(model.folder, key=names[0])
    for file in evidence.ggufs:
        names = (*file.nan, *(() if file.file_type == "F16" else file.infinite))
        if names:
            yield f"{file.file}: {len(names)} tensors, as {names[0]}", Place(file.file, key=names[0])


@cause(
    "310", "float16-overflow", Link.CONVERSION, symptoms=("garbage", "punctuation"), shows="convert redo=true",
    rules=("MRG007",),
)  # fmt: skip
def float16_overflow(evidence: Evidence) -> Outcome:
    """Weights beyond 65,504 became infinite in float16.

    Why: float16 ends there, bfloat16 and float32 do not, so a model that answers well turns to noise when it is
        converted.
    Fix: keep merge.dtype=float32 and quantize from F32, or ship BF16.
    Seen in: made in tests/faults.
    """
    models = [one for one in (evidence.merged, evidence.base) if one is not None]
    for file in evidence.ggufs:
        if file.file_type == "F16" and file.infinite:
            sign = f"{file.file}: {len(file.infinite)} tensors hold infinity, as {file.infinite[0]}"
            return proven(sign, places=[Place(file.file, key=file.infinite[0])])
    for one in models:
        if "F16" in one.dtypes and one.infinite:
            sign = f"{one.folder}: {len(one.infinite)} tensors hold infinity, as {one.infinite[0]}"
            return proven(sign, places=[Place(one.folder, key=one.infinite[0])])
    for one in models:
        if one.beyond_float16:
            sign = f"{one.folder}: {one.beyond_float16[0]} has weights that float16 cannot hold"
            return consistent(sign, decides=("the F16 GGUF",))
    halves = [file.file for file in evidence.ggufs if file.file_type == "F16" and file.is_read]
    if not models and not halves:
        return not_checked(MERGED)
    if wanted := next((without(one, "") for one in models if one.num_unread), ""):
        return not_checked(wanted)
    return ruled_out(f"{(models[0].folder if models else halves[0])}: every weight is one that float16 has")


@cause(
    "311", "layers-swapped", Link.MERGE, symptoms=("garbage",), shows=AGAIN, explains=("CAU402",),
    rules=("MRG004", "GGF005"),
)  # fmt: skip
def layers_swapped(evidence: Evidence) -> Outcome:
    """Tensors stand in each other's place.

    Why: they have the same shapes, so everything loads, and every layer computes with another's weights.
    Fix: make the file again with a tool that goes by names, from the folder before it.
    Seen in: made in tests/faults.
    """
    held = [one for one in all_held(evidence) if one.num_shared]
    if not held:
        return not_checked(BASE, MERGED)
    for one in held:
        if one.swapped:
            first, second = one.swapped[0]
            sign = f"{one.of}: {len(one.swapped)} matrices have another's values, as {first} those of {second}"
            return proven(sign, places=[Place(one.of, key=first)])
    files = ", ".join(dict.fromkeys(one.of for one in held))
    return ruled_out(f"{files}: none of the matrices that were held against others has another's values")


def all_held(evidence: Evidence) -> Iterator[WeightsSeen]:
    """Everything that was held against something of its own model."""
    if evidence.weights is not None and not evidence.weights.of_another_model:
        yield evidence.weights
    for file in evidence.ggufs:
        yield from (one for one in (file.source, file.weights) if one is not None and not file.broken)


@cause(
    "312", "tensors-missing", Link.MERGE, symptoms=("garbage", "fails-to-load"), shows=AGAIN,
    rules=("GGF008",),
)  # fmt: skip
def tensors_missing(evidence: Evidence) -> Outcome:
    """Tensors that config.json asks for are missing, have another shape, or lie in a file that is damaged.

    Why: loaders fill gaps with random numbers and go on.
    Fix: save or download the folder whole; of a sharded model every file that the index names.
    Seen in: made in tests/faults.
    """
    models = [one for one in (evidence.base, evidence.merged) if one is not None]
    signs, places = [], []
    for one in models:
        wrong = [*one.problems, *one.misshapen]
        wrong += [f"{name} is missing" for name in one.missing if name != HEAD]
        if wrong:
            signs.append(f"{one.folder}: {wrong[0]}" + (f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""))
            places.append(Place(one.folder))
    everything = list(all_held(evidence))
    for held in everything:
        shapes = [one for one in held.misshapen if not one.startswith(VOCABULARY)]
        if wrong := [*(f"{name} is missing" for name in held.missing), *shapes]:
            signs.append(f"{held.of}: {wrong[0]}")
            places.append(Place(held.of))
    if signs:
        return proven(*signs[:3], places=places[:3])
    shown = [
        f"{one.folder}: {one.num_tensors} tensors, all that config.json asks for"
        for one in models
        if one.architecture == KNOWN
    ]
    shown = shown or [f"{held.of}: no tensor is missing beside what it was held against" for held in everything]
    if not shown and models:
        return not_checked(without(models[-1], "which tensors") or MERGED)
    return ruled_out(*shown[:3]) if shown else not_checked(MERGED)


@cause(
    "314", "adapter-settings-of-another", Link.TRAINING, symptoms=("worse-than-trained", "fails-to-load"),
    shows="train redo=true", rules=("TRN012",),
)  # fmt: skip
def adapter_settings_of_another(evidence: Evidence) -> Outcome:
    """adapter_config.json is not of the weights beside it: they have another rank.

    Why: the scale is computed from the settings, so another rank there is another strength.
    Fix: take both files of one checkpoint.
    Seen in: made in tests/faults.
    """
    adapter = evidence.adapter
    if adapter is None:
        return not_checked(ADAPTER)
    if adapter.other_ranks:
        sign = (
            f"{adapter.folder}: {len(adapter.other_ranks)} modules have another rank than r={adapter.rank} gives them"
        )
        return proven(f"{sign}, as {adapter.other_ranks[0]}", places=[Place(adapter.folder, key="r")])
    if adapter.not_plain or adapter.rank is None or not adapter.target_modules:
        return not_checked(ADAPTER)
    return ruled_out(f"{adapter.folder}: every module has the rank that adapter_config.json says")


@cause(
    "315", "adapter-is-zero", Link.TRAINING, symptoms=("nothing-learnt",), shows="train redo=true",
    explains=("CAU301",), rules=("TRN003",),
)  # fmt: skip
def adapter_is_zero(evidence: Evidence) -> Outcome:
    """The adapter's updates are nothing, as before the first step.

    Why: LoRA begins with B = 0; an adapter that was saved before training, or whose saving lost its weights, is that.
    Fix: save the adapter of the trained model, and look that lora_B is not zero.
    Seen in: made in tests/faults.
    """
    adapter = evidence.adapter
    if adapter is None:
        return not_checked(ADAPTER)
    total = sum(adapter.target_modules.values())
    if total and len(adapter.zero) == total:
        return proven(f"{adapter.folder}: B A is 0 in all of its {total} modules", places=[Place(adapter.folder)])
    if not total:
        return not_checked(ADAPTER)
    if adapter.zero:
        sign = f"{adapter.folder}: B A is 0 in {len(adapter.zero)} of {total} modules, as {adapter.zero[0]}"
        return consistent(sign, decides=(MERGED,))
    return ruled_out(f"{adapter.folder}: none of its {total} modules is 0")
