"""Generate with base and with base + adapter in Hugging Face, on held-out rows, before anything is converted.

Reads `fetch` (the base), `preflight` (prompts, training answers, stop tokens, tokenizer) and `train` (the adapter);
makes `generations.jsonl`.
"""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from jobs.checks.behaviour import OPENINGS, Generation, MeasureConfig, behaviours, samples
from jobs.checks.smoke import GATE, SmokeFacts, SmokeLimits
from jobs.core.artifact import Inputs
from jobs.core.model import StageConfig
from jobs.core.room import require_space
from jobs.core.stage import stage_main
from jobs.core.terminal import progress
from jobs.logic.estimating import disk
from jobs.logic.parity.behaviour import split_thinking
from jobs.logic.parity.draw import answer_budget, draw_rows
from jobs.logic.text.similarity import TrainingAnswers


class SmokeConfig(StageConfig):
    """What is asked, and how."""

    seed: int
    device: Literal["auto", "cpu", "cuda"]
    """Float32 either way."""
    num_rows: int = Field(ge=1)
    """Held-out rows that are asked, chosen by seed."""
    batch_size: int = Field(ge=1)
    """Prompts that are answered side by side."""
    answer_factor: float = Field(gt=0)
    """An answer may take this many times the tokens of the longest true answer, ..."""
    min_new_tokens: int = Field(ge=1)
    """... but always so many ..."""
    max_new_tokens: int = Field(ge=1)
    """... and never more than these."""
    num_samples: int = Field(ge=0)
    """Rows that are kept in the facts for people to read."""
    measure: MeasureConfig
    limits: SmokeLimits


def run(cfg: SmokeConfig, inputs: Inputs, out: Path) -> SmokeFacts:
    """Generate, then measure what was written."""
    make(cfg, inputs, out)
    return measure(cfg, inputs, out)


def make(cfg: SmokeConfig, inputs: Inputs, out: Path) -> None:
    """Write `generations.jsonl`: base and tuned, under each prompt that the template has."""
    from jobs.engines.models import hf

    preflight = inputs["preflight"]
    rows, budget = asked_rows(cfg, inputs), token_budget(cfg, inputs)
    require_space(out, disk.answered_bytes(len(prompt_fields(rows)), len(rows), budget))
    stops = json.loads(preflight.file("stops.json").read_text())
    model = hf.load(inputs["fetch"].folder("model"), inputs["train"].folder("adapter"), "float32", cfg.device)
    with (out / "generations.jsonl").open("w", encoding="utf-8") as file:
        for who in ("base", "tuned"):
            for prompt, field in prompt_fields(rows).items():
                with (
                    hf.without_adapter(model) if who == "base" else nullcontext(),
                    progress(f"smoke: {who}, {prompt} prompt", len(rows)) as advance,
                ):
                    answers = hf.generate(
                        model,
                        [row[field] for row in rows],
                        budget,
                        stops["stop_ids"],
                        stops["end_of_text"],
                        cfg.batch_size,
                        advance,
                    )
                texts = hf.texts(preflight.folder("tokenizer"), [answer.ids for answer in answers])
                for row, answer, text in zip(rows, answers, texts, strict=True):
                    generation = Generation(
                        id=row["id"],
                        model=who,
                        prompt=prompt,
                        opening=row[OPENINGS[prompt]],
                        text=text,
                        ids=answer.ids,
                        stopped=answer.stopped,
                        reference=row["reference"],
                    )
                    file.write(generation.model_dump_json() + "\n")


def measure(cfg: SmokeConfig, inputs: Inputs, out: Path) -> SmokeFacts:
    """What the answers in the folder show."""
    preflight = inputs["preflight"]
    rows, budget = asked_rows(cfg, inputs), token_budget(cfg, inputs)
    written = [Generation.model_validate(line) for line in read_lines(out / "generations.jsonl")]
    references = {row["id"]: row["reference"] for row in rows}
    openings = {(row["id"], prompt): row[OPENINGS[prompt]] for row in rows for prompt in prompt_fields(rows)}
    prompts = prompt_fields(rows)
    asked = {(key, model, prompt) for key in references for model in ("base", "tuned") for prompt in prompts}
    answered = [(one.id, one.model, one.prompt) for one in written]
    known = [
        one.model_copy(update={"reference": references[one.id], "opening": openings[one.id, one.prompt]})
        for one in written
        if (one.id, one.model, one.prompt) in asked
    ]
    training = [row["answer"] for row in read_lines(preflight.file("answers.jsonl"))]
    pieces = TrainingAnswers(training, cfg.measure.overlap_chars)
    overlaps = [pieces.overlap(split_thinking(reference)[1]) for reference in references.values()]
    return SmokeFacts(
        num_held_out=len(read_lines(preflight.file("prompts.jsonl"))),
        num_rows=len(rows),
        num_references=sum(bool(reference.strip()) for reference in references.values()),
        prompts=list(prompts),
        num_missing=len(asked - set(answered)),
        num_foreign=len(answered) - len(asked & set(answered)),
        max_new_tokens=budget,
        num_longer_references=sum(length > budget for length in answer_lengths(inputs)),
        reference_overlap=sum(overlaps) / len(overlaps) if overlaps else 0.0,
        behaviours=behaviours(known, training, cfg.measure),
        samples=samples(known, questions(rows), "tuned", cfg.num_samples),
    )


def asked_rows(cfg: SmokeConfig, inputs: Inputs) -> list[dict[str, Any]]:
    """The held-out rows that are asked."""
    rows = read_lines(inputs["preflight"].file("prompts.jsonl"))
    return [rows[number] for number in draw_rows(len(rows), cfg.num_rows, cfg.seed)]


def prompt_fields(rows: list[dict[str, Any]]) -> dict[str, str]:
    """The generation prompts that the template has, and the field that holds each one's ids."""
    fields = {"default": "prompt_ids", "no_thinking": "prompt_ids_no_thinking"}
    return {prompt: field for prompt, field in fields.items() if any(row[field] for row in rows)}


def answer_lengths(inputs: Inputs) -> list[int]:
    """Tokens of each held-out row's last answer, template and end of turn included."""
    prompts = {row["id"]: len(row["prompt_ids"]) for row in read_lines(inputs["preflight"].file("prompts.jsonl"))}
    rows = read_lines(inputs["preflight"].file("val.jsonl"))
    return [len(row["input_ids"]) - prompts[row["id"]] for row in rows if row["id"] in prompts]


def token_budget(cfg: SmokeConfig, inputs: Inputs) -> int:
    """How long an answer may get; the same for base and tuned."""
    return answer_budget(answer_lengths(inputs), cfg.answer_factor, cfg.min_new_tokens, cfg.max_new_tokens)


def questions(rows: list[dict[str, Any]]) -> dict[str, str]:
    """Row id to the last user message."""
    return {row["id"]: row["messages"][-1]["content"] if row["messages"] else "" for row in rows}


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines."""
    with path.open(encoding="utf-8", newline="\n") as file:
        return [json.loads(line) for line in file]


main = stage_main("smoke", SmokeConfig, run, GATE)

if __name__ == "__main__":
    sys.exit(main())
