"""What is said of base, adapter and merged weights."""

from __future__ import annotations

import pytest

from jobs.logic.diagnosing import causes_weights as causes
from jobs.logic.diagnosing.certainty import Certainty
from jobs.logic.diagnosing.evidence import Evidence
from tests.logic.diagnosing.model_evidence import held, module


@pytest.mark.parametrize(
    ("scales", "absent", "twice"),
    [
        ((1.0, 1.0), "ruled out", "ruled out"),
        ((0.0, 0.01), "proven", "ruled out"),
        ((2.0, 1.99), "ruled out", "proven"),
        ((0.0, 1.0), "ruled out", "ruled out"),
        ((), "not checked", "not checked"),
        ((float("nan"),), "not checked", "not checked"),
    ],
)
def test_not_merged_and_merged_twice(scales: tuple[float, ...], absent: str, twice: str) -> None:
    evidence = Evidence(weights=held(*map(module, scales)))
    assert causes.adapter_not_merged(evidence).certainty.value == absent
    assert causes.adapter_merged_twice(evidence).certainty.value == twice


def test_without_files_nothing_is_said() -> None:
    outcome = causes.adapter_not_merged(Evidence())
    assert outcome.certainty is Certainty.NOT_CHECKED
    assert outcome.decides == (causes.BASE, causes.MERGED)


def test_weights_that_are_the_bases_need_no_adapter() -> None:
    assert (
        causes.adapter_not_merged(
            Evidence(weights=held(by="", base_is_same=True, num_exact=20, num_shared=20))
        ).certainty
        is Certainty.PROVEN
    )
