"""Gates: a rule that crashed, or a gate that asked nothing, is never a pass."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jobs.core.model import Facts, Limits
from jobs.core.rule import Gate, Skip


class ToyFacts(Facts):
    gap: float
    rows: int


class ToyLimits(Limits):
    max_gap: float


def toy_gate() -> Gate[ToyFacts, ToyLimits]:
    gate = Gate("toy", "TOY", ToyFacts, ToyLimits)

    @gate.rule("001", "gap-too-wide")
    def gap_too_wide(facts: ToyFacts, limits: ToyLimits) -> Iterator[str]:
        """The gap is too wide.

        Why: wide gaps
        hurt.
        Fix: narrow it.
        """
        if not facts.rows:
            raise Skip("no rows")
        if not facts.gap <= limits.max_gap:
            yield f"{facts.gap} over {limits.max_gap}"

    @gate.rule("002", "few-rows", level="warn")
    def few_rows(facts: ToyFacts, limits: ToyLimits) -> Iterator[str]:
        """There are few rows.

        Why: few.
        Fix: more.
        """
        if not facts.rows:
            raise Skip("no rows")
        if 100 / facts.rows > 50:
            yield f"{facts.rows} rows"
        if facts.rows == 13:
            raise ZeroDivisionError("thirteen")

    return gate


@pytest.mark.parametrize(
    ("facts", "statuses", "status"),
    [
        (ToyFacts(gap=0.1, rows=10), {"TOY001": "pass", "TOY002": "pass"}, "pass"),
        (ToyFacts(gap=0.6, rows=10), {"TOY001": "fail", "TOY002": "pass"}, "fail"),
        (ToyFacts(gap=float("nan"), rows=10), {"TOY001": "fail", "TOY002": "pass"}, "fail"),
        (ToyFacts(gap=0.1, rows=1), {"TOY001": "pass", "TOY002": "warn"}, "pass"),
        (ToyFacts(gap=0.1, rows=13), {"TOY001": "pass", "TOY002": "crashed"}, "fail"),
        (ToyFacts(gap=0.1, rows=0), {"TOY001": "skip", "TOY002": "skip"}, "fail"),
    ],
)
def test_verdicts(facts: ToyFacts, statuses: dict[str, str], status: str) -> None:
    verdict = toy_gate().judge(facts, ToyLimits(max_gap=0.5), {})
    assert verdict.statuses == statuses
    assert verdict.status == status


def test_a_gate_that_asked_nothing_says_so() -> None:
    assert "asked nothing" in toy_gate().judge(ToyFacts(gap=0.1, rows=0), ToyLimits(max_gap=1), {}).notes[0]


def test_a_waiver_is_kept_with_its_reason_and_passes() -> None:
    verdict = toy_gate().judge(ToyFacts(gap=0.6, rows=10), ToyLimits(max_gap=0.5), {"TOY001": "known"})
    assert verdict.status == "pass"
    assert verdict.statuses["TOY001"] == "waived"
    assert verdict.findings[0].messages == ["0.6 over 0.5", "waived: known"]


def test_a_waiver_that_matches_nothing_is_noted() -> None:
    verdict = toy_gate().judge(ToyFacts(gap=0.1, rows=10), ToyLimits(max_gap=0.5), {"TOY001": "why", "OTH001": "x"})
    assert verdict.notes == ["the waiver for TOY001 matches nothing: take it out"]


def test_docstrings_are_the_documentation() -> None:
    rule = toy_gate().rules[0]
    assert (rule.title, rule.why, rule.fix) == ("The gap is too wide.", "wide gaps hurt.", "narrow it.")
    with pytest.raises(ValueError, match="TOY003: the docstring must be"):
        toy_gate().rule("003", "undocumented")(lambda facts, limits: iter(()))
    with pytest.raises(ValueError, match="taken"):
        toy_gate().rule("001", "another-name")
