"""`python -m tests.faults only=WORDS seeds=3 folder=PATH workers=2 write=FILE`: see docs/faults.md.

`only`: names of faults, or parts of them, with commas. A folder keeps what was made, and the same command goes on.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from jobs.core import terminal
from tests.faults import gallery, healthy, table, trial
from tests.faults.fault import Fault
from tests.faults.small import Small
from tests.faults.trial import Result
from tests.torture import warm
from tests.torture.__main__ import in_child, work

RESULTS = "results.jsonl"


def main(words: Sequence[str]) -> int:
    """Try every fault that was asked for, and show the table; 0 where each was stopped and its cause told first."""
    asked = {"only": "", "seeds": "3", "folder": "", "workers": "2", "write": ""}
    for word in words:
        key, _, value = word.partition("=")
        if key not in asked:
            terminal.say(f"faults: {word}: there are {', '.join(asked)}")
            return 2
        asked[key] = value
    root = Path(asked["folder"] or tempfile.mkdtemp(prefix="faults-")).resolve()
    parts = [part.strip() for part in asked["only"].split(",") if part.strip()]
    faults = [one for one in gallery.FAULTS if not parts or any(part in one.name for part in parts)]
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    warm.up()
    warm.adopt_orphans()
    cases = [Small(root / f"seed-{seed}", seed) for seed in range(1, int(asked["seeds"]) + 1)]
    for case in cases:
        terminal.say(f"faults: seed {case.seed}, its healthy run and a stranger's healthy folder")
        in_child(lambda case=case: trial.healthy(case))  # type: ignore[misc]
    results = root / RESULTS
    done = {(one.fault, one.seed) for one in read(results)}
    tasks = [(str(number), place) for place in range(len(cases)) for number, one in enumerate(faults)
             if (one.name, cases[place].seed) not in done]  # fmt: skip
    terminal.say(f"faults: {len(faults)} faults in {len(cases)} seeds, {len(tasks)} trials left")
    try:
        work(int(asked["workers"]), tasks, lambda number, place: one(root, faults[int(number)], cases[place]))
    except KeyboardInterrupt:
        terminal.say(f"faults: ended before its end; with folder={root} the same command goes on")
        return 128 + signal.SIGINT
    names = {fault.name for fault in faults}
    found = [each for each in read(results) if each.fault in names and each.seed <= len(cases)]
    alarms = root / "alarms.jsonl"
    in_child(lambda: look_at_what_is_healthy(cases, alarms))
    text = table.markdown(faults, found) + healthy.markdown([tuple(json.loads(line)) for line in alarms.open()])
    print(text)
    if asked["write"]:
        Path(asked["write"]).write_text(text, encoding="utf-8")
    if not asked["folder"]:
        shutil.rmtree(root)
    return int(not table.good(found) or len(found) < len(faults) * len(cases))


def look_at_what_is_healthy(cases: Sequence[Small], into: Path) -> None:
    """What `diagnose` finds in each healthy set, a line each."""
    lines = [
        json.dumps([name, healthy.found(told, into.with_name("healthy"))]) + "\n"
        for name, told in healthy.everything(cases)
    ]
    into.write_text("".join(lines), encoding="utf-8")


def read(path: Path) -> list[Result]:
    """What was tried so far."""
    if not path.is_file():
        return []
    return [Result.read(line) for line in path.read_text(encoding="utf-8").splitlines()]


def one(root: Path, fault: Fault, case: Small) -> None:
    """One trial, in a process of its own and a folder that goes with it."""
    folder = root / "trials" / f"{case.seed}-{re.sub('[^a-zA-Z0-9]+', '-', fault.name)}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        in_child(lambda: (root / RESULTS).open("a", encoding="utf-8").write(trial.tried(fault, case, folder).line()))
    except (SystemExit, Exception):
        terminal.say(f"faults: {fault.name} in seed {case.seed} has no result:\n{traceback.format_exc(limit=1)}")
        return
    terminal.say(f"faults: {fault.name}, seed {case.seed}")
    with contextlib.suppress(OSError):
        shutil.rmtree(folder)


if __name__ == "__main__":
    os.environ["HF_HUB_OFFLINE"] = "1"
    sys.exit(main(sys.argv[1:]))
