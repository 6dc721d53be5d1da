"""Whether a GGUF was made from what it lies beside: what is odd in another model's file is no fault of this one's."""

from __future__ import annotations

import re
from pathlib import Path

from jobs.logic.diagnosing import scales
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.model_seen import GgufSeen, WeightsSeen

KNOWN = "qwen3"
"""The architecture whose tensors are read and whose header is known."""
TYPE = re.compile(r"[-._](?:ud[-_])?(?:i?q\d\w*|b?f16|fp16|f32)$", re.IGNORECASE)
PART = re.compile(r"-\d{5}-of-\d{5}$")
MADE_HERE = ("convert", "quantize")
"""Stages of ours that make GGUFs."""
THERE = 0.5
"""Of the update: from here on the tune is in a file."""


def made_here(file: GgufSeen, evidence: Evidence) -> bool:
    """Whether it is a run of ours that made it, from its own merged folder."""
    return bool(evidence.facts) and Path(file.file).parent.name in MADE_HERE


def altered(source: WeightsSeen) -> list[str]:
    """Tensors that are further from the source's than their type explains, or hold the update otherwise."""
    strength = [one for one in scales.telling(source.modules) if not scales.fits(one, 0.0)]
    return [*source.other_changed, *(f"{one.name}.weight" for one in (*source.off, *strength))]


def lost(source: WeightsSeen) -> bool:
    """Whether the adapter's update was taken out on the way from the source: it is there -1 times."""
    found = scales.telling(source.modules)
    return bool(found) and all(scales.fits(one, -1.0) for one in found)


def without_update(file: GgufSeen) -> bool:
    """Whether it is the base, by the base's own weights."""
    held = file.weights
    if held is None:
        return False
    if held.base_is_same and file.exact_type:
        return True
    kept = held.kept
    return kept is not None and kept[1] < 0.1 and abs(kept[0]) < 0.1 + 4 * kept[1] and not held.off


def is_of_source(file: GgufSeen) -> bool:
    """Whether its tensors are those that it was held against, but for damage.

    A tune moves a matrix of every layer at least: fewer that differ are damage, and the rest tells whose file it is.
    """
    source = file.source
    if source is None or lost(source) or without_update(file):
        return False
    if source.swapped or len(set(altered(source))) < max(1, file.num_blocks):
        return True
    found = scales.telling(source.modules)
    return sum(scales.fits(one, 0.0) for one in found) > len(source.modules) / 2


def is_of_merged(file: GgufSeen, evidence: Evidence) -> bool:
    """Whether it is known to be made from the merged folder: by the run that made it, or by its tensors."""
    merged = evidence.merged
    by_tensors = merged is not None and file.source_of == merged.folder and is_of_source(file)
    return not file.unlike and (made_here(file, evidence) or by_tensors)


def together(evidence: Evidence) -> list[GgufSeen]:
    """Files that are known to be of the same weights, whatever these are; none where fewer than two are."""
    files = [file for file in evidence.ggufs if file.content == "model" and not file.broken]
    alike = [file for file in files if is_of_source(file) and not file.unlike]
    sources = {file.source_of for file in alike}
    found = [file for file in files if file.file in sources or file in alike]
    return found if len(found) > 1 else []


def stem(file: str) -> str:
    """The name of a GGUF without its type and its part, in small letters."""
    return TYPE.sub("", PART.sub("", re.sub(r"\.gguf$", "", Path(file).name, flags=re.IGNORECASE))).lower()


def called_base(file: GgufSeen, evidence: Evidence) -> bool:
    """Whether its name says that it is the base's own file."""
    said = [
        evidence.base.folder if evidence.base is not None else None,
        evidence.adapter.base_model if evidence.adapter is not None else None,
        evidence.settings.base_model if evidence.settings is not None else None,
    ]
    bases = {Path(one).name.lower() for one in said if one}
    own = stem(file.file)
    return own in bases or "base" in re.split(r"[-_. ]", own)


def carries_tune(file: GgufSeen, evidence: Evidence) -> bool:
    """Whether the tune is known to be in it."""
    kept = file.weights.kept if file.weights is not None else None
    with_it = kept is not None and kept[0] - 2 * kept[1] > THERE
    lacked = any(one.source_of == file.file and one.source is not None and lost(one.source) for one in evidence.ggufs)
    return with_it or lacked or is_of_merged(file, evidence)


def put_on_base(evidence: Evidence) -> bool:
    """Whether the tune ships as an adapter, on top of a GGUF that is rightly the base's."""
    modelfile = evidence.modelfile
    adapters = any(file.content == "adapter" for file in evidence.ggufs)
    return adapters or (modelfile is not None and modelfile.adapter is not None)


def stands_beside_tune(file: GgufSeen, evidence: Evidence) -> bool:
    """Whether the tune is in another file or on top of this one, so that this may rightly be the base's.

    Files of one name and folder that differ in their type alone are said to be one model, and no such pair.
    """
    if made_here(file, evidence):
        return False
    tuned = [one for one in evidence.ggufs if one is not file and carries_tune(one, evidence)]
    series = {(Path(one.file).parent, stem(one.file)) for one in tuned}
    apart = bool(tuned) and (Path(file.file).parent, stem(file.file)) not in series
    return apart or put_on_base(evidence)


def is_bases_own(file: GgufSeen, evidence: Evidence) -> bool:
    """Whether it may rightly be the base's: nothing of it is a fault of the tune's."""
    if made_here(file, evidence):
        return False
    is_base = without_update(file) or (file.source is not None and lost(file.source))
    return called_base(file, evidence) or (is_base and stands_beside_tune(file, evidence))
