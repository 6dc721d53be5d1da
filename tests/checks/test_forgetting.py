"""Forgetting's facts: what a record holds, and that reading it back says the same."""

from __future__ import annotations

import json
import math

from jobs.checks.forgetting import ForgettingFacts, facts_of
from jobs.engines.forgetting import suite_files
from jobs.logic.forgetting.counting import Answered, counted

ITEMS = suite_files.suite()


def answered(kl: float | None, outcome: str = "stopped") -> list[Answered]:
    """The base has all right; the tune has none in Japanese."""
    return [
        Answered(
            item.id,
            item.right[0],
            (item.wrong if item.language == "ja" else item.right)[0],
            "stopped",
            outcome,
            kl,
            2,
            1,
        )
        for item in ITEMS
    ]


def test_facts_are_what_was_counted_and_survive_a_record() -> None:
    for kl in (0.25, 0.0, None, math.nan):
        facts = facts_of(ITEMS, answered(kl), "suite")
        record = json.loads(facts.model_dump_json())
        again = ForgettingFacts.model_validate(record, strict=False)
        assert again.lines() == facts.lines()
        assert json.loads(again.model_dump_json()) == record
    assert again.found().groups == counted(ITEMS, answered(kl)).groups


def test_lines_name_every_category_its_counts_and_the_drift() -> None:
    said = dict(facts_of(ITEMS, answered(0.25), "suite").lines())
    assert said["forgetting, all items"] == "200 of 200 right before, 100 after: worse"
    assert said["forgetting, arithmetic"] == "40 of 40 right before, 20 after: worse"
    assert said["drift"].startswith("KL(base ‖ tuned) 0.25 nats a token, over 400 places")


def test_what_was_cut_is_no_loss() -> None:
    said = dict(facts_of(ITEMS, answered(0.25, "cut"), "suite").lines())
    assert said["forgetting, all items"] == (
        "200 of 200 right before, 100 after: cannot say: cut were 0 of the base's answers and 200 of the tune's, and "
        "no more than 10.0% of either may be"
    )
    assert "worse" not in str(said)
