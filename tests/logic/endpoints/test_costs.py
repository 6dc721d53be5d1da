"""Costs: unknown is never 0, an estimate against its caps."""

from __future__ import annotations

import pytest

from jobs.logic.endpoints import costs
from jobs.logic.endpoints.costs import Caps, Estimate, Price, Usage, estimate, of_call
from jobs.logic.pages import amounts

PRICE = Price(2.5, 10.0, "config")


def test_a_call_costs_what_its_tokens_do() -> None:
    assert of_call(1000, 100, PRICE) == Usage(1, 1000, 100, 0, pytest.approx(0.0035))
    assert of_call(1000, 100, None).usd is None
    assert of_call(1000, None, PRICE) == Usage(1, 1000, 0, 1, None)
    assert of_call(None, None, costs.OWN_MACHINE).usd == 0.0


def test_one_unknown_makes_the_sum_unknown() -> None:
    known, unknown = of_call(10, 10, PRICE), of_call(10, 10, None)

    assert (known + known).usd == pytest.approx(2 * (10 * 2.5 + 10 * 10) / 1e6)
    assert (known + unknown).usd is None
    assert (known + of_call(None, None, PRICE)).tokens is None


def test_an_estimate_scales_a_probe() -> None:
    probe = Usage(30, 6000, 3000, 0, 0.03)

    assert estimate(probe, 60, 10, 2000) == Estimate(2000, 6000, 1_200_000, 600_000, 200.0, pytest.approx(6.0))
    assert estimate(probe, 60, 10, 2000, (2, 8)).minutes == 50.0


def test_an_estimate_of_what_nobody_told_is_unknown() -> None:
    made = estimate(Usage(30, 10, 10, 5, None), 60, 10, 20)

    assert (made.prompt_tokens, made.completion_tokens, made.usd) == (None, None, None)
    assert made.beyond(Caps(tokens=1, usd=0.01)) == []


def test_a_probe_of_nothing_is_none() -> None:
    with pytest.raises(ValueError, match="no units"):
        estimate(costs.NOTHING, 1, 0, 10)


def test_caps_that_will_be_exceeded_are_named() -> None:
    made = Estimate(2000, 6000, 1_200_000, 600_000, 200.0, 6.0)

    assert made.beyond(Caps()) == []
    assert made.beyond(Caps(calls=6000, tokens=1_800_000, minutes=200, usd=6)) == []
    assert made.beyond(Caps(calls=5999, tokens=10**6, usd=5)) == [
        ("calls", 6000, 5999),
        ("tokens", 1_800_000, 10**6),
        ("usd", 6.0, 5),
    ]


@pytest.mark.parametrize(
    ("usd", "said"), [(None, "unknown"), (0, "$0.00"), (12.4, "$12.40"), (0.42, "$0.42"), (0.00312, "$0.0031")]
)
def test_money_in_words(usd: float | None, said: str) -> None:
    assert amounts.usd(usd) == said
