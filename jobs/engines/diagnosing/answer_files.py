"""Sample answers of a diagnosis: JSON lines in usual names, or plain text with a blank line between answers."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.engines.diagnosing.boundary import Reading, Unreadable
from jobs.engines.diagnosing.looking import Looked
from jobs.logic.diagnosing import kinds
from jobs.logic.diagnosing.answers_seen import AnswersSeen
from jobs.logic.parity.behaviour import THINK_TAG, Measure, signs, split_thinking
from jobs.logic.row import Message, Row
from jobs.logic.rows import clean
from jobs.logic.rows.clean import CleanOptions
from jobs.logic.rows.reasons import TAG_REASONS
from jobs.logic.text import language
from jobs.logic.text.similarity import TrainingAnswers

MOST_BYTES = 64 * 2**20
"""Of a file of answers; beyond it is not read."""
ANSWER = ("answer", "text", "output", "response", "completion", "generated", "generation", "prediction", "回答", "出力")
REFERENCE = ("reference", "expected", "gold", "target", "正解")
STOPPED = ("stopped", "finished", "ended")
REASON = ("finish_reason", "stop_reason")
MODEL = "model"
JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
"""Of files that are not taken for plain text where nothing of them is JSON."""
MEASURE = Measure(repeat_chars=12, loop_repeats=4, loop_chars=20)
"""What counts as repeated and looping, as `smoke` has it."""
WHOLE = sys.maxsize
"""Characters in a row that count as taken over: pieces of training answers are not looked for here."""
NAMES = (
    ("base", re.compile(r"(?<![a-z])base(?![a-z])", re.IGNORECASE)),
    ("quant", re.compile(r"i?q\d(_|\b)|quant", re.IGNORECASE)),
    ("f16", re.compile(r"f(p)?16|bf16|f32", re.IGNORECASE)),
    ("hf", re.compile(r"hf|tuned|merged|adapter|smoke", re.IGNORECASE)),
)


@dataclass(frozen=True)
class AnswerFilesSeen:
    """What was answered, and what became of the files."""

    looked: Looked
    answers: tuple[AnswersSeen, ...]


@dataclass(frozen=True)
class Said:
    """One answer."""

    model: str
    text: str
    reference: str
    stopped: bool | None


def read(looked: Looked, options: CleanOptions, training: Sequence[str] = ()) -> AnswerFilesSeen:
    """Every file of answers; one that cannot be read is a line in `looked`. `training`: answers of training rows."""
    reading = Reading(looked)
    files = list(reading.each(kinds.ANSWERS, lambda path: list(_of_file(path, options, training))))
    return AnswerFilesSeen(reading.looked, tuple(one for file in files for one in file))


def _of_file(path: Path, options: CleanOptions, training: Sequence[str]) -> Iterator[AnswersSeen]:
    """The answers of each model in a file."""
    if path.stat().st_size > MOST_BYTES:
        raise Unreadable(f"has more than {MOST_BYTES // 2**20} MiB")
    said = list(_said(path.read_text(encoding="utf-8-sig"), path.suffix.lower()))
    if not said:
        raise Unreadable("has no answer in it")
    for model in dict.fromkeys(one.model for one in said):
        own = [one for one in said if one.model == model]
        yield seen(str(path), _whose(model or path.stem), own, training, options)


def _said(text: str, suffix: str) -> Iterator[Said]:
    rows = list(_rows(text)) if text.lstrip().startswith(("{", "[")) else []
    for row in rows:
        if (answer := _first(row, ANSWER)) is not None:
            yield Said(str(row.get(MODEL) or ""), answer, _first(row, REFERENCE) or "", _stopped(row))
    if not rows and suffix not in JSON_SUFFIXES:
        yield from (Said("", piece.strip(), "", None) for piece in re.split(r"\n[ \t]*\n", text) if piece.strip())


def _rows(text: str) -> Iterator[dict[str, Any]]:
    """The objects of a JSON list or of JSON lines; lines that are none are left out."""
    for piece in [text] if text.lstrip().startswith("[") else text.split("\n"):
        try:
            data = json.loads(piece)
        except (ValueError, RecursionError):
            continue
        yield from (one for one in (data if isinstance(data, list) else [data]) if isinstance(one, dict))


def _first(row: dict[str, Any], names: Sequence[str]) -> str | None:
    return next((row[name] for name in names if isinstance(row.get(name), str)), None)


def _stopped(row: dict[str, Any]) -> bool | None:
    said = next((row[name] for name in STOPPED if isinstance(row.get(name), bool)), None)
    reason = _first(row, REASON)
    return said if reason is None else reason in ("stop", "eos", "stop_sequence", "end_turn")


def _whose(name: str) -> str:
    """Whose answers these are, by a name."""
    return next((kind for kind, pattern in NAMES if pattern.search(name)), "unknown")


def seen(
    file: str, of: str, said: Sequence[Said], training: Sequence[str], options: CleanOptions
) -> AnswersSeen:  # fmt: skip
    """What they show."""
    known = TrainingAnswers([split_thinking(answer)[1] for answer in training], WHOLE)
    found = [signs(one.text, one.stopped is not False, one.reference, known, MEASURE, False) for one in said]
    stopped = [one.stopped for one in said]
    agreements = [sign.agreement for one, sign in zip(said, found, strict=True) if one.reference]
    languages = language.spoken([split_thinking(one.text)[1] for one in said]).languages.tolist()
    usual = max(set(languages) - {0}, key=languages.count, default=0)
    reasons, wanted = (faults([getattr(one, name) for one in said], options) for name in ("text", "reference"))
    own = [reason if reason != right else "" for reason, right in zip(reasons, wanted, strict=True)]
    return AnswersSeen(
        file=file,
        of=of,
        num=len(said),
        num_empty=sum(sign.empty for sign in found),
        num_loops=sum(sign.loop for sign in found),
        num_punctuation=sum(sign.repeat for sign in found),
        num_unended=None if None in stopped else sum(one is False for one in stopped),
        num_control=sum(sign.markup for sign in found),
        num_think_leaks=sum(sign.think_leak for sign in found),
        num_think_tags=sum(bool(THINK_TAG.search(split_thinking(one.text)[1])) for one in said),
        num_tags=sum(reason in TAG_REASONS for reason in own),
        num_copies=sum(sign.copy for sign in found) if training else None,
        num_other_language=sum(one not in (0, usual) for one in languages),
        num_refusals=own.count("refusal"),
        agreement=sum(agreements) / len(agreements) if agreements else None,
        examples=tuple((number + 1, one.text[:120]) for number, one in enumerate(said[:3])),
    )


def faults(answers: Sequence[str], options: CleanOptions) -> list[str]:
    """For what `prepare` would drop each answer; empty: for nothing. Their prompts are not known."""
    rows = [
        Row(str(number), None, [Message("user", "?"), Message("assistant", split_thinking(answer)[1])], "", number, {})
        for number, answer in enumerate(answers)
    ]
    return ["" if fault is None else fault.reason for fault in clean.faults(rows, options)]
