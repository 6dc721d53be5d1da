"""Rows a second of `prepare`, step by step, its memory, and what a person waits for on 2,000 rows.

`python -m tests.bench_prepare rows FILE NUMBER LANGUAGE` writes rows. `python -m tests.bench_prepare run FILE FOLDER
WORKERS` is the process that is measured: it prepares them and says how long each step took and what stands in the
folder. Memory is sampled from outside, over that process and all its
children, as the share of each in what they have in common (PSS): pages of a forked child are not counted twice.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from jobs.core import terminal
from jobs.core.errors import Exit
from tests.bench_rows import MIB, Row, child
from tests.bench_start import answer_seconds, spread

SMALL = 2_000
TIMES = 3
GOAL_SMALL = 3.0
"""Seconds."""
SAMPLE_SECONDS = 0.2
POOL = 20_000
"""Sentences that rows are put together from: two rows share hardly one."""
SHARES = {"spoiled": 0.01, "copy": 0.005, "near copy": 0.01}


def measure(options: Any) -> list[Row]:
    """The large file with one worker and with two, then the small one through the command line."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        child("bench_prepare", "rows", str(path), str(options.rows), options.language)
        size = path.stat().st_size / options.rows
        rows = [Row("rows", options.rows, "", None, f"{size:,.0f} bytes a row, {options.language}")]
        digests = set()
        for workers in (1, 2):
            found, peak = watched("run", str(path), str(Path(folder) / f"out-{workers}"), str(workers))
            digests.add(found["digest"])
            rows += of_one_run(found, peak, workers, options.rows)
        rows.append(Row("different outputs", len(digests) - 1, "", None, "of 1 and 2 workers; goal 0"))
    return [*rows, small()]


def of_one_run(found: dict[str, Any], peak: int, workers: int, num_rows: int) -> list[Row]:
    """The stage, its steps as its own progress bars name them, its memory."""
    processes = f"{workers} worker{'s' * (workers > 1)}"
    total = found["make"] + found["measure"]
    peak = max(peak, found["rss"])  # a short run has ended before it is looked at
    rows = [
        Row(f"{processes}: all", num_rows / total, "rows/s", None, f"{total:.1f} s in all"),
        Row(f"{processes}: peak of all", peak / MIB, "MiB", None, f"the parent's own {found['rss'] / MIB:,.0f} MiB"),
    ]  # fmt: skip
    for name in ("make", "measure"):
        rows.append(Row(f"  {name}", num_rows / found[name], "rows/s", found[name] / total, "ratio: share of all"))
        for label, number, seconds in found["steps"][name]:
            rows.append(Row(f"    {label}", number / max(seconds, 1e-9), "rows/s", seconds / total, f"{seconds:.2f} s"))
    return rows


def small() -> Row:
    """2,000 rows from the start of the process to its exit, as somebody with a small set sees it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        child("bench_prepare", "rows", str(path), str(SMALL), "ja")
        words = ["prepare", f"prepare.files=[{path}]", f"run.folder={folder}", "redo=true"]
        times = [answer_seconds([*words, f"run.name=r{turn}"], Exit.PASSED) for turn in range(TIMES)]
    note = f"{spread(times)}; goal under {GOAL_SMALL:.0f}"
    return Row(f"{SMALL:,} rows, start to exit", statistics.median(times), "s", None, note)


def write_rows(path: Path, number: int, language: str) -> dict[str, Any]:
    """Rows of about 150 words, a few spoiled, copied and nearly copied, as a person's rows are."""
    with path.open("w", encoding="utf-8") as file:
        for place, messages in enumerate(itertools.islice(conversations(language), number)):
            row = {"id": f"r{place}", "source": f"s{place // 3}", "messages": messages}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return {"rows": number}


def conversations(language: str) -> Iterator[list[dict[str, str]]]:
    """Without end."""
    from tests.spoilage.clean_rows import JOINTS, clean_rows
    from tests.spoilage.kinds import LISTED
    from tests.spoilage.pairs import sentences

    rng = Random(f"bench {language}")
    pool = [text for row in clean_rows(language, "title", POOL // 8, 1) for text in sentences(row)]
    joint, last = JOINTS[language], None
    spoils = [kind for kind in LISTED if "question" in kind.tasks and not kind.beside]
    asked = clean_rows(language, "question", 1000, 2)
    while True:
        drawn = rng.random()
        if drawn < SHARES["spoiled"]:
            yield rng.choice(spoils).spoil(rng.choice(asked), rng).row.messages()
        elif last is not None and drawn < SHARES["spoiled"] + SHARES["copy"]:
            yield last
        elif last is not None and drawn < sum(SHARES.values()):
            yield [{"role": "user", "content": f"{last[0]['content']}!"}, last[1]]
        else:
            prompt, answer = (joint.join(rng.choices(pool, k=num)) for num in ((9, 5) if language == "en" else (10, 5)))
            last = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
            yield last


def watched(*words: str) -> tuple[dict[str, Any], int]:
    """What the child says, and the most memory that it and its children had together, in bytes."""
    peak, done = [0], threading.Event()

    def look() -> None:
        while not done.wait(SAMPLE_SECONDS):
            peak[0] = max(peak[0], sum(map(memory, descendants(me))))

    me = os.getpid()
    looker = threading.Thread(target=look, daemon=True)
    looker.start()
    try:
        return child("bench_prepare", *words), peak[0]
    finally:
        done.set()
        looker.join()


def descendants(process: int) -> list[int]:
    """The processes below one, by number."""
    try:
        texts = [path.read_text() for path in Path(f"/proc/{process}/task").glob("*/children")]
    except OSError:
        return []
    below = [int(word) for text in texts for word in text.split()]
    return below + [deeper for one in below for deeper in descendants(one)]


def memory(process: int) -> int:
    """A process's share of the memory in use, in bytes; 0 where it has ended."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:"))


def prepared(file: str, folder: str, workers: int) -> dict[str, Any]:
    """Prepare `file` into `folder`; seconds of every step, the memory of this process, what the outputs hash to."""
    steps: list[tuple[str, int, float]] = []
    terminal.progress = timed(terminal.progress, steps)
    from jobs import prepare
    from jobs.core import config

    composed = config.compose([f"prepare.files=[{file}]", f"prepare.workers={workers}"])["prepare"]
    cfg, out = config.checked(prepare.PrepareConfig, composed, "prepare"), Path(folder)
    out.mkdir()
    found: dict[str, Any] = {"steps": {}}
    known = None
    for name in ("make", "measure"):  # as `prepare.run` does
        started = time.perf_counter()
        if name == "make":
            known = prepare.make(cfg, {}, out)
        else:
            prepare.measure(cfg, {}, out, known)
        found[name] = time.perf_counter() - started
        found["steps"][name] = steps.copy()
        steps.clear()
    found["rss"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return found | {"digest": digest(out)}


def timed(progress: Any, steps: list[tuple[str, int, float]]) -> Any:
    """`progress`, noting what each bar was for, its total and how long it stood."""

    @contextmanager
    def bar(label: str, total: int) -> Iterator[Any]:
        started = time.perf_counter()
        with progress(label, total) as advance:
            yield advance
        steps.append((label, total, time.perf_counter() - started))

    return bar


def digest(folder: Path) -> str:
    """Of all files of a folder, by name."""
    state = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            state.update(f"{path.relative_to(folder)} {path.stat().st_size}\n".encode())
            with path.open("rb") as file:
                while block := file.read(MIB):
                    state.update(block)
    return state.hexdigest()


if __name__ == "__main__":
    kind, target, *rest = sys.argv[1:]
    answer = (
        write_rows(Path(target), int(rest[0]), rest[1]) if kind == "rows" else prepared(target, rest[0], int(rest[1]))
    )
    print(json.dumps(answer))
