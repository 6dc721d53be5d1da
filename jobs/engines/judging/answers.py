"""The answers that are judged: held-out rows asked of the GGUF that ships and of the base's, one server each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from jobs.engines.answering.asking import ask
from jobs.engines.answering.prompts import Prompt, Said
from jobs.engines.answering.store import AnswerStore
from jobs.engines.judging.files import read_lines
from jobs.logic.judging.pairs import Pair
from jobs.logic.parity.behaviour import split_thinking
from jobs.logic.parity.draw import draw_rows
from jobs.logic.row import Message

Prompted = Literal["default", "no_thinking"]
IDS: Mapping[Prompted, tuple[str, str]] = {
    "default": ("prompt_ids", "opening"),
    "no_thinking": ("prompt_ids_no_thinking", "opening_no_thinking"),
}
SPARE = 64
"""Tokens of context beyond the longest prompt and its answer."""


@dataclass(frozen=True)
class Held:
    """A held-out row."""

    id: str
    source: str | None
    prompt: tuple[Message, ...]
    reference: str
    ids: tuple[int, ...]
    """Of the prompt."""
    opening: str
    """What the prompt already has of the answer."""
    in_hugging_face: str
    """The answer of base and adapter there, as it was written."""


def held_rows(
    prepared: Path, prompts: Path, generations: Path, *, prompted: Prompted, most: int, seed: int, referenced: bool
) -> list[Held]:
    """Of the rows that `smoke` asked, `most` by seed, in its order; `referenced`: only those with an own answer."""
    asked = {
        one["id"]: one["text"]
        for one in read_lines(generations)
        if (one["model"], one["prompt"]) == ("tuned", prompted)
    }
    sources = {row["id"]: row["source"] for row in read_lines(prepared)}
    field, opening = IDS[prompted]
    rows = [
        Held(
            row["id"], sources.get(row["id"]), tuple(Message(one["role"], one["content"]) for one in row["messages"]),
            row["reference"], tuple(row[field]), row[opening], asked[row["id"]],
        )
        for row in read_lines(prompts)
        if row["id"] in asked and row["messages"] and (row["reference"].strip() or not referenced)
    ]  # fmt: skip
    return [rows[number] for number in draw_rows(len(rows), most, seed)]


def answered(
    store: AnswerStore, rows: Sequence[Held], first: Path, second: Path | None, *, max_tokens: int,
    stop_ids: Sequence[int], gpu_layers: int,
) -> list[dict[str, Any]]:  # fmt: skip
    """A line for each row with both answers as they were written; `second` None: held against its own reference.

    Raises as `answering.ask` does.
    """
    prompts = [Prompt(row.id, ids=row.ids) for row in rows]
    context = max((len(row.ids) for row in rows), default=0) + max_tokens + SPARE

    def said(gguf: Path, label: str) -> list[Said]:
        return ask(
            store, gguf, prompts, max_tokens=max_tokens, stop_ids=stop_ids, context=context, label=label,
            gpu_layers=gpu_layers,
        )  # fmt: skip

    ours = said(first, "judge: answers of the GGUF")
    theirs = said(second, "judge: answers of the base") if second is not None else None
    lines = []
    for number, (row, one) in enumerate(zip(rows, ours, strict=True)):
        other = None if theirs is None else theirs[number]
        lines.append(
            {
                "id": row.id, "source": row.source, "prompt": [list(turn) for turn in row.prompt],
                "first": shown(row, one.text),
                "second": row.reference.strip() if other is None else shown(row, other.text),
                "reference": row.reference,
                "written": {
                    "first": one.text, "second": None if other is None else other.text,
                    "hugging_face": row.in_hugging_face,
                },
                "stopped": {"first": one.stopped, "second": True if other is None else other.stopped},
            }
        )  # fmt: skip
    return lines


def pairs_of(rows: Sequence[Held], lines: Sequence[Mapping[str, Any]]) -> list[Pair]:
    """A pair for every row whose line has what both wrote: answers without thoughts, and without blanks around them."""
    found = []
    by_id = {line["id"]: line for line in lines}
    for row in rows:
        line = by_id.get(row.id)
        if line is None:
            continue
        wrote = line["written"]["second"]
        texts = shown(row, line["written"]["first"]), row.reference.strip() if wrote is None else shown(row, wrote)
        if texts == (line["first"], line["second"]):
            found.append(Pair(row.id, row.source, row.prompt, *texts, row.reference))
    return found


def shown(row: Held, text: str) -> str:
    """An answer as it is judged; one that ends within its thoughts is judged as it stands."""
    return split_thinking(row.opening + text)[1].strip()
