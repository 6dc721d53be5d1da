"""What asking will cost a stage, in a line and against its caps; a cap that is too low ends in the line to paste."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from jobs.core.errors import Refusal
from jobs.engines.endpoints.ledger import CapReached
from jobs.logic.endpoints.costs import Caps, Estimate
from jobs.logic.pages.amounts import count, number, round_above, usd

WHOLE = ("calls", "tokens")
"""Caps that are counts."""
ROOM = 1.25
"""Above an estimate that comes from a few rows: a cap to paste that is reached halfway helps nobody."""


def told(stage: str, found: Estimate) -> str:
    """The estimate, in a line."""
    total = total_tokens(found)
    tokens = "tokens unknown" if total is None else count(total, "token")
    minutes = number(found.minutes, digits=2)
    cost = f"cost {usd(found.usd)}"
    return f"{stage}: estimated by a probe: {count(found.calls, 'call')}, {tokens}, {minutes} minutes, {cost}"


def require_caps(stage: str, caps: Caps, found: Estimate, fewer: str) -> None:
    """Raises Refusal where the estimate is above a cap: half of it for all of the money is nobody's wish.

    `fewer`: the keys of which less may be asked for.
    """
    beyond = found.beyond(caps)
    if beyond:
        name, value, cap = beyond[0]
        raise Refusal(
            f"{stage}.max_{name}: about {number(value)} are needed, the cap is {number(cap)}; raise it, or ask for "
            f"fewer {fewer}; what was answered is kept",
            words=[_word(stage, name, value * ROOM) for name, value, _ in beyond],
        )


def lines(stage: str, caps: Caps, found: Estimate, fewer: str) -> Iterator[str]:
    """Of a dry run: the estimate, and then the Refusal that the run would end with."""
    yield told(stage, found)
    require_caps(stage, caps, found, fewer)


@contextmanager
def higher_cap(stage: str, caps: Caps) -> Iterator[None]:
    """Where a cap is reached within it, before there is anything to be content with, the line to paste has twice the
    cap."""
    try:
        yield
    except CapReached as over:
        over.words = over.words or (_word(stage, over.cap, 2 * getattr(caps, over.cap)),)
        raise


def total_tokens(found: Estimate) -> int | None:
    """Of prompts and answers; None where nobody knows."""
    return None if found.prompt_tokens is None else found.prompt_tokens + (found.completion_tokens or 0)


def _word(stage: str, cap: str, value: float) -> str:
    return f"{stage}.max_{cap}={round_above(value, 0 if cap in WHOLE else 2)}"
