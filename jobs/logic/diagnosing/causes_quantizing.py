"""Causes in the weights of GGUFs (CAU402, CAU403, CAU411): what they were made from, and what quantizing took."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from jobs.logic.diagnosing.answers_seen import AnswersSeen
from jobs.logic.diagnosing.cause import (
    Link,
    Outcome,
    Place,
    cause,
    consistent,
    measured,
    not_checked,
    proven,
    ruled_out,
)
from jobs.logic.diagnosing.causes_weights import ADAPTER, BASE
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.kinship import (
    altered,
    called_base,
    is_bases_own,
    is_of_source,
    lost,
    made_here,
    stands_beside_tune,
    without_update,
)
from jobs.logic.diagnosing.model_seen import GgufSeen, WeightsSeen
from jobs.logic.pages.amounts import number, p_value, percent

SOURCE = "the merged folder, or its F16 GGUF"
Z = 1.96
LEAST_KEPT = 0.9
"""Of the update, by the lower end of the interval; and of the effect, as `verify` asks of Q4_K_M."""
MOST_P = 0.01
MUCH = 0.1
"""Share of answers from which on a symptom is one."""
SYMPTOMS = {
    "num_loops": "loop", "num_punctuation": "are nothing but signs", "num_empty": "are empty",
    "num_unended": "do not stop", "num_tags": "are in the form of tags", "num_control": "hold control tokens",
}  # fmt: skip


def sound(evidence: Evidence) -> list[GgufSeen]:
    """GGUFs of models whose tensors may be believed."""
    return [file for file in evidence.ggufs if file.content == "model" and not file.broken]


@cause(
    "402", "gguf-not-of-these-weights", Link.CONVERSION, symptoms=("garbage", "worse-than-trained"),
    shows="convert redo=true", explains=("CAU411",), rules=("GGF005", "GGF006", "QNT004", "QNT010"),
)  # fmt: skip
def gguf_not_of_these_weights(evidence: Evidence) -> Outcome:
    """A GGUF's tensors are not those that it should have been made from.

    Why: a stale file, a damaged one, or one of another run has the right form, loads, and answers.
    Fix: convert and quantize again from the merged folder.
    Seen in: ggml-org/llama.cpp #7062 (suspected there, and found to be something else); made in tests/faults.
    """
    held = [file for file in sound(evidence) if file.source is not None and not is_bases_own(file, evidence)]
    proofs, signs, same = list[tuple[str, Place]](), list[str](), list[str]()
    for file in held:
        source = file.source
        assert source is not None
        if source.swapped or lost(source) or without_update(file):
            continue  # causes of their own
        names = altered(source)
        if not names:
            same.append(same_said(file, source))
            continue
        said = (
            f"{file.file}: {len(names)} of {source.num_shared} tensors are further from those of {file.source_of} "
            f"than {file.file_type} explains, as {names[0]}"
        )
        if is_of_source(file) or made_here(file, evidence):
            proofs.append((said, Place(file.file, key=names[0])))
        else:
            signs.append(said)
    if proofs:
        return proven(*(said for said, _ in proofs[:3]), places=[place for _, place in proofs[:3]])
    if signs:
        return consistent(*signs[:3], decides=("whether it was made from those weights, or is another model's",))
    return ruled_out(*same) if same else not_checked(SOURCE)


def same_said(file: GgufSeen, source: WeightsSeen) -> str:
    """How its tensors are the source's, in words."""
    if source.num_exact == source.num_shared:
        return f"{file.file}: all {source.num_shared} tensors are the source's rounded to {file.file_type}, bit for bit"
    return f"{file.file}: all {source.num_shared} tensors are as near to the source's as {file.file_type} gets"


@cause(
    "403", "gguf-made-from-base", Link.QUANTIZING, symptoms=("nothing-learnt", "quant-worse-than-f16"),
    shows="quantize redo=true", explains=("CAU402", "CAU411"), rules=("QNT004", "PAR005"),
)  # fmt: skip
def gguf_made_from_base(evidence: Evidence) -> Outcome:
    """A GGUF was made from the base: the tune is not in it.

    Why: base and tuned model have the same shapes and names, and a wrong path gives a file that loads and answers.
    Fix: convert and quantize the merged folder.
    Seen in: made in tests/faults.
    """
    files = sound(evidence)
    if not files:
        return not_checked("the GGUF")
    merged = evidence.weights
    if merged is not None and (merged.base_is_same or (merged.kept and merged.kept[0] < 0.1)):
        return ruled_out(f"{merged.of}: is the base itself, so what was made from it could not be anything else")
    ruled, told, beside = list[str](), list[tuple[str, Place]](), list[tuple[str, Place]]()
    for file in files:
        if called_base(file, evidence) and not made_here(file, evidence):
            continue  # rightly so
        if without_update(file) or (file.source is not None and lost(file.source)):
            kept = file.weights.kept if file.weights is not None else None
            share = f"{percent(max(0.0, kept[0]))} of the update is in it" if kept else "it lacks the adapter's update"
            rightly = stands_beside_tune(file, evidence)
            (beside if rightly else told).append((f"{file.file}: {share}, as of the base", Place(file.file)))
        elif (file.weights is not None and file.weights.kept) or (file.source is not None and file.source.modules):
            ruled.append(f"{file.file}: {kept_said(file)}")
    if told:
        return proven(*(sign for sign, _ in told), places=[where for _, where in told])
    if beside:
        return consistent(
            *(sign for sign, _ in beside), decides=("which file ships",), against=("the tune is in another file",)
        )
    return ruled_out(*ruled) if ruled else not_checked(BASE, ADAPTER)


def kept_said(file: GgufSeen) -> str:
    """How much of the update is in it, in words."""
    kept = file.weights.kept if file.weights is not None else None
    if kept is None:
        return "the adapter's update is in it as in what it was held against"
    low, high = kept[0] - Z * kept[1], kept[0] + Z * kept[1]
    return f"{number(kept[0])} times the update is in it (95 % interval {number(low)} to {number(high)})"


@cause(
    "411", "quantizing-lost-the-tune", Link.QUANTIZING, symptoms=("quant-worse-than-f16", "worse-than-trained"),
    shows="verify redo=true", separates="compare redo=true", rules=("PAR005", "PAR010", "PAR014"),
)  # fmt: skip
def quantizing_lost_the_tune(evidence: Evidence) -> Outcome:
    """Quantizing took away what the fine-tune had added.

    Why: a quant moves weights by several per cent, a gentle tune by less, and a divergence from F16 does not tell.
    Fix: take a larger type (Q6_K, Q8_0), or train a stronger tune.
    Seen in: the post-mortem of noteAI v1, which ruled it out by the F16 file's answers; made in tests/faults.
    """
    recorded = by_record(evidence)
    by_answers = answers_argument(evidence)
    if recorded is not None and recorded.certainty.found:
        return recorded
    if by_answers is not None and by_answers.certainty.found:
        return by_answers
    known = [file for file in sound(evidence) if not file.exact_type and file.file_type]
    quants = [file for file in known if not is_bases_own(file, evidence)]
    arguments = [*(recorded.signs if recorded else ()), *(by_answers.signs if by_answers else ())]
    weak: list[str] = []
    for file in quants:
        kept = file.weights.kept if file.weights is not None else None
        if kept is None or file.weights is None or file.weights.off or kept[1] > 0.1:
            continue
        low = kept[0] - Z * kept[1]
        (arguments if low >= LEAST_KEPT else weak).append(f"{file.file}: {kept_said(file)}")
    if arguments and not (weak and not by_answers and not recorded):
        return ruled_out(*arguments, *weak)
    if weak:
        return consistent(*weak, decides=("answers of the F16 GGUF and of the quant to the same prompts",))
    return not_checked("answers of the F16 GGUF and of the quant to the same prompts", BASE, ADAPTER)


def by_record(evidence: Evidence) -> Outcome | None:
    """What `verify` measured of a run of ours."""
    parities = evidence.facts.get("verify", {}).get("parities")
    found = [one for one in parities if is_quant(one)] if isinstance(parities, list) else []
    if not found:
        return None
    failing = evidence.said("PAR005")
    shown = [
        f"{one['artifact']}: keeps {percent(one['retention'])} of the effect on held-out answers (95 % interval "
        f"{percent(one['retention_low'])} to {percent(one['retention_high'])})"
        for one in found
    ]
    if failing:
        return measured(*shown)
    return ruled_out(*shown)


def is_quant(parity: Any) -> bool:
    """Whether a parity of `verify` is that of a quant."""
    return isinstance(parity, Mapping) and parity.get("artifact") not in ("merged", "F32", "F16", "BF16", "tuned")


def answers_argument(evidence: Evidence) -> Outcome | None:
    """F16 has the symptom too, so quantizing did not bring it; or it has it significantly less."""
    before = next((one for one in evidence.answers if one.of == "f16" and one.num), None)
    after = next((one for one in evidence.answers if one.of == "quant" and one.num), None)
    if before is None or after is None:
        return None
    same, more = [], []
    for field, words in SYMPTOMS.items():
        ours, theirs = shown_by(before, field), shown_by(after, field)
        if ours is None or theirs is None:
            continue
        p = at_least(theirs, after.num, ours, before.num)
        said = f"{theirs} of {after.num} answers of the quant {words}, and {ours} of {before.num} of F16"
        if p < MOST_P:
            more.append(f"{said} (p {p_value(p)})")
        elif theirs / after.num >= MUCH and ours / before.num >= 0.5 * theirs / after.num:
            same.append(f"{said}: F16 has the same symptom, so quantizing did not bring it")
    if more:
        return measured(*more, places=[Place(after.file)])
    return ruled_out(*same) if same else None


def shown_by(answers: AnswersSeen, field: str) -> int | None:
    """How many answers show a symptom."""
    value: int | None = getattr(answers, field)
    return value


def at_least(hits: int, num: int, other_hits: int, other_num: int) -> float:
    """Fisher's exact test, one-sided: the probability of `hits` or more of `num`, were both sides of one rate."""
    total, drawn = num + other_num, hits + other_hits
    ways = math.comb(total, drawn)
    most = min(num, drawn)
    return sum(math.comb(num, k) * math.comb(other_num, drawn - k) for k in range(hits, most + 1)) / ways
