"""`python -m jobs estimate key=value ...`: what a run will need, beside the chain; nothing is downloaded or loaded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.core import command_line, terminal
from jobs.core.artifact import write_whole
from jobs.core.errors import Exit
from jobs.engines.estimating import earlier, machine as machines
from jobs.engines.estimating.machine import Here
from jobs.engines.estimating.row_sizes import Counted
from jobs.logic.estimating import cards, disk, durations, measured, memory, plan as planning, words
from jobs.logic.estimating.cards import Verdict
from jobs.logic.estimating.durations import Machine, Speed
from jobs.logic.estimating.recipe import Recipe
from jobs.logic.estimating.words import Estimate

FILE = "estimate.json"


@dataclass(frozen=True)
class Asked:
    """What is estimated, and for which machine."""

    recipe: Recipe
    base: str
    """Where the shape of the model is from."""
    counted: Counted
    run: str
    runs: Path
    cards: tuple[int, ...]
    card: int | None
    """GB of the GPU that the tables are for; None: this machine's, or its CPU."""
    usd_per_hour: float | None
    out: Path


def estimate(asked: Asked, typed: Sequence[str], make_recipe: earlier.MakeRecipe) -> int:
    """Print the tables and write `estimate.json`. 0; 4 where a card was named and the run does not fit it as it is."""
    here = machines.here()
    found = made(asked, here, make_recipe)
    show(found)
    path = asked.out / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, (json.dumps(words.as_json(found), ensure_ascii=False, indent=1) + "\n").encode())
    own = cards.judged(asked.recipe, asked.card or here.gib) if asked.card or here.gpu_bytes else None
    if own is not None:
        for line in _told(own, typed, asked.card is not None):
            terminal.say(line)
    terminal.say(f"all of it: {path}")
    return Exit.ENVIRONMENT if asked.card is not None and own is not None and not _as_it_is(own) else Exit.PASSED


def made(asked: Asked, here: Here, make_recipe: earlier.MakeRecipe) -> Estimate:
    """The figures for the card that was named, or for this machine."""
    on = _machine(here, asked.card)
    is_this = asked.card is None or (here.gpu_bytes > 0 and here.gib == asked.card)
    seen = earlier.seen(asked.runs, on, make_recipe, without=asked.run) if is_this else []
    fit = measured.fitted(seen)
    planned = planning.planned(asked.recipe.rows, asked.recipe.training, on_cpu=on.gpu is None)
    needed = memory.needed(asked.recipe, planned, has_gpu=on.gpu is not None)
    return Estimate(
        recipe=asked.recipe,
        plan=planned,
        base=asked.base,
        rows=asked.counted.said,
        machine=on.gpu.name if on.gpu else on.cpu.name,
        needed=tuple(needed),
        gpu=fit.corrected({one.stage: one.gpu_bytes for one in needed if one.gpu}, fit.gpu),
        ram=fit.corrected({one.stage: one.ram_bytes for one in needed}, fit.ram),
        disk=disk.needed(asked.recipe),
        seconds=fit.corrected(durations.seconds(asked.recipe, planned, on), fit.seconds),
        seen=tuple(dict.fromkeys(one.run for one in seen)),
        verdicts=tuple(cards.judged(asked.recipe, gib) for gib in asked.cards),
        usd_per_hour=asked.usd_per_hour,
    )


def _machine(here: Here, card: int | None) -> Machine:
    gib = card or here.gib
    gpu: Speed | None = cards.speed(gib) if gib else None
    return Machine(durations.cpu(here.cores), gpu)


def show(found: Estimate) -> None:
    """The tables, and what stands below them."""
    for line in words.rows_lines(found):
        terminal.say(line)
    terminal.table(f"What each stage needs, on {found.machine}", words.STAGE_HEADS, words.stages(found))
    terminal.table("Training, at its largest moment", words.PART_HEADS, words.parts(found))
    terminal.table("Cards", words.CARD_HEADS, words.cards(found))
    for line in words.closing(found):
        terminal.say(line)


def _as_it_is(verdict: Verdict) -> bool:
    return verdict.fits and not verdict.words


def _told(verdict: Verdict, typed: Sequence[str], was_named: bool) -> list[str]:
    card = f"a GPU of {verdict.gib} GB" if was_named else f"this machine's GPU of {verdict.gib} GB"
    if _as_it_is(verdict) or not verdict.fits:
        return [f"{card}: {words.verdict(verdict)}"]
    plain = [word for word in typed if not word.startswith("estimate.")]
    return [f"{card}: fits with", f"-> {command_line.line('all', [*plain, *verdict.words])}"]
