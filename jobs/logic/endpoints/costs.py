"""What asking costs: tokens, money, minutes, before and after, against caps.

What nobody can know is None and reads `unknown`, never 0: a price that is in no list, tokens that a server does not
report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MILLION = 1_000_000


@dataclass(frozen=True)
class Price:
    """US dollars for a million tokens."""

    input: float
    output: float
    of: str
    """Where it is known from: `config`, or the list and its version."""

    def of_tokens(self, prompt: int, completion: int) -> float:
        """US dollars."""
        return (prompt * self.input + completion * self.output) / MILLION


OWN_MACHINE = Price(0.0, 0.0, "own machine")
"""Of a server that we started ourselves: nobody is paid."""


@dataclass(frozen=True)
class Usage:
    """What some calls cost."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    untold: int = 0
    """Of the calls: those whose tokens the server did not report."""
    usd: float | None = 0.0
    """None: the price is unknown, of some of them at least."""

    @property
    def tokens(self) -> int | None:
        return None if self.untold else self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.untold + other.untold,
            None if self.usd is None or other.usd is None else self.usd + other.usd,
        )


NOTHING = Usage()


def of_call(prompt_tokens: int | None, completion_tokens: int | None, price: Price | None) -> Usage:
    """What one answered call cost."""
    if prompt_tokens is None or completion_tokens is None:
        return Usage(1, prompt_tokens or 0, completion_tokens or 0, 1, 0.0 if price is OWN_MACHINE else None)
    usd = None if price is None else price.of_tokens(prompt_tokens, completion_tokens)
    return Usage(1, prompt_tokens, completion_tokens, 0, usd)


@dataclass(frozen=True)
class Caps:
    """What must not be exceeded; None: no cap. A call that is tried again is one."""

    calls: int | None = None
    tokens: int | None = None
    minutes: float | None = None
    usd: float | None = None


NO_CAPS = Caps()


@dataclass(frozen=True)
class Estimate:
    """What a whole run will cost, as far as a probe of some units (candidates, rows, pairs) can tell."""

    units: int
    calls: int
    prompt_tokens: int | None
    completion_tokens: int | None
    minutes: float
    usd: float | None

    def beyond(self, caps: Caps) -> list[tuple[str, float, float]]:
        """The caps that would be exceeded: name, estimate, cap."""
        tokens = None if self.prompt_tokens is None else self.prompt_tokens + (self.completion_tokens or 0)
        told = {"calls": self.calls, "tokens": tokens, "minutes": self.minutes, "usd": self.usd}
        limits: Mapping[str, float | None] = vars(caps)
        return [
            (name, value, cap)
            for name, value in told.items()
            if value is not None and (cap := limits[name]) is not None and value > cap
        ]


def estimate(probe: Usage, seconds: float, probed: int, planned: int, at_once: tuple[int, int] = (1, 1)) -> Estimate:
    """Scale a probe of `probed` units, which took `seconds`, to `planned` ones.

    `at_once` is how many calls ran side by side in the probe and how many will: more of them at once take that much
    less time, as long as the servers can keep up, which a probe cannot tell. Raises ValueError for a probe of nothing.
    """
    if probed < 1:
        raise ValueError("a probe of no units tells nothing")
    times = planned / probed
    whole = probe.untold == 0
    return Estimate(
        planned,
        round(probe.calls * times),
        round(probe.prompt_tokens * times) if whole else None,
        round(probe.completion_tokens * times) if whole else None,
        seconds / 60 * times * at_once[0] / at_once[1],
        None if probe.usd is None else probe.usd * times,
    )
