"""An estimate in words: the tables of the terminal, and the same as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from jobs.logic.estimating import durations
from jobs.logic.estimating.cards import Verdict
from jobs.logic.estimating.memory import Needed, Part
from jobs.logic.estimating.plan import Plan
from jobs.logic.estimating.recipe import Recipe
from jobs.logic.pages.amounts import count, size, usd

STAGE_HEADS = ("stage", "GPU memory", "RAM", "disk", "time")
PART_HEADS = ("of training", "memory")
CARD_HEADS = ("GPU memory", "verdict", "largest", "in", "words")
MINUTE, HOUR = 60.0, 3600.0


@dataclass(frozen=True)
class Estimate:
    """Everything that is told of one machine."""

    recipe: Recipe
    plan: Plan
    base: str
    """Where the model's shape is from."""
    rows: str
    """How tokens were counted."""
    machine: str
    needed: tuple[Needed, ...]
    gpu: Mapping[str, float]
    ram: Mapping[str, float]
    disk: Mapping[str, int]
    seconds: Mapping[str, float]
    seen: tuple[str, ...]
    """Runs that were measured on this machine and that the guesses were corrected by."""
    verdicts: tuple[Verdict, ...]
    usd_per_hour: float | None

    @property
    def money(self) -> float | None:
        """US dollars for all stages, where an hour has a price."""
        return None if self.usd_per_hour is None else durations.total(self.seconds) / HOUR * self.usd_per_hour


def rows_lines(found: Estimate) -> list[str]:
    """What is trained, and in how many steps."""
    rows, plan = found.recipe.rows, found.plan
    tokens, graded = rows.train_tokens()
    return [
        f"{count(rows.num_train, 'row')} to train on, {count(rows.num_held_out)} held out; "
        f"{count(tokens, 'token')} ({count(graded)} graded), the longest row {count(rows.longest)}; {found.rows}",
        f"{count(plan.num_steps, 'step')}, {count(plan.steps_per_epoch)} an epoch, "
        f"{count(plan.num_evals, 'evaluation')} at most; the largest pass about {count(plan.largest.tokens, 'token')}",
        f"weights: {count(found.recipe.shape.num_weights)}, by {found.base}",
    ]


def stages(found: Estimate) -> list[tuple[str, ...]]:
    """A row for each stage, and one for all."""
    names = list(found.seconds)
    table = [
        (
            name,
            size(found.gpu[name]) if found.gpu.get(name) else "",
            size(found.ram[name]) if name in found.ram else "",
            size(found.disk.get(name, 0)),
            time(found.seconds[name]),
        )
        for name in names
    ]
    most_gpu, most_ram = (max(values.values(), default=0.0) for values in (found.gpu, found.ram))
    whole = ("all", size(most_gpu) if most_gpu else "", size(most_ram), size(sum(found.disk.values())))
    return [*table, (*whole, time(durations.total(found.seconds)))]


def parts(found: Estimate) -> list[tuple[str, str]]:
    """What training has in memory at its largest moment."""
    trained = next(one for one in found.needed if one.stage == "train")
    told: Sequence[Part] = trained.gpu if trained.on_gpu else trained.ram
    return [(part.name, size(part.num_bytes)) for part in told]


def cards(found: Estimate) -> list[tuple[str, ...]]:
    """What each card makes of the run."""
    return [(f"{one.gib} GB", verdict(one), size(one.peak), one.stage, " ".join(one.words)) for one in found.verdicts]


def verdict(one: Verdict) -> str:
    """In words."""
    if not one.fits:
        return f"does not fit; would need {one.why}"
    return "fits with these words" if one.words else "fits"


def closing(found: Estimate) -> list[str]:
    """How far the figures can be trusted, and what they cost."""
    told = [
        f"time corrected by {count(len(found.seen), 'run')} measured on this machine: {', '.join(found.seen)}"
        if found.seen
        else "time is a guess, and so is what a GPU takes beside tensors: no run was measured on this machine"
    ]
    if found.money is not None and found.usd_per_hour is not None:
        told.append(f"about {usd(found.money)} at {usd(found.usd_per_hour)} an hour, for {found.machine}")
    return told


def time(value: float) -> str:
    """Seconds for people, as roughly as they are known: `40 s`, `12 min`, `3.5 h`."""
    if value < 2 * MINUTE:
        return f"{count(value)} s"
    if value < 2 * HOUR:
        return f"{count(value / MINUTE)} min"
    tenths = round(10 * value / HOUR)
    return f"{count(tenths // 10)}{f'.{tenths % 10}' if tenths < 100 and tenths % 10 else ''} h"


def as_json(found: Estimate) -> dict[str, Any]:
    """Bytes, seconds and words, for programs."""
    rows = found.recipe.rows
    return {
        "machine": found.machine,
        "weights": found.recipe.shape.num_weights,
        "rows": {
            "train": rows.num_train,
            "held_out": rows.num_held_out,
            "tokens": round(rows.train_tokens()[0]),
            "graded_tokens": round(rows.train_tokens()[1]),
            "longest": rows.longest,
            "counted_by": found.rows,
        },
        "steps": found.plan.num_steps,
        "largest_pass_tokens": found.plan.largest.tokens,
        "stages": {
            name: {
                "gpu_bytes": round(found.gpu.get(name, 0)),
                "ram_bytes": round(found.ram.get(name, 0)),
                "disk_bytes": found.disk.get(name, 0),
                "seconds": round(seconds, 1),
            }
            for name, seconds in found.seconds.items()
        },
        "parts": {
            one.stage: {part.name: round(part.num_bytes) for part in (one.gpu if one.on_gpu else one.ram)}
            for one in found.needed
        },
        "measured_runs": list(found.seen),
        "usd": found.money,
        "cards": [asdict(one) for one in found.verdicts],
    }
