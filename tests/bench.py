"""`make bench`: what the stages cost, and how that compares with the stock tools, in one run.

`python -m tests.bench [run=runs/demo] [only=prepare,near,endpoints,stats,judge,layout,stages,step,merge,verify,start]
[out=PATH]` needs a finished run for all but the first six. It is about ten minutes on two quiet CPUs. Nothing here
passes or fails: the numbers are for reading.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.core import pipeline, process, terminal
from jobs.core.endings import ending
from jobs.core.errors import Exit, Refusal
from jobs.core.run_dir import RunDir
from tests import (
    bench_endpoints,
    bench_judge,
    bench_layout,
    bench_merge,
    bench_near,
    bench_prepare,
    bench_start,
    bench_stats,
    bench_step,
    bench_verify,
)
from tests.bench_rows import MIB, PartFailed, Row, machine, show


@dataclass(frozen=True)
class Options:
    """What can be set on the command line."""

    run: str = "runs/demo"
    """A finished run."""
    words: str = "experiment=demo"
    """The overrides it was made with, beside `run.`; spaces between them."""
    only: str = "prepare,near,endpoints,stats,judge,layout,stages,step,merge,verify,start"
    out: str = ""
    """Where the numbers are saved as JSON."""
    rows: int = 100_000
    """Rows of about 150 words that are prepared; 1000000 takes some minutes and 2 GB of disk for a while."""
    language: str = "en"
    """Of those rows; or ja."""
    pairs: int = 100
    """Of near duplicates and others, of each kind and language."""
    blocks: int = 5
    """Of training steps, each side; they alternate."""
    steps: int = 6
    """Optimiser steps a block; the first is not counted."""
    large: bool = True
    """Whether a random model of Qwen3-0.6B's shapes is merged too: 4 GB of disk for a while."""
    tokens: int = 600
    """Graded tokens that are scored; 0.6 MB of disk each for a while."""
    repeats: int = 3
    """Of every scoring pass."""


def stages(options: Options) -> list[Row]:
    """Wall time and peak memory of every stage, from the records."""
    run_dir = RunDir(Path(options.run))
    records = [artifact.record for name in pipeline.USUAL if (artifact := run_dir.artifact(name)) is not None]
    records = [record for record in records if "seconds" in record.made_by]  # the report's says no times
    total = sum(record.made_by["seconds"] for record in records)
    rows = []
    for record in records:
        seconds, peak = record.made_by["seconds"], record.made_by["peak_rss_bytes"] / MIB
        rows.append(Row(record.stage, seconds, "s", seconds / total, f"{peak:,.0f} MiB peak"))
    highest = max(record.made_by["peak_rss_bytes"] for record in records) / MIB
    return [*rows, Row("all stages", total, "s", 1.0, f"{highest:,.0f} MiB peak; ratio: share of all")]


WITHOUT_RUN = ("prepare", "near", "endpoints", "stats", "judge", "layout")
"""Parts that need no finished run."""
PARTS: dict[str, tuple[str, Callable[[Options], list[Row]]]] = {
    "prepare": ("Prepare: rows a second, memory, and 2,000 rows as a user sees them", bench_prepare.measure),
    "near": ("Prepare: near duplicates, by pairs labelled by how they were made", bench_near.measure),
    "endpoints": ("Endpoints: 10,000 calls over three servers, against what those can give", bench_endpoints.measure),
    "judge": ("Judge: 1,000 pairs in both orders, against what the judge's slots allow", bench_judge.measure),
    "stats": ("Statistics: what 95 % intervals cover, power, and false stops", bench_stats.measure),
    "layout": ("Training: rows laid end to end against padded ones", bench_layout.measure),
    "stages": ("Stages of the run, as recorded when it was made", stages),
    "step": ("A training step: our loop against a bare TRL SFTTrainer", bench_step.measure),
    "merge": ("Merge: streaming against PEFT's merge_and_unload, float32", bench_merge.measure),
    "verify": ("Verify: scoring a GGUF against llama-perplexity's KL pass", bench_verify.measure),
    "start": ("Answers without work", bench_start.measure),
}


def parsed(words: Sequence[str]) -> Options:
    """The options; raises Refusal for what is not one."""
    fields = {field.name: field for field in dataclasses.fields(Options)}
    values: dict[str, object] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or key not in fields:
            raise Refusal(f"{word[:60]}: expected key=value, with one of: {', '.join(fields)}")
        kind = type(fields[key].default)
        if (kind is int and not (text.isdigit() and int(text) > 0)) or (kind is bool and text not in ("true", "false")):
            expected = "true or false" if kind is bool else "a whole number above 0"
            raise Refusal(f"{key}: expected {expected}, got {text[:60]!r}")
        values[key] = text == "true" if kind is bool else int(text) if kind is int else text
    options = Options(**values)  # type: ignore[arg-type]
    if options.steps < 2:
        raise Refusal("steps: expected at least 2, since a block's first is not counted")
    if options.language not in ("en", "ja"):
        raise Refusal(f"language: expected en or ja, got {options.language[:60]!r}")
    unknown = [name for name in options.only.split(",") if name not in PARTS]
    if unknown:
        raise Refusal(f"only: {', '.join(unknown)}: expected some of {','.join(PARTS)}")
    return options


def required(options: Options) -> None:
    """Raises Refusal where the run is not finished and a part needs it."""
    if set(options.only.split(",")) <= set(WITHOUT_RUN):
        return
    run_dir = RunDir(Path(options.run))
    missing = [name for name in pipeline.USUAL if run_dir.artifact(name) is None]
    if missing:
        raise Refusal(f"{options.run}: has no {', '.join(missing)}; run `make demo` first, or name a run with run=PATH")


def command(words: Sequence[str]) -> int:
    """Measure part by part; a part that fails does not take the others with it."""
    options = parsed(words)
    required(options)
    options = dataclasses.replace(options, run=str(Path(options.run).resolve()))
    about = machine()
    terminal.say(f"bench: {about}")
    found: dict[str, list[Row]] = {}
    failed = False
    for name in options.only.split(","):
        title, measure = PARTS[name]
        try:
            found[name] = measure(options)
        except PartFailed as problem:
            failed = True
            terminal.say(f"bench: {name}: {problem}")
            continue
        show(title, found[name])
    if options.out:
        parts = {name: [dataclasses.asdict(row) for row in rows] for name, rows in found.items()}
        Path(options.out).write_text(json.dumps({"machine": about, "parts": parts}, indent=1) + "\n", encoding="utf-8")
    return Exit.CRASHED if failed else Exit.PASSED


if __name__ == "__main__":
    process.install_stop_handlers()
    sys.exit(ending("bench", lambda: command(sys.argv[1:])))
