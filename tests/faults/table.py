"""Results as the table that docs/faults.md carries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tests.faults.fault import Fault
from tests.faults.trial import Result, Seen

HEAD = """# Faults

Made by `make faults` (tests/faults). Every row is a fault that was put into an otherwise good run on a small model:
which gate of ours stopped it first, and which rank and class `diagnose` gave the true cause, from the records of that
run and from the files of a stranger who trained with the same fault and has no records of ours: rows, log, config,
base, adapter, merged model, GGUFs, Modelfile and ten answers of each GGUF. A rank is among the causes that are told
as proven, measured or consistent and follow from no other. `-`: the fault cannot get in there. A cell counts seeds
where they differ.

"""


def good(results: Sequence[Result]) -> bool:
    """Whether every fault was stopped, and its cause told first in 95 % from records and 80 % from files."""
    gates = [one.right for one in results if one.right is not None]
    ours, theirs = (
        [_first(getattr(one, side)) for one in results if getattr(one, side)] for side in ("ours", "theirs")
    )
    return all(gate != "missed" for gate in gates) and _share(ours) >= 0.95 and _share(theirs) >= 0.8


def markdown(faults: Sequence[Fault], results: Sequence[Result]) -> str:
    """The page: what was reached, the table, what is not seen and what was not tried."""
    lines = [
        HEAD,
        *_reached(results),
        "",
        "| fault | first gate | from records | from a stranger's files |",
        "|---|---|---|---|",
    ]
    for fault in faults:
        of = [one for one in results if one.fault == fault.name]
        if of:
            gate = _counted([one.gate or "-" for one in of])
            sides = [
                _counted([_cell(seen) for seen in side])
                for side in ([one.ours for one in of], [one.theirs for one in of])
            ]
            lines.append(f"| {fault.name} | {gate} | {' | '.join(sides)} |")
    missed = [
        f"- {one.fault} (seed {one.seed}, {where}): {seen.certainty}; told first: {seen.first or 'nothing'}"
        for one in results
        for where, seen in (("records", one.ours), ("files", one.theirs))
        if seen is not None and seen.rank is None
    ]
    lines += ["", "## Not seen", "", *(missed or ["Nothing."])]
    tried = {one.fault for one in results}
    left = [f"- {fault.name}" for fault in faults if fault.name not in tried]
    lines += ["", "## Not tried", "", *left] if left else []
    return "\n".join(lines) + "\n"


def _reached(results: Sequence[Result]) -> list[str]:
    gates = [one.right for one in results if one.right is not None]
    ours, theirs = (
        [_first(getattr(one, side)) for one in results if getattr(one, side)] for side in ("ours", "theirs")
    )
    faults, seeds = ({getattr(one, key) for one in results} for key in ("fault", "seed"))
    said = [
        f"{len(faults)} faults, seeds {', '.join(map(str, sorted(seeds)))}: a gate that the fault names stopped",
        f"{gates.count('stopped')} of {len(gates)} and warned of {gates.count('warned')}; the true cause was told",
        f"first in {sum(ours)} of {len(ours)} from records and in {sum(theirs)} of {len(theirs)} from the files.",
    ]
    return [" ".join(said)]


def _first(seen: Seen) -> bool:
    return seen.rank == 1


def _share(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else 1.0


def _cell(seen: Seen | None) -> str:
    if seen is None:
        return "-"
    return f"{seen.rank}, {seen.certainty}" if seen.rank else f"not seen ({seen.certainty})"


def _counted(cells: Sequence[str]) -> str:
    counts = Counter(cells)
    if len(counts) == 1:
        return next(iter(counts))
    return "; ".join(f"{cell} ({count} of {len(cells)})" for cell, count in counts.most_common())
