"""A sample of the gallery, all of which `make faults` tries: the gate that is named stops each."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests import whole_run
from tests.faults import gallery, small, trial
from tests.torture.cases import Case

SAMPLE = ("end of turn masked", "adapter merged twice", "GGUF's end of turn altered")
STAGES = trial.STAGES[: trial.STAGES.index("convert") + 1]
FAULTS = {fault.name: fault for fault in gallery.FAULTS}


@pytest.mark.parametrize("name", SAMPLE)
def test_the_gate_that_is_named_stops_it(name: str, small_case: Case, tmp_path: Path) -> None:
    fault, run = FAULTS[name], tmp_path / "runs" / small_case.whole.name
    assert fault.ours is not None
    assert fault.ours.spoil is not None
    whole_run.copy(small_case.whole, run, STAGES)
    fault.ours.spoil(run)
    base = [*small_case.words(), f"run.folder={run.parent}"]
    codes = whole_run.judged(run, fault.ours.stage, base=base)
    assert set(codes) & set(fault.ours.gates.split()), codes


def test_a_fault_has_one_name_and_a_cause() -> None:
    assert len(FAULTS) == len(gallery.FAULTS) >= 40
    assert all(fault.causes and (fault.ours or fault.theirs) for fault in gallery.FAULTS)


def test_gates_are_rules_that_there_are() -> None:
    text = (whole_run.ROOT / "docs/rules.md").read_text(encoding="utf-8")
    named = {code for fault in gallery.FAULTS if fault.ours for code in fault.ours.gates.split()}
    assert [code for code in sorted(named) if f"### {code} " not in text] == []


def test_every_fault_makes_a_difference_to_rows() -> None:

    rows = [row.as_dict(number) for number, row in enumerate(small.drawn(1, 40), 1)]
    for fault in gallery.FAULTS:
        if fault.ours and fault.ours.rows:
            assert fault.ours.rows(rows, Random(1)) != rows, fault.name
