"""What made rows do for a fine-tune: the demo on a hundred rows, and on those and made ones, up to `smoke`.

The teacher is a scripted server that knows the demo's world (`tests/synth_teacher.py`), so this measures the chain
around a teacher and not a teacher: one that is always right, one that is wrong in three rows of ten behind a scorer
that knows, and the same with no scorer. Held-out rows are the demo's for all. `python -m tests.bench_taught`.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests import whole_run
from tests.scripted_server import ScriptedServer
from tests.synth_teacher import Teacher

ROWS, MADE, WRONG = 100, 300, 0.3
WORDS = ("experiment=demo", "prepare.split.val_fraction=0.38")
SYNTH = ("synth=self_instruct", f"synth.rows={MADE}", "synth.rubric=title_quality", "synth.generator.max_tokens=512")


def measure() -> dict[str, Any]:
    """Agreement and exact answers of the tune on held-out rows in Hugging Face, by how it was taught."""
    with TemporaryDirectory() as name, ScriptedServer(Teacher(), models=("marker",)) as marker:
        folder = Path(name)
        prepared = _prepared(folder)
        rows = folder / "rows.jsonl"
        train = prepared.joinpath("train.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        random.Random(1).shuffle(train)
        rows.write_text("".join(train[:ROWS]) + prepared.joinpath("val.jsonl").read_text(encoding="utf-8"), "utf-8")
        words = (*WORDS, f"run.folder={folder}", f"prepare.files=[{rows}]", f"prepare.split.previous={prepared}")
        found = {f"{ROWS} rows alone": _taught(folder, "alone", words)}
        for name, wrong, scored in (("right", 0.0, True), ("wrong, scored", WRONG, True), ("wrong", WRONG, False)):
            with ScriptedServer(Teacher(wrong), models=("teacher",)) as teacher:
                scorer = f"synth.scorer.url={marker.url}" if scored else "synth.score=false"
                more = (*SYNTH, f"synth.generator.url={teacher.url}", scorer)
                found[f"and {MADE} of a teacher that is {name}"] = _taught(folder, name[:5] + str(scored), words, more)
    return found


def _prepared(folder: Path) -> Path:
    done = whole_run.command("prepare", "experiment=demo", f"run.folder={folder}")
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "demo" / "prepare"


def _taught(folder: Path, name: str, words: tuple[str, ...], more: tuple[str, ...] = ()) -> dict[str, Any]:
    done: subprocess.CompletedProcess[str] = whole_run.command("smoke", *words, f"run.name={name}", *more)
    assert done.returncode in (0, 3), done.stderr[-2000:]
    facts = json.loads((folder / name / "smoke" / "artifact.json").read_text(encoding="utf-8"))["facts"]
    tuned = next(one for one in facts["behaviours"] if (one["model"], one["prompt"]) == ("tuned", "default"))
    return {
        "agreement": round(tuned["agreement"], 3),
        "exact": round(tuned["exact_rate"], 3),
        "rows": tuned["num_rows"],
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
    sys.exit(0)
