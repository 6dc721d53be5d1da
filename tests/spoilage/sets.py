"""Data sets in which it is known of every row whether and how it is spoiled."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from tests.spoilage.clean_rows import LANGUAGES, TASKS, CleanRow, clean_rows, mixture
from tests.spoilage.spoiled import Kind, Spoiled

RATES = (0.01, 0.05, 0.28, 0.40)
"""Of the rows; 28 % is what the failed run had that this project began with."""

LEAST = 100
"""Characters of a row that is copied with a slip: in a shorter one a letter can be the difference."""


@dataclass(frozen=True)
class Entry:
    """A row of a labelled set; `kind` and `spoiled` are None for a clean one."""

    id: str
    source: str
    row: CleanRow
    kind: str | None = None
    spoiled: Spoiled | None = None

    def as_dict(self) -> dict[str, Any]:
        return {"id": self.id, "source": self.source, "messages": self.row.messages()}


@dataclass(frozen=True)
class LabelledSet:
    """The rows of one file, all of one language and one task but for what is spoiled."""

    name: str
    entries: tuple[Entry, ...]

    def write(self, path: Path) -> Path:
        lines = (json.dumps(entry.as_dict(), ensure_ascii=False) + "\n" for entry in self.entries)
        path.write_text("".join(lines), encoding="utf-8")
        return path


def labelled(kinds: Sequence[Kind], language: str, task: str, rate: float, number: int, seed: int) -> LabelledSet:
    """`number` rows, of which `rate` are spoiled (at least one), the kinds in turn, in random order."""
    name = f"{kinds[0].name if len(kinds) == 1 else 'mixed'} {language} {task} {rate:.0%}"
    rng = Random(f"{name} {seed}")
    fitting = [kind for kind in kinds if task in kind.tasks]
    num_spoiled = max(1, round(rate * number))
    first = rng.randrange(len(fitting))
    turns = [fitting[(first + place) % len(fitting)] for place in range(num_spoiled)]
    num_beside = sum(kind.beside for kind in turns)
    rows = clean_rows(language, task, number - num_beside, rng.getrandbits(32))
    rng.shuffle(turns)
    plan: list[Kind | None] = [kind for kind in turns if not kind.beside]
    plan += [None] * (len(rows) - len(plan))
    rng.shuffle(plan)
    ordered = [
        (row, kind.name if kind else None, spoiled(kind, row, rng) if kind else None)
        for row, kind in zip(rows, plan, strict=True)
    ]
    long = [row for row, kind, _ in ordered if kind is None and len(row.prompt) + len(row.answer) >= LEAST]
    originals = rng.choices(long, k=num_beside)
    for kind, original in zip([kind for kind in turns if kind.beside], originals, strict=True):
        place = next(place for place, (row, _, _) in enumerate(ordered) if row is original)
        ordered.insert(rng.randint(place + 1, len(ordered)), (original, kind.name, kind.spoil(original, rng)))
    return LabelledSet(name, tuple(_entries(ordered, seed)))


def clean_sets(number: int, seed: int) -> Iterator[LabelledSet]:
    """Nothing spoiled: every task, and all tasks in one set, in both languages."""
    for language in LANGUAGES:
        for task in TASKS:
            rows = clean_rows(language, task, number, seed)
            yield LabelledSet(f"clean {language} {task}", tuple(_entries([(row, None, None) for row in rows], seed)))
        rows = mixture(language, number, seed)
        yield LabelledSet(f"clean {language} mixture", tuple(_entries([(row, None, None) for row in rows], seed)))


def spoiled(kind: Kind, row: CleanRow, rng: Random) -> Spoiled:
    """The row spoiled; drawn again where a dress leaves the row as it was, as base 64 of nothing would."""
    for _ in range(50):
        found = kind.spoil(row, rng)
        if kind.beside or found.row.turns != row.turns:
            return found
    raise AssertionError(f"{kind.name} does not change {row.answer!r}")


def single_sets(kinds: Sequence[Kind], number: int, seed: int, rates: Sequence[float] = RATES) -> Iterator[LabelledSet]:
    """Each kind alone, in both languages, at every rate; the tasks take turns."""
    for place, kind in enumerate(kinds):
        for language in LANGUAGES:
            tasks = Random(f"{kind.name} {language} {seed}").sample(kind.tasks, len(kind.tasks))
            for turn, rate in enumerate(rates):
                yield labelled([kind], language, tasks[turn % len(tasks)], rate, number, seed + place)


def mixed_sets(kinds: Sequence[Kind], number: int, seed: int, rates: Sequence[float] = RATES) -> Iterator[LabelledSet]:
    """All kinds together, for each task, in both languages; at every rate."""
    for task in TASKS:
        for language in LANGUAGES:
            for rate in rates:
                yield labelled(kinds, language, task, rate, number, seed)


def _entries(ordered: Sequence[tuple[CleanRow, str | None, Spoiled | None]], seed: int) -> Iterator[Entry]:
    """With ids that tell nothing, and a source for every two or three rows."""
    rng, source = Random(seed), 0
    for number, (row, kind, spoiled) in enumerate(ordered, 1):
        source += rng.random() < 0.4
        yield Entry(f"row-{number:05d}", f"page-{source}", spoiled.row if spoiled else row, kind, spoiled)
