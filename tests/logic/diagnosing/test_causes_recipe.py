"""Causes in the recipe, from settings and logs alone."""

import pytest

from jobs.logic.diagnosing import causes_recipe
from jobs.logic.diagnosing.certainty import Certainty
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.settings_seen import SettingsSeen


def told(**fields: object) -> Evidence:
    """Evidence of settings alone."""
    return Evidence(settings=SettingsSeen(file="args.json", dialect="trl", **fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("evidence", "certainty"),
    [
        (told(rank=32, alpha=64.0, rslora=True, learning_rate=2e-4), Certainty.CONSISTENT),
        (told(rank=32, alpha=64.0, rslora=False, learning_rate=2e-4), Certainty.RULED_OUT),
        (told(rank=32, alpha=64.0), Certainty.NOT_CHECKED),
        (Evidence(), Certainty.NOT_CHECKED),
    ],
)
def test_update_too_hot(evidence: Evidence, certainty: Certainty) -> None:
    assert causes_recipe.update_too_hot(evidence).certainty == certainty
