"""Environments: where a command is started, in which language, zone or number of threads, changes no byte."""

from __future__ import annotations

import random
from pathlib import Path

from jobs.core import pipeline
from jobs.core.artifact import Artifact
from jobs.core.provenance import ROOT
from tests.torture import cases, runs
from tests.torture.compare import require
from tests.torture.runs import Bench

STAGES = (*pipeline.USUAL, "merge", "convert", "quantize")
LANGUAGES = ("C", "C.UTF-8", "POSIX", "ja_JP.UTF-8", "de_DE.ISO-8859-1")
ZONES = ("UTC", "Asia/Tokyo", "America/St_Johns", "XYZ-13:30")
THREADED = ("fetch", "prepare", "preflight", "merge", "convert", "quantize", "report")
"""Stages whose files do not depend on how sums are shared out among threads."""


def elsewhere(bench: Bench, draw: random.Random) -> str:
    """A stage in a new interpreter, in a drawn environment."""
    stage = draw.choice(STAGES)
    cases.link(bench.case, bench.folder, runs.before(stage))
    folder = draw.choice([ROOT, bench.folder, Path("/")])
    threads = draw.choice(["1", "1", "2", "3"]) if stage in THREADED else "1"
    changes: dict[str, str | None] = {
        "TZ": draw.choice(ZONES), "LANG": draw.choice(LANGUAGES), "LC_ALL": draw.choice([None, *LANGUAGES]),
        "PYTHONHASHSEED": str(draw.randrange(2**32)), "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads,
        "PYTHONPATH": str(ROOT), "COLUMNS": draw.choice([None, "20", "300"]), "HOME": str(bench.folder),
    }  # fmt: skip
    more = [f"prepare.workers={draw.choice([1, 2, 3])}"] if stage == "prepare" else []
    text = (
        f"{stage} in {'/' if folder == Path('/') else folder.name}, {' '.join(f'{k}={v}' for k, v in changes.items())}"
    )
    command = bench.start(stage, more, cold=True, environment=changes, cwd=folder)
    code = command.wait()
    require(code == 0, f"{text}: ended with exit code {code}:\n{runs.tail(command.said)}")
    if threads == "1":
        bench.same([*runs.before(stage), stage])
        return text
    files = [Artifact.open(run / stage).record.files for run in (bench.case.whole, bench.run)]
    differing = sorted(name for name in files[0].keys() | files[1].keys() if files[0].get(name) != files[1].get(name))
    require(not differing, f"{text}: other bytes: {differing}")
    return text
