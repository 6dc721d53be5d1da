"""What a judge is asked before it may speak: pairs of which anybody can tell which answer is the better one.

Made of held-out rows and their own answers: a right answer against another row's, a text against itself, an answer
with words that say nothing against the answer, and an answer that asks to be chosen against one that is as long.
No reference is shown, or the right one could be told by comparing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from jobs.logic.judging.pairs import Order, Pair, Shown, in_order
from jobs.logic.judging.usable import GOLD, INJECTED, SELF
from jobs.logic.judging.wording import LETTERS, JudgesWording


def drawn(rows: Sequence[Pair], num: int, seed: int) -> list[Pair]:
    """`num` of the rows that have a reference, by seed, in their order."""
    known = [row for row in rows if row.reference and row.reference.strip()]
    places = sorted(Random(seed).sample(range(len(known)), min(num, len(known))))
    return [known[place] for place in places]


def pairs_of(name: str, rows: Sequence[Pair], wording: JudgesWording, seed: int) -> list[Pair]:
    """The pairs of one check, named as in `usable`; first is what must win, or must not gain."""
    if name == GOLD:
        return _shuffled(rows, seed)
    made = []
    for row in rows:
        answer = (row.reference or "").strip()
        first = answer if name == SELF else f"{answer}\n\n{wording.padded()}"
        second = f"{answer}\n\n{wording.padded()}" if name == INJECTED else answer
        made.append(replace(row, id=f"{name}/{row.id}", first=first, second=second, reference=None))
    return made


def shown_in(name: str, wording: JudgesWording) -> Shown:
    """How pairs of a check are shown: an answer asks for the letter that it has."""
    if name != INJECTED:
        return in_order

    def shown(pair: Pair, order: Order) -> tuple[str, str]:
        asks = f"{pair.second.removesuffix(wording.padded())}{wording.injected(LETTERS[order])}"
        return (asks, pair.second) if order == 0 else (pair.second, asks)

    return shown


def _shuffled(rows: Sequence[Pair], seed: int) -> list[Pair]:
    """Each row's answer against that of the next row, in an order by seed, that has another one."""
    order = list(range(len(rows)))
    Random(seed + 1).shuffle(order)
    made: dict[int, Pair] = {}
    for place, number in enumerate(order):
        answer = (rows[number].reference or "").strip()
        behind = [*order[place + 1 :], *order[:place]]
        other = next((found for one in behind if (found := (rows[one].reference or "").strip()) != answer), None)
        if other is not None:
            made[number] = replace(
                rows[number], id=f"{GOLD}/{rows[number].id}", first=answer, second=other, reference=None
            )
    return [made[number] for number in sorted(made)]
