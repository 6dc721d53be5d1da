"""Where every candidate ended: among the made rows, or dropped for one reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from jobs.logic.synth.candidate import Settled

UNREAD = ("empty", "cut", "unparsable", "schema")
"""Nothing could be read out of what the model wrote."""
SAMPLES, SAMPLE_CHARACTERS = 3, 400


def funnel(settled: Sequence[Settled]) -> dict[str, Any]:
    """Counts by method, arm and reason. Raises ValueError where a candidate is there twice, or in none, or in two."""
    seen: set[int] = set()
    for one in settled:
        number = one.made.plan.number
        if number in seen:
            raise ValueError(f"candidate {number} ended twice")
        if (one.reason is None) != (one.row is not None):
            raise ValueError(f"candidate {number} has {'a row and a reason' if one.reason else 'no row and no reason'}")
        seen.add(number)
    methods: dict[str, dict[str, Any]] = {}
    for one in settled:
        plan = one.made.plan
        arms = methods.setdefault(plan.method, {})
        counts = arms.setdefault(plan.arm, {"tried": 0, "accepted": 0, "dropped": Counter()})
        counts["tried"] += 1
        if one.reason is None:
            counts["accepted"] += 1
        else:
            counts["dropped"][one.reason] += 1
    for arms in methods.values():
        for counts in arms.values():
            counts["dropped"] = dict(sorted(counts["dropped"].items(), key=lambda pair: (-pair[1], pair[0])))
    return {
        "tried": len(settled),
        "accepted": sum(one.reason is None for one in settled),
        "dropped": _reasons(settled),
        "methods": {name: dict(sorted(arms.items())) for name, arms in sorted(methods.items())},
        "unparsable": unparsable(settled),
    }


def unparsable(settled: Sequence[Settled]) -> dict[str, Any]:
    """How many candidates gave nothing to read, of how many, and the first three raw texts."""
    in_order = sorted(settled, key=lambda one: one.made.plan.number)
    unread = [one for one in in_order if one.made.reason in UNREAD]
    raw = [one.made.raw for one in unread if one.made.raw.strip()]
    from jobs.logic.text import private  # its patterns, which judging facts needs not

    samples = [private.masked(text[:SAMPLE_CHARACTERS]) for text in raw[:SAMPLES]]
    return {"number": len(unread), "of": len(settled), "samples": samples}


def problems(found: Mapping[str, Any]) -> list[str]:
    """What of a funnel's sums does not add up, a line each."""
    lines = []
    parts = [(f"{name}, {arm}", counts) for name, arms in found["methods"].items() for arm, counts in arms.items()]
    for place, counts in [("all", found), *parts]:
        ended = counts["accepted"] + sum(counts["dropped"].values())
        if ended != counts["tried"]:
            lines.append(f"{place}: {ended} candidates ended, {counts['tried']} were tried")
    for key in ("tried", "accepted"):
        total = sum(counts[key] for _, counts in parts)
        if total != found[key]:
            lines.append(f"{key}: {total} by method and arm, {found[key]} in all")
    summed = Counter[str]()
    for _, counts in parts:
        summed.update(counts["dropped"])
    if summed != Counter(found["dropped"]):
        lines.append("dropped: the reasons by method and arm are not those in all")
    return lines


def _reasons(settled: Sequence[Settled]) -> dict[str, int]:
    counts = Counter(one.reason for one in settled if one.reason is not None)
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
