"""What is healthy: whole runs of ours and strangers' folders, and sets of rows alone; nothing may be found in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.faults import small, trial
from tests.faults.small import Small

GOOD_ROWS = Path(__file__).resolve().parents[1] / "good_rows"
"""Sets of many tasks in two languages, written for the cleaning's tests: it drops none of them."""


def everything(cases: Sequence[Small]) -> Iterator[tuple[str, list[str]]]:
    """(what it is, what `diagnose` is told)."""
    for case in cases:
        yield f"a run of ours, seed {case.seed}", trial.of_run(case.whole)
        yield f"a stranger's folder, seed {case.seed}", trial.of_files(str(case.stranger))
    for path in sorted(GOOD_ROWS.glob("*.jsonl")):
        made = small.write_rows(cases[0].root / "good_rows" / path.name, conversations(path))
        yield f"rows of {path.stem}", trial.of_files(f"train:{made}")


def conversations(path: Path) -> list[dict[str, Any]]:
    """The rows of a good set: lists of questions and answers, of an odd number with a system message first."""
    found = []
    for texts in small.read_rows(path):
        roles = ["system"] * (len(texts) % 2) + ["user", "assistant"] * (len(texts) // 2)
        found.append({"messages": [{"role": one, "content": text} for one, text in zip(roles, texts, strict=True)]})
    return found


def found(words: Sequence[str], out: Path) -> tuple[str, ...]:
    """Names of causes that are proven or measured."""
    return trial.diagnosed(words, "", out).found


def markdown(alarms: Sequence[tuple[str, Sequence[str]]]) -> str:
    """The part of the page about false alarms; `alarms`: what it is, and what was found in it."""
    wrong = [f"- {name}: {', '.join(causes)}" for name, causes in alarms if causes]
    said = f"{len(alarms)} healthy sets: causes that were proven or measured in {len(wrong)}."
    return "\n".join(["", "## False alarms", "", said, *([""] if wrong else []), *wrong]) + "\n"
