"""What `prepare` makes of labelled sets: which spoiled rows it handled, and which clean rows it did not leave alone.

`python -m tests.spoilage.gate listed|unlisted|kept-back SEED [overrides ...]` prints the tables.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobs import prepare
from jobs.core import config, terminal
from tests.spoilage.sets import Entry, LabelledSet
from tests.spoilage.spoiled import Kind, squeezed

SHOWN = 60
"""Characters."""


@dataclass
class Tally:
    """Rows of one kind."""

    total: int = 0
    missed: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return 1 - len(self.missed) / self.total


@dataclass
class Score:
    """Over several sets."""

    kinds: dict[str, Tally] = field(default_factory=dict)
    num_clean: int = 0
    wrongly: dict[str, list[str]] = field(default_factory=dict)
    """Clean rows that were dropped or altered, by the reason given."""

    @property
    def num_handled(self) -> int:
        return sum(tally.total - len(tally.missed) for tally in self.kinds.values())

    @property
    def recall(self) -> float:
        total = sum(tally.total for tally in self.kinds.values())
        return self.num_handled / total if total else float("nan")

    @property
    def num_wrongly(self) -> int:
        return sum(map(len, self.wrongly.values()))

    @property
    def precision(self) -> float:
        """Of the rows that were acted on; NaN where none was."""
        acted = self.num_handled + self.num_wrongly
        return self.num_handled / acted if acted else float("nan")

    def table(self) -> str:
        """A line a kind, with some that were missed; then the clean rows that were not left alone."""
        lines = [f"{'kind':20} rows  recall"]
        for name, tally in sorted(self.kinds.items(), key=lambda item: (item[1].recall, item[0])):
            lines.append(f"{name:20} {tally.total:4}  {tally.recall:.3f}")
            lines += [f"      {text}" for text in tally.missed[:4]]
        lines.append(f"all: recall {self.recall:.4f}, precision {self.precision:.4f}; {self.num_clean} clean rows")
        for reason, texts in sorted(self.wrongly.items(), key=lambda item: -len(item[1])):
            lines += [f"clean, but {reason}: {len(texts)}", *(f"      {text}" for text in texts[:6])]
        return "\n".join(lines)


def score(sets: Iterable[LabelledSet], folder: Path, overrides: Sequence[str] = ()) -> Score:
    """Run the gate on every set and count."""
    cfg, total = stage_config(overrides), Score()
    for labelled in sets:
        judge(labelled, cfg, folder, total)
    return total


def stage_config(overrides: Sequence[str]) -> prepare.PrepareConfig:
    """The stage's config as it is shipped, but for the overrides."""
    composed = config.compose([*overrides, "prepare.files=[x]"])["prepare"]
    return config.checked(prepare.PrepareConfig, composed, "prepare")


def judge(labelled: LabelledSet, cfg: prepare.PrepareConfig, folder: Path, total: Score) -> None:
    """Run the gate on one set and add to `total`."""
    with tempfile.TemporaryDirectory(dir=folder) as work:
        out = Path(work) / "prepare"
        out.mkdir()
        path = labelled.write(Path(work) / "rows.jsonl")
        prepare.make(cfg.model_copy(update={"files": [str(path)]}), {}, out)
        kept, dropped = kept_rows(out), dropped_rows(out)
    assert set(kept) | set(dropped) == {entry.id for entry in labelled.entries}, f"{labelled.name}: rows were lost"
    for entry in labelled.entries:
        _count(entry, labelled.name, kept.get(entry.id), dropped.get(entry.id, "altered"), total)


def kept_rows(out: Path) -> dict[str, list[dict[str, str]]]:
    """Messages by row id, of both sides of the split."""
    return {row["id"]: row["messages"] for name in ("train", "val") for row in entries(out / f"{name}.jsonl")}


def dropped_rows(out: Path) -> dict[str, str]:
    """Reason by row id."""
    return {row["id"]: row["reason"] for row in entries(out / "dropped.jsonl")}


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def _count(entry: Entry, name: str, kept: list[dict[str, str]] | None, reason: str, total: Score) -> None:
    if entry.spoiled is not None:
        tally = total.kinds.setdefault(str(entry.kind), Tally())
        tally.total += 1
        if not entry.spoiled.is_handled(kept):
            tally.missed.append(f"{name}: {shown(entry)}")
        return
    total.num_clean += 1
    texts = [squeezed(content) for _, content in entry.row.turns]
    if kept is None or [squeezed(message["content"]) for message in kept] != texts:
        what = f"{reason} (trap)" if entry.row.trap else reason
        total.wrongly.setdefault(what, []).append(f"{name}: {shown(entry)}")


def shown(entry: Entry) -> str:
    """The end of the prompt and the answer, in one line."""
    prompt, answer = ascii_controls(entry.row.prompt), ascii_controls(entry.row.answer)
    return f"…{prompt[-SHOWN // 2 :]} => {answer[:SHOWN]}"


def ascii_controls(text: str) -> str:
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text)


def main(which: str, seed: int, overrides: Sequence[str]) -> None:
    """Print the tables of listed, unlisted or kept-back kinds, and what becomes of clean sets."""
    from tests.spoilage import sets
    from tests.spoilage.clean_rows import TASKS
    from tests.spoilage.kept_back import KEPT_BACK
    from tests.spoilage.kinds import LISTED
    from tests.spoilage.unlisted import UNLISTED

    kinds = {"listed": LISTED, "unlisted": UNLISTED, "kept-back": KEPT_BACK}[which]
    parts = {
        "each kind alone": sets.single_sets(kinds, 300, seed),
        "all kinds mixed": sets.mixed_sets(kinds, 500, seed) if _cover(kinds, TASKS) else (),
        "clean sets": sets.clean_sets(400, seed),
    }
    with tempfile.TemporaryDirectory() as folder:
        for title, some in parts.items():
            terminal.say(f"\n{title}\n{score(some, Path(folder), overrides).table()}")


def _cover(kinds: Sequence[Kind], tasks: Iterable[str]) -> bool:
    """Whether each task has a kind that its rows can have."""
    return set(tasks) <= {task for kind in kinds for task in kind.tasks}


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
