"""What a rule looked at is found by asking it again."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.core.evidence import evidence
from jobs.core.model import Facts, Limits, StrictModel
from jobs.core.rule import Gate, Skip


class Part(StrictModel):
    name: str
    loss: float


class Whole(Facts):
    count: int
    unused: int
    inner: Part
    parts: list[Part]

    @property
    def double(self) -> int:
        return 2 * self.count


class Most(Limits):
    most: float
    other: float


def gate() -> Gate[Whole, Most]:
    made = Gate("train", "XXX", Whole, Most)

    @made.rule("001", "too-many")
    def too_many(facts: Whole, limits: Most) -> Iterator[str]:
        """Title.

        Why: reason.
        Fix: cure.
        """
        assert isinstance(facts, Whole)
        if facts.double > limits.most or any(part.loss > limits.most for part in [*facts.parts, facts.inner]):
            yield "too many"

    @made.rule("002", "crashes")
    def crashes(facts: Whole, limits: Most) -> Iterator[str]:
        """Title.

        Why: reason.
        Fix: cure.
        """
        if facts.unused:
            raise Skip("nothing to see")
        yield str(1 / facts.unused)

    return made


def test_every_value_read_is_named() -> None:
    facts = Whole(
        count=1, unused=0, inner=Part(name="i", loss=0.5), parts=[Part(name="a", loss=1.0), Part(name="b", loss=2.0)]
    )
    found = evidence(gate(), facts, Most(most=9.0, other=1.0))
    assert found["XXX001"] == ({"count": 1, "a loss": 1.0, "b loss": 2.0, "inner loss": 0.5}, {"most": 9.0})
    assert found["XXX002"] == ({"unused": 0}, {})
