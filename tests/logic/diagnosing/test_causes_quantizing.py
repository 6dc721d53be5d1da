"""What quantizing took: by the same symptom in F16, by a significant difference, by what is left of the update."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.logic.diagnosing import causes_quantizing as causes
from jobs.logic.diagnosing.answers_seen import AnswersSeen
from jobs.logic.diagnosing.evidence import Evidence, FindingSeen
from tests.logic.diagnosing.model_evidence import quant


def answers(of: str, num_loops: int, num: int = 20) -> AnswersSeen:
    nothing: dict[str, Any] = dict.fromkeys(AnswersSeen.__dataclass_fields__, 0)
    return AnswersSeen(**(nothing | {"file": f"{of}.jsonl", "of": of, "num": num, "num_loops": num_loops}))


def parity(low: float) -> dict[str, dict[str, object]]:
    one = {"artifact": "Q4_K_M", "retention": 0.97, "retention_low": low, "retention_high": 0.98}
    return {"verify": {"parities": [{"artifact": "F16"}, one]}}


@pytest.mark.parametrize(
    ("evidence", "says"),
    [
        (Evidence(), "not checked"),
        (Evidence(answers=(answers("f16", 18), answers("quant", 19))), "ruled out"),
        (Evidence(answers=(answers("f16", 1), answers("quant", 15))), "measured"),
        (Evidence(answers=(answers("f16", 0), answers("quant", 0))), "not checked"),
        (Evidence(answers=(answers("f16", 0), answers("quant", 2))), "not checked"),
        (Evidence(ggufs=(quant(0.99, 0.01),)), "ruled out"),
        (Evidence(ggufs=(quant(0.7, 0.01),)), "consistent with"),
        (Evidence(ggufs=(quant(0.99, 0.5),)), "not checked"),
        (Evidence(ggufs=(quant(float("nan"), float("nan")),)), "not checked"),
        (Evidence(facts=parity(0.96)), "ruled out"),
        (
            Evidence(facts=parity(0.5), findings=(FindingSeen("verify", "PAR005", "x", "waived", ("y",)),)),
            "measured",
        ),
    ],
)
def test_quantizing(evidence: Evidence, says: str) -> None:
    assert causes.quantizing_lost_the_tune(evidence).certainty.value == says


def test_fisher_is_exact() -> None:
    assert causes.at_least(3, 3, 0, 3) == pytest.approx(0.05)
    assert causes.at_least(0, 3, 0, 3) == 1.0


def test_the_argument_of_the_post_mortem_is_told_with_its_figures() -> None:
    outcome = causes.quantizing_lost_the_tune(Evidence(answers=(answers("f16", 18), answers("quant", 19))))
    assert "19 of 20" in outcome.signs[0]
    assert "18 of 20" in outcome.signs[0]
