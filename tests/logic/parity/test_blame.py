"""Which step lost it."""

from __future__ import annotations

import pytest

from jobs.logic.parity.blame import losses, lost_by, next_larger


@pytest.mark.parametrize(
    ("quant", "expected"),
    [
        ("Q3_K_M", "Q4_K_M"),
        ("Q4_K_M", "Q5_K_M"),
        ("Q5_K_M", "Q6_K"),
        ("Q6_K", "Q8_0"),
        ("Q8_0", "F16"),
        ("F16", None),
        ("Q2_K", "Q3_K_M"),
        ("Q4_K_S", "Q5_K_M"),
        ("IQ4_XS", "Q5_K_M"),
        ("IQ3_S", "Q4_K_M"),
        ("BF16", "F16"),
        ("merged", None),
    ],
)
def test_next_larger(quant: str, expected: str | None) -> None:
    assert next_larger(quant) == expected


@pytest.mark.parametrize(
    ("artifact", "right", "expected"),
    [
        ("Q4_K_M", ["tuned", "merged", "F16"], "F16 is right: it was lost by quantizing to Q4_K_M"),
        ("Q4_K_M", ["tuned", "merged"], "F16 is wrong already: it was lost by converting, not by what came after"),
        ("Q4_K_M", ["tuned"], "merged is wrong already: it was lost by merging, not by what came after"),
        ("Q4_K_M", [], "tuned is wrong already: it was lost by training, not by what came after"),
        ("F16", ["tuned", "merged"], "merged is right: it was lost by converting"),
        ("merged", ["tuned"], "tuned is right: it was lost by merging"),
    ],
)
def test_lost_by(artifact: str, right: list[str], expected: str) -> None:
    assert lost_by(artifact, {model: model in right for model in ("tuned", "merged", "F16", "Q4_K_M")}) == expected


def test_lost_by_knows_only_what_was_looked_at() -> None:
    assert lost_by("F16", {"tuned": True, "F16": False}) == "tuned is right: it was lost by converting"


def test_losses_are_of_the_step_itself() -> None:
    text = losses([("merged", 1.0), ("F16", 0.999), ("Q4_K_M", 0.969), ("Q8_0", 0.995)])
    assert text == (
        "Of what training changed, merging took 0%, converting took 0.1%, quantizing to Q4_K_M took 3.0%, "
        "quantizing to Q8_0 took 0.4%."
    )
    assert losses([("F16", float("nan"))]) == "Of what training changed, F16 has no number."
    assert losses([]) == ""
