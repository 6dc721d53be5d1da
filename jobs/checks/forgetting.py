"""What the forgetting suite measured, as a record keeps it. No gate of its own: a narrow tune may well forget."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from jobs.core.model import Facts, StrictModel
from jobs.logic.forgetting import words
from jobs.logic.forgetting.counting import Answered, Drift, Forgotten, Group, counted
from jobs.logic.forgetting.suite import Item


class GroupFacts(StrictModel):
    """See `Group` in logic/forgetting/counting.py."""

    category: str
    language: str
    num_items: int
    base_right: int
    tuned_right: int
    only_base: int
    only_tuned: int
    num_concepts: int
    base_concepts: int
    unfinished_base: int
    unfinished_tuned: int
    p: float | None
    p_holm: float | None
    least_lost: int
    verdict: str


class DriftFacts(StrictModel):
    """See `Drift` there."""

    num_items: int
    num_places: int
    kl_mean: float
    low: float
    high: float
    same_top: float


class ForgettingFacts(Facts):
    """Base against tune on the suite's items."""

    suite: str
    """The digest of its files."""
    groups: list[GroupFacts]
    num_unfinished_base: int
    num_unfinished_tuned: int
    drift: DriftFacts | None

    def found(self) -> Forgotten:
        """As `counted` gave it."""
        return Forgotten(
            groups=tuple(Group(**group.model_dump()) for group in self.groups),
            num_unfinished_base=self.num_unfinished_base,
            num_unfinished_tuned=self.num_unfinished_tuned,
            drift=None if self.drift is None else Drift(**self.drift.model_dump()),
        )

    def lines(self) -> list[tuple[str, str]]:
        return list(words.lines(self.found()))


def facts_of(items: Sequence[Item], answered: Sequence[Answered], suite: str) -> ForgettingFacts:
    """The facts of answers that were read back; every answer is checked by its rules again."""
    found = asdict(counted(items, answered))
    return ForgettingFacts.model_validate_json(json.dumps({**found, "suite": suite}, allow_nan=True))
