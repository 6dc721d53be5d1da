"""Which of several types that ship is recommended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jobs.core.model import StrictModel
from jobs.core.rule import Skip
from jobs.logic.pages import advice

if TYPE_CHECKING:
    from jobs.checks.verify import VerifyFacts, VerifyLimits


class Shipped(StrictModel):
    """A type that ships."""

    type: str
    num_bytes: int


def instead(facts: VerifyFacts, quant: str, larger: str | None) -> list[str]:
    """The words that ship a larger type in the place of one; none where there is none."""
    types = dict.fromkeys(str(larger) if one.type == quant else one.type for one in facts.ships)
    return [f"quantize.types=[{','.join(types)}]"] if larger else []


def chosen_among(facts: VerifyFacts) -> list[advice.Choice]:
    """What was measured of each type that ships, from small to large."""
    plain = [[one.model_dump() for one in found] for found in (facts.ships, facts.parities, facts.behaviours)]
    return advice.choices(*plain)


def another_type_is_recommended(facts: VerifyFacts, limits: VerifyLimits) -> Iterator[str]:
    """The type that the Modelfile takes is not the one that the measured numbers recommend.

    Why: of the files that keep enough of the fine-tune and stop as they should, the smallest is the cheapest to run.
    Fix: put the recommended type first in quantize.types, or leave the others out; where size is no matter, none.
    """
    if len(facts.ships) < 2:
        raise Skip("one type ships: there is nothing to choose")
    found = chosen_among(facts)
    best = advice.recommended(found, limits.advised_retention, limits.min_stop_rate)
    if best is None or best.type != facts.ships[0].type:
        said = advice.sentence(found, limits.advised_retention, limits.min_stop_rate)
        yield f"{said or 'not every type was measured.'} {facts.ships[0].type} is first in quantize.types."
