"""The whole chain on the demo: certified on its merits, made once, refused when changed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jobs.core import looks, pipeline
from jobs.core.run_dir import RunDir
from tests import whole_run

pytestmark = pytest.mark.chain
ROOT = whole_run.ROOT


def facts(run: Path, stage: str) -> dict[str, Any]:
    artifact = RunDir(run).artifact(stage)
    assert artifact
    return artifact.record.facts


def test_every_gate_passed_and_the_folder_is_certified(demo_run: Path) -> None:
    for stage in pipeline.USUAL:
        artifact = RunDir(demo_run).artifact(stage)
        assert artifact
        assert artifact.passed, stage
        assert artifact.problems(whole=True) == []
        crashed = [finding.code for finding in artifact.record.verdict.findings if finding.status == "crashed"]
        assert crashed == []
    done = whole_run.command("certificate", str(demo_run / "report"))
    assert done.returncode == 0, done.stderr
    assert "CERTIFIED" in done.stdout + done.stderr


def test_the_commands_that_are_printed_last_work_as_they_are_printed(
    demo_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKELEVEL", "1")  # asked by `make`, which then is what is printed
    done = whole_run.command("all", "experiment=demo", f"run.folder={demo_run.parent}")
    assert done.returncode == 0, done.stderr
    line = done.stderr.splitlines()[-2].removeprefix("talk to it: ")
    assert line.startswith('make chat RUNNER=native ARGS="run.name=demo ')
    rows = [json.loads(text) for text in (demo_run / "prepare" / "val.jsonl").read_text("utf-8").splitlines()]
    measured = [
        json.loads(text) for text in (demo_run / "verify" / "generations.jsonl").read_text("utf-8").splitlines()
    ]
    expected = next(one["text"] for one in measured if (one["id"], one["model"]) == (rows[0]["id"], "Q4_K_M"))
    question = rows[0]["messages"][-2]["content"]
    python = ".venv/bin/python" if (ROOT / ".venv/bin/python").exists() else sys.executable
    answer = subprocess.run(  # without what sets up .venv
        ["env", "-u", "MAKELEVEL", "bash", "-c", f"{line} --old-file=setup PY={python}"],
        cwd=ROOT,
        input=question,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (answer.stdout, answer.stderr) == (expected.rpartition("</think>")[2].strip() + "\n", "")


def test_the_demo_passes_on_its_merits(demo_run: Path) -> None:
    by_model = {(b["model"], b["prompt"]): b for b in facts(demo_run, "smoke")["behaviours"]}
    for prompt in ("default", "no_thinking"):
        tuned, base = by_model["tuned", prompt], by_model["base", prompt]
        assert tuned["stop_rate"] == 1.0
        assert tuned["agreement"] > base["agreement"] + 0.2
        assert tuned["exact_rate"] > base["exact_rate"]
    verified = facts(demo_run, "verify")
    assert verified["effect"] > 1e-3
    parities = {parity["artifact"]: parity for parity in verified["parities"]}
    assert parities["merged"]["kl_mean"] <= 1e-8
    assert parities["F16"]["retention"] >= 0.995
    assert parities["Q4_K_M"]["retention_low"] >= 0.90
    for behaviour in verified["behaviours"]:
        assert behaviour["stop_rate"] == 1.0, behaviour["model"]


def test_no_stage_knows_the_demo() -> None:
    for path in [*(ROOT / "jobs").glob("*.py"), *(ROOT / "jobs" / "checks").glob("*.py")]:
        if path.stem != "fetch":
            assert not re.search(r"\bdemo\b", path.read_text(encoding="utf-8")), path


def test_the_same_command_again_does_nothing(demo_run: Path) -> None:
    before = times(demo_run)
    done = whole_run.command("all", "experiment=demo", f"run.folder={demo_run.parent}")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("nothing to do, pass") == len(pipeline.USUAL)
    assert times(demo_run) == before


def times(run: Path) -> dict[Path, int]:
    """Of every file of the run but two notes: of what was looked at, and who works."""
    files = (path for path in run.rglob("*") if path.is_file() and path.name not in (looks.NOTE, ".lock"))
    return {path: path.stat().st_mtime_ns for path in files}


@pytest.mark.parametrize(
    "name",
    ["fetch/model/config.json", "train/artifact.json", "quantize/model-Q4_K_M.gguf", "report/model-Q4_K_M.gguf",
     "report/certificate.json", "report/artifact.json"],
)  # fmt: skip
def test_a_flipped_bit_in_a_finished_run_is_never_certified(name: str, demo_run: Path, tmp_path: Path) -> None:
    path = whole_run.own(whole_run.copy(demo_run, tmp_path / "demo") / name)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    done = whole_run.command("all", "experiment=demo", f"run.folder={tmp_path}")
    assert done.returncode == 2, done.stderr
    assert path.name in done.stderr
    assert "certified" not in done.stderr


def test_a_changed_key_is_refused_by_name(demo_run: Path) -> None:
    done = whole_run.command("all", "experiment=demo", f"run.folder={demo_run.parent}", "quantize.types=[Q8_0]")
    assert done.returncode == 2
    assert "quantize.types is ['Q8_0'], it was made with ['Q4_K_M']" in done.stderr
    assert "redo=true" in done.stderr


def test_a_changed_limit_judges_again_and_ends_with_the_rule(demo_run: Path, tmp_path: Path) -> None:
    run = whole_run.copy(demo_run, tmp_path / "demo")
    record = whole_run.own(run / "convert" / "artifact.json")
    assert record.exists()
    words = ["convert", "experiment=demo", f"run.folder={tmp_path}"]
    done = whole_run.command(*words, "convert.limits.max_logits_kl=1e-30")
    assert done.returncode == 3, done.stderr
    assert "stopped at convert by GGF008 structure-differs" in done.stderr
    assert "the most is 1e-30" in done.stderr
    assert "fix:" in done.stderr
    certificate = json.loads((run / "report" / "certificate.json").read_text())
    assert certificate["certified"] is False
    pasted = done.stderr.splitlines()[-1].partition(" -m jobs ")[2] or done.stderr.splitlines()[-1]
    assert "convert" in pasted
    assert whole_run.command(*words).returncode == 3  # a limit is remembered as every word is
    again = whole_run.command(*words, "convert.limits.max_logits_kl=1e-6")
    assert again.returncode == 0, again.stderr


def test_a_second_command_beside_the_first_is_refused(demo_run: Path, tmp_path: Path) -> None:
    run = whole_run.copy(demo_run, tmp_path / "demo", ["fetch", "prepare", "preflight"])
    with RunDir(run).lock():
        done = whole_run.command("train", "experiment=demo", f"run.folder={tmp_path}")
    assert done.returncode == 4
    assert "another command is working on this run" in done.stderr
