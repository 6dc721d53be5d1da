"""Which of the files that ship to take: size, what is left of the fine-tune, how often answers stop, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.logic.pages.amounts import percent, size

HEADS = ("type", "size", "keeps", "at the low end", "stops", "")


@dataclass(frozen=True)
class Choice:
    """A file that ships."""

    type: str
    num_bytes: int
    retention: float
    retention_low: float
    """The lower end of its 95 % interval."""
    stop_rate: float
    """The lowest over the prompts."""


def choices(
    ships: Sequence[Mapping[str, Any]], parities: Sequence[Mapping[str, Any]], behaviours: Sequence[Mapping[str, Any]]
) -> list[Choice]:
    """What was measured of each, from small to large; what was not measured is left out."""
    kept = {one["artifact"]: one for one in parities}
    stops: dict[str, list[float]] = {}
    for one in behaviours:
        stops.setdefault(one["model"], []).append(one["stop_rate"])
    found = [
        Choice(
            one["type"], one["num_bytes"], kept[one["type"]]["retention"], kept[one["type"]]["retention_low"],
            min(stops[one["type"]]),
        )
        for one in ships
        if one["type"] in kept and one["type"] in stops
    ]  # fmt: skip
    return sorted(found, key=lambda choice: (choice.num_bytes, choice.type))


def recommended(found: Sequence[Choice], least_retention: float, least_stop: float) -> Choice | None:
    """The smallest that keeps and stops enough; None where none does."""
    good = [one for one in found if one.retention_low >= least_retention and one.stop_rate >= least_stop]
    return good[0] if good else None


def sentence(found: Sequence[Choice], least_retention: float, least_stop: float) -> str:
    """The recommendation and why; empty where there is nothing to choose."""
    if len(found) < 2:
        return ""
    best = recommended(found, least_retention, least_stop)
    least = f"keeps at least {percent(least_retention)} of what training changed"
    if best is None:
        most = max(found, key=lambda choice: choice.retention_low)
        return (
            f"Of {len(found)} types none {least} and stops in {percent(least_stop)} of answers; {most.type} keeps "
            f"most, {percent(most.retention_low)} at the low end of its interval."
        )
    return (
        f"Take {best.type}: at {size(best.num_bytes)} the smallest of {len(found)} that {least} "
        f"({percent(best.retention)}, {percent(best.retention_low)} at the low end of its interval) and stops in at "
        f"least {percent(least_stop)} of answers ({percent(best.stop_rate)})."
    )


def rows(found: Sequence[Choice], best: Choice | None = None) -> list[list[str]]:
    """The table's rows under HEADS."""
    return [
        [
            one.type, size(one.num_bytes), percent(one.retention), percent(one.retention_low), percent(one.stop_rate),
            "recommended" if one == best else "",
        ]
        for one in found
    ]  # fmt: skip


def drawn(found: Sequence[Choice]) -> list[str]:
    """The same as lines for a terminal; none where there is nothing to choose."""
    if len(found) < 2:
        return []
    grid = [list(HEADS[:-1]), *(row[:-1] for row in rows(found))]
    widths = [max(len(row[place]) for row in grid) for place in range(len(grid[0]))]
    lines = []
    for name, *cells in grid:
        right = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
        lines.append("  " + "   ".join([name.ljust(widths[0]), *right]))
    return lines
