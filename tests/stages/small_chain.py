"""fetch, preflight and train of a model so small that it trains in seconds; its tokenizer is not Qwen3's."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jobs.core.artifact import Artifact
from jobs.core.model import Facts
from jobs.core.rule import Gate
from tests.engines.models import small_model
from tests.engines.models.small_model import START, TEXT, TURN
from tests.stages.small_run import publish, write_lines

NUM_WEIGHTS = 1_205_760


def rows(count: int, seed: int) -> list[dict[str, Any]]:
    """Answers that repeat the prompt's first word twice, then end the turn."""
    draw, made = random.Random(seed), []
    for number in range(count):
        word = draw.randrange(1, 20)
        prompt = [START, word, *(draw.randrange(20, 60) for _ in range(draw.randrange(2, 5))), 60]
        ids, kinds = [*prompt, word, word, TURN, 61], "p" * len(prompt) + "cctt"
        labels = [-100 if kind == "p" else token for kind, token in zip(kinds, ids, strict=True)]
        made.append({"id": f"r{seed}-{number}", "input_ids": ids, "labels": labels, "kinds": kinds})
    return made


def build(root: Path) -> dict[str, Artifact]:
    """fetch and preflight below `root`."""
    model = small_model.write(root / "fetch/model")
    (root / "fetch/model.json").write_text(json.dumps({"id": "test/small", "source": "local"}))
    tokenizer = root / "preflight/tokenizer"
    tokenizer.mkdir(parents=True)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copyfile(model / name, tokenizer / name)
    write_lines(root / "preflight/train.jsonl", rows(30, 1))
    write_lines(root / "preflight/val.jsonl", rows(10, 2))
    stops = {"end_of_turn": TURN, "end_of_text": TEXT, "stop_ids": [TURN, TEXT]}
    (root / "preflight/stops.json").write_text(json.dumps(stops))
    return {"fetch": publish(root, "fetch", {"num_weights": NUM_WEIGHTS}), "preflight": publish(root, "preflight")}


def offences(facts: Facts, gate: Gate[Any, Any], limits: Any) -> dict[str, str]:
    """Code to status of every rule that neither passed nor skipped, of facts that went through JSON."""
    again = type(facts).model_validate(json.loads(facts.model_dump_json()), strict=False)
    found = gate.judge(again, limits, {}).statuses
    return {code: status for code, status in found.items() if status not in ("pass", "skip")}


def damaged(made: Path, into: Path, damage: Callable[[Path], Any]) -> Path:
    """A copy of what a stage made, changed."""
    shutil.copytree(made, into)
    damage(into)
    return into
