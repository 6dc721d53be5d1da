"""A sample of the torture, a few trials of the quick kinds; `make torture` tries all of them, and more of each."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.torture import table

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ("kills", "stops", "checkpoints", "pairs", "ggufs", "certificates")
"""The others take a minute and more, or root."""


@pytest.mark.chain
def test_a_sample_of_the_torture_fails_nowhere(tmp_path: Path) -> None:
    words = [f"only={','.join(SAMPLE)}", "trials=6", f"folder={tmp_path}"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.torture", *words], cwd=ROOT, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr[-6000:]
    results = table.read(tmp_path / "results.jsonl")
    asked = table.parse(words)
    assert {(each.kind, each.number) for each in results} == {(k, n) for k in SAMPLE for n in asked.numbers(k)}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results.jsonl"]


def test_a_word_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="only= of kills,stops"):
        table.parse(["only=kills,floods"])


def test_what_passed_is_not_tried_again(tmp_path: Path) -> None:
    from tests.torture.__main__ import left

    path = tmp_path / "results.jsonl"
    table.Result("kills", 0, 1, "", "prepare, event 5", 1.0).write(path)
    table.Result("kills", 1, 1, "left in the run: x", "", 1.0).write(path)
    table.Result("kills", 2, 2, "", "another seed", 1.0).write(path)
    asked = table.parse(["trials=3", "only=kills"])
    assert left(asked, path, {}) == [("kills", 1), ("kills", 2)]
    assert left(table.parse(["trial=0", "only=kills"]), path, {}) == [("kills", 0)]
    assert [json.loads(line)["number"] for line in path.read_text().splitlines()] == [0, 1, 2]


def test_a_run_goes_on_behind_what_another_has_tried(tmp_path: Path) -> None:
    from tests.torture.__main__ import left

    whole = left(table.parse(["trials=1000"]), tmp_path / "none", {})
    assert len(whole) == 2726
    assert left(table.parse(["trials=1000", "skip=1571"]), tmp_path / "none", {}) == whole[1571:]


@pytest.mark.parametrize(("trials", "kills", "stops", "secrets"), [(1, 1, 1, 1), (20, 20, 4, 1), (1000, 1000, 200, 6)])
def test_trials_scale_every_kind(trials: int, kills: int, stops: int, secrets: int) -> None:
    asked = table.parse([f"trials={trials}"])
    assert [len(asked.numbers(kind)) for kind in ("kills", "stops", "secrets")] == [kills, stops, secrets]
