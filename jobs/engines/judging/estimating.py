"""What judging will cost, in a line, and against the caps."""

from __future__ import annotations

from jobs.core.errors import Refusal
from jobs.logic.endpoints.costs import Caps, Estimate
from jobs.logic.pages.amounts import count, number, usd


def told(found: Estimate) -> str:
    """The estimate, in a line."""
    total = total_tokens(found)
    tokens = "tokens unknown" if total is None else count(total, "token")
    minutes = number(found.minutes, digits=2)
    cost = f"cost {usd(found.usd)}"
    return f"judge: estimated by a probe: {count(found.calls, 'call')}, {tokens}, {minutes} minutes, {cost}"


def require_caps(caps: Caps, found: Estimate) -> None:
    """Raises Refusal where the estimate is above a cap: half of a verdict is none."""
    beyond = found.beyond(caps)
    if beyond:
        name, value, cap = beyond[0]
        raise Refusal(
            f"judge.max_{name}: about {number(value)} are needed, the cap is {number(cap)}; raise it, or ask for fewer "
            "judge.rows or judge.qualify_rows; what the probe asked is kept"
        )


def total_tokens(found: Estimate) -> int | None:
    """Of prompts and answers; None where nobody knows."""
    return None if found.prompt_tokens is None else found.prompt_tokens + (found.completion_tokens or 0)
