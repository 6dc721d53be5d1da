"""What was asked for, what a trial left, and the table of all of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random

from jobs.core import terminal
from tests.torture import canaries, certificates, damages, disks, environments, ggufs, kills, pairs
from tests.torture.runs import Bench

Trial = Callable[[Bench, Random], str]
KINDS: dict[str, tuple[int, Trial]] = {
    "kills": (1000, kills.kill),
    "stops": (200, kills.stop),
    "checkpoints": (500, damages.damage),
    "pairs": (60, pairs.two),
    "disks": (100, disks.full),
    "ggufs": (500, ggufs.mutate),
    "certificates": (300, certificates.edit),
    "environments": (60, environments.elsewhere),
    "secrets": (6, canaries.canaries),
}
"""Kind to its number of trials at full size, and what one is."""
FULL = KINDS["kills"][0]


@dataclass(frozen=True)
class Asked:
    """The words of the command."""

    trials: int = 20
    """Kills; of the other kinds as many as their share."""
    only: tuple[str, ...] = tuple(KINDS)
    seed: int = 1
    workers: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))
    trial: int | None = None
    """This one alone, of every kind in `only`."""
    skip: int = 0
    """So many of the first trials, all kinds together, are left out: a run elsewhere has tried them."""
    folder: Path | None = None
    """Where results are kept: what passed there with the same seed is not tried again."""

    def numbers(self, kind: str) -> range:
        """The trials of a kind."""
        if self.trial is not None:
            return range(self.trial, self.trial + 1)
        return range(max(1, round(KINDS[kind][0] * self.trials / FULL)))


@dataclass(frozen=True)
class Result:
    """One trial."""

    kind: str
    number: int
    seed: int
    failed: str
    """Why; empty where it passed."""
    what: str
    """What was drawn."""
    seconds: float

    @property
    def again(self) -> str:
        """The words that repeat it."""
        return f"only={self.kind} seed={self.seed} trial={self.number}"

    def write(self, path: Path) -> None:
        """Append a line, whole whoever else writes."""
        line = (json.dumps(asdict(self), ensure_ascii=False) + "\n").encode()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)


def parse(words: Sequence[str]) -> Asked:
    """`key=value` words; raises ValueError, in words, for one that is not known."""
    found: dict[str, object] = {}
    for word in words:
        key, _, value = word.partition("=")
        if key in ("trials", "seed", "workers", "trial", "skip") and value.isdecimal():
            found[key] = int(value)
        elif key == "only" and set(value.split(",")) <= KINDS.keys():
            found[key] = tuple(value.split(","))
        elif key == "folder" and value:
            found[key] = Path(value).resolve()
        else:
            raise ValueError(
                f"{word}: expected trials=20, seed=1, workers=2, trial=17, skip=100, folder=PATH or only= of "
                f"{','.join(KINDS)}"
            )
    return Asked(**found)  # type: ignore[arg-type]


def read(path: Path) -> list[Result]:
    """The results of a file, the last of each trial."""
    if not path.exists():
        return []
    found = [Result(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    return list({(result.kind, result.seed, result.number): result for result in found}.values())


def show(results: Sequence[Result], skipped: dict[str, str]) -> None:
    """The table, then every failure with the words that repeat it."""
    rows = []
    for kind, (full, _) in KINDS.items():
        of = [result for result in results if result.kind == kind]
        if kind in skipped:
            rows.append((kind, "0", "", f"{full:,}", "", f"not tried: {skipped[kind]}"))
        elif of:
            failed = sum(bool(result.failed) for result in of)
            seconds = sum(result.seconds for result in of)
            rows.append((kind, f"{len(of):,}", f"{failed:,}", f"{full:,}", f"{seconds / len(of):.1f} s", ""))
    terminal.table("torture", ("kind", "trials", "failures", "at full size", "a trial took", ""), rows)
    for result in sorted((result for result in results if result.failed), key=lambda each: (each.kind, each.number)):
        terminal.say(f"FAILED {result.again}: {result.failed}")
