"""What made rows did for a fine-tune: the demo on a hundred rows, and on those and made ones, up to `smoke`.

The teacher is a scripted server that knows the demo's world (`tests/synth_teacher.py`), so this measures the chain
around a teacher and not a teacher: one that is always right, one that is wrong in three rows of ten behind a scorer
that knows, and the same with no scorer. Held-out rows are the demo's for all. `python -m tests.bench_taught`; with
folders of such runs as words, the first of them the one to compare with, what they answered is told again.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.logic.parity.behaviour import split_thinking
from jobs.logic.text.similarity import rouge_l, tidy
from tests import whole_run
from tests.scripted_server import ScriptedServer
from tests.synth_teacher import Teacher

ROWS, MADE, WRONG = 100, 300, 0.3
WORDS = ("experiment=demo", "prepare.split.val_fraction=0.38")
SYNTH = ("synth=self_instruct", f"synth.rows={MADE}", "synth.rubric=title_quality", "synth.generator.max_tokens=512")
RESAMPLES, SEED = 10_000, 1
MEASURES = ("agreement", "exact")
Answers = Mapping[str, tuple[str, float, float]]
"""Id to source, agreement and whether it is exact."""


def measure() -> dict[str, Any]:
    """Of every way to teach: see `told`."""
    with TemporaryDirectory() as name, ScriptedServer(Teacher(), models=("marker",)) as marker:
        folder = Path(name)
        prepared = _prepared(folder)
        rows = folder / "rows.jsonl"
        train = prepared.joinpath("train.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        random.Random(1).shuffle(train)
        rows.write_text("".join(train[:ROWS]) + prepared.joinpath("val.jsonl").read_text(encoding="utf-8"), "utf-8")
        words = (*WORDS, f"run.folder={folder}", f"prepare.files=[{rows}]", f"prepare.split.previous={prepared}")
        runs = {f"{ROWS} rows alone": _taught(folder, "alone", words)}
        for name, wrong, scored in (("right", 0.0, True), ("wrong, scored", WRONG, True), ("wrong", WRONG, False)):
            with ScriptedServer(Teacher(wrong), models=("teacher",)) as teacher:
                scorer = f"synth.scorer.url={marker.url}" if scored else "synth.score=false"
                more = (*SYNTH, f"synth.generator.url={teacher.url}", scorer)
                runs[f"and {MADE} of a teacher that is {name}"] = _taught(folder, name[:5] + str(scored), words, more)
        return told(runs)


def told(runs: Mapping[str, Path]) -> dict[str, Any]:
    """Agreement and exact answers of each tune on held-out rows in Hugging Face, and pairwise less each one before,
    row by row; each with its 95 % interval, a bootstrap of the rows' sources, since rows of one source are alike.
    """
    answers = {name: answered(run) for name, run in runs.items()}
    names = list(answers)
    found: dict[str, Any] = {name: {"rows": len(answers[name])} | intervals(answers[name]) for name in names}
    for place, later in enumerate(names):
        for earlier in names[:place]:
            found[f"{later}, less {earlier}"] = intervals(answers[later], answers[earlier])
    return found


def answered(run: Path) -> Answers:
    """What the tune of a run answered under the default prompt."""
    sources = {row["id"]: row["source"] or row["id"] for row in _entries(run / "prepare/val.jsonl")}
    found = {}
    for one in _entries(run / "smoke/generations.jsonl"):
        if (one["model"], one["prompt"]) == ("tuned", "default"):
            said, wanted = (tidy(split_thinking(text)[1]) for text in (one["text"], one["reference"]))
            found[one["id"]] = sources[one["id"]], rouge_l(said, wanted), float(said == wanted)
    return found


def intervals(ours: Answers, less: Answers | None = None) -> dict[str, list[float]]:
    """Measure to value, low and high; `less`: of the differences row by row. Both must be of the same rows."""
    assert less is None or ours.keys() == less.keys(), "answers to the same rows can be paired, and no others"
    found = {}
    for place, name in enumerate(MEASURES, 1):
        values = {key: float(one[place]) - (float(less[key][place]) if less else 0.0) for key, one in ours.items()}
        by_source: dict[str, list[float]] = {}
        for key, value in values.items():
            by_source.setdefault(ours[key][0], []).append(value)
        means = resampled(list(by_source.values()))
        ends = np.quantile(means, (0.025, 0.975)).tolist()
        found[name] = [round(value, 3) for value in (sum(values.values()) / len(values), *ends)]
    return found


def resampled(clusters: list[list[float]]) -> NDArray[np.float64]:
    """[RESAMPLES] Means over clusters drawn again."""
    sums = np.array([sum(values) for values in clusters])
    counts = np.array([len(values) for values in clusters])
    chosen = np.random.default_rng(SEED).integers(0, len(sums), (RESAMPLES, len(sums)))
    return np.asarray(sums[chosen].sum(axis=1) / counts[chosen].sum(axis=1))


def _prepared(folder: Path) -> Path:
    done = whole_run.command("prepare", "experiment=demo", f"run.folder={folder}")
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "demo" / "prepare"


def _taught(folder: Path, name: str, words: tuple[str, ...], more: tuple[str, ...] = ()) -> Path:
    """The run, up to `smoke`, whatever its gate says."""
    done: subprocess.CompletedProcess[str] = whole_run.command("smoke", *words, f"run.name={name}", *more)
    assert done.returncode in (0, 3), done.stderr[-2000:]
    return folder / name


def _entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    given = {Path(word).name: Path(word) for word in sys.argv[1:]}
    print(json.dumps(told(given) if given else measure(), indent=1))
    sys.exit(0)
