"""What plans are drawn from, before anything was made and after each block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from jobs.logic.synth import evol_instruct
from jobs.logic.synth.candidate import Grown, Pooled, Seed, Settled, State


def begun(best: Sequence[Seed], drawn: Sequence[Seed], control: float) -> State:
    """Before the first block. `drawn`: the seeds of the control arm."""
    one, other = tuple(best), tuple(drawn)
    return State(one, other, control, pool=evol_instruct.first_pool(one, other))


def advanced(state: State, settled: Sequence[Settled]) -> State:
    """After a block, whose candidates are taken in the order of their numbers."""
    in_order = sorted(settled, key=lambda one: one.made.plan.number)
    grown, pool, used = list(state.grown), list(state.pool), set(state.used)
    places = {(entry.arm, entry.seed.id): place for place, entry in enumerate(pool)}
    for one in in_order:
        plan = one.made.plan
        if one.row is not None:
            grown.append(Grown(one.row, plan.method, plan.arm))
            passage = one.made.notes.get("passage")
            used |= {str(passage["sha256"])} if passage else set()
        if plan.method == evol_instruct.EvolInstruct.name:
            place = places[plan.arm, plan.parents[0]]
            pool[place] = pool[place]._replace(turns=pool[place].turns + 1)
            if one.row is not None:
                places[plan.arm, one.row.id] = len(pool)
                pool.append(Pooled(one.row, plan.arm, int(one.made.notes["round"])))
    return replace(state, grown=tuple(grown), pool=tuple(pool), used=frozenset(used))
