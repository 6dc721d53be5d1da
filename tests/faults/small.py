"""The gallery's model and rows: the demo's base, and clean rows of its world, others for each seed."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.core.provenance import ROOT
from jobs.logic.demo.rows import DemoRow, demo_rows
from jobs.logic.demo.world import World, parse_world

NUM_ROWS, NUM_OF_STRANGER, NAME = 300, 160, "case"
"""Rows of a run of ours, and of a stranger's, who trains each fault anew."""
WORDS = [
    "train.device=cpu", "train.tracker=none", "smoke.num_rows=30", "merge.num_rows=2", "convert.num_rows=1",
    "convert.num_threads=1", "quantize.num_threads=1", "verify.num_threads=1", "verify.max_tokens=600",
    "verify.num_resamples=200", "verify.noise_rows=2", "verify.lengths.times=[2]", "verify.lengths.num_rows=4",
    "preflight.preview.terminal_rows=0",
]  # fmt: skip
"""Beside the demo's: fewer rows where stages ask many, so that a fault takes seconds. No limit is touched."""


@dataclass(frozen=True)
class Small:
    """Where one seed's rows and healthy folders lie."""

    root: Path
    seed: int

    @property
    def model(self) -> Path:
        return self.whole / "fetch/model"

    @property
    def rows(self) -> Path:
        return self.root / "rows.jsonl"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def whole(self) -> Path:
        return self.runs / NAME

    @property
    def stranger(self) -> Path:
        return self.root / "stranger"

    def words(self, rows: Path | None = None) -> list[str]:
        """What a stage of ours is told, without where its run is."""
        return [
            "experiment=demo",
            f"run.name={NAME}",
            f"run.seed={self.seed}",
            f"prepare.files=[{rows or self.rows}]",
            *WORDS,
        ]


def world() -> World:
    """The demo's."""
    return parse_world(tomllib.loads((ROOT / "data/demo/world.toml").read_text(encoding="utf-8")))


def drawn(seed: int, num_rows: int = NUM_ROWS) -> list[DemoRow]:
    """Clean rows, three in ten of them English."""
    plan = {"seed": seed, "clean": num_rows, "decomposed": 0, "max_likeness": 0.55}
    return demo_rows(world(), plan | {"spoiled": {"duplicate": 0, "near-duplicate": 0}})


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """One JSON object a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
