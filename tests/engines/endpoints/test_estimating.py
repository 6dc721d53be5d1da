"""What asking will cost, and the caps that a stage may set it."""

from __future__ import annotations

import pytest

from jobs.core.errors import Refusal
from jobs.engines.endpoints import estimating
from jobs.engines.endpoints.ledger import CapReached
from jobs.logic.endpoints.costs import Caps, Estimate

FOUND = Estimate(40, 231, 9_000, 312, 1.234, 0.0612)


@pytest.mark.parametrize("stage", ["synth", "judge"])
def test_every_cap_that_the_estimate_is_above_is_in_the_line_to_paste(stage: str) -> None:
    caps = Caps(calls=90, tokens=5000, minutes=1.5, usd=0.05)
    with pytest.raises(Refusal, match=rf"{stage}.max_calls: about 231 are needed, the cap is 90; .* fewer a.b;") as no:
        estimating.require_caps(stage, caps, FOUND, "a.b")
    assert no.value.words == (f"{stage}.max_calls=290", f"{stage}.max_tokens=12000", f"{stage}.max_usd=0.08")


def test_a_dry_run_says_the_estimate_and_then_the_cap_that_is_too_low() -> None:
    lines = estimating.lines("judge", Caps(calls=90), FOUND, "a.b")
    assert next(lines) == estimating.told("judge", FOUND)
    with pytest.raises(Refusal) as no:
        next(lines)
    assert no.value.words == ("judge.max_calls=290",)
    assert len(list(estimating.lines("judge", Caps(calls=231), FOUND, "a.b"))) == 1


def test_caps_that_suffice_are_no_word() -> None:
    estimating.require_caps("judge", Caps(calls=231, tokens=9312, minutes=2.0, usd=0.07), FOUND, "a.b")


def test_a_cap_that_is_reached_is_doubled() -> None:
    with pytest.raises(CapReached) as over, estimating.higher_cap("judge", Caps(calls=20, usd=0.3)):
        raise CapReached("calls", "20 of 20 calls are made")
    assert over.value.words == ("judge.max_calls=40",)


def test_the_estimate_is_a_line() -> None:
    assert estimating.told("judge", FOUND) == (
        "judge: estimated by a probe: 231 calls, 9,312 tokens, 1.2 minutes, cost $0.061"
    )
    unknown = Estimate(40, 231, None, None, 1.234, None)
    assert "tokens unknown" in estimating.told("synth", unknown)
