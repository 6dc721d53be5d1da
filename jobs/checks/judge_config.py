"""What `judge` is told: `conf/judge`."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from jobs.checks.endpoint_config import Endpoint
from jobs.checks.judge import JudgeLimits
from jobs.core.model import Count, NotNegative, Positive, Share, StageConfig, StrictModel, Text


class UsableConfig(StrictModel):
    """What a judge must show before it may speak; see `logic/judging/usable.py`."""

    min_pairs: Count
    min_gold_share: Share
    max_self_gain: Share
    max_padded_gain: Share
    max_injected_gain: Share
    max_flip_share: Share
    max_position_gap: Share
    max_position_p: Share
    max_unparsable_share: Share
    max_unread_share: Share


class JudgeConfig(StageConfig):
    beside_key: ClassVar[frozenset[str]] = frozenset(
        {"limits", "max_calls", "max_tokens", "max_minutes", "max_usd", "with_made_rows", "gpu_layers"}
    )

    chosen: bool
    against: Literal["base", "reference"]
    type: Text | None
    rows: Count
    judge: Endpoint
    kin: Text | None
    tries: Count
    retry_temperature: NotNegative
    shows_reference: bool
    language: Literal["auto", "ja", "en"]
    rubric: Text | None
    blame: bool
    qualify_rows: Count
    usable: UsableConfig
    votes: list[str]
    num_resamples: Annotated[int, Field(ge=100)]
    max_calls: Count | None
    max_tokens: Count | None
    max_minutes: Positive | None
    max_usd: NotNegative | None
    gpu_layers: Annotated[int, Field(ge=-1)]
    num_samples: Annotated[int, Field(ge=0)]
    with_made_rows: bool
    """Whether `synth` made rows, which the artifact's inputs say."""
    seed: int
    limits: JudgeLimits

    def takes(self) -> frozenset[str]:
        """`synth`, whose models are kin of what it taught."""
        return frozenset({"synth"} if self.with_made_rows and self.chosen else ())
