"""Logs of losses: a trainer's state, JSON lines, CSV, what a trainer prints, and our own.

A file is read as a stream. Of one that is larger than the limit the beginning and the end are read, and what lies
between is said.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jobs.engines.diagnosing import settings_files
from jobs.engines.diagnosing.boundary import Unreadable
from jobs.logic.diagnosing.log_seen import EvaluationSeen, LogSeen, StepSeen
from jobs.logic.training import row_losses

MOST_BYTES = 64 << 20
"""Of a log that is read whole; of a larger one half of that at either end."""
MOST_STATE = 64 << 20
"""Of a trainer's state, which is one JSON object."""
MOST_LINE, MOST_ROW = 1 << 16, 1 << 12
NAMES = {
    "loss": "loss", "train_loss": "loss", "train/loss": "loss", "training_loss": "loss", "training loss": "loss",
    "eval_loss": "eval_loss", "eval/loss": "eval_loss", "val_loss": "eval_loss", "validation_loss": "eval_loss",
    "validation loss": "eval_loss", "step": "step", "global_step": "step", "steps": "step", "iter": "step",
    "iteration": "step", "train/global_step": "step", "epoch": "epoch", "train/epoch": "epoch",
    "learning_rate": "learning_rate", "lr": "learning_rate", "train/learning_rate": "learning_rate",
    "grad_norm": "grad_norm", "train/grad_norm": "grad_norm", "eval_content_loss": "content_loss",
    "eval_row_losses": "row_losses", "total_steps": "total_steps", "max_steps": "total_steps",
}  # fmt: skip
"""Names that trainers and trackers give to the same thing. Of `train_loss` beside `train_runtime` see `_entry`."""
ROW_LOSSES = "row_losses.jsonl"
"""Beside a log of ours: the losses of the held-out rows at every evaluation."""
PRINTED = re.compile(r"\{'[^{}]*\}")
CHECKPOINT = re.compile(r"checkpoint-(\d+)$")


def read(path: Path) -> LogSeen:
    """The log in a file; raises Unreadable, or OSError."""
    if path.suffix == ".json":
        return _state(path)
    lines, left_out = _text_lines(path)
    entries: list[dict[str, Any]] = []
    cut = 0
    for entry in _table(lines) if path.suffix in (".csv", ".tsv") else _json_or_printed(lines):
        if entry is None:
            cut += 1
        elif entry:
            entries.append(entry)
    is_ours = any("graded_tokens" in entry for entry in entries)
    seen = _seen(path, entries, is_ours, None, cut, left_out)
    return with_rows(seen, path.parent / ROW_LOSSES) if is_ours else seen


def chosen(found: Sequence[LogSeen]) -> LogSeen | None:
    """The log that says the most, of several; where it has no evaluation, with the name of another that has some."""
    most = max(found, key=lambda one: (len(one.steps) + len(one.evaluations), one.is_ours), default=None)
    other = next((one.file for one in found if one.evaluations), "")
    return replace(most, evaluated_in=other) if most is not None and not most.evaluations else most


def with_rows(log: LogSeen, path: Path) -> LogSeen:
    """The log with what each held-out row cost, where the file beside it says so of the same evaluations."""
    try:
        if path.stat().st_size > MOST_BYTES:
            return log
        rows = row_losses.read(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return log
    tokens, held = rows.tokens["content"], rows.held_out()
    at = {step: tuple(cost / num for cost, num in zip(nll, held.num_tokens, strict=True))
          for step, nll in zip(rows.steps, held.nll, strict=True)}  # fmt: skip
    if not held.sources or any(one.step not in at for one in log.evaluations):
        return log
    return replace(
        log,
        evaluations=tuple(replace(one, row_losses=at[one.step]) for one in log.evaluations),
        row_sources=tuple(source for source, num in zip(rows.sources, tokens, strict=True) if num),
        row_tokens=tuple(num for num in tokens if num),
    )


def on_page(path: Path) -> LogSeen | None:
    """The table of losses in a notebook's output or on a model card; None where there is none."""
    text = settings_files.page(path)
    rows = [_cells(row) for row in text.split("</tr>")]
    rows += [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.splitlines() if "|" in line]
    entries: list[dict[str, Any]] = []
    names: list[str] = []
    for cells in rows:
        if {"step", "training loss"} <= {cell.lower() for cell in cells}:
            names = cells
        elif names and len(cells) == len(names) and (entry := _entry(dict(zip(names, cells, strict=True)))):
            entries.append(entry)
    return _seen(path, entries, False, None, 0, 0) if entries else None


def _cells(row: str) -> list[str]:
    """The cells of a row of an HTML table that holds figures."""
    parts = row.rpartition("<tr")[2][:MOST_ROW].replace("</th>", "</td>").split("</td>")[:-1]
    return [part.rpartition("<t")[2].partition(">")[2].strip() for part in parts]


def _state(path: Path) -> LogSeen:
    """A trainer's `trainer_state.json`, or a JSON list of what it logged."""
    if path.stat().st_size > MOST_STATE:
        raise Unreadable(f"has {path.stat().st_size:,} bytes, the most for a trainer's state is {MOST_STATE:,}")
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig", errors="replace"))
    except RecursionError:
        raise Unreadable("is nested too deeply") from None
    except ValueError as error:
        raise Unreadable(f"no JSON: {error}") from None
    history = data.get("log_history") if isinstance(data, dict) else data
    if not isinstance(history, list):
        raise Unreadable("has no log_history")
    entries = [_entry(one) for one in history if isinstance(one, Mapping)]
    planned = data.get("max_steps") if isinstance(data, dict) else None
    whole = isinstance(planned, int) and planned > 0
    return _seen(path, [one for one in entries if one], False, planned if whole else None, 0, 0)


def _text_lines(path: Path) -> tuple[Iterator[str], int]:
    """The lines of a file, and how many bytes in the middle were left out."""
    size = path.stat().st_size
    if size <= MOST_BYTES:
        return _decoded(path.read_bytes()), 0
    with path.open("rb") as file:
        head = file.read(MOST_BYTES // 2)
        file.seek(size - MOST_BYTES // 2)
        tail = file.read()
    return _decoded(head[: head.rfind(b"\n") + 1] + tail[tail.find(b"\n") + 1 :]), size - MOST_BYTES


def _decoded(data: bytes) -> Iterator[str]:
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return iter(io.StringIO(data.decode(encoding, errors="replace")))


def _json_or_printed(lines: Iterable[str]) -> Iterator[dict[str, Any] | None]:
    """An entry a line, empty where it has none, None where it should have one and cannot be read."""
    for line in lines:
        bare = line.strip()[:MOST_LINE]
        if not bare:
            continue
        found = _value(bare)
        if isinstance(found, Mapping):
            yield _entry(found)
        elif bare.startswith("{"):
            yield None
        else:
            for one in PRINTED.findall(bare)[:4]:
                printed = _value(one)
                yield _entry(printed) if isinstance(printed, Mapping) else None


def _value(text: str) -> Any:
    """JSON, or the dictionary that a trainer prints; None for neither."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(re.sub(r"\b(nan|inf)\b(?!')", r"'\1'", text)) if text.startswith("{") else None
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None


def _table(lines: Iterable[str]) -> Iterator[dict[str, Any] | None]:
    """A row of CSV an entry; cells that are empty are left out."""
    rows = iter(lines)
    first = next(rows, "")
    separator = max(",;\t", key=first.count)
    names = [cell.strip().strip('"') for cell in first.rstrip("\n").split(separator)]
    reader = csv.reader(rows, delimiter=separator)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield None
            continue
        yield _entry({name: cell for name, cell in zip(names, cells, strict=False) if cell.strip()})


def _entry(data: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry of a log says, in our names; empty where it holds no loss.

    The last entry of transformers, with `train_runtime`, is the mean over the whole run and no step's loss.
    """
    if "train_runtime" in data:
        return {}
    found: dict[str, Any] = {}
    for key, value in data.items():
        name = NAMES.get(str(key).strip().lower())
        if name == "row_losses":
            found[name] = value
        elif name and (number := _number(value)) is not None:
            found.setdefault(name, number)
        if key == "graded_tokens":
            found[key] = value
    return found if "loss" in found or "eval_loss" in found else {}


def _number(value: Any) -> float | None:
    """A float, NaN and infinity too; None for what is none."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _seen(
    path: Path, entries: list[dict[str, Any]], is_ours: bool, planned: int | None, cut: int, left_out: int
) -> LogSeen:
    """The log of entries in our names; a step that is logged twice, as by a run that was resumed, counts once."""
    steps: dict[int, StepSeen] = {}
    evaluations: dict[int, EvaluationSeen] = {}
    for place, entry in enumerate(entries, 1):
        step = _step(entry, place, len(steps))
        epoch = entry.get("epoch")
        if "loss" in entry:
            steps[step] = StepSeen(step, epoch, entry["loss"], entry.get("learning_rate"), entry.get("grad_norm"))
        if "eval_loss" in entry:
            losses = _numbers(entry.get("row_losses"))
            evaluations[step] = EvaluationSeen(step, epoch, entry["eval_loss"], entry.get("content_loss"), losses)
    if not steps and not evaluations:
        raise Unreadable("holds no loss of any step")
    return LogSeen(
        file=str(path),
        steps=tuple(steps[one] for one in sorted(steps)),
        evaluations=tuple(evaluations[one] for one in sorted(evaluations)),
        saved_steps=saved_steps(path),
        row_sources=None,
        is_ours=is_ours,
        num_planned=planned,
        num_cut_lines=cut,
        num_bytes_left_out=left_out,
    )


def _step(entry: Mapping[str, Any], place: int, num_steps: int) -> int:
    """The number of an entry's step; without one steps are counted, and an evaluation belongs to the last of them."""
    number = entry.get("step", math.nan)
    if math.isfinite(number):
        return int(number)
    return num_steps + 1 if "loss" in entry else max(num_steps, 0)


def _numbers(values: Any) -> tuple[float, ...] | None:
    """A list of numbers; None for anything else."""
    found = [_number(one) for one in values] if isinstance(values, list) else []
    return tuple(one for one in found if one is not None) if found and None not in found else None


def saved_steps(path: Path) -> tuple[int, ...]:
    """Checkpoints beside a log, or around it."""
    around = path.parent.parent if CHECKPOINT.search(path.parent.name) else path.parent
    try:
        found = [CHECKPOINT.search(one.name) for one in around.iterdir() if one.is_dir()]
    except OSError:
        return ()
    return tuple(sorted(int(one[1]) for one in found if one))
