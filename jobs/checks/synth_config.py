"""What `synth` is told: `conf/synth`."""

from __future__ import annotations

from typing import ClassVar, Literal

from jobs.checks.endpoint_config import Endpoint
from jobs.checks.prepare_config import PrepareConfig
from jobs.checks.synth import SynthLimits
from jobs.core.model import (
    Count,
    Mark,
    NotNegative,
    Positive,
    Several,
    Share,
    SomeShare,
    StageConfig,
    StrictModel,
    Text,
    Times,
)

Method = Literal["self_instruct", "evol_instruct", "craft", "cot_self_instruct"]
EMBEDDED = "the embedded default: one GGUF on this machine writes rows and scores them"


class SeedsConfig(StrictModel):
    share: SomeShare
    min_score: Mark
    most_scored: Count


class CandidatesConfig(StrictModel):
    most_per_row: Times
    min_acceptance: Share
    after: Count
    block: Count


class EvolConfig(StrictModel):
    rounds: Count


class CotConfig(StrictModel):
    answers: Several


class PdfConfig(StrictModel):
    seconds: Positive
    megabytes: Count


class CraftConfig(StrictModel):
    folder: str | None
    min_characters: Count
    max_characters: Count
    columns: list[str]
    max_document_bytes: Count
    max_held_out_share: SomeShare
    pdf: PdfConfig
    embeddings: Endpoint


class SynthConfig(StageConfig):
    beside_key: ClassVar[frozenset[str]] = frozenset(
        {"limits", "prepare", "max_calls", "max_tokens", "max_minutes", "max_usd"}
    )

    chosen: bool
    methods: dict[Method, Positive]
    rows: Count
    rubric: str
    language: Literal["auto", "ja", "en"]
    seeds: SeedsConfig
    shots_characters: Count
    control: Share
    candidates: CandidatesConfig
    generator: Endpoint
    scorer: Endpoint
    score: bool
    same_model: Text | None
    evol: EvolConfig
    cot: CotConfig
    craft: CraftConfig
    max_calls: Count | None
    max_tokens: Count | None
    max_minutes: Positive | None
    max_usd: NotNegative | None
    keeps_thoughts: Literal["empty", "none", "keep"]
    seed: int
    prepare: PrepareConfig
    limits: SynthLimits

    def takes(self) -> frozenset[str]:
        """`fetch`, where the run's own base model is what writes or scores."""
        asked = (self.generator, self.scorer) if self.chosen else ()
        return frozenset({"fetch"} if any(one.gguf == "base" for one in asked) else ())
