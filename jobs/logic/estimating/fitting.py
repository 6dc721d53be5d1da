"""What no run of a config can do without, whatever its rows are: asked before anything is downloaded or rented."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from jobs.logic.estimating import cards, disk, memory, plan as planning
from jobs.logic.estimating.recipe import Recipe
from jobs.logic.pages.amounts import count, size

OVERRIDE = "estimate.refuse=false"
SURELY = 1.25
"""Times the memory there is: so much more must be foretold before a run is refused. `merge` and `convert` of a demo run
took 19 and 14 % less than is foretold of them."""


@dataclass(frozen=True)
class Lack:
    """What a machine has too little of."""

    said: str
    words: tuple[str, ...]
    """That make it fit; none where none do."""


def gpu_gib(least: Recipe) -> int:
    """GB of the smallest GPU that such a run may fit as it is; 0 where no stage computes on one."""
    made = planning.planned(least.rows, least.training, on_cpu=False)
    most = max(one.gpu_bytes for one in memory.needed(least, made, has_gpu=True))
    return math.ceil((most + cards.CONTEXT) / cards.USABLE / cards.GIB) if most else 0


def ram_bytes(least: Recipe, has_gpu: bool) -> float:
    """Bytes of memory that a machine must have for it, pages of mapped files left out."""
    made = planning.planned(least.rows, least.training, on_cpu=not has_gpu)
    return max(one.ram_bytes for one in memory.needed(least, made, has_gpu))


def lack(least: Recipe, gpu_gb: int, ram: float, free: float, made: Collection[str] = ()) -> Lack | None:
    """What is too little for the stages that are not `made`: GB of the GPU, bytes of memory and of free disk; 0 where
    there is no GPU, or memory or disk is not known."""
    plan = planning.planned(least.rows, least.training, on_cpu=not gpu_gb)
    needed = [one for one in memory.needed(least, plan, bool(gpu_gb)) if one.stage not in made]
    most = max(needed, key=lambda one: one.gpu_bytes, default=None)
    if gpu_gb and most is not None and most.gpu_bytes > cards.usable(gpu_gb):
        return on_card(least, gpu_gb, most.stage, most.gpu_bytes)
    most = max(needed, key=lambda one: one.ram_bytes, default=None)
    if ram and most is not None and most.ram_bytes > SURELY * ram:
        return Lack(f"{most.stage} takes some {size(most.ram_bytes)} of memory, and this machine has {size(ram)}", ())
    left = sum(num_bytes for stage, num_bytes in disk.needed(least).items() if stage not in (*made, "fetch", "verify"))
    if 0 < free < left:
        return Lack(f"what is left to make takes {size(left)} of disk, and {size(free)} are free at run.folder", ())
    return None


def on_card(least: Recipe, gib: int, stage: str, num_bytes: float) -> Lack:
    """Why a card is too small, and with which words it would not be."""
    verdict = cards.judged(least, gib)
    room = size(cards.usable(gib))
    said = f"{stage} takes {size(num_bytes)} of GPU memory at least, of a GPU of {count(gib)} GB {room} can be used"
    return Lack(said if verdict.fits else f"{said}; no words make it fit, it would need {verdict.why}", verdict.words)
