"""What `synth` is told: `conf/synth`."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from jobs.checks.endpoint_config import Endpoint
from jobs.checks.prepare_config import PrepareConfig
from jobs.checks.synth import SynthLimits
from jobs.core.model import Count, Share, SomeShare, StageConfig, StrictModel, Times

Method = Literal["self_instruct", "evol_instruct", "craft", "cot_self_instruct"]
Mark = Annotated[float, Field(ge=1, le=5)]
"""A mean over a rubric's criteria."""
Weight = Annotated[float, Field(gt=0)]
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
    answers: Annotated[int, Field(ge=3)]


class CraftConfig(StrictModel):
    folder: str | None
    min_characters: Count
    max_characters: Count
    columns: list[str]
    max_document_bytes: Count
    max_held_out_share: SomeShare
    embeddings: Endpoint


class SynthConfig(StageConfig):
    beside_key: ClassVar[frozenset[str]] = frozenset(
        {"limits", "prepare", "max_calls", "max_tokens", "max_minutes", "max_usd"}
    )

    chosen: bool
    methods: dict[Method, Weight]
    rows: Count
    rubric: str
    language: Literal["auto", "ja", "en"]
    seeds: SeedsConfig
    shots_characters: Count
    control: Annotated[float, Field(ge=0, lt=1)]
    candidates: CandidatesConfig
    generator: Endpoint
    scorer: Endpoint
    score: bool
    same_model: Annotated[str, Field(min_length=1)] | None
    evol: EvolConfig
    cot: CotConfig
    craft: CraftConfig
    max_calls: Count | None
    max_tokens: Count | None
    max_minutes: Annotated[float, Field(gt=0)] | None
    max_usd: Annotated[float, Field(ge=0)] | None
    keeps_thoughts: Literal["empty", "none", "keep"]
    seed: int
    prepare: PrepareConfig
    limits: SynthLimits

    def takes(self) -> frozenset[str]:
        """`fetch`, where the run's own base model is what writes or scores."""
        asked = (self.generator, self.scorer) if self.chosen else ()
        return frozenset({"fetch"} if any(one.gguf == "base" for one in asked) else ())

    @model_validator(mode="after")
    def _as_chosen(self) -> SynthConfig:
        if self.chosen != bool(self.methods):
            raise ValueError("chosen and methods go together; choose synth=self_instruct or another option")
        return self
