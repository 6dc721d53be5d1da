"""A candidate for a made row: from what it is planned, what came of it, and what a method is.

A plan follows from its number, a random generator seeded by run, method and number, and the `State`, which changes only
between blocks: the order in which answers come in decides nothing.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from jobs.logic.endpoints.calls import Ask
from jobs.logic.row import Message

Arm = Literal["best", "random"]
ARMS: tuple[Arm, ...] = ("best", "random")
"""Seeds picked by their score, and the control: seeds drawn at random, with the same budget a candidate."""


@dataclass(frozen=True)
class Seed:
    """A row that others are made from."""

    id: str
    source: str | None
    messages: tuple[Message, ...]
    """As training reads them, without thoughts."""
    score: float | None = None
    """The mean of its criteria; None: not scored."""

    @property
    def system(self) -> Message | None:
        return self.messages[0] if self.messages[0].role == "system" else None

    @property
    def prompt(self) -> str:
        """The first thing the user says: what follows it in a longer conversation does not stand alone."""
        return next(message.content for message in self.messages if message.role == "user")

    @property
    def answer(self) -> str:
        """The answer to `prompt`."""
        return next(message.content for message in self.messages if message.role == "assistant")


class Grown(NamedTuple):
    """A row that was made and accepted."""

    seed: Seed
    method: str
    arm: Arm


class Pooled(NamedTuple):
    """What Evol-Instruct may evolve next."""

    seed: Seed
    arm: Arm
    round: int
    """0 for a row of the set, 1 for what was evolved from one, and so on."""
    turns: int = 0
    """How often it was evolved, and went back to the pool."""


@dataclass(frozen=True)
class State:
    """What plans are drawn from; never changed, only made anew between blocks (`logic/synth/state.py`)."""

    best: tuple[Seed, ...]
    random: tuple[Seed, ...]
    control: float
    """The share of the candidates whose seeds are drawn at random."""
    grown: tuple[Grown, ...] = ()
    """In the order of their numbers."""
    pool: tuple[Pooled, ...] = ()
    used: frozenset[str] = frozenset()
    """Digests of the passages that gave an accepted row."""

    def seeds(self, arm: Arm) -> tuple[Seed, ...]:
        return self.best if arm == "best" else self.random


@dataclass(frozen=True)
class Plan:
    """What one candidate is to be made from."""

    number: int
    method: str
    arm: Arm
    parents: tuple[str, ...]
    source: str | None
    """The seed's that leads: a descendant is of its source."""
    seed: int
    """Of the sampling."""
    data: Any
    """The method's own, frozen: shots, operation, passage ..."""


@dataclass(frozen=True)
class Made:
    """What came of a plan: messages, or the reason why not."""

    plan: Plan
    messages: tuple[Message, ...] | None
    reason: str | None
    evidence: str = ""
    raw: str = ""
    """What the model wrote, where nothing could be made of it."""
    call_ids: tuple[str, ...] = ()
    scores: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)
    """Passage, operation, round, reasoning that was kept aside ..."""


@dataclass(frozen=True)
class Settled:
    """A candidate at its end: a made row, or dropped for one reason."""

    made: Made
    reason: str | None
    """Of the method, the row checks, the scorer or the runner; None: it is a made row."""
    evidence: str = ""
    row: Seed | None = None
    """The made row, cleaned, with its mean score; None where it was dropped."""
    novelty: float | None = None
    """One less its ROUGE-L to the nearest seed."""

    @property
    def mean_score(self) -> float | None:
        return self.row.score if self.row else None


class Method(Protocol):
    """A way to make rows."""

    name: str

    def plan(self, number: int, rng: random.Random, state: State) -> Plan | None:
        """What candidate `number` is made from; None where nothing is left to plan from."""

    async def make(self, plan: Plan, ask: Ask) -> Made:
        """Asks, and says what came of it."""


def arm_of(number: int, control: float) -> Arm:
    """The arm of a candidate, numbers from 0: of any N in a row, N x control are of the control arm, but for one."""
    return "random" if int((number + 1) * control + 1e-9) > int(number * control + 1e-9) else "best"
