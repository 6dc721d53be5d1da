"""What the report says of answers and prompts."""

from __future__ import annotations

from jobs.logic.pages import belonging
from tests.stages import records


def test_of_rows() -> None:
    assert belonging.of_rows(records.prepare()["belonging"]) == (
        "Answers belong to their prompts: 24.0% of an answer's rare letters stand in its own prompt, 6.0% in those of "
        "other rows (permutation test on 512 rows, p 0.005)."
    )


def test_of_models() -> None:
    found = [records.behaviour(model, "default", 0.63, 0.2) for model in ("base", "tuned", "Q4_K_M")]
    assert belonging.of_models(found) == (
        "Agreement with the row's own reference against that with other rows', by permutation: tuned 0.630 against "
        "0.100 (p 0.001), Q4_K_M 0.630 against 0.100 (p 0.001)."
    )
    assert belonging.of_models(found[:1]) == ""
